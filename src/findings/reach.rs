//! Whoever can become more than it is, by what was granted to it: stronger, or as strong and somebody
//! else who may do what it may not. Of the latter only what is worth something is told: that others
//! read more, or write other things where one may write already, is everyday.
//!
//! It needs everything at once, so that it is not a part of the Book's own judgement. What the API
//! server installed by itself is left out of the grants from which a path starts: its controllers
//! can become more by design.

use super::{binding, one_less, role, severity_of};
use crate::book::{Becoming, Book, Entry, Finding, Fix, Grant, GrantKey, Higher, Mend, Severity};
use crate::model::{counted, shell_word};
use crate::reach::{MOST_CUT, OwnCut, Path, Reach, Reached, Ways};

/// The rule's id.
pub const RULE: &str = "reach";

/// Findings of everybody, in the order of [`Book::findings`].
pub fn all(reach: &Reach<'_>, reached: &[Reached]) -> Vec<Finding> {
    let mut found: Vec<Finding> = each(reach, reached).into_iter().flatten().collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.identity.cmp(&b.identity)));
    found
}

/// Who can become more than they are, with what is to be said of them.
pub fn becoming(reach: &Reach<'_>, reached: &[Reached]) -> Becoming {
    let mut becoming = Becoming::default();
    for (one, finding) in reached.iter().zip(each(reach, reached)) {
        let (Some(tier), Some(way)) = (one.becomes(), one.way()) else { continue };
        becoming.add(one.id, Higher { tier, modelled: way.is_modelled() }, finding);
    }
    becoming
}

/// What is to be said of one identity by itself.
enum Judged {
    Said(Option<Box<Finding>>),
    /// Its way begins with what everybody has.
    Everybodys,
}

/// What is to be said of each, in their order.
fn each(reach: &Reach<'_>, reached: &[Reached]) -> Vec<Option<Finding>> {
    use rayon::prelude::*;
    let book = reach.book();
    let ways = Ways::new(reached.iter().filter(|one| one.is_more()).map(|one| one.id));
    let judge = |one: &Reached| match book.entry(one.id) {
        Some(entry) => judged(reach, entry, one, &ways),
        None => Judged::Said(None),
    };
    let judged: Vec<Judged> = reached.par_iter().map(judge).collect();
    let is_everybodys = |(_, judged): &(&Reached, &Judged)| matches!(judged, Judged::Everybodys);
    let others: Vec<&Entry> = reached
        .iter()
        .zip(&judged)
        .filter(is_everybodys)
        .filter_map(|(one, _)| book.entry(one.id).map(|entry| &**entry))
        .collect();
    // What everybody has is said of everybody, once: of each, what there is besides.
    let besides = reach.without_everybodys().filter(|_| !others.is_empty());
    let besides: Vec<Option<Finding>> = besides.map_or_else(Vec::new, |besides| {
        let reached = besides.many(&others);
        let ways = Ways::new(others.iter().map(|entry| entry.id));
        let said = |(entry, one): (&&Entry, Reached)| said(besides, entry, &one, &ways);
        others.par_iter().zip(reached).map(said).collect()
    });
    let mut besides = besides.into_iter();
    let all = judged.into_iter().map(|judged| match judged {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => besides.next().flatten(),
    });
    all.collect()
}

/// What is to be said of one identity; None where it cannot become more than it is, or where that is
/// said of everybody.
pub fn of(reach: &Reach<'_>, entry: &Entry, reached: &Reached) -> Option<Finding> {
    let ways = || Ways::new(std::iter::once(entry.id));
    match judged(reach, entry, reached, &ways()) {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => {
            let besides = reach.without_everybodys()?;
            said(besides, entry, &besides.of(entry), &ways())
        }
    }
}

/// The same, with no way that begins with what everybody has.
fn said(reach: &Reach<'_>, entry: &Entry, reached: &Reached, ways: &Ways) -> Option<Finding> {
    match judged(reach, entry, reached, ways) {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => None,
    }
}

fn judged(reach: &Reach<'_>, entry: &Entry, whole: &Reached, ways: &Ways) -> Judged {
    let book = reach.book();
    let Some(reached) = reach.by_what_was_added(entry, whole) else { return Judged::Said(None) };
    let by_added = reached != *whole;
    // What is sure and as bad is not hidden by a model that leads higher.
    let worse = reached.exact.as_deref().filter(|exact| {
        let bad = |of: &Reached| of.way().map(severity);
        bad(exact) > bad(&reached)
    });
    let more = worse.and_then(|_| reached.way()).map_or_else(String::new, |way| {
        let steps = counted(way.hops.len(), "step");
        let model = way.modelled_words().unwrap_or_default();
        format!("; it may become {} too, in {steps}, {model}", way.tier.as_str())
    });
    let reached = worse.cloned().unwrap_or_else(|| reached.clone());
    let Some(path) = reached.way() else { return Judged::Said(None) };
    let mut needed = path.hops.first().into_iter().flat_map(|hop| &hop.needed);
    let Some(first) = needed.find_map(|needed| book.grant(needed.id?)) else {
        return Judged::Said(None);
    };
    let subject = &first.key.subject;
    if *subject != entry.identity && book.is_implicit(&subject.name) {
        return Judged::Everybodys;
    }
    let left = (*subject != entry.identity).then(|| book.uncarried(entry, &subject.name)).flatten();
    let severity = severity(path);
    Judged::Said(Some(Box::new(Finding {
        rule: RULE,
        chip: "reach",
        severity: if left.is_some() { one_less(severity) } else { severity },
        identity: entry.identity.clone(),
        grant: Some(first.key.clone()),
        evidence: evidence(&reached, path, first)
            + &more
            + &left.map(|left| left.words(&subject.name)).unwrap_or_default(),
        rests_on_coverage: false,
        fix: fix(book, entry, &first.key, &reach.own_cut(entry, &reached, by_added, ways)),
    })))
}

