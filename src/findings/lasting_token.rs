//! Tokens of Secrets: whoever has a copy may use it until somebody ends it.
//!
//! Tokens that pods and `kubectl create token` get end by themselves (KEP-1205); those of Secrets do
//! not, and are made only on request since Kubernetes 1.24 (KEP-2799).

use super::{Subject, one_less, severity_of};
use crate::book::{Finding, Tier};
use crate::credentials::{self, Credential, LastUse, Made};
use crate::model::SubjectKind;

const RULE: (&str, &str) = ("lasting-token", "lasting token");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    if entry.identity.kind != SubjectKind::ServiceAccount || entry.tier <= Tier::DiscoveryOnly {
        return;
    }
    for token in credentials::token_secrets(subject.book, &entry.identity) {
        if token.standing.is_taken() {
            let severity = one_less(severity_of(entry.tier));
            found.push(subject.finding(RULE, severity, None, evidence(&token, entry.tier)));
        }
    }
}

fn evidence(token: &Credential, tier: Tier) -> String {
    let how = match token.made {
        Some(Made::ByHand) => " by hand",
        Some(Made::Automatically) => " by the controller",
        Some(Made::By(_)) => " by request",
        None => "",
    };
    let made = token
        .issued
        .map_or_else(String::new, |at| format!(", made{how} on {},", at.format("%Y-%m-%d")));
    let used = match &token.last_use {
        LastUse::Label { day, .. } => format!("; its label says that it was last used on {day}"),
        _ => String::new(),
    };
    let Credential { id, .. } = token;
    format!("{id}{made} holds a token that never expires, for {}{used}", tier.as_str())
}
