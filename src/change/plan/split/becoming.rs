//! Who else can be one of the new identities: whoever makes tokens of an account, acts as it, runs
//! pods as it, or has a Secret filled with its token, gains what it gets.

use std::collections::{BTreeMap, BTreeSet};

use super::taken::grant_words;
use super::{Part, Parts};
use crate::book::{Book, Grant};
use crate::change::plan::account;
use crate::change::plan::make::Work;
use crate::change::plan::narrow::Share;
use crate::model::{Identity, Name, PolicyRule, Scope, SubjectKind, counted};
use crate::rbac::Action;
use crate::rbac::answers::{ANSWERED, READS};
use crate::rbac::escalation::is_covered;
use crate::rbac::matching::{group_matches, one_resource_matches, rule_allows, verb_matches};

/// So many are named, at most.
const NAMED: usize = 6;

/// How somebody becomes somebody else. The shortest way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Token,
    Impersonate,
    Pods,
    Secret,
}

impl Way {
    fn words(self, whom: &str) -> String {
        match self {
            Self::Token => format!("has tokens made of {whom}"),
            Self::Impersonate => format!("impersonates {whom}"),
            Self::Pods => format!("has pods run as {whom}, or gets into them"),
            Self::Secret => format!("has a Secret filled with a token of {whom}"),
        }
    }
}

/// A verb, group, resource and subresource.
type Right = (&'static str, &'static str, &'static str, &'static str);

/// Objects that have pods run as an account that they name; those that run are not changed to another.
const RUNS: [(&str, &str); 8] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
];

/// What gets into a pod that runs.
const INTO: [Right; 6] = [
    ("create", "", "pods", "exec"),
    ("get", "", "pods", "exec"),
    ("create", "", "pods", "attach"),
    ("get", "", "pods", "attach"),
    ("update", "", "pods", "ephemeralcontainers"),
    ("patch", "", "pods", "ephemeralcontainers"),
];

/// What somebody holds, and by what.
type Holds<'a, By> = Vec<(By, &'a Scope, &'a [PolicyRule])>;

fn allows(
    rules: &[PolicyRule],
    (verb, group, resource, subresource): Right,
    at: (&str, &str),
) -> bool {
    let (namespace, name) = at;
    let action = Action::Resource { group, resource, subresource, namespace, name };
    rules.iter().any(|rule| rule_allows(rule, verb, &action))
}

/// Whether rules allow something of an object of any name: which ones there will be is not known.
fn allows_some(rules: &[PolicyRule], (verb, group, resource, subresource): Right) -> bool {
    rules.iter().any(|rule| {
        let matches = |have: &Name| one_resource_matches(have, resource, subresource);
        verb_matches(rule, verb) && group_matches(rule, group) && rule.resources.iter().any(matches)
    })
}

/// The first way among what is held where it counts, and what gives it.
fn way<By: Copy>(holds: &Holds<'_, By>, to: &Identity, runs: bool) -> Option<(Way, By)> {
    let by = |right: Right, at: (&str, &str)| {
        holds.iter().find(|(_, _, rules)| allows(rules, right, at)).map(|(by, ..)| *by)
    };
    let Some(namespace) = to.namespace.as_deref() else {
        // Of users the rule holds cluster-wide.
        let found = holds.iter().find(|(_, scope, rules)| {
            **scope == Scope::Cluster
                && allows(rules, ("impersonate", "", "users", ""), ("", &to.name))
        })?;
        return Some((Way::Impersonate, found.0));
    };
    let named = (namespace, &*to.name);
    let some = |right: Right| {
        holds.iter().find(|(_, _, rules)| allows_some(rules, right)).map(|(by, ..)| *by)
    };
    if let Some(by) = by(("create", "", "serviceaccounts", "token"), named) {
        return Some((Way::Token, by));
    }
    if let Some(by) = by(("impersonate", "", "serviceaccounts", ""), named) {
        return Some((Way::Impersonate, by));
    }
    for (group, resource) in RUNS {
        if let Some(by) = some(("create", group, resource, "")) {
            return Some((Way::Pods, by));
        }
        for verb in ["update", "patch"] {
            if let Some(by) = some((verb, group, resource, "")).filter(|_| resource != "pods") {
                return Some((Way::Pods, by));
            }
        }
    }
    if let Some(by) = INTO.iter().filter(|_| runs).find_map(|right| some(*right)) {
        return Some((Way::Pods, by));
    }
    let makes = some(("create", "", "secrets", ""))?;
    let reads = READS.into_iter().chain(ANSWERED);
    let mut reads = reads.filter(|verb| some((verb, "", "secrets", "")).is_some());
    reads.next().map(|_| (Way::Secret, makes))
}

/// Whether somebody holds all that another gets.
fn holds_all(all: &Holds<'_, &Grant>, share: &Share) -> bool {
    share.rules.iter().all(|(place, wanted)| {
        let here = |scope: &Scope| *scope == Scope::Cluster || scope.namespace() == place.as_ref();
        let rules = all.iter().filter(|(_, scope, _)| here(scope));
        let held: Vec<&PolicyRule> = rules.flat_map(|(.., rules)| *rules).collect();
        is_covered(&held, wanted)
    })
}

/// Who else can be whom, and gains by it: by way and subject the grant, and whom.
type Found<'a> = BTreeMap<(Way, Identity), (&'a Grant, BTreeSet<Name>)>;

