//! What each of those behind a shared account used of what the account holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::beside::CLAIMS;
use super::grants::{Revoked, Work};
use super::ground::doubts;
use super::keys::words_of;
use super::need::{OwnNeed, without_wild};
use super::rules::{Need, World, allows, narrow};
use super::{Choices, beside, keys};
use crate::actors::ActorUse;
use crate::book::{Book, Entry, UseSummary};
use crate::change::plan::{Intent, Nobody, Refusal, nowhere, parted};
use crate::model::{Call, Identity, Name, PolicyRule, Scope, Target, counted};

/// What somebody used, and gets.
#[derive(Clone, Debug, Default)]
pub(in crate::change::plan) struct Share {
    /// By namespace; None for cluster-wide.
    pub(in crate::change::plan) rules: BTreeMap<Option<Name>, Vec<PolicyRule>>,
    /// A line for each rule.
    pub(in crate::change::plan) kept: Vec<String>,
    /// What was allowed, and is allowed by these rules or to everybody.
    pub(in crate::change::plan) needs: Vec<Arc<Call>>,
    /// What was allowed, and is by nothing that the account still holds.
    pub(in crate::change::plan) lost: Vec<Arc<Call>>,
    /// What has to be known of it.
    pub(in crate::change::plan) said: Vec<String>,
}

/// What all of them get, and what nobody does.
#[derive(Clone, Debug, Default)]
pub(in crate::change::plan) struct Shares {
    /// In the order in which they were given.
    pub(in crate::change::plan) all: Vec<Share>,
    /// What of the account's grants nobody gets.
    pub(in crate::change::plan) nobody: Vec<Nobody>,
    /// What makes the log weak ground.
    pub(in crate::change::plan) doubts: Vec<String>,
}

/// Something that the account holds.
struct Held<'a> {
    rules: &'a [PolicyRule],
    scope: Scope,
    words: String,
    /// By which group, where it is one.
    group: Option<&'a Name>,
    bootstrap: bool,
}

/// What the API server lets `system:masters` do, ahead of RBAC.
fn everything() -> Vec<PolicyRule> {
    let star = || vec![Name::from("*")];
    vec![
        PolicyRule {
            verbs: star(),
            api_groups: star(),
            resources: star(),
            ..PolicyRule::default()
        },
        PolicyRule { verbs: star(), non_resource_urls: star(), ..PolicyRule::default() },
    ]
}

/// Cuts what an account holds, by itself and by its groups, to what each of these used of it. They
/// become `to`, which the API server puts in groups of its own.
///
/// # Errors
/// Where the log does not bear it.
pub(in crate::change::plan) fn shares(
    book: &Book,
    (intent, choices): (&Intent, &Choices),
    account: &Entry,
    parts: &[(&[ActorUse], &Identity)],
    whose: &str,
) -> Result<Shares, Refusal> {
    let logged = book.logged();
    let none = Revoked::new();
    let work = Work::new(book, (intent, choices), (&none, &logged))?;
    if book.may_be_left_out(account) {
        return Err(Refusal::Log(format!(
            "{}: its requests may be among those that there was no room for",
            account.identity
        )));
    }
    let everything = everything();
    let mut held: Vec<Held<'_>> = account
        .grants
        .iter()
        .filter_map(|id| book.grant(*id))
        .filter_map(|grant| {
            let group =
                Some(&grant.key.subject.name).filter(|_| grant.key.subject != account.identity);
            Some(Held {
                rules: &grant.role.as_ref()?.rules,
                scope: grant.scope.clone(),
                words: words_of(grant),
                group,
                bootstrap: grant.bootstrap,
            })
        })
        .collect();
    // The narrowest grant that allows something is what it is given by.
    held.sort_by_key(|held| (held.scope == Scope::Cluster, held.rules.len(), held.words.clone()));
    if keys::is_master(account) {
        held.push(Held {
            rules: &everything,
            scope: Scope::Cluster,
            words: format!("the group {}, ahead of RBAC", Identity::SYSTEM_MASTERS),
            group: None,
            bootstrap: false,
        });
    }
    let mut shares = Shares { doubts: doubts(book), ..Shares::default() };
    let mut needed: Vec<OwnNeed> = Vec::new();
    let mut gave = false;
    for (uses, to) in parts {
        let mut needs = needs(book, &account.identity, uses)?;
        let allowed = uses.iter().filter(|used| used.allowed > 0);
        let allowed = allowed.map(|used| (&used.call, used.allowed, used.last));
        let rules: Vec<(&[PolicyRule], &Scope)> =
            held.iter().map(|held| (held.rules, &held.scope)).collect();
        let beside = beside::of(to, allowed, &rules);
        gave |= !beside.gave.is_empty();
        needs.extend(beside.needs);
        let lost =
            [without_wild(&mut needs, &to.to_string()), without_missing(book, &mut needs, to)];
        let mut share = share(&work, &held, &needs, to);
        share.said.extend(lost.into_iter().flatten());
        share.said.splice(0..0, beside.gave.into_iter().chain(beside.parameters));
        shares.all.push(share);
        needed.extend(needs);
    }
    for held in held.iter().filter(|held| !held.bootstrap) {
        let asked: Vec<Need<'_>> = needed
            .iter()
            .filter(|need| allows(held.rules, &held.scope, &need.call))
            .map(OwnNeed::as_need)
            .collect();
        let world = World { gave, whose, ..work.world(choices, &[]) };
        let cut = narrow(held.rules, &held.scope, &asked, &world);
        let lines =
            cut.dropped.iter().map(|line| line.trim_start_matches("takes away ").to_owned());
        shares.nobody.extend(parted::folded(&held.words, lines));
    }
    Ok(shares)
}