/// What mends it: what has to go of the grants that name it, where that ends the way.
fn fix(book: &Book, entry: &Entry, first: &GrantKey, cut: &OwnCut) -> Fix {
    let identity = &entry.identity;
    let (who, again) = (shell_word(identity.to_string()), book.policy.again.all());
    let left = |what: &str| format!("keybook reach {who}{again} says {what}");
    let ids = match cut {
        OwnCut::By(ids) => ids,
        OwnCut::No(way) => return elsewhere(book, entry, way.and_then(|id| book.grant(id)), &left),
        OwnCut::TooMany => {
            return Fix::elsewhere(format!(
                "more than {MOST_CUT} of its grants lead as far, each without the others: take away all \
                 that is not needed, by keybook narrow {who}{again}; {}",
                left("which they are")
            ));
        }
        OwnCut::NotKnown => {
            return Fix::write(
                Mend::Revoke(first.clone()),
                format!(
                    "take away the grant with which it begins; {}",
                    left("whether another way is left")
                ),
            );
        }
    };
    let keys: Vec<GrantKey> =
        ids.iter().filter_map(|id| Some(book.grant(*id)?.key.clone())).collect();
    let least = left("what it can become then");
    let used = book.permissions(entry.id).into_iter();
    let used = used.filter(|of| of.via.is_some_and(|via| ids.contains(&via)));
    let used = used.filter_map(|of| of.last_used).max().map_or_else(String::new, |at| {
        format!("what is granted by it was last used on {}; ", at.format("%Y-%m-%d"))
    });
    match keys.as_slice() {
        [one] => Fix::write(
            Mend::Revoke(one.clone()),
            format!("{used}take the grant away: no other way leads as far; {least}"),
        ),
        all => {
            let how = format!(
                "{used}take these {} grants away together: with any one of them left a way leads as far; \
                 {least}",
                all.len()
            );
            Fix::write(Mend::RevokeEach(keys), how)
        }
    }
}

/// Where taking away what names it would not do: `way` is what a way begins with that is left then.
fn elsewhere(
    book: &Book,
    entry: &Entry,
    way: Option<&std::sync::Arc<Grant>>,
    left: &dyn Fn(&str) -> String,
) -> Fix {
    let Some(grant) = way else {
        return Fix::elsewhere(format!(
            "no grant that names it ends it: a way is left that begins without one; {}",
            left("which")
        ));
    };
    let subject = &grant.key.subject;
    if *subject == entry.identity {
        return Fix::elsewhere(format!(
            "no grant that was added ends it: a way is left that begins with {}, which the API server \
             installed; {}",
            binding(grant),
            left("which")
        ));
    }
    let group = &subject.name;
    if book.is_implicit(group) {
        return Fix::elsewhere(format!(
            "no grant that names it ends it: a way is left that begins with {}, which is everybody's who \
             is in {group}, and a finding of the group",
            binding(grant)
        ));
    }
    Fix::elsewhere(format!(
        "take it out of group {group} where the group's members are kept: {} is everybody's who is in the \
         group, and a finding of the group; {}",
        binding(grant),
        left("whether another way is left")
    ))
}

/// As bad as holding it would be; one less where a step is a model only.
fn severity(path: &Path) -> Severity {
    let tier = path.adds.as_ref().map_or(path.tier, |added| added.adds.tier);
    match (severity_of(tier), path.is_modelled()) {
        (severity, false) => severity,
        (Severity::Critical | Severity::High, true) => Severity::Medium,
        (Severity::Medium, true) => Severity::Low,
        (Severity::Low | Severity::Info, true) => Severity::Info,
    }
}

fn evidence(reached: &Reached, path: &Path, first: &crate::book::Grant) -> String {
    const TOLD: usize = 4;
    let steps = path.hops.len();
    let mut told: Vec<String> = path.hops.iter().take(TOLD).map(crate::reach::Hop::words).collect();
    if steps > TOLD {
        told.push(format!("{} more steps", steps - TOLD));
    }
    let plural = if steps == 1 { "" } else { "s" };
    let modelled = path.modelled_words().map_or_else(String::new, |words| format!(", {words}"));
    let becomes = match (&path.adds, path.end()) {
        (Some(added), Some(end)) => {
            format!("act as {end} and do what it may not itself ({})", added.words())
        }
        _ => format!("become {}", path.tier.as_str()),
    };
    format!(
        "its own access is {}; it can {becomes} in {steps} step{plural}{modelled}: {}; begins with {}, \
         which grants {}",
        reached.own.as_str(),
        told.join(", "),
        binding(first),
        role(first)
    )
}
