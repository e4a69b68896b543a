//! Who may do what: a table from which both the cluster's objects and what a client expects are
//! made.

use serde_json::{Value, json};

use super::people::Who;

/// A binding of a role that it makes, with who is bound.
pub struct Right {
    /// The name of binding and role.
    pub name: String,
    /// Of a namespace; of the cluster where None.
    namespace: Option<&'static str>,
    rules: Value,
    users: &'static [&'static str],
    groups: &'static [&'static str],
    /// Namespace and name.
    accounts: &'static [(&'static str, &'static str)],
    /// Whether the API server has it by itself.
    installed: bool,
}

impl Right {
    /// Whether somebody holds it.
    fn held_by(&self, who: &Who) -> bool {
        self.users.contains(&&*who.user)
            || who.groups.iter().any(|group| self.groups.contains(&&**group))
            || self
                .accounts
                .iter()
                .any(|(ns, name)| who.user == format!("system:serviceaccount:{ns}:{name}"))
    }

    fn objects(&self) -> [Value; 2] {
        const RBAC: &str = "rbac.authorization.k8s.io";
        let (role, binding) = match self.namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        let mut metadata = json!({"name": self.name});
        if let Some(namespace) = self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        let users = self.users.iter().map(|name| ("User", *name));
        let groups = self.groups.iter().map(|name| ("Group", *name));
        let mut subjects: Vec<Value> = users
            .chain(groups)
            .map(|(kind, name)| json!({"kind": kind, "apiGroup": RBAC, "name": name}))
            .collect();
        subjects.extend(self.accounts.iter().map(|(namespace, name)| {
            json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
        }));
        let version = format!("{RBAC}/v1");
        [
            json!({"apiVersion": version, "kind": role, "metadata": metadata,
                "rules": self.rules}),
            json!({"apiVersion": version, "kind": binding, "metadata": metadata,
                "roleRef": {"apiGroup": RBAC, "kind": role, "name": self.name},
                "subjects": subjects}),
        ]
    }
}

/// All of them.
pub struct Rights(Vec<Right>);

impl Rights {
    /// Those of the needed ones that somebody holds. Everything is allowed to `system:masters`,
    /// by no right at all.
    pub fn held<'n>(&self, who: &Who, needed: &'n [String]) -> Vec<&'n str> {
        let holds = |name: &str| {
            let right = self.0.iter().find(|right| right.name == name);
            right.unwrap_or_else(|| panic!("no right {name}")).held_by(who)
        };
        let needed = needed.iter().map(String::as_str).chain(["everything"]);
        needed.filter(|name| holds(name)).collect()
    }

    /// Whether a request that any of these rights allows is allowed.
    pub fn allow(&self, who: &Who, needed: &[String]) -> bool {
        who.is_master() || !self.held(who, needed).is_empty()
    }

    /// The roles and bindings to be made.
    pub fn objects(&self) -> Vec<Value> {
        self.0.iter().filter(|right| !right.installed).flat_map(Right::objects).collect()
    }
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn named(mut rule: Value, names: &[&str]) -> Value {
    rule["resourceNames"] = json!(names);
    rule
}

const READ: [&str; 3] = ["get", "list", "watch"];

/// Rights inside a namespace: reading, editing, patching without creating, exec in both its parts
/// and in one, tokens of one account, one `ConfigMap`.
fn inside() -> Vec<(&'static str, Value)> {
    let edit = ["create", "update", "patch", "delete", "deletecollection"];
    vec![
        (
            "read",
            json!([
                rule(&READ, "", &["pods", "pods/log", "configmaps"]),
                rule(&READ, "apps", &["deployments", "deployments/scale"]),
                rule(&READ, "coordination.k8s.io", &["leases"])
            ]),
        ),
        (
            "edit",
            json!([
                rule(&edit, "", &["configmaps", "pods/eviction"]),
                rule(&edit, "apps", &["deployments/scale"]),
                rule(&edit, "coordination.k8s.io", &["leases"])
            ]),
        ),
        ("patch", json!([rule(&["patch"], "", &["configmaps"])])),
        ("put", json!([rule(&["update"], "coordination.k8s.io", &["leases"])])),
        ("exec", json!([rule(&["get", "create"], "", &["pods/exec"])])),
        ("exec-get", json!([rule(&["get"], "", &["pods/exec"])])),
        ("tokens", json!([named(rule(&["create"], "", &["serviceaccounts/token"]), &["batch"])])),
        ("settings", json!([named(rule(&READ, "", &["configmaps"]), &["settings"])])),
    ]
}

type Subjects =
    (&'static [&'static str], &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Who holds what.
