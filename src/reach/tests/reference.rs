//! The same, slowly: everything that somebody could try is tried, each request is put to the
//! authorizer, and what a request changes is changed in the objects, until nothing new comes of it.
//!
//! It shares the authorizer with the program, which is held against the API server's own, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{
    Binding, BindingKind, BindingSubject, Identity, Meta, Name, Object, Objects, PolicyRule, Role,
    RoleKind, RoleRef, ServiceAccount, Snapshot,
};
use crate::rbac::matching::Action;
use crate::rbac::{Attributes, Authorizer, escalation};

mod compare;
mod pods;
mod remakes;
mod writes;

const RBAC: &str = "rbac.authorization.k8s.io";
const AUTH: &str = "authentication.k8s.io";
/// A name that nothing has.
const NEW: &str = "brand-new";
/// A group in which everything is that was taken over: what is bound to oneself, all have.
const SELF: &str = "the-one-who-acts";

/// As whom requests can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    pub(super) user: String,
    groups: BTreeSet<String>,
    /// By whose impersonation, where it is one, and in which constrained mode.
    by: Option<(Box<Context>, Option<&'static str>)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Whether everything could be done.
    pub(super) everything: bool,
    /// Accounts of which a credential could be had.
    pub(super) accounts: BTreeSet<String>,
    /// Users and accounts in whose name alone requests could be made.
    pub(super) names: BTreeSet<String>,
    /// Everybody else as whom some request could be made.
    pub(super) others: BTreeSet<String>,
    /// Of those, who may do what the one who starts may not.
    pub(super) adding: BTreeSet<String>,
    /// Whether anything could be done that the one who starts may not do.
    pub(super) more: bool,
    /// Who was compared so far.
    compared: BTreeSet<Context>,
}

#[derive(Clone)]
pub(super) struct Simulation {
    objects: Objects,
    authorizer: Authorizer,
    /// As it was before anything was done, and who starts.
    first: Arc<Authorizer>,
    start: Context,
    requests: Arc<[compare::Request]>,
    pub(super) contexts: BTreeSet<Context>,
    minor: u32,
    users: Vec<String>,
    groups: Vec<String>,
    namespaces: Vec<Name>,
    masters: bool,
    /// Namespaces that are on their way out: nothing is made in them.
    closed: BTreeSet<Name>,
    /// Accounts of which a token was had. A certificate may say that it is one as well.
    tokens: BTreeSet<String>,
    /// Accounts whose token was had from pods alone, and from which.
    from_pods: BTreeMap<String, BTreeSet<(Name, Name)>>,
    /// Bindings that were deleted, whose names one has again.
    remade: BTreeSet<BindingKey>,
    /// Which bindings give what is bound to oneself: None, where that is one of its own.
    sources: BTreeMap<BindingKey, BTreeSet<Option<BindingKey>>>,
}

type BindingKey = (BindingKind, Name, Name);

fn context(identity: &Identity, groups: &[Name]) -> Context {
    let user = identity.user_name().map_or_else(String::new, |name| name.to_string());
    let mut groups: BTreeSet<String> = groups.iter().map(ToString::to_string).collect();
    groups.insert(SELF.to_owned());
    Context { user, groups, by: None }
}

