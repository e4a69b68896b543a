//! What audit2rbac makes of the same log, where the program is given by `KEYBOOK_AUDIT2RBAC`: held
//! against what narrowing left, request by request.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize as _;
use serde_json::Value;

use super::narrowing::{Client, allowed, as_client, lets_through, lines};
use crate::reviews::folder;
use crate::support::cluster::oracle;

/// The program, where there is one.
pub(super) fn program() -> Option<PathBuf> {
    std::env::var_os("KEYBOOK_AUDIT2RBAC").map(PathBuf::from)
}

/// Requests of those who were narrowed, and who lets them through.
#[derive(Default)]
pub(super) struct Beside {
    /// Observed and allowed ones, and how many of them its roles allow.
    observed: (usize, usize),
    /// Asked besides: both, narrowing alone, audit2rbac alone.
    asked: [usize; 3],
    /// Of those that it alone allows, how many the log shows as refused, and how many nobody made.
    refused: usize,
    unseen: usize,
    /// Of those that narrowing alone leaves, how many the log shows.
    shown: usize,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (observed, its) = self.observed;
        let [both, ours, theirs] = self.asked;
        write!(
            f,
            "{observed} observed requests, all of them allowed after narrowing and {its} by \
             audit2rbac's roles; of others asked about {both} allowed by both, {ours} by what \
             narrowing left alone ({} of them observed), {theirs} by audit2rbac alone ({} of them \
             refused in the log and {} in no log)",
            self.shown, self.refused, self.unseen
        )
    }
}

impl Beside {
    /// Adds somebody: what is asked about that no group of theirs gives, and whether narrowing left it,
    /// what was let through and what was refused.
    pub(super) fn add(
        &mut self,
        (program, log): (&Path, &str),
        judge: &Path,
        client: &Client,
        asked: &[(Value, bool)],
        (through, refused): (&[&Value], &[&Value]),
    ) {
        let output = Command::new(program).args(["-f", log, "--user", &client.name]).output();
        let output = output.expect("audit2rbac runs");
        let roles = String::from_utf8(output.stdout).expect("text");
        let objects: Vec<String> = yaml_serde::Deserializer::from_str(&roles)
            .map(|one| Value::deserialize(one).expect("an object").to_string())
            .collect();
        let place = folder("audit2rbac");
        std::fs::write(place.join("all.json"), objects.join("\n")).expect("write");
        let ask = |specs: &[Value]| allowed(&oracle(judge, &place, &lines(specs)));
        // Its roles are for the user, without whatever groups give.
        let observed: Vec<Value> = through.iter().map(|spec| as_client(client, spec)).collect();
        self.observed.0 += observed.len();
        self.observed.1 += ask(&observed).into_iter().filter(|is| *is).count();
        let specs: Vec<Value> = asked.iter().map(|(spec, _)| spec.clone()).collect();
        for ((spec, ours), theirs) in asked.iter().zip(ask(&specs)) {
            let shown = |all: &[&Value]| all.iter().any(|need| lets_through(need, spec));
            match (ours, theirs) {
                (true, true) => self.asked[0] += 1,
                (true, false) => {
                    self.asked[1] += 1;
                    self.shown += usize::from(shown(through));
                }
                (false, true) => {
                    self.asked[2] += 1;
                    self.refused += usize::from(shown(refused));
                    self.unseen += usize::from(!shown(refused) && !shown(through));
                }
                (false, false) => {}
            }
        }
        std::fs::remove_dir_all(place).expect("remove the folder");
    }
}