fn holders(name: &str) -> Subjects {
    match name {
        "read-act-a" => (&["cleo@partner.example"], &["engineering"], &[("act-b", "proxy")]),
        "read-act-b" => (&["ci-runner"], &["platform", "system:serviceaccounts:act-a"], &[]),
        "edit-act-a" => {
            (&["ada@corp.example", "юля@corp.example"], &["deployers"], &[("act-a", "bot")])
        }
        "edit-act-b" => (&["ci-runner"], &["deployers"], &[("act-a", "batch")]),
        "patch-act-a" => (&["bob@corp.example"], &[], &[("act-b", "proxy")]),
        "patch-act-b" | "put-act-b" => (&["dev-shared"], &[], &[("act-b", "bot")]),
        "put-act-a" => (&["bob@corp.example"], &[], &[]),
        "exec-act-a" => (&["dev-shared"], &["platform"], &[]),
        "exec-act-b" => (&["carla"], &[], &[("act-a", "bot")]),
        "exec-get-act-a" => (&["carla"], &[], &[("act-a", "batch")]),
        "exec-get-act-b" => (&["bob@corp.example"], &["engineering"], &[]),
        "tokens-act-a" => (&[], &["platform"], &[("act-a", "bot")]),
        "tokens-act-b" => (&["carla"], &[], &[]),
        "settings-act-a" => (&["carla", "ci-runner"], &["system:serviceaccounts"], &[]),
        "settings-act-b" => (&["bob@corp.example"], &["auditors"], &[]),
        _ => panic!("nobody holds {name}"),
    }
}

/// The table.
pub fn rights() -> Rights {
    let mut all = Vec::new();
    for namespace in ["act-a", "act-b"] {
        for (what, rules) in inside() {
            let name = format!("{what}-{namespace}");
            let (users, groups, accounts) = holders(&name);
            let namespace = Some(namespace);
            all.push(Right { name, namespace, rules, users, groups, accounts, installed: false });
        }
    }
    let mut cluster = |name: &str, rules: Value, users, groups, installed| {
        let (name, namespace, accounts) = (name.to_owned(), None, &[][..]);
        all.push(Right { name, namespace, rules, users, groups, accounts, installed });
    };
    let core = rule(&READ, "", &["nodes", "namespaces", "namespaces/status", "pods"]);
    cluster("look-around", json!([core]), &[], &["auditors"], false);
    let paths = json!([{"verbs": ["get", "head"],
        "nonResourceURLs": ["/metrics", "/healthz/*", "/livez/*"]}]);
    cluster("paths", paths, &["ci-runner", "юля@corp.example"], &["auditors"], false);
    let all_resources = rule(&["*"], "*", &["*"]);
    let all_paths = json!({"verbs": ["*"], "nonResourceURLs": ["*"]});
    cluster("everything", json!([all_resources, all_paths]), &["owner@corp.example"], &[], false);
    let details = "authentication.k8s.io";
    let as_others = json!([
        named(
            rule(&["impersonate"], "", &["users"]),
            &["ada@corp.example", "cleo@partner.example", "ops-lead", "nobody-yet"]
        ),
        named(
            rule(&["impersonate"], "", &["groups"]),
            &[
                "platform",
                "engineering",
                "auditors",
                "system:serviceaccounts",
                "system:authenticated"
            ]
        ),
        named(rule(&["impersonate"], "", &["serviceaccounts"]), &["bot"]),
        named(rule(&["impersonate"], details, &["uids"]), &["u-77"]),
        named(
            rule(&["impersonate"], details, &["userextras/scopes", "userextras/example.org/team"]),
            &["view", "edit", "red"]
        )
    ]);
    cluster("as-others", as_others, &["ops-lead"], &["impersonators"], false);
    let on = ["impersonate-on:user-info:get", "impersonate-on:user-info:list"];
    let limited = json!([
        rule(&on, "*", &["*"]),
        named(
            rule(&["impersonate:user-info"], details, &["users"]),
            &["cleo@partner.example", "ada@corp.example"]
        ),
        named(rule(&["impersonate:user-info"], details, &["groups"]), &["platform", "engineering"]),
    ]);
    cluster("limited-as-others", limited, &["helpdesk"], &["limited"], false);
    // What the API server has by itself.
    let (everybody, known) =
        (&["system:authenticated", "system:unauthenticated"], &["system:authenticated"]);
    cluster("system:public-info-viewer", Value::Null, &[], everybody, true);
    cluster("system:discovery", Value::Null, &[], known, true);
    cluster("system:basic-user", Value::Null, &[], known, true);
    cluster(
        "system:service-account-issuer-discovery",
        Value::Null,
        &[],
        &["system:serviceaccounts"],
        true,
    );
    Rights(all)
}
