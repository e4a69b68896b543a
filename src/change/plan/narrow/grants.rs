//! From somebody's grants, or a role's, to what is cut of each.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::beside;
use super::ground::{self, doubts};
use super::keys::{
    binding_of, is_implicit, is_master, key_of, refers, refers_grant, role_words, words_of,
};
use super::need::{OwnNeed, of_missing, without_wild};
use super::rules::{Narrowed, Need, World, allows, narrow};
use super::unseen::Unseen;
use super::{Choices, NotInLogs, words};
use crate::book::{Book, Entry, Grant, Logged, UseSummary};
use crate::change::plan::wanted::{no_role, nobody, unseen_holders};
use crate::change::plan::{Intent, Refusal};
use crate::model::{
    Call, Coverage, Identity, ListKind, Name, PolicyRule, Role, RoleKind, Scope, SubjectKind,
    Target, duration,
};
use crate::rbac::{BindingKey, RoleKey, labels};

/// What is cut of one grant, or of one role.
#[derive(Clone, Debug)]
pub(in crate::change::plan) struct Cut {
    /// By which Intent.
    pub(in crate::change::plan) intent: Intent,
    /// Of which role.
    pub(in crate::change::plan) role: RoleKey,
    /// The rules of it, as the Book has them.
    pub(in crate::change::plan) old: Vec<PolicyRule>,
    /// How.
    pub(in crate::change::plan) how: How,
    /// A line for each rule that stays.
    pub(in crate::change::plan) kept: Vec<String>,
    /// A line for each part that goes.
    pub(in crate::change::plan) dropped: Vec<String>,
}

/// How a cut is made.
#[derive(Clone, Debug)]
pub(in crate::change::plan) enum How {
    /// The role is edited: whoever holds it is meant.
    Edit {
        /// Its rules afterwards.
        rules: Vec<PolicyRule>,
        /// By which grants it is held: from whom something is taken.
        held: Vec<(Identity, BindingKey)>,
    },
    /// The subject leaves the binding, and gets other roles in place of it.
    Fork {
        /// The binding.
        binding: BindingKey,
        /// Who.
        subject: Identity,
        /// What is held where the binding holds.
        here: Vec<PolicyRule>,
        /// What is held in single namespaces.
        namespaces: BTreeMap<Name, Vec<PolicyRule>>,
    },
}

/// What comes of all Intents that narrow, with what has to be said besides.
#[derive(Clone, Debug, Default)]
pub(in crate::change::plan) struct Cuts {
    pub(in crate::change::plan) all: Vec<Cut>,
    /// Requests of whom it is about, which must stay allowed.
    pub(in crate::change::plan) needs: Vec<(Identity, Arc<Call>)>,
    pub(in crate::change::plan) said: Vec<String>,
}

/// What the Intents cut of what others of them, which take it from whom, leave.
///
/// # Errors
/// Where the log does not bear it, or an Intent is about nothing.
pub(in crate::change::plan) fn cuts(
    book: &Book,
    intents: &[Intent],
    revoked: &Revoked,
) -> Result<Cuts, Refusal> {
    let mut cuts = Cuts::default();
    let narrowing: BTreeSet<&Intent> = intents.iter().filter(|intent| intent.narrows()).collect();
    if narrowing.is_empty() {
        return Ok(cuts);
    }
    let logged = book.logged();
    let beside = (revoked, &logged);
    for intent in narrowing {
        match intent {
            Intent::Narrow { identity, choices } => {
                // Who is not known is said before the log that there is not.
                let entry = book.find(identity).ok_or_else(|| nobody(book, identity))?;
                Work::new(book, (intent, choices), beside)?.identity(entry, &mut cuts)?;
            }
            Intent::NarrowRole { role_kind, namespace, name, choices } => {
                let namespace = namespace.clone().unwrap_or_else(|| "".into());
                let key = (*role_kind, namespace, name.clone());
                let role = book.snapshot.objects.roles.get(&key);
                let role = role.ok_or_else(|| no_role(book, &key))?;
                Work::new(book, (intent, choices), beside)?.role((&key, role), &mut cuts)?;
            }
            _ => {}
        }
    }
    cuts.said.extend(doubts(book));
    let mut edited = BTreeSet::new();
    for cut in &cuts.all {
        if matches!(cut.how, How::Edit { .. }) && !edited.insert(cut.role.clone()) {
            return Err(Refusal::Twice(role_words(&cut.role)));
        }
    }
    if let Some(cut) = cuts
        .all
        .iter()
        .find(|cut| matches!(cut.how, How::Fork { .. }) && edited.contains(&cut.role))
    {
        return Err(Refusal::Twice(role_words(&cut.role)));
    }
    Ok(cuts)
}

