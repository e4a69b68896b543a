//! keybook: who holds keys to a Kubernetes cluster, what each key opens, when it was last used.

pub mod actors;
pub mod audit;
pub mod book;
pub mod change;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod credentials;
pub mod demo;
pub mod feed;
pub mod findings;
pub mod model;
pub mod owners;
pub mod query;
pub mod rbac;
pub mod reach;
pub mod report;
pub mod store;
pub mod tui;
pub mod workloads;
mod yaml;