impl Simulation {
    pub(super) fn new(snapshot: &Snapshot, start: &Identity, minor: u32) -> Self {
        let objects = snapshot.objects.clone();
        let mut users: BTreeSet<String> = [NEW.to_owned()].into();
        let mut groups: BTreeSet<String> = BTreeSet::new();
        for binding in objects.bindings.values() {
            let ns = binding.meta.namespace.as_ref();
            for identity in binding.subjects.iter().filter_map(|subject| subject.identity(ns)) {
                match identity.user_name() {
                    Some(name) => drop(users.insert(name.to_string())),
                    None => drop(groups.insert(identity.name.to_string())),
                }
            }
        }
        let accounts = objects.service_accounts.keys();
        users.extend(accounts.map(|(ns, name)| format!("system:serviceaccount:{ns}:{name}")));
        groups.insert(Identity::SYSTEM_MASTERS.to_owned());
        // Whom rules name although nothing is granted to them, and whom nothing names.
        for ns in objects.namespaces.keys() {
            users.extend(["ghost", NEW].map(|name| format!("system:serviceaccount:{ns}:{name}")));
        }
        for rule in objects.roles.values().flat_map(|role| &role.rules) {
            let names = || rule.resource_names.iter().filter(|name| !name.is_empty());
            if rule.resources.iter().any(|resource| &**resource == "users") {
                users.extend(names().map(ToString::to_string));
            }
            if rule.resources.iter().any(|resource| &**resource == "serviceaccounts") {
                for ns in objects.namespaces.keys() {
                    users.extend(names().map(|name| format!("system:serviceaccount:{ns}:{name}")));
                }
            }
        }
        let start = context(start, &start.implicit_groups());
        Self {
            authorizer: Authorizer::new(&objects),
            first: Arc::new(Authorizer::new(&objects)),
            start: start.clone(),
            requests: compare::requests(&objects),
            contexts: [start].into(),
            namespaces: objects.namespaces.keys().cloned().collect(),
            closed: objects
                .namespaces
                .iter()
                .filter(|(_, ns)| ns.meta.deletion_timestamp.is_some())
                .map(|(name, _)| name.clone())
                .collect(),
            objects,
            minor,
            users: users.into_iter().collect(),
            groups: groups.into_iter().collect(),
            masters: false,
            tokens: BTreeSet::new(),
            from_pods: BTreeMap::new(),
            remade: BTreeSet::new(),
            sources: BTreeMap::new(),
        }
    }

    /// Whether the authorizer lets a context do something.
    fn may(&self, who: &Context, verb: &str, on: (&str, &str, &str), ns: &str, name: &str) -> bool {
        let (group, resource, subresource) = on;
        let groups: Vec<&str> = who.groups.iter().map(String::as_str).collect();
        let action = Action::Resource { group, resource, subresource, namespace: ns, name };
        let ask = |verb: &str, user: &str, groups: &[&str]| {
            self.authorizer.decide(&Attributes { user, groups, verb, action }).allowed()
        };
        let own = ask(verb, &who.user, &groups);
        let asked_beside = ["bind", "escalate", "approve"].contains(&verb);
        match &who.by {
            Some((by, Some(mode))) if own && !asked_beside => {
                let groups: Vec<&str> = by.groups.iter().map(String::as_str).collect();
                ask(&format!("impersonate-on:{mode}:{verb}"), &by.user, &groups)
            }
            _ => own,
        }
    }

    /// The same, whoever may let it be done in its name.
    fn holds(
        &self,
        who: &Context,
        verb: &str,
        on: (&str, &str, &str),
        ns: &str,
        name: &str,
    ) -> bool {
        let own = Context { by: None, ..who.clone() };
        self.may(&own, verb, on, ns, name)
    }

    /// Whether it can make an object of this name: by POST, which the authorizer is asked about
    /// without the name, by apply, or, where the kind is one of those that it makes, by PUT.
    fn can_make(&self, who: &Context, on: (&str, &str, &str), ns: &str, name: &str) -> bool {
        if self.closed.contains(ns) {
            return false;
        }
        let posts = self.may(who, "create", on, ns, "");
        // What makes it is asked about as the patch or the PUT that it is, in another's name too.
        let named = self.holds(who, "create", on, ns, name);
        let applies = named && self.may(who, "patch", on, ns, name);
        posts || applies || (on.0 == RBAC && named && self.may(who, "update", on, ns, name))
    }

    fn can_change(&self, who: &Context, on: (&str, &str, &str), ns: &str, name: &str) -> bool {
        self.may(who, "patch", on, ns, name) || self.may(who, "update", on, ns, name)
    }

