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
    let verbs_of = |verb: &Name| match &**verb {
        "*" => ["list", "create", "deletecollection", "escalate", ODD].map(str::to_owned).to_vec(),
        // And what is let be done in somebody's name.
        one => match one.rsplit_once(':') {
            Some((_, done)) => vec![done.to_owned(), one.to_owned()],
            None => vec![one.to_owned()],
        },
    };
    for rule in objects.roles.values().flat_map(|role| &role.rules) {
        let mut names: Vec<String> = rule.resource_names.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            names.extend(["", "odd-name"].map(str::to_owned));
        }
        for resource in &rule.resources {
            let (main, sub) = resource.split_once('/').unwrap_or((resource, ""));
            // No request has a star.
            if sub == "*" {
                continue;
            }
            let main = if main == "*" { ODD } else { main };
            for group in rule.api_groups.iter().map(plain) {
                for verb in rule.verbs.iter().flat_map(verbs_of) {
                    for ns in &places {
                        let is_it =
                            |(have, of): &(&str, &str)| *have == group && **of == **resource;
                        let bound =
                            &**resource == "clusterroles" && ["bind", ODD].contains(&&*verb);
                        if !ns.is_empty() && !bound && NOT_IN_NAMESPACES.iter().any(is_it) {
                            continue;
                        }
                        for name in names.iter().filter(|name| can_carry(&verb, sub, name)) {
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

/// Whether a request of that verb can come with that name, or without any.
fn can_carry(verb: &str, subresource: &str, name: &str) -> bool {
    // A request in somebody's name is asked about as it is.
    let behind = verb.strip_prefix("impersonate-on:").and_then(|rest| rest.split_once(':'));
    match (behind.map_or(verb, |(_, behind)| behind), subresource) {
        ("list" | "watch" | "escalate", "") => true,
        // POST has none; what makes an object under its name is a PATCH or a PUT.
        ("create", "") => name.is_empty() || behind.is_none(),
        ("deletecollection", "") => name.is_empty(),
        _ => !name.is_empty(),
    }
}

impl Simulation {
    pub(super) fn compare(&self, outcome: &mut Outcome) {
        let adds = |who: &Context| {
            let mut requests = self.requests.iter();
            requests.any(|one| self.sends(who, one) && !by(&self.first, &self.start, one))
        };
        for who in &self.contexts {
            // Within whose rules something is done may hold more by what was given.
            let bounded = matches!(who.by, Some((_, Some(_))));
            if !outcome.compared.insert(who.clone()) && !bounded {
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
        // What was bound to oneself, with what one had.
        let mut own = self.start.clone();
        own.user = NEW.to_owned();
        own.groups = [SELF.to_owned()].into();
        let gets = |one: &Request| by(&self.authorizer, &own, one);
        let had = |one: &Request| by(&self.first, &self.start, one);
        let mut requests = self.requests.iter();
        outcome.more |= requests.any(|one| {
            gets(one)
                && !had(one)
                && behind(one).is_none_or(|all| all.iter().any(|write| gets(write) || had(write)))
        });
    }
}

/// What is sent to make an object under its name: the patch of an apply, of RBAC's kinds a PUT too.
/// None for another request.
fn behind((verb, group, resource, sub, ns, name): &Request) -> Option<Vec<Request>> {
    let of = |verb: &str| {
        let [group, resource, sub] = [group, resource, sub].map(String::clone);
        (verb.to_owned(), group, resource, sub, ns.clone(), name.clone())
    };
    let verbs: &[&str] = if group == RBAC { &["patch", "update"] } else { &["patch"] };
    let is_it = verb == "create" && sub.is_empty() && !name.is_empty();
    is_it.then(|| verbs.iter().map(|verb| of(verb)).collect())
}

impl Simulation {
    /// Whether somebody could make a request before anything was done, with what it is sent by.
    fn sends(&self, who: &Context, request: &Request) -> bool {
        self.could(who, request)
            && behind(request).is_none_or(|all| all.iter().any(|write| self.could(who, write)))
    }

    /// Whether a request could be made. What is impersonated impersonates nobody, and of what is asked
    /// about beside a request none is made within rules; who impersonates has what it was given.
    fn could(&self, who: &Context, request: &Request) -> bool {
        let verb = request.0.as_str();
        match &who.by {
            Some(_) if verb.starts_with("impersonate") => false,
            None | Some((_, None)) => by(&self.first, who, request),
            Some((_, Some(_))) if ["bind", "escalate", "approve"].contains(&verb) => false,
            Some((poser, Some(mode))) => {
                let mut asked = request.clone();
                asked.0 = format!("impersonate-on:{mode}:{verb}");
                by(&self.first, who, request) && by(&self.authorizer, poser, &asked)
            }
        }
    }
}

/// Whether a request can be made.
fn by(authorizer: &Authorizer, who: &Context, request: &Request) -> bool {
    let (verb, group, resource, subresource, namespace, name) = request;
    let action = Action::Resource { group, resource, subresource, namespace, name };
    let groups: Vec<&str> = who.groups.iter().map(String::as_str).collect();
    authorizer.decide(&Attributes { user: &who.user, groups: &groups, verb, action }).allowed()
}
