//! Every kind of step that keybook lists, walked on the real control plane: with the requests that
//! somebody sends who has read what the permission is for, made for what the step says. Who could
//! not do a thing before can do it after; the cut that keybook names ends that; and who has nearly
//! the permission is refused by the server and listed with no step.

mod aggregated;
mod automount;
mod binding;
mod case;
mod certificates;
mod levels;
mod missing;
mod modelled;
mod names;
mod nodes;
mod pods;
mod posing;
mod random;
mod remakes;
mod rights;
mod roles;
mod site;
mod steps;
mod streams;
mod tokens;
mod walk;
mod ways;
mod workloads;