fn others<'a>(book: &'a Book, account: &Identity, all: &[(&Part, &Share)]) -> Found<'a> {
    let mut by_subject: BTreeMap<&Identity, Holds<'a, &'a Grant>> = BTreeMap::new();
    for grant in book.grants() {
        let Some(role) = grant.role.as_ref() else { continue };
        let held: (&'a Grant, _, _) = (grant, &grant.scope, &*role.rules);
        by_subject.entry(&grant.key.subject).or_default().push(held);
    }
    let mut found = Found::new();
    for (part, share) in all.iter().filter(|(_, share)| !share.rules.is_empty()) {
        for (subject, all) in &by_subject {
            if **subject == part.to || *subject == account {
                continue;
            }
            let place = part.to.namespace.as_ref();
            let here = |scope: &Scope| *scope == Scope::Cluster || scope.namespace() == place;
            // The API server's own components can be anybody, whatever is made.
            let holds: Holds<'a, &'a Grant> = all
                .iter()
                .filter(|(grant, scope, _)| !grant.bootstrap && here(scope))
                .copied()
                .collect();
            let found_way = way(&holds, &part.to, part.workload.is_some());
            if let Some((way, grant)) = found_way.filter(|_| !holds_all(all, share)) {
                let key = (way, (*subject).clone());
                let entry = found.entry(key).or_insert_with(|| (grant, BTreeSet::new()));
                entry.1.insert(part.to.to_string().into());
            }
        }
    }
    found
}

/// How who gets these rights can be the account that was split, in words: as long as it is there, it
/// has all that it held by it.
pub(super) fn as_the_account(book: &Book, account: &Identity, share: &Share) -> Vec<String> {
    let mut found = Vec::new();
    let place = account.namespace.as_ref();
    let placed: Vec<(Scope, &[PolicyRule])> = share
        .rules
        .iter()
        .filter(|(at, _)| at.is_none() || at.as_ref() == place)
        .map(|(at, rules)| (at.clone().map_or(Scope::Cluster, Scope::Namespace), &**rules))
        .collect();
    let holds: Holds<'_, ()> = placed.iter().map(|(scope, rules)| ((), scope, *rules)).collect();
    let (Some(namespace), SubjectKind::ServiceAccount) = (place, account.kind) else {
        found.extend(way(&holds, account, false).map(|(way, ())| way.words(&account.to_string())));
        return found;
    };
    let pods = &book.snapshot.objects.pods;
    let runs = pods
        .iter()
        .any(|((ns, _), pod)| ns == namespace && pod.spec.service_account_name == account.name);
    // Of its token, what it makes is told with what renews it.
    let way = way(&holds, account, runs).map(|(way, ())| way);
    found.extend(way.filter(|way| *way != Way::Token).map(|way| way.words(&account.to_string())));
    let reads = |name: &str| {
        READS.into_iter().chain(ANSWERED).any(|verb| {
            let at = (&**namespace, if verb == "deletecollection" { "" } else { name });
            holds.iter().any(|((), _, rules)| allows(rules, (verb, "", "secrets", ""), at))
        })
    };
    let mut read: Vec<String> = account::secrets(book, namespace, &account.name)
        .filter(|secret| reads(&secret.name))
        .map(|secret| secret.name.to_string())
        .collect();
    read.sort();
    let more = read.len().saturating_sub(NAMED);
    read.truncate(NAMED);
    if !read.is_empty() {
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        found.push(format!(
            "reads the token of {account} in Secret {namespace}/{}{rest}",
            read.join(", ")
        ));
    }
    found
}

impl Work<'_> {
    /// What has to be known before anything else, the worst first.
    pub(super) fn first(&self, parts: &Parts) -> Vec<String> {
        let mut lines = Vec::new();
        let (left, _, who) = &parts.left;
        let requests = counted(*left, "request");
        let belongs = if *left == 1 { "belongs" } else { "belong" };
        let account = &parts.account;
        match &parts.how.unattributed {
            _ if *left == 0 => {}
            Some(name) => lines.push(format!(
                "{name} gets what {requests} of nobody in particular needed too: {}",
                who.join("; ")
            )),
            None => {
                let retired = match parts.how.retire_after {
                    Some(days) => format!(
                        ". {account} is to be retired in {days} days all the same, as was said \
                         (--retire-unattributed): whoever made them is refused then"
                    ),
                    None => String::new(),
                };
                lines.push(format!(
                    "{requests} {belongs} to none of them, and nobody gets what only they needed: \
                     {}{retired}",
                    who.join("; ")
                ));
            }
        }
        lines.extend(parts.alike.iter().cloned());
        let all: Vec<(&Part, &Share)> = parts.all.iter().zip(&parts.shares.all).collect();
        let found = others(self.input.book, account, &all);
        let doubts = parts.shares.doubts.iter();
        let mut doubts: Vec<String> =
            doubts.filter(|line| !self.warnings.contains(line)).cloned().collect();
        if found.is_empty() {
            lines.append(&mut doubts);
            return lines;
        }
        let more = found.len().saturating_sub(NAMED);
        let named: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|((way, subject), (grant, whom))| {
                let whom: Vec<&str> = whom.iter().map(|name| &**name).collect();
                let how = way.words(&whom.join(", "));
                format!("{subject} ({how}, by {})", grant_words(grant))
            })
            .collect();
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        let elsewhere = if all.iter().any(|(part, _)| part.to.kind == SubjectKind::ServiceAccount) {
            ". Choose a namespace where nobody else may do that (--into), or users (--to)"
        } else {
            ""
        };
        lines.push(format!(
            "others can be who is made here, and gain what that gets and they do not hold: {}{rest}\
             {elsewhere}",
            named.join("; ")
        ));
        lines.append(&mut doubts);
        lines
    }
}