/// From whom other wishes take which binding.
pub(in crate::change::plan) type Revoked = BTreeSet<(BindingKey, Identity)>;

pub(super) struct Work<'a> {
    book: &'a Book,
    intent: &'a Intent,
    choices: &'a Choices,
    revoked: &'a Revoked,
    logged: &'a Logged,
    reads_logged: bool,
    namespaces: BTreeSet<Name>,
    covered: String,
    /// Whether roles or bindings were written by the rights that they gave.
    gave: Cell<bool>,
    /// Whether admission policies were written, which may name parameters.
    parameters: Cell<bool>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        book: &'a Book,
        (intent, choices): (&'a Intent, &'a Choices),
        (revoked, logged): (&'a Revoked, &'a Logged),
    ) -> Result<Self, Refusal> {
        let refuse = |why: &str| Refusal::Log(why.to_owned());
        if !book.log.is_whole() {
            return Err(refuse("no audit log was read whole: name one with --audit"));
        }
        let Some(coverage) = book.coverage() else {
            return Err(refuse("no audit log was read: name one with --audit"));
        };
        let Some(from) = coverage.from else {
            return Err(refuse("the audit log holds no request"));
        };
        if let Some(why) = ground::refused(coverage) {
            return Err(refuse(&why));
        }
        if !coverage.decisions_logged && !book.any_allowed() {
            return Err(refuse("the log does not say which requests were allowed"));
        }
        let objects = &book.snapshot.objects;
        let whole = book.snapshot.has_all_namespaces();
        // One that is on its way out takes no new bindings.
        let stays =
            objects.namespaces.iter().filter(|(_, ns)| ns.meta.deletion_timestamp.is_none());
        Ok(Self {
            book,
            intent,
            choices,
            revoked,
            logged,
            reads_logged: book.reads_cover(from),
            namespaces: stays.filter(|_| whole).map(|(name, _)| name.clone()).collect(),
            covered: duration(coverage.covered()),
            gave: Cell::new(false),
            parameters: Cell::new(false),
        })
    }

    pub(super) fn choices(&self) -> &Choices {
        self.choices
    }

    pub(super) fn world<'w>(
        &'w self,
        choices: &'w Choices,
        elsewhere: &'w [(Need<'w>, String)],
    ) -> World<'w> {
        World {
            choices,
            unseen: Unseen {
                book: self.book,
                choices,
                reads_logged: self.reads_logged,
                logged: self.logged,
            },
            namespaces: &self.namespaces,
            covered: &self.covered,
            elsewhere,
            gave: self.gave.get(),
            parameters: self.parameters.get(),
            whose: "",
        }
    }

    fn is_revoked(&self, grant: &Grant) -> bool {
        self.revoked.contains(&(binding_of(grant), grant.key.subject.clone()))
    }

    /// What the log shows of the rights of somebody.
    fn needs_of(&self, entry: &Entry, said: &mut Vec<String>) -> Result<Vec<OwnNeed>, Refusal> {
        let who = &entry.identity;
        let refuse = |why: &str| Err(Refusal::Log(format!("{who}: {why}")));
        let members_unseen = who.kind == SubjectKind::Group
            && !self.book.is_implicit(&who.name)
            && !self.book.coverage().is_some_and(Coverage::knows_groups);
        if members_unseen {
            return refuse(
                "the log does not show the groups of every request, so that what the group is used \
                 for is not known",
            );
        }
        if self.book.may_be_left_out(entry) {
            return refuse("its requests may be among those that there was no room for");
        }
        let uses = self.book.uses(entry.id);
        if uses.iter().any(|used| matches!(used.call.target, Target::Folded)) {
            return refuse(
                "its requests were for too many different things to be kept one by one; what some of \
                 them were for is not known",
            );
        }
        let mut needs: Vec<OwnNeed> =
            self.book.needed(entry.id).into_iter().map(OwnNeed::of).collect();
        // Of these the log does not say whether they were allowed, or which they were.
        let open = |used: &&UseSummary| match used.allowed {
            0 => used.undecided > 0,
            _ => used.call.target == Target::Paths,
        };
        needs.extend(uses.iter().filter(open).map(OwnNeed::open));
        if !is_master(entry) {
            let allowed = uses.iter().filter(|used| used.allowed > 0);
            let allowed = allowed.map(|used| (&used.call, used.allowed, used.last_seen));
            let beside = beside::of(who, allowed, &beside::held(self.book, entry));
            self.gave.set(self.gave.get() || !beside.gave.is_empty());
            self.parameters.set(self.parameters.get() || !beside.parameters.is_empty());
            let told = self.choices.not_in_logs != NotInLogs::KeepAll;
            said.extend(
                beside.gave.into_iter().chain(beside::keepable(beside.parameters).filter(|_| told)),
            );
            needs.extend(beside.needs);
        }
        said.extend(without_wild(&mut needs, &who.to_string()));
        Ok(needs)
    }

    /// What somebody is granted directly.
    fn identity(&self, entry: &Entry, cuts: &mut Cuts) -> Result<(), Refusal> {
        let identity = &entry.identity;
        let needs = self.needs_of(entry, &mut cuts.said)?;
        let (own, others): (Vec<&Arc<Grant>>, Vec<&Arc<Grant>>) = entry
            .grants
            .iter()
            .filter_map(|id| self.book.grant(*id))
            .partition(|grant| grant.key.subject == *identity);
        cuts.needs.extend(needs.iter().map(|need| (identity.clone(), need.call.clone())));
        // What the API server itself gives every client need not be granted again.
        let implicit: Vec<(&Arc<Grant>, &Arc<Role>)> = others
            .into_iter()
            .filter(|grant| grant.bootstrap && is_implicit(entry, &grant.key.subject))
            .filter(|grant| !self.is_revoked(grant))
            .filter_map(|grant| Some((grant, grant.role.as_ref()?)))
            .collect();
        let mut elsewhere: Vec<(Need<'_>, String)> = Vec::new();
        let mut open: Vec<&OwnNeed> = Vec::new();
        for need in &needs {
            let given = implicit.iter().find(|(grant, role)| need.is_allowed(role, grant));
            match given.filter(|_| !need.is_folded()) {
                Some((grant, _)) => elsewhere.push((need.as_need(), words_of(grant))),
                None => open.push(need),
            }
        }
        let mut own: Vec<(&Arc<Grant>, &Arc<Role>)> = own
            .into_iter()
            .filter(|grant| !self.is_revoked(grant))
            .filter_map(|grant| Some((grant, grant.role.as_ref()?)))
            .filter(|(grant, _)| self.is_for_narrowing(grant, cuts))
            .collect();
        // The narrowest grant that allows something is what it stays with.
        own.sort_by_key(|(grant, role)| {
            let wide = grant.scope == Scope::Cluster;
            (wide, role.rules.len(), grant.key.clone())
        });
        if own.is_empty() {
            cuts.said.push(format!("{identity} has no grant of its own that could be narrowed"));
        }
        for (grant, role) in own {
            let mine: Vec<&OwnNeed> =
                open.iter().copied().filter(|need| need.is_allowed(role, grant)).collect();
            // What names were folded away may be any grant's that allows some of them.
            open.retain(|need| need.is_folded() || !need.is_allowed(role, grant));
            let asked: Vec<Need<'_>> = mine.iter().map(|need| need.as_need()).collect();
            let world = self.world(self.choices, &elsewhere);
            let narrowed = narrow(&role.rules, &grant.scope, &asked, &world);
            let by = words_of(grant);
            if grant.scope == Scope::Cluster {
                cuts.said.extend(of_missing(self.book, &mine, &by));
            }
            elsewhere.extend(mine.iter().map(|need| (need.as_need(), by.clone())));
            if narrowed.dropped.is_empty() {
                cuts.said.push(words::whole(&by, &narrowed));
                continue;
            }
            self.cut((grant, role), narrowed, cuts);
        }
        Ok(())
    }

    /// Whether a grant is one that may be cut; if not, why is said.
    fn is_for_narrowing(&self, grant: &Grant, cuts: &mut Cuts) -> bool {
        let by = words_of(grant);
        if grant.bootstrap {
            cuts.said.push(format!("{by}: the API server's own; it stays as it is"));
            return false;
        }
        let end = self.book.coverage().and_then(|coverage| coverage.to).unwrap_or(self.book.now);
        let least = TimeDelta::days(self.choices.younger_than.into());
        if let Some((what, at)) = grant.written().find(|(_, at)| end - *at < least) {
            let when = if at > end {
                "after the log ends".to_owned()
            } else {
                format!("less than {} days before the log ends", self.choices.younger_than)
            };
            cuts.said.push(format!(
                "{by}: {what} on {}, {when}; it stays as it is",
                at.format("%Y-%m-%d"),
            ));
            return false;
        }
        true
    }

    fn cut(&self, (grant, role): (&Grant, &Role), narrowed: Narrowed, cuts: &mut Cuts) {
        let key = &grant.key;
        let binding = binding_of(grant);
        let role_key = key_of(role);
        let alone = narrowed.namespaces.is_empty()
            && !narrowed.here.is_empty()
            && self.is_private(role, &role_key, &binding);
        let how = if alone {
            How::Edit { rules: narrowed.here, held: vec![(key.subject.clone(), binding)] }
        } else {
            How::Fork {
                binding,
                subject: key.subject.clone(),
                here: narrowed.here,
                namespaces: narrowed.namespaces,
            }
        };
        cuts.all.push(Cut {
            intent: self.intent.clone(),
            role: role_key,
            old: role.rules.clone(),
            how,
            kept: narrowed.kept,
            dropped: narrowed.dropped,
        });
    }

    /// Whether nobody else holds the role, and nothing else is made of it.
    fn is_private(&self, role: &Role, key: &RoleKey, binding: &BindingKey) -> bool {
        let objects = &self.book.snapshot.objects;
        let all_known = self
            .book
            .snapshot
            .covers(&[ListKind::ClusterRoleBindings, ListKind::RoleBindings], None);
        let only_here = objects.bindings.iter().all(|(other, bound)| {
            !refers(other, &bound.role_ref, key) || (other == binding && bound.subjects.len() == 1)
        });
        all_known && only_here && self.may_be_edited(role, key).is_none()
    }

    /// Why a role's rules are not to be edited where they are; None where they may be.
    fn may_be_edited(&self, role: &Role, key: &RoleKey) -> Option<&'static str> {
        let version = self.book.snapshot.cluster.server_version.as_deref();
        if crate::rbac::bootstrap::possible(version)
            .any(|policy| policy.objects.roles.contains_key(key))
        {
            return Some("the API server's own, which it restores when it starts");
        }
        if role.aggregation.is_some() {
            return Some("made by aggregation: narrow the roles that it is made of");
        }
        let feeds = key.0 == RoleKind::ClusterRole
            && self.book.snapshot.objects.roles.values().any(|other| {
                other.aggregation.as_ref().is_some_and(|aggregation| {
                    aggregation
                        .cluster_role_selectors
                        .iter()
                        .any(|selector| labels::selects(selector, &role.meta.labels) == Some(true))
                })
            });
        feeds.then_some("a part of an aggregated role, which would be narrowed with it")
    }

    /// A role, for all who hold it.
    fn role(&self, (key, role): (&RoleKey, &Arc<Role>), cuts: &mut Cuts) -> Result<(), Refusal> {
        if let Some(why) = self.may_be_edited(role, key) {
            return Err(Refusal::NotEdited { role: role_words(key), why });
        }
        // Whoever holds it unseen would lose what they use.
        let lists = unseen_holders(self.book, key);
        if !lists.is_empty() {
            let what = format!("who holds {}", role_words(key));
            return Err(Refusal::NotKnown { what, lists });
        }
        let held: Vec<&Arc<Grant>> =
            self.book.grants().filter(|grant| refers_grant(grant, key)).collect();
        if held.is_empty() {
            return Err(Refusal::Log(format!(
                "{}: nobody holds it, so that no log shows what it is for",
                role_words(key)
            )));
        }
        let gone = self
            .book
            .credited_with(key)
            .into_iter()
            .find(|credited| !held.iter().any(|grant| grant.key == *credited));
        if let Some(gone) = gone {
            return Err(Refusal::Log(format!(
                "{}: the log shows it used by {} {}, which gave it to {} and is gone: whoever makes such \
                 bindings again would lack what they needed",
                role_words(key),
                gone.binding_kind.as_str(),
                gone.binding,
                gone.subject
            )));
        }
        if held.iter().any(|grant| !self.is_for_narrowing(grant, cuts)) {
            cuts.said.push(format!(
                "{}: one of its grants has to stay whole, and so has the role",
                role_words(key)
            ));
            return Ok(());
        }
        let mut needs: Vec<(Identity, OwnNeed)> = Vec::new();
        for grant in &held {
            let Some(entry) = self.book.find(&grant.key.subject) else { continue };
            let mine = self.needs_of(entry, &mut cuts.said)?;
            let who = &grant.key.subject;
            cuts.needs.extend(mine.iter().map(|need| (who.clone(), need.call.clone())));
            let mine =
                mine.into_iter().filter(|need| allows(&role.rules, &grant.scope, &need.call));
            needs.extend(mine.map(|need| (grant.key.subject.clone(), need)));
        }
        let asked: Vec<Need<'_>> = needs.iter().map(|(_, need)| need.as_need()).collect();
        // Wherever it is bound: a role has one set of rules, and no place of its own.
        let here = Choices { namespaces: 0, ..self.choices.clone() };
        let world = self.world(&here, &[]);
        let bound_wide = held.iter().any(|grant| grant.scope == Scope::Cluster);
        let narrowed = narrow_for_all(&role.rules, bound_wide, &asked, &world);
        if narrowed.dropped.is_empty() {
            cuts.said.push(words::whole(&role_words(key), &narrowed));
            return Ok(());
        }
        let held = held.iter().map(|grant| (grant.key.subject.clone(), binding_of(grant)));
        cuts.all.push(Cut {
            intent: self.intent.clone(),
            role: key.clone(),
            old: role.rules.clone(),
            how: How::Edit { rules: narrowed.here, held: held.collect() },
            kept: narrowed.kept,
            dropped: narrowed.dropped,
        });
        Ok(())
    }
}

/// As for a cluster-wide grant, so that requests of every namespace count. Paths stay out where the
/// role is bound in namespaces only: they give nothing there.
fn narrow_for_all(
    rules: &[PolicyRule],
    bound_wide: bool,
    needs: &[Need<'_>],
    world: &World<'_>,
) -> Narrowed {
    let mut narrowed = narrow(rules, &Scope::Cluster, needs, world);
    if !bound_wide {
        // What a namespaced Role says of paths, the API server refuses to store anew.
        narrowed.here.retain(|rule| rule.non_resource_urls.is_empty());
    }
    narrowed
}
