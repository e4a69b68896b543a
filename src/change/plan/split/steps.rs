//! From parts to steps: accounts and what ends their tokens, roles and bindings, and last the tokens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::issued::{certificate, token};
use super::who::words;
use super::{Part, Parts, becoming, taken};
use crate::actors::PERSON;
use crate::change::plan::check::{self, Check};
use crate::change::plan::edit;
use crate::change::plan::make::Work;
use crate::change::plan::narrow::{self, Share};
use crate::change::plan::{By, Manual, Parted, Refusal, StillWorks, Target, Verification, Who};
use crate::model::{
    Call, Identity, Name, SubjectKind, Target as CallTarget, counted, counted_with, shell_word,
};
use crate::rbac::Authorizer;

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The account that something was split from: an annotation.
pub(in crate::change::plan) const FROM: &str = "keybook/split-from";

/// Requests of one part that are asked about afterwards, at most, of either kind.
const ASKED: usize = 100;

/// What must hold for one of the new identities once all is made.
#[derive(Clone, Debug)]
pub(in crate::change::plan) struct Promise {
    to: Identity,
    needs: Vec<Check>,
    /// What only others did.
    others: Vec<Check>,
}

impl Work<'_> {
    /// The steps of everything that is split.
    ///
    /// # Errors
    /// Where what is made would be given to others.
    pub(in crate::change::plan) fn split(&mut self, all: &[Parts]) -> Result<(), Refusal> {
        for parts in all {
            let mut who = Vec::new();
            for (part, share) in parts.all.iter().zip(&parts.shares.all) {
                let first = self.steps.len();
                self.part(parts, part, share)?;
                let own = self.steps.get(first..).unwrap_or_default();
                who.push(Who {
                    name: part.name.clone(),
                    to: part.to.clone(),
                    machine: part.machine,
                    by: by(parts, part),
                    known_by: part.known_by.clone(),
                    gets: share.kept.clone(),
                    makes: own.iter().map(|step| step.target.clone()).collect(),
                });
            }
            let (account, nobody) = (parts.account.clone(), parts.shares.nobody.clone());
            let implicit = account.implicit_groups();
            let entry = self.input.book.find(&account);
            let groups = entry.into_iter().flat_map(|entry| &entry.groups);
            let groups = groups.map(|group| group.name.clone());
            let groups = groups.filter(|group| !implicit.contains(group)).collect();
            self.parted.push(Parted { account, groups, who, nobody });
            self.promise(parts);
            let first = self.first(parts);
            self.warnings.splice(0..0, first);
            self.say(parts);
            self.retire(parts);
        }
        Ok(())
    }

    fn part(&mut self, parts: &Parts, part: &Part, share: &Share) -> Result<(), Refusal> {
        let seen: Vec<String> = std::iter::once(parts.intent.words())
            .chain(part.actors.iter().map(|actor| format!("{} is {}", part.name, words(actor))))
            .collect();
        if let (SubjectKind::ServiceAccount, Some(namespace)) = (part.to.kind, &part.to.namespace) {
            self.account((parts, part), namespace, &seen);
        }
        for (place, rules) in &share.rules {
            let namespace = place.clone().unwrap_or_else(|| "".into());
            let words = format!("what {} used of {}", part.name, parts.account);
            if place.is_none() {
                self.feeds_nobody(&words)?;
            }
            let (role_kind, binding_kind) = match place {
                None => ("ClusterRole", "ClusterRoleBinding"),
                Some(_) => ("Role", "RoleBinding"),
            };
            let base = format!("{}-{}", narrow::part(&parts.account.name), part.name);
            let whole = format!("split {} {} {} {namespace}", parts.account, part.name, part.to);
            let name = self.free_name((&base, &whole), &namespace);
            let metadata = metadata(parts, place.as_ref(), &name);
            let role = json!({
                "apiVersion": VERSION, "kind": role_kind, "metadata": metadata, "rules": rules,
            });
            let binding = json!({
                "apiVersion": VERSION, "kind": binding_kind, "metadata": metadata,
                "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": name},
                "subjects": [narrow::subject(&part.to)],
            });
            for (kind, image, why) in [
                (role_kind, role, format!("holds {words}")),
                (binding_kind, binding, format!("gives it to {}", part.to)),
            ] {
                let target = Target {
                    kind: kind.into(),
                    namespace: place.clone(),
                    name: name.as_str().into(),
                };
                let object = edit::object(&target, &image);
                self.after.insert(object.ok_or_else(|| Refusal::Moved(target.clone()))?);
                let mut step = narrow::creation(target.clone(), image, why, parts.intent.words());
                if kind == role_kind {
                    step.reasons[0].evidence.extend(evidence(share, place.as_ref()));
                } else if part.to.kind == SubjectKind::User {
                    step.reasons[0].evidence.clone_from(&seen);
                }
                self.steps.push(step);
                self.created.insert(target);
            }
        }
        if part.to.kind == SubjectKind::User && parts.how.certificates.contains(&part.name) {
            self.certificate(parts, part);
        }
        if share.rules.is_empty() {
            self.warnings.push(format!(
                "{}: the log shows nothing that it was allowed beside what every client is: {} gets \
                 nothing",
                part.name, part.to
            ));
        }
        self.warnings.extend(share.said.iter().cloned());
        self.mints(parts, part, share);
        for how in becoming::as_the_account(self.input.book, &parts.account, share) {
            self.warnings.push(format!(
                "{} {how}, by what it gets: as long as that goes, {} can do all that {} may",
                part.to, part.name, parts.account
            ));
        }
        for call in &share.lost {
            let what = check::of_call(&check::asker(&part.to, []), call);
            self.warnings.push(format!(
                "{}: {} was allowed once, and is by nothing that {} holds now: {} does not get it",
                part.name,
                what.map_or_else(|| "something".to_owned(), |check| check.what()),
                parts.account,
                part.to
            ));
        }
        Ok(())
    }

    /// Warns where somebody had tokens made, of the account itself too.
    fn mints(&mut self, parts: &Parts, part: &Part, share: &Share) {
        let (account, to) = (&parts.account, &part.to);
        let of_account = share.needs.iter().any(|call| match &call.target {
            CallTarget::Resource { group, resource, subresource, namespace, name, .. } => {
                &*call.verb == "create"
                    && group.is_empty()
                    && &**resource == "serviceaccounts"
                    && &**subresource == "token"
                    && *namespace == account.namespace
                    && name.as_ref().is_none_or(|name| *name == account.name)
            }
            _ => false,
        });
        if !of_account || account.kind != SubjectKind::ServiceAccount {
            return;
        }
        let renews = match (&to.namespace, &part.workload) {
            (Some(namespace), None) => format!(
                ". It does not renew the token of {to}: that takes create of serviceaccounts/token named \
                 {} in namespace {namespace}, which nobody gets by this",
                to.name
            ),
            _ => String::new(),
        };
        self.warnings.push(format!(
            "{} had tokens of {account} made, and {to} gets the right to: with it {to} is {account}, with \
             all that it holds, until that is deleted{renews}",
            part.name
        ));
    }

    fn account(&mut self, (parts, part): (&Parts, &Part), namespace: &Name, seen: &[String]) {
        let place = Some(namespace.clone());
        let target = |kind: &str, name: &str| Target {
            kind: kind.into(),
            namespace: place.clone(),
            name: name.into(),
        };
        let mut meta = metadata(parts, Some(namespace), &part.to.name);
        if !part.machine {
            meta["annotations"][PERSON] = json!(part.name);
        }
        // Pods have to have it mounted; whoever else has it has a token of their own.
        let mounts = part.workload.is_some();
        let image = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta,
            "automountServiceAccountToken": mounts,
        });
        let who = if part.machine { "a machine" } else { "a person" };
        let why = format!("an account of its own for {}, {who}", part.name);
        let made = target("ServiceAccount", &part.to.name);
        let mut step = narrow::creation(made.clone(), image, why, String::new());
        step.reasons[0].evidence = seen.to_vec();
        self.steps.push(step);
        self.created.insert(made);
        if let Some((namespace, workload)) = &part.workload {
            self.left.manual.insert(Manual {
                what: format!(
                    "set serviceAccountName: {} in the pods of {workload} in namespace {namespace}",
                    part.to.name
                ),
                why:
                    "whoever keeps the workload makes its pods anew with it. They get their tokens \
                      from the cluster; no kubeconfig is made for them"
                        .to_owned(),
                patch: None,
            });
            return;
        }
        let secret = format!("{}-key", part.to.name);
        let image = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": metadata(parts, Some(namespace), &secret),
        });
        let why = format!(
            "holds nothing: the token of {} is good for as long as it is there, and ends with it",
            part.name
        );
        let target = target("Secret", &secret);
        self.steps.push(narrow::creation(target.clone(), image, why, parts.intent.words()));
        self.created.insert(target);
        self.steps.push(token(parts, part, namespace, &secret));
    }

    /// A certificate of the user, and what is true of it as long as it is good.
    fn certificate(&mut self, parts: &Parts, part: &Part) {
        let (to, days) = (&part.to, parts.how.token_seconds / super::DAY);
        self.steps.push(certificate(parts, part));
        self.warnings.push(format!(
            "a certificate cannot be revoked: whoever has the one of {to} is that user for {days} days, \
             or as long as the signer grants. To end it before, take away what {to} is granted: \
             keybook revoke {}{}",
            shell_word(to.to_string()),
            self.input.book.policy.again.all()
        ));
        if let Some((worst, many)) = taken::granted(self.input.book, to) {
            let more = if many > 1 { format!(" and {} more", many - 1) } else { String::new() };
            self.warnings.push(format!(
                "{to} is granted something already, by {worst}{more}: whoever has the certificate has \
                 that too, so be sure that {} is that user",
                part.name
            ));
        }
    }

    /// What each of them must be allowed, and what must be refused.
    fn promise(&mut self, parts: &Parts) {
        let checks = |to: &Identity, calls: &mut dyn Iterator<Item = &Call>| -> BTreeSet<Check> {
            let asker = check::asker(to, []);
            calls.filter_map(|call| check::of_call(&asker, call)).collect()
        };
        for (part, share) in parts.all.iter().zip(&parts.shares.all) {
            let mut own = share.needs.iter().map(|call| &**call);
            let mut all =
                parts.shares.all.iter().flat_map(|share| &share.needs).map(|call| &**call);
            let (own, all) = (checks(&part.to, &mut own), checks(&part.to, &mut all));
            // A user that there is may hold more by itself.
            let is_new = || self.input.book.find(&part.to).is_none();
            let fresh = part.to.kind == SubjectKind::ServiceAccount
                || (parts.how.certificates.contains(&part.name) && is_new());
            self.promises.push(Promise {
                to: part.to.clone(),
                others: all.difference(&own).filter(|_| fresh).cloned().collect(),
                needs: own.into_iter().collect(),
            });
        }
    }

    /// Adds what is asked for each of them.
    ///
    /// # Errors
    /// Where somebody would be refused what they did.
    pub(in crate::change::plan) fn ask_for_parts(
        &mut self,
        (before, after): (&Authorizer, &Authorizer),
        verification: &mut Verification,
    ) -> Result<(), Refusal> {
        for promise in std::mem::take(&mut self.promises) {
            if let Some(broken) = promise.needs.iter().find(|one| !one.decide(after).allowed()) {
                return Err(Refusal::Breaks(broken.words()));
            }
            let (refused, shared): (Vec<Check>, Vec<Check>) =
                promise.others.into_iter().partition(|check| !check.decide(after).allowed());
            let (by_groups, by_rules): (Vec<Check>, Vec<Check>) =
                shared.into_iter().partition(|check| check.decide(before).allowed());
            for (shared, since) in [
                (by_groups, "since that is granted to a group that it is in"),
                (
                    by_rules,
                    "since its rules say no less by what was chosen (names, verbs, namespaces)",
                ),
            ] {
                if shared.is_empty() {
                    continue;
                }
                let shown: Vec<String> = shared.iter().take(5).map(Check::what).collect();
                self.warnings.push(format!(
                    "{} may do what the log shows of others only, {}, {since}: {}{}",
                    promise.to,
                    counted(shared.len(), "thing"),
                    shown.join("; "),
                    if shared.len() > 5 { "; …" } else { "" }
                ));
            }
            let more = promise.needs.len().saturating_sub(ASKED);
            if more > 0 {
                self.warnings.push(format!(
                    "of what {} must be allowed, {} not asked about afterwards: {ASKED} are",
                    promise.to,
                    counted_with(more, "request", ["is", "are"])
                ));
            }
            let asked = promise.needs.into_iter().take(ASKED);
            let (have, new): (Vec<Check>, Vec<Check>) =
                asked.partition(|check| check.decide(before).allowed());
            verification.allowed.extend(have);
            verification.again.extend(new);
            verification.still_denied.extend(refused.into_iter().take(ASKED));
        }
        Ok(())
    }

    /// What is lost, what is left, and what comes next.
    fn say(&mut self, parts: &Parts) {
        let book = self.input.book;
        let account = &parts.account;
        let entry = book.find(account);
        let groups = entry.into_iter().flat_map(|entry| &entry.groups);
        for group in groups {
            let not_in: Vec<String> = parts
                .all
                .iter()
                .filter(|part| !part.to.implicit_groups().contains(&group.name))
                .map(|part| part.to.to_string())
                .collect();
            if not_in.is_empty() {
                continue;
            }
            let by = Identity::group(group.name.clone());
            let gives = book.find(&by).map_or(0, |entry| {
                entry
                    .grants
                    .iter()
                    .filter(|id| book.grant(**id).is_some_and(|grant| grant.key.subject == by))
                    .count()
            });
            let gives = match (&*group.name, gives) {
                (Identity::SYSTEM_MASTERS, _) => "everything, ahead of RBAC".to_owned(),
                (_, 0) => "nothing by RBAC today".to_owned(),
                (_, many) => counted(many, "grant"),
            };
            self.warnings.push(format!(
                "the group {} gives {account} {gives}: {} {} not in it. What they used of that they \
                 get themselves; what it is given later they do not get",
                group.name,
                not_in.join(", "),
                if not_in.len() == 1 { "is" } else { "are" }
            ));
        }
        if parts.for_others > 0 {
            self.warnings.push(format!(
                "{} of {account} {} in others' names: nobody gets the right to act as others; grant it \
                 to whom it belongs",
                counted(parts.for_others, "request"),
                if parts.for_others == 1 { "was" } else { "were" }
            ));
        }
        let again = self.input.book.policy.again.all();
        let is_used = format!("keybook show {}{again}", shell_word(account.to_string()));
        self.left.still_works.insert(StillWorks {
            what: format!("{account} itself, with all that it holds and every credential of it"),
            until: match parts.how.retire_after {
                // Who was left out keeps it.
                None if !parts.left.2.is_empty() && !parts.how.actors.is_empty() => format!(
                    "as long as those use it who are not split off: {is_used} tells who \
                     they are, and whether {} still use it, who change to what is theirs",
                    parts.all.iter().map(|part| &*part.name).collect::<Vec<_>>().join(", ")
                ),
                None => format!(
                    "until it is retired, once nobody needs it any more: keybook revoke \
                     quarantine:NAMESPACE/NAME{again} for a token Secret, then keybook revoke \
                     {}{again}. {is_used} tells who still uses it",
                    shell_word(account.to_string())
                ),
                Some(_) => format!(
                    "until its stages are made: keybook due lists them. {is_used} tells who \
                     still uses it"
                ),
            },
        });
        for part in parts.all.iter().filter(|part| part.workload.is_none()) {
            let who: Vec<String> = part.actors.iter().map(words).collect();
            let what = match part.to.kind {
                _ if part.to.kind == SubjectKind::ServiceAccount
                    || parts.how.certificates.contains(&part.name) =>
                {
                    format!("hand {0}.kubeconfig to {0}, by a way that only they read", part.name)
                }
                _ => format!("tell {} to log in as {} from now on", part.name, part.to),
            };
            let why = format!("they were seen behind {account}: {}", who.join("; "));
            self.left.manual.insert(Manual { what, why, patch: None });
            let may_be_a_script = !part.machine && part.actors.iter().all(|actor| !actor.person);
            if may_be_a_script && part.to.kind == SubjectKind::ServiceAccount {
                self.warnings.push(format!(
                    "{0} is called a person, and may be a script on a machine without a screen: say \
                     --machine {0} if so",
                    part.name
                ));
            }
        }
    }
}

/// By what one comes in.
fn by(parts: &Parts, part: &Part) -> By {
    match part.to.kind {
        _ if part.workload.is_some() => By::Pods,
        SubjectKind::ServiceAccount => By::Token(parts.how.token_seconds),
        _ if parts.how.certificates.contains(&part.name) => {
            By::Certificate(parts.how.token_seconds)
        }
        _ => By::Own,
    }
}

fn metadata(parts: &Parts, namespace: Option<&Name>, name: &str) -> Value {
    let mut metadata = json!({
        "name": name, "annotations": {FROM: parts.account.to_string()},
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

/// The lines of a share, all of them with its first place.
fn evidence(share: &Share, place: Option<&Name>) -> Vec<String> {
    let first = share.rules.keys().next().map(Option::as_ref);
    if first == Some(place) { share.kept.clone() } else { Vec::new() }
}