    /// Names of objects that rules speak of, and one more.
    fn names(&self) -> Vec<Name> {
        let rules = self.objects.roles.values().flat_map(|role| &role.rules);
        let mut names: BTreeSet<Name> =
            rules.flat_map(|rule| rule.resource_names.iter().cloned()).collect();
        // No object has it: rules give it to requests that carry no name.
        names.remove("");
        names.insert(NEW.into());
        names.into_iter().collect()
    }

    /// All that can be done while nothing is deleted that gives something.
    fn close(&mut self) -> Outcome {
        loop {
            let before = self.state();
            for who in self.contexts.clone() {
                self.try_everything(&who);
            }
            self.make_accounts();
            self.make_and_read_secrets();
            self.certificates();
            self.authorizer = Authorizer::new(&self.objects);
            let after = self.state();
            // Who can do everything is not looked at any further.
            if before == after || self.does_everything() {
                break;
            }
        }
        let mut outcome = Outcome {
            everything: self.does_everything(),
            accounts: self.tokens.clone(),
            ..Outcome::default()
        };
        for who in &self.contexts {
            let constrained = matches!(who.by, Some((_, Some(_))));
            if who.by.is_some() && !constrained && who.user != NEW {
                outcome.names.insert(who.user.clone());
            }
        }
        outcome
    }

    fn state(&self) -> impl PartialEq + use<> {
        let Objects { roles, bindings, service_accounts, .. } = &self.objects;
        (self.contexts.len(), service_accounts.len(), roles.clone(), bindings.clone())
    }

    fn does_everything(&self) -> bool {
        let bounded = |who: &Context| matches!(who.by, Some((_, Some(_))));
        let all = |who: &Context| self.may(who, "*", ("*", "*", ""), "", "");
        self.masters || self.contexts.iter().any(|who| !bounded(who) && all(who))
    }

    fn become_account(&mut self, ns: &Name, name: &Name) {
        self.become_by(ns, name, None);
    }

    /// `pod`: whose token it is.
    fn become_by(&mut self, ns: &Name, name: &Name, pod: Option<(Name, Name)>) {
        if self.objects.service_accounts.contains_key(&(ns.clone(), name.clone())) {
            let account = Identity::service_account(ns.clone(), name.clone());
            let token = context(&account, &account.implicit_groups());
            let is_new = self.tokens.insert(token.user.clone());
            match (pod, self.from_pods.get_mut(&token.user)) {
                (None, _) => drop(self.from_pods.remove(&token.user)),
                (Some(pod), Some(pods)) => drop(pods.insert(pod)),
                (Some(pod), None) if is_new => {
                    self.from_pods.insert(token.user.clone(), [pod].into());
                }
                _ => {}
            }
            self.contexts.insert(token);
        }
    }

    fn try_everything(&mut self, who: &Context) {
        self.tokens(who);
        self.pods(who);
        if who.by.is_none() {
            self.impersonation(who);
        }
        self.bindings(who);
        self.roles(who);
    }

    fn tokens(&mut self, who: &Context) {
        for (ns, name) in self.objects.service_accounts.clone().keys() {
            let token = ("", "serviceaccounts", "token");
            if !self.closed.contains(ns) && self.may(who, "create", token, ns, name) {
                self.become_account(ns, name);
            }
        }
        for ((ns, name), secret) in self.objects.secrets.clone() {
            let account = secret.meta.annotations.get("kubernetes.io/service-account.name");
            if self.can_read_secret(who, &ns, &name) {
                self.become_account(&ns, account.expect("a token's"));
            }
        }
    }

    /// By its name, or among all of its namespace.
    fn can_read_secret(&self, who: &Context, ns: &str, name: &str) -> bool {
        let on = ("", "secrets", "");
        // A patch is answered with what is there, a delete that has to wait with what will be gone, and
        // one of a collection with a list.
        ["get", "list", "watch", "patch", "delete"]
            .iter()
            .any(|verb| self.may(who, verb, on, ns, name))
            || ["list", "watch", "deletecollection"]
                .iter()
                .any(|verb| self.may(who, verb, on, ns, ""))
            || self.sees_in_pod(who, ns)
    }

