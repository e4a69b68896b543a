//! Who may do what the one who starts may not: requests are put to the authorizer for both.

use super::*;

/// Verb, API group, resource, subresource, namespace and name.
pub(super) type Request = (String, String, String, String, String, String);

/// What no rule names: only a star allows it.
const ODD: &str = "odd";

/// What is asked about without a namespace only.
const NOT_IN_NAMESPACES: [(&str, &str); 10] = [
    ("", "users"),
    ("", "groups"),
    (AUTH, "users"),
    (AUTH, "groups"),
    ("", "nodes/proxy"),
    (RBAC, "clusterrolebindings"),
    (RBAC, "clusterroles"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("certificates.k8s.io", "certificatesigningrequests/approval"),
    ("certificates.k8s.io", "signers"),
];

/// Requests of which at least one tells any two sets of these roles' rules apart: what a rule says,
/// with what no rule names in place of a star.
pub(super) fn requests(objects: &Objects) -> Arc<[Request]> {
    let mut all: BTreeSet<Request> = BTreeSet::new();
    let places: Vec<Name> =
        std::iter::once(Name::from("")).chain(objects.namespaces.keys().cloned()).collect();
    let plain = |word: &Name| if &**word == "*" { ODD.to_owned() } else { word.to_string() };
    for rule in objects.roles.values().flat_map(|role| &role.rules) {
        let mut names: Vec<String> = rule.resource_names.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            names.push("odd-name".to_owned());
        }
        for resource in &rule.resources {
            let (main, sub) = resource.split_once('/').unwrap_or((resource, ""));
            // No request has a star.
            if sub == "*" {
                continue;
            }
            let main = if main == "*" { ODD } else { main };
            for group in rule.api_groups.iter().map(plain) {
                // And what is let be done in somebody's name.
                let verbs = rule.verbs.iter().map(plain);
                let verbs = verbs.flat_map(|verb| match verb.rsplit_once(':') {
                    Some((_, done)) => vec![done.to_owned(), verb],
                    None => vec![verb],
                });
                for verb in verbs {
                    for ns in &places {
                        let is_it =
                            |(have, of): &(&str, &str)| *have == group && **of == **resource;
                        let bound =
                            &**resource == "clusterroles" && ["bind", ODD].contains(&&*verb);
                        if !ns.is_empty() && !bound && NOT_IN_NAMESPACES.iter().any(is_it) {
                            continue;
                        }
                        for name in &names {
                            let (verb, group) = (verb.clone(), group.clone());
                            let (main, sub, ns) = (main.to_owned(), sub.to_owned(), ns.to_string());
                            all.insert((verb, group, main, sub, ns, name.clone()));
                        }
                    }
                }
            }
        }
    }
    all.into_iter().collect()
}

impl Simulation {
    pub(super) fn compare(&self, outcome: &mut Outcome) {
        let adds = |who: &Context| {
            let mut requests = self.requests.iter();
            requests.any(|one| by(&self.first, who, one) && !by(&self.first, &self.start, one))
        };
        for who in &self.contexts {
            if !outcome.compared.insert(who.clone()) {
                continue;
            }
            let adds = adds(who);
            outcome.more |= adds;
            if who.user != self.start.user {
                outcome.others.insert(who.user.clone());
                if adds {
                    outcome.adding.insert(who.user.clone());
                }
            }
        }
        // What was bound to oneself.
        let mut own = self.start.clone();
        own.user = NEW.to_owned();
        own.groups = [SELF.to_owned()].into();
        let mut requests = self.requests.iter();
        outcome.more |= requests
            .any(|one| by(&self.authorizer, &own, one) && !by(&self.first, &self.start, one));
    }
}

/// Whether a request can be made. What is impersonated impersonates nobody, and of what is asked
/// about beside a request none is made within rules.
fn by(authorizer: &Authorizer, who: &Context, request: &Request) -> bool {
    let (verb, group, resource, subresource, namespace, name) = request;
    let action = Action::Resource { group, resource, subresource, namespace, name };
    let ask = |who: &Context, verb: &str| {
        let groups: Vec<&str> = who.groups.iter().map(String::as_str).collect();
        authorizer.decide(&Attributes { user: &who.user, groups: &groups, verb, action }).allowed()
    };
    match &who.by {
        Some(_) if verb.starts_with("impersonate") => false,
        None | Some((_, None)) => ask(who, verb),
        Some((_, Some(_))) if ["bind", "escalate", "approve"].contains(&&**verb) => false,
        Some((by, Some(mode))) => {
            ask(who, verb) && ask(by, &format!("impersonate-on:{mode}:{verb}"))
        }
    }
}