/// Takes out what was asked for in namespaces that are not there: there is nothing to be done in them, and
/// a rule for it would hold in the whole cluster. Gives that in words.
fn without_missing(book: &Book, needs: &mut Vec<OwnNeed>, to: &Identity) -> Option<String> {
    let (mut requests, mut names) = (0, Vec::new());
    needs.retain(|need| match nowhere::missing(&need.call, &book.snapshot) {
        Some(namespace) if !need.is_beside() => {
            requests += need.requests();
            names.push(namespace.clone());
            false
        }
        _ => true,
    });
    (!names.is_empty()).then(|| {
        format!(
            "{to} gets nothing for {} in namespaces that are not there ({}): a rule for them would hold in \
             the whole cluster",
            counted(requests, "request"),
            nowhere::some(&names)
        )
    })
}

fn needs(book: &Book, who: &Identity, uses: &[ActorUse]) -> Result<Vec<OwnNeed>, Refusal> {
    if uses.iter().any(|used| matches!(used.call.target, Target::Folded)) {
        return Err(Refusal::Log(format!(
            "{who}: its requests were for too many different things to be kept one by one; who asked \
             for some of them is not known"
        )));
    }
    let allowed = uses.iter().filter(|used| used.allowed > 0);
    let allowed = allowed.map(|used| (&used.call, used.allowed, used.last));
    let mut needs: Vec<OwnNeed> =
        book.authorizations(allowed).into_iter().map(OwnNeed::of).collect();
    // Of these the log does not say whether they were allowed, or which they were.
    let open = uses.iter().filter(|used| {
        (used.undecided > 0 && used.allowed == 0)
            || (used.allowed > 0 && used.call.target == Target::Paths)
    });
    needs.extend(open.map(|used| {
        OwnNeed::open(&UseSummary {
            call: used.call.clone(),
            allowed: used.allowed,
            denied: used.denied,
            undecided: used.undecided,
            first_seen: used.first,
            last_seen: used.last,
        })
    }));
    Ok(needs)
}

fn share(work: &Work<'_>, held: &[Held<'_>], needs: &[OwnNeed], to: &Identity) -> Share {
    let groups = to.implicit_groups();
    // What the API server itself gives every client need not be granted again.
    let (implicit, held): (Vec<&Held<'_>>, Vec<&Held<'_>>) = held
        .iter()
        .partition(|held| held.bootstrap && held.group.is_some_and(|group| groups.contains(group)));
    let given = |need: &OwnNeed| {
        !need.is_folded() && implicit.iter().any(|held| allows(held.rules, &held.scope, &need.call))
    };
    let mut share = Share::default();
    let mut open: Vec<&OwnNeed> = Vec::new();
    for need in needs {
        if given(need) {
            share.needs.push(need.call.clone());
        } else {
            open.push(need);
        }
    }
    let mut met: Vec<bool> = vec![false; open.len()];
    for held in held {
        let mut mine: Vec<&OwnNeed> = Vec::new();
        for (need, met) in open.iter().zip(&mut met) {
            // What names were folded away may be any grant's that allows some of them.
            let wanted = !*met || need.is_folded();
            if wanted && allows(held.rules, &held.scope, &need.call) {
                *met = true;
                mine.push(need);
            }
        }
        let asked: Vec<Need<'_>> = mine.iter().map(|need| need.as_need()).collect();
        let cut = narrow(held.rules, &held.scope, &asked, &work.world(work.choices(), &[]));
        let of = |line: &String| {
            format!("gets {} (of {})", line.trim_start_matches("keeps "), held.words)
        };
        share.kept.extend(cut.kept.iter().map(of));
        let places = std::iter::once((held.scope.namespace().cloned(), cut.here))
            .chain(cut.namespaces.into_iter().map(|(place, rules)| (Some(place), rules)));
        for (place, rules) in places.filter(|(_, rules)| !rules.is_empty()) {
            let have = share.rules.entry(place).or_default();
            for rule in rules {
                if !have.contains(&rule) {
                    have.push(rule);
                }
            }
        }
    }
    for (need, met) in open.iter().zip(met) {
        // What was written passed by the rights that it gave.
        if need.is_beside() {
            if met && need.requests() > 0 {
                share.said.extend(gives_others(need, to));
            }
            continue;
        }
        let list = if met { &mut share.needs } else { &mut share.lost };
        list.push(need.call.clone());
    }
    share
}

/// That somebody gets a right by which one gives rights.
fn gives_others(need: &OwnNeed, to: &Identity) -> Option<String> {
    let Target::Resource { group, resource, namespace, .. } = &need.call.target else {
        return None;
    };
    if **group == *CLAIMS {
        return None;
    }
    let place = namespace.as_ref().map_or_else(
        || "in the whole cluster".to_owned(),
        |namespace| format!("in namespace {namespace}"),
    );
    let what = match &*need.call.verb {
        "bind" => "whoever holds it gives anybody, itself too, what these roles give",
        "escalate" => "whoever holds it gives anybody who holds such a role every right",
        _ => "whoever holds it has certificates signed for others",
    };
    Some(format!(
        "{to} gets {} of {resource} {place}, as far as it is held, since {} took it or the rights that \
         were given: {what}",
        need.call.verb,
        counted(need.requests(), "request")
    ))
}
