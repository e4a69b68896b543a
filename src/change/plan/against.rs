//! What taking a run back would give to those from whom a later run, which stands, took it.

use std::collections::{BTreeMap, BTreeSet};

use super::edit::text;
use super::gains::{self, Gain};
use super::lock_out::applied;
use super::{
    Action, Check, Ending, Intent, Made, Plan, Risk, Step, is_quarantined, mapping, taken_back,
};
use crate::credentials::mappings;
use crate::model::{Identity, Objects, PolicyRule, Scope};
use crate::rbac::Authorizer;
use crate::rbac::escalation::covers;

/// Whose token a Secret holds: an annotation.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// Of what a run refused, so much is named at most.
const NAMED: usize = 3;

/// A run that came after the one that is taken back.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// Its number.
    pub run: u64,
    /// What was applied.
    pub plan: &'a Plan,
    /// What was made of it.
    pub made: &'a [Made],
    /// Whether it is to be held to: it was not undone, and undoes none itself.
    pub stands: bool,
}

/// What a Plan that takes a run back gives to those from whom later runs took it, and which these
/// refuse; with the sentence that has to be typed to do it all the same. `later` are all runs after it,
/// the newest first; `now` the objects as they are. Who is among `lost` does not hold any more what the
/// run left them, and why that is known: what no run of the journal took, somebody else did.
pub fn against(
    undo: &Plan,
    now: &Objects,
    later: &[Earlier<'_>],
    lost: &BTreeMap<Identity, String>,
) -> Option<Risk> {
    if lost.is_empty() && !later.iter().any(|run| run.stands) {
        return None;
    }
    let after = applied(undo, now);
    let gained = gains::between(now, after.clone(), undo.steps.iter(), &|_| Vec::new());
    let again = given_again(undo);
    if gained.is_empty() && again.is_empty() {
        return None;
    }
    let (had, have) = (Authorizer::new(now), Authorizer::new(&after));
    let mut state = now.clone();
    let mut found: Vec<(u64, String)> = Vec::new();
    let mut told: BTreeSet<Identity> = BTreeSet::new();
    for run in later {
        let left = state.clone();
        taken_back(&mut state, run.plan, run.made);
        if !run.stands {
            continue;
        }
        // Who held what it took, by the objects before it.
        let took = gains::between(&left, state.clone(), run.plan.steps.iter(), &|_| Vec::new());
        let mut lines: BTreeSet<String> = BTreeSet::new();
        let meant: Vec<&Gain> = gained
            .iter()
            .filter(|gain| {
                run.plan.intents.iter().any(|intent| is_whole(intent, &gain.who))
                    || took.iter().any(|took| meet(gain, took))
            })
            .collect();
        let meant: Vec<Gain> = meant.into_iter().cloned().collect();
        told.extend(meant.iter().map(|gain| gain.who.clone()));
        lines.extend(gains::words(&meant));
        let of = &run.plan.verification;
        let refused = of.denied.iter().chain(&of.still_denied).filter(|check| {
            !check.decide(&had).allowed()
                && check.decide(&have).allowed()
                && !meant
                    .iter()
                    .any(|gain| gain.who.user_name().is_some_and(|user| user == check.user))
        });
        let refused: BTreeSet<String> = refused.map(Check::words).collect();
        let more = refused.len().saturating_sub(NAMED);
        lines.extend(refused.into_iter().take(NAMED));
        lines.extend((more > 0).then(|| format!("and {more} more that it had refused")));
        for (who, how) in &again {
            if run.plan.intents.iter().any(|intent| ends(intent, who)) {
                lines.insert(format!("{who}: {how}"));
            }
        }
        if !lines.is_empty() {
            let wanted: Vec<String> = run.plan.intents.iter().map(Intent::words).collect();
            let lines: Vec<String> = lines.into_iter().collect();
            found.push((
                run.run,
                format!("run {} ({}) stands: {}", run.run, wanted.join(", "), lines.join(" | ")),
            ));
        }
    }
    found.reverse();
    let runs: Vec<String> = found.iter().map(|(run, _)| run.to_string()).collect();
    let word = if runs.len() == 1 { "run" } else { "runs" };
    let mut lines: Vec<String> = found.into_iter().map(|(_, line)| line).collect();
    let mut sentences = Vec::new();
    if !runs.is_empty() {
        sentences.push(format!("give back what {word} {} took", runs.join(" and ")));
    }
    for (who, why) in lost.iter().filter(|(who, _)| !told.contains(who)) {
        let own: Vec<Gain> =
            gained.iter().filter(|gain| is_same(&gain.who, who)).cloned().collect();
        if !own.is_empty() {
            let gives = gains::words(&own).join("; ");
            lines.push(format!(
                "{why}: that was taken since, and not by a run of this journal. {gives}"
            ));
            sentences.push(format!("give back what was taken from {who}"));
        }
    }
    (!lines.is_empty()).then(|| Risk {
        what: format!("it gives back what was taken since. {}", lines.join(". ")),
        sentence: sentences.join(" and "),
    })
}

/// Who does not hold any more what a run left them, by what it had the API server asked: what of that is
/// refused now and allowed again where the run is taken back.
pub fn lost_since(undone: &Plan, undo: &Plan, now: &Objects) -> BTreeMap<Identity, String> {
    let (had, have) = (Authorizer::new(now), Authorizer::new(&applied(undo, now)));
    let of = &undone.verification;
    let mut lost = BTreeMap::new();
    for check in of.allowed.iter().chain(&of.again).filter(|check| !check.user.is_empty()) {
        if !check.decide(&had).allowed() && check.decide(&have).allowed() {
            let who = Identity::from_user_name(&check.user);
            lost.entry(who)
                .or_insert_with(|| format!("{} is refused, which the run had left", check.words()));
        }
    }
    lost
}

/// Whether a wish is about all that somebody holds.
fn is_whole(intent: &Intent, who: &Identity) -> bool {
    match intent {
        Intent::Identity { identity }
        | Intent::Narrow { identity, .. }
        | Intent::Account { identity, how: Ending::Delete } => is_same(identity, who),
        _ => false,
    }
}

/// Whether a wish ends by what somebody comes in, or all that they hold.
fn ends(intent: &Intent, who: &Identity) -> bool {
    match intent {
        Intent::Identity { identity } | Intent::Account { identity, .. } => is_same(identity, who),
        _ => false,
    }
}

fn is_same(one: &Identity, other: &Identity) -> bool {
    one == other || (one.user_name().is_some() && one.user_name() == other.user_name())
}

/// Whether something of what one gains was taken from the same.
fn meet(gain: &Gain, took: &Gain) -> bool {
    let place =
        |one: &Scope, other: &Scope| one == other || [one, other].contains(&&Scope::Cluster);
    let either = |one: &PolicyRule, other: &PolicyRule| covers(one, other) || covers(other, one);
    is_same(&gain.who, &took.who)
        && place(&gain.scope, &took.scope)
        && gain.rights.iter().any(|one| took.rights.iter().any(|other| either(one, other)))
}

/// Who is let in again, or is given something by who follows a definition: and how.
pub(super) fn given_again(undo: &Plan) -> Vec<(Identity, String)> {
    let mut all = Vec::new();
    for step in &undo.steps {
        let target = &step.target;
        if target.is_account() && step.action == Action::Create {
            let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
            let account = Identity::service_account(namespace, target.name.clone());
            all.push((account, "it is made again".to_owned()));
        } else if target.is_secret() && step.after.as_ref().is_some_and(|now| !is_quarantined(now))
        {
            all.extend(
                token(step).map(|who| (who, format!("the token in {target} is good again"))),
            );
        } else if target.is_aws_auth() {
            all.extend(
                mapped(step).into_iter().map(|who| (who, format!("{target} maps to it again"))),
            );
        } else if target.is_definition() {
            let named = defined(step).into_iter();
            all.extend(named.map(|who| (who, format!("{target} names it again"))));
        }
    }
    all
}

fn token(step: &Step) -> Option<Identity> {
    let image = step.after.as_ref()?;
    let account = text(image, &format!("/metadata/annotations/{}", ACCOUNT.replace('/', "~1")))?;
    Some(Identity::service_account(step.target.namespace.clone()?, account))
}

/// Whom entries of `aws-auth` lead to that did not before: users, and groups.
pub(super) fn mapped(step: &Step) -> BTreeSet<Identity> {
    let of = |image: Option<&serde_json::Value>| {
        let map = image.and_then(mapping::read);
        let all = map.map(|map| mappings(&map.data)).unwrap_or_default();
        let led = all.into_iter().map(|one| {
            let groups: BTreeSet<Identity> =
                one.groups.iter().cloned().map(Identity::group).collect();
            (one.field, one.principal, one.identity, groups)
        });
        led.collect::<Vec<_>>()
    };
    let (before, after) = (of(step.before.as_ref()), of(step.after.as_ref()));
    let mut new = BTreeSet::new();
    for (field, principal, identity, groups) in after {
        let had = before
            .iter()
            .filter(|one| one.0 == field && one.1 == principal && one.2 == identity)
            .fold(None, |had: Option<BTreeSet<Identity>>, one| {
                let mut all = had.unwrap_or_default();
                all.extend(one.3.iter().cloned());
                Some(all)
            });
        let more = groups.iter().any(|group| !had.as_ref().is_some_and(|had| had.contains(group)));
        if had.is_none() || more {
            new.extend(
                groups
                    .into_iter()
                    .filter(|group| !had.as_ref().is_some_and(|had| had.contains(group))),
            );
            new.insert(identity);
        }
    }
    new
}

/// Whom entries of a definition name that they did not.
pub(super) fn defined(step: &Step) -> BTreeSet<Identity> {
    let of = |image: Option<&serde_json::Value>| -> Vec<BTreeSet<Identity>> {
        let entries = image.and_then(|image| image["rbacBindings"].as_array());
        let entry = |entry: &serde_json::Value| -> BTreeSet<Identity> {
            let subjects = entry["subjects"].as_array().into_iter().flatten();
            let read = subjects.filter_map(|one| {
                serde_json::from_value::<crate::model::BindingSubject>(one.clone()).ok()
            });
            read.filter_map(|subject| subject.identity(None)).collect()
        };
        entries.into_iter().flatten().map(entry).collect()
    };
    let count = |all: &[BTreeSet<Identity>], who: &Identity| {
        all.iter().filter(|entry| entry.contains(who)).count()
    };
    let (before, after) = (of(step.before.as_ref()), of(step.after.as_ref()));
    let named: BTreeSet<Identity> = after.iter().flatten().cloned().collect();
    named.into_iter().filter(|who| count(&after, who) > count(&before, who)).collect()
}