    fn all_accounts(&mut self, ns: &Name) {
        for (place, name) in self.objects.service_accounts.clone().keys() {
            if place == ns {
                self.become_account(ns, name);
            }
        }
    }

    fn impersonation(&mut self, who: &Context) {
        for user in self.users.clone() {
            let account = Identity::from_user_name(&user);
            let (resource, ns, name) = match &account.namespace {
                Some(ns) => ("serviceaccounts", ns.to_string(), account.name.to_string()),
                None => ("users", String::new(), user.clone()),
            };
            if self.may(who, "impersonate", ("", resource, ""), &ns, &name) {
                let groups = self.groups_for(who, "impersonate", "");
                self.masters |= groups.contains(Identity::SYSTEM_MASTERS);
                self.pose(who, &user, BTreeSet::new(), None);
                self.pose(who, &user, groups, None);
            }
            let mode = if account.namespace.is_some() { "serviceaccount" } else { "user-info" };
            let verb = format!("impersonate:{mode}");
            if self.minor >= 36 && self.may(who, &verb, (AUTH, resource, ""), &ns, &name) {
                let mut groups = BTreeSet::new();
                if account.namespace.is_none() {
                    groups = self.groups_for(who, &verb, AUTH);
                    groups.remove(Identity::SYSTEM_MASTERS);
                }
                let mode = if account.namespace.is_some() { "serviceaccount" } else { "user-info" };
                self.pose(who, &user, groups, Some(mode));
            }
        }
    }

    fn groups_for(&self, who: &Context, verb: &str, group: &str) -> BTreeSet<String> {
        let may = |name: &&String| self.may(who, verb, (group, "groups", ""), "", name);
        self.groups.iter().filter(may).cloned().collect()
    }

    fn pose(
        &mut self,
        who: &Context,
        user: &str,
        groups: BTreeSet<String>,
        mode: Option<&'static str>,
    ) {
        let identity = Identity::from_user_name(user);
        let mut all = groups;
        if all.is_empty() {
            all.extend(identity.implicit_groups().iter().map(ToString::to_string));
        }
        all.insert(Identity::AUTHENTICATED.to_owned());
        if mode.is_none() {
            all.insert(SELF.to_owned());
        }
        let by = Some((Box::new(who.clone()), mode));
        // An impersonated request is the same whoever makes it, unless its rules bound it.
        let by = if mode.is_some() { by } else { Some((Box::new(nobody()), None)) };
        self.contexts.insert(Context { user: user.to_owned(), groups: all, by });
    }

    fn certificates(&mut self) {
        const CERTS: &str = "certificates.k8s.io";
        let requests = (CERTS, "certificatesigningrequests", "");
        let approval = (CERTS, "certificatesigningrequests", "approval");
        let signers = (CERTS, "signers", "");
        let works = self.names().iter().any(|name| {
            self.contexts.iter().any(|who| self.can_make(who, requests, "", name))
                && self.contexts.iter().any(|who| {
                    self.can_change(who, approval, "", name)
                        && ["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"]
                            .iter()
                            .any(|signer| self.may(who, "approve", signers, "", signer))
                })
        });
        if works {
            let masters = Identity::SYSTEM_MASTERS;
            let mut groups: BTreeSet<String> =
                self.groups.iter().filter(|group| *group != masters).cloned().collect();
            groups.extend([SELF.to_owned(), Identity::AUTHENTICATED.to_owned()]);
            for user in self.users.clone() {
                self.contexts.insert(Context { user, groups: groups.clone(), by: None });
            }
        }
    }
}

fn nobody() -> Context {
    Context { user: String::new(), groups: BTreeSet::new(), by: None }
}
