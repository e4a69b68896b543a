//! Random worlds of roles and bindings that hold every form a rule, a binding and a subject can
//! have. Equal seeds make equal worlds.

#![allow(clippy::expect_used)] // A choice among no things is the test's own mistake.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::forms::{LITERALS, NAMES, PATHS, RESOURCES, RuleForm, SPECIAL, SUBRESOURCES, VERBS};

/// Roles and bindings, with who is in them.
#[derive(Debug)]
pub struct World {
    /// Before every name that is cluster-wide.
    pub prefix: String,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// User names, some of which spell service accounts.
    pub users: Vec<String>,
    /// Group names, some of which are users' too.
    pub groups: Vec<String>,
    /// Service accounts by namespace and name.
    pub accounts: Vec<(String, String)>,
    /// Namespaces, roles and bindings.
    pub objects: Vec<Value>,
}

/// Whether an API server has to accept the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// It has to.
    Server,
    /// Only files hold it: unknown kinds, rules that mix resources and paths, empty lists.
    Files,
}

pub const RBAC: &str = "rbac.authorization.k8s.io";

/// A world of some 330 objects.
pub fn world(seed: u64, purpose: For) -> World {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut maker = Maker { rng, purpose, world: people(&format!("w{seed}-")) };
    maker.namespaces();
    maker.roles();
    maker.bindings();
    maker.world
}

fn people(prefix: &str) -> World {
    let namespaces: Vec<String> = (0..6).map(|at| format!("{prefix}ns{at}")).collect();
    let mut accounts = Vec::new();
    for namespace in &namespaces {
        for name in ["default", "bot", "bot.v2"] {
            accounts.push((namespace.clone(), name.to_owned()));
        }
    }
    let long = "x".repeat(253 - prefix.len());
    let suffixes = [
        "jane@corp.example",
        "Jane@corp.example",
        "bob@corp.example",
        "dev",
        "Dev",
        "юля",
        "用户-甲",
        "e\u{301}",
        "a \"quoted\" \\ name",
        "tab\tand\nline",
        "\u{202e}abc",
        "\u{200b}",
        "🎉",
        "&<>",
        long.as_str(),
    ];
    let mut users: Vec<String> = suffixes.iter().map(|name| format!("{prefix}{name}")).collect();
    users.extend((0..15).map(|at| format!("{prefix}user-{at}")));
    let spelt = accounts.iter().step_by(4);
    users.extend(spelt.map(|(ns, name)| format!("system:serviceaccount:{ns}:{name}")));
    users.push(format!("system:serviceaccount:{prefix}ns0:"));
    users.push(format!("system:serviceaccount:{prefix}ns0:a:b"));
    users.push(format!("system:serviceaccounts:{prefix}ns0"));
    let mut groups: Vec<String> = ["dev", "Dev", "oidc:группа", "a/b", long.as_str()]
        .map(|name| format!("{prefix}{name}"))
        .into();
    groups.extend((0..10).map(|at| format!("{prefix}group-{at}")));
    groups.extend(namespaces.iter().take(2).map(|ns| format!("system:serviceaccounts:{ns}")));
    World { prefix: prefix.to_owned(), namespaces, users, groups, accounts, objects: Vec::new() }
}

struct Maker {
    rng: ChaCha8Rng,
    purpose: For,
    world: World,
}

impl Maker {
    fn pick<'l, T: ?Sized>(&mut self, list: &'l [&'l T]) -> &'l T {
        list.choose(&mut self.rng).expect("a choice")
    }

    fn some<'l>(&mut self, list: &[&'l str], at_most: usize) -> Vec<&'l str> {
        let many = self.rng.random_range(1..=at_most.min(list.len()));
        list.sample(&mut self.rng, many).copied().collect()
    }

    fn object(&mut self, kind: &str, namespace: Option<&str>, name: &str, rest: &Value) {
        let mut metadata = json!({"name": name});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let mut object = rest.clone();
        object["apiVersion"] = json!(format!("{RBAC}/v1"));
        object["kind"] = json!(kind);
        object["metadata"] = metadata;
        if let Some(labels) = object.as_object_mut().and_then(|object| object.remove("labels")) {
            object["metadata"]["labels"] = labels;
        }
        self.world.objects.push(object);
    }

    fn namespaces(&mut self) {
        for namespace in self.world.namespaces.clone() {
            self.world.objects.push(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            );
        }
    }

    /// A rule of a form.
    fn rule(&mut self, form: RuleForm) -> Value {
        let verbs = self.some(&VERBS, 3);
        if form.is_path() {
            let paths = self.some(&PATHS, 2);
            let after = match form {
                RuleForm::PathPrefixSlash => "/*",
                RuleForm::PathPrefix => "*",
                _ => "",
            };
            let paths: Vec<String> = match form {
                RuleForm::PathStar => vec!["*".to_owned()],
                _ => paths
                    .iter()
                    .map(|path| format!("{}{after}", path.trim_end_matches('/')))
                    .collect(),
            };
            return json!({"verbs": verbs, "nonResourceURLs": paths});
        }
        let (group, all) = *RESOURCES.choose(&mut self.rng).expect("a group");
        let resources = self.some(all, 2);
        let sub = self.some(&SUBRESOURCES, 1)[0];
        let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
        match form {
            RuleForm::VerbStar => rule["verbs"] = json!(["*"]),
            RuleForm::GroupStar => rule["apiGroups"] = json!(["*"]),
            RuleForm::ResourceStar => rule["resources"] = json!(["*"]),
            RuleForm::Everything => {
                rule = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
            }
            RuleForm::Subresource => {
                rule["resources"] =
                    json!(resources.iter().map(|one| format!("{one}/{sub}")).collect::<Vec<_>>());
            }
            RuleForm::StarSubresource => rule["resources"] = json!([format!("*/{sub}")]),
            RuleForm::Names => rule["resourceNames"] = json!(self.some(&NAMES, 3)),
            RuleForm::SpecialVerb => {
                let (verb, group, resource) = *SPECIAL.choose(&mut self.rng).expect("a verb");
                rule = json!({"verbs": [verb], "apiGroups": [group], "resources": [resource]});
                if self.rng.random_bool(0.5) {
                    rule["resourceNames"] = json!(self.some(&NAMES, 2));
                }
            }
            RuleForm::Literal => {
                let literal = *LITERALS.choose(&mut self.rng).expect("a literal");
                if ["GET", "List", "get*"].contains(&literal) {
                    rule["verbs"] = json!([literal]);
                } else {
                    rule["resources"] = json!([literal]);
                }
            }
            _ => {}
        }
        rule
    }

    fn rules(&mut self, form: RuleForm) -> Vec<Value> {
        let many = self.rng.random_range(1..=3);
        let mut rules: Vec<Value> = (0..many).map(|_| self.rule(form)).collect();
        if self.purpose == For::Files && self.rng.random_bool(0.1) {
            rules.push(json!({"verbs": [], "apiGroups": ["*"], "resources": ["*"]}));
            rules.push(json!({"verbs": ["*"], "resources": ["*"]}));
            rules.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": null}));
            rules.push(json!({"verbs": ["proxy"], "apiGroups": [""], "resources": ["pods"],
                "nonResourceURLs": ["/mixed"]}));
        }
        rules
    }

    /// A name: mostly plain, at times in another script or as long as may be.
    fn name(&mut self, what: &str, at: usize) -> String {
        let prefix = self.world.prefix.clone();
        let plain = format!("{prefix}{what}-{at}");
        match self.rng.random_range(0..20) {
            0 => format!("{plain}-роль-日本:v1"),
            1 => format!("{plain}-{}", "x".repeat(252 - plain.len())),
            2 => format!("{plain} \"quoted\"\\"),
            _ => plain,
        }
    }

    fn roles(&mut self) {
        for at in 0..70 {
            let form = RuleForm::ALL[at % RuleForm::ALL.len()];
            let name = self.name("cr", at);
            let mut rest = json!({"rules": self.rules(form)});
            if at % 5 == 0 {
                let to = format!("{}{}", self.world.prefix, at % 3);
                rest["labels"] = json!({"to": to, "at": at.to_string()});
            }
            self.object("ClusterRole", None, &name, &rest);
        }
        for at in 0..9 {
            let to = format!("{}{}", self.world.prefix, at % 3);
            let selectors = json!([{"matchLabels": {"to": to}},
                {"matchExpressions": [
                    {"key": "to", "operator": "In", "values": [to]},
                    {"key": "at", "operator": "NotIn", "values": ["0", "5"]},
                    {"key": "gone", "operator": "DoesNotExist"}]}]);
            let mut rest = json!({"aggregationRule": {"clusterRoleSelectors": selectors}});
            // Stored rules count, whatever the selectors would bring.
            rest["rules"] = match self.purpose {
                For::Server => json!([]),
                For::Files => json!(self.rules(RuleForm::Exact)),
            };
            let name = self.name("aggregate", at);
            self.object("ClusterRole", None, &name, &rest);
        }
        let for_roles: Vec<RuleForm> = RuleForm::ALL
            .into_iter()
            .filter(|form| self.purpose == For::Files || !form.is_path())
            .collect();
        for at in 0..50 {
            let form = for_roles[at % for_roles.len()];
            let name = self.name("role", at);
            let namespace = self.world.namespaces[at % 6].clone();
            let rest = json!({"rules": self.rules(form)});
            self.object("Role", Some(&namespace), &name, &rest);
        }
    }

    fn subject(&mut self, in_namespace: bool) -> Value {
        let user = self.world.users.choose(&mut self.rng).expect("a user").clone();
        let group = self.world.groups.choose(&mut self.rng).expect("a group").clone();
        let (namespace, name) = self.world.accounts.choose(&mut self.rng).expect("one").clone();
        let odd = self.purpose == For::Files;
        match self.rng.random_range(0..if odd { 22 } else { 18 }) {
            7..11 => json!({"kind": "Group", "apiGroup": RBAC, "name": group}),
            11..14 => json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}),
            14..18 if in_namespace || odd => json!({"kind": "ServiceAccount", "name": name}),
            18 => json!({"kind": "user", "name": user}),
            19 => json!({"kind": "ServiceAccount", "namespace": namespace, "name": "a:b"}),
            20 => {
                json!({"kind": "ServiceAccount", "namespace": format!("{namespace}:bot"), "name": "x"})
            }
            _ => json!({"kind": "User", "apiGroup": RBAC, "name": user}),
        }
    }

    fn subjects(&mut self, in_namespace: bool) -> Vec<Value> {
        let many = *[0, 1, 1, 1, 2, 2, 3, 5].choose(&mut self.rng).expect("a number");
        let mut subjects: Vec<Value> = (0..many).map(|_| self.subject(in_namespace)).collect();
        if let Some(first) = subjects.first().filter(|_| many == 3).cloned() {
            // Repeats of one subject, which an API server stores as they come.
            subjects.push(first);
        }
        subjects
    }

    fn bindings(&mut self) {
        let of_kind = |world: &World, kind: &str| -> Vec<(String, String)> {
            let all = world.objects.iter().filter(|object| object["kind"] == kind);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            all.map(|role| (text(&role["metadata"]["namespace"]), text(&role["metadata"]["name"])))
                .collect()
        };
        let cluster_roles = of_kind(&self.world, "ClusterRole");
        let roles = of_kind(&self.world, "Role");
        for at in 0..90 {
            let role = &cluster_roles[at % cluster_roles.len()].1;
            self.bind(at, None, "ClusterRole", role);
        }
        for at in 0..100 {
            let namespace = self.world.namespaces.choose(&mut self.rng).expect("one").clone();
            if at % 2 == 0 {
                let role = cluster_roles.choose(&mut self.rng).expect("one").1.clone();
                self.bind(at, Some(&namespace), "ClusterRole", &role);
            } else {
                let (namespace, role) = &roles[(at / 2) % roles.len()];
                self.bind(at, Some(namespace), "Role", role);
            }
        }
    }

    fn bind(&mut self, at: usize, namespace: Option<&str>, role_kind: &str, role: &str) {
        let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
        let gone = format!("{}gone-{at}", self.world.prefix);
        let role = if self.rng.random_bool(0.05) { &gone } else { role };
        let mut role_kind = role_kind;
        if self.purpose == For::Files && self.rng.random_bool(0.03) {
            role_kind = self.pick(&["Robot", "clusterrole", ""]);
        }
        let rest = json!({
            "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
            "subjects": self.subjects(namespace.is_some()),
        });
        let name = self.name("binding", at);
        self.object(kind, namespace, &name, &rest);
    }
}
