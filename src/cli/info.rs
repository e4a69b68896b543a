//! `info`: versions, paths, and every setting with where it came from.

use std::path::Path;

use serde::Serialize;

use super::answer;
use super::args::{Global, Output};
use super::exit::{Code, Failure};
use super::sources::settings;
use crate::cluster::kube::contexts;
use crate::config::{Setting, Settings};
use crate::model::Exemption;
use crate::model::printable;
use crate::rbac::bootstrap::policies;
use crate::rbac::query::BUILTIN_VERSION;
use crate::report::{self, Cell, Column, Table};

/// A setting as it stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    value: String,
    origin: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    /// The Kubernetes version whose resources are built in.
    kubernetes: &'static str,
    /// The Kubernetes versions of which it is known what the API server installs by itself.
    bootstrap_policies: Vec<&'static str>,
    platform: String,
    settings: Vec<Row>,
    paths: Vec<Row>,
    contexts: Vec<Context>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    name: String,
    cluster: String,
    user: String,
    current: bool,
}

pub(super) fn run(global: &Global) -> Result<Code, Failure> {
    let settings = settings(global)?;
    let (contexts, trouble) = match contexts(global.cluster.kubeconfig.as_deref()) {
        Ok(contexts) => (contexts, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let contexts = contexts
        .into_iter()
        .map(|context| Context {
            name: context.name,
            cluster: context.cluster,
            user: context.user,
            current: context.current,
        })
        .collect();
    let info = Info {
        api_version: report::API_VERSION,
        kind: "Info",
        version: env!("CARGO_PKG_VERSION"),
        kubernetes: BUILTIN_VERSION,
        bootstrap_policies: policies().map(|policy| &*policy.version).collect(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        settings: rows(&settings),
        paths: paths(global, &settings),
        contexts,
    };
    let value = serde_json::to_value(&info)
        .map_err(|error| Failure::unreachable(format!("writing the answer: {error}")))?;
    let text = match global.look.output {
        Some(Output::Json) => report::to_pretty(&value)
            .map_err(|error| Failure::unreachable(format!("writing the answer: {error}")))?,
        Some(Output::Yaml) => report::yaml_document(&value),
        None | Some(Output::Table | Output::Wide) => text(&info),
        Some(Output::Name | Output::Csv) => {
            return Err(Failure::usage("info is written as table, json or yaml"));
        }
    };
    answer::out(text.as_bytes())?;
    for warning in &settings.warnings {
        answer::say(&format!("warning: {warning}"));
    }
    if let Some(trouble) = trouble {
        answer::say(&format!("contexts: {trouble}"));
    }
    Ok(Code::Done)
}

fn row<T>(name: &str, of: &Setting<T>, value: impl FnOnce(&T) -> String) -> Row {
    Row { name: name.to_owned(), value: value(&of.value), origin: of.origin.to_string() }
}

fn optional<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn rows(of: &Settings) -> Vec<Row> {
    let mut rows = vec![
        row("idle_days", &of.idle_days, ToString::to_string),
        row("denied_requests", &of.denied_requests, ToString::to_string),
        row("denied_days", &of.denied_days, ToString::to_string),
        row("flood_minute", &of.flood_minute, ToString::to_string),
        row("flood_hour", &of.flood_hour, ToString::to_string),
        row("machine_requests", &of.machine_requests, ToString::to_string),
        row("machine_days", &of.machine_days, ToString::to_string),
        row("machine_hours", &of.machine_hours, ToString::to_string),
        row("credential_days", &of.credential_days, ToString::to_string),
        row("require_coverage", &of.require_coverage, |days| optional(days.as_ref())),
        row("policy", &of.policy_file, |path| {
            path.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string())
        }),
        row("audit_policy", &of.audit_policy, |path| {
            path.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string())
        }),
        row("pod_security", &of.pod_security, |said| {
            let exempt = match said.exempt.as_slice() {
                [] => String::new(),
                all => format!(", but not of {}", all.join(", ")),
            };
            match said.default {
                None if said.exempt.is_empty() => "not said".to_owned(),
                None => format!("no default{exempt}"),
                Some(level) => format!("{} by default{exempt}", level.as_str()),
            }
        }),
        row("theme", &of.theme, |theme| {
            theme.clone().unwrap_or_else(|| "the terminal's colours".to_owned())
        }),
        row("color", &of.color, |color| color.as_str().to_owned()),
        row("readonly", &of.readonly, ToString::to_string),
    ];
    rows.extend(of.exemptions.iter().map(|one| {
        let Exemption { rule, identity, owner, expires, .. } = &one.value;
        row("exemption", one, |_| format!("{rule} of {identity} until {expires}, {owner}"))
    }));
    rows.extend(
        of.left
            .iter()
            .map(|(who, day)| row(&format!("last day of {who}"), day, ToString::to_string)),
    );
    rows.extend(of.groups.iter().map(|(user, groups)| {
        row(&format!("groups of {user}"), groups, |groups| {
            if groups.is_empty() { "none".to_owned() } else { groups.join(", ") }
        })
    }));
    rows.extend(
        of.group_names
            .iter()
            .map(|(id, name)| row(&format!("name of group {id}"), name, ToString::to_string)),
    );
    rows
}

fn paths(global: &Global, of: &Settings) -> Vec<Row> {
    let path = |name: &str, path: Option<&Path>| {
        let value = path.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
        let origin = match path {
            Some(path) if path.exists() => "there",
            Some(_) => "not there",
            None => "this system has none",
        };
        Row { name: name.to_owned(), value, origin: origin.to_owned() }
    };
    let program = std::env::current_exe().ok();
    vec![
        path("program", program.as_deref()),
        path("configuration", of.paths.config.as_deref()),
        path("cache", of.paths.cache.as_deref()),
        path("store", of.paths.data.as_deref()),
        path("state", of.paths.state.as_deref()),
        kubeconfig(global),
    ]
}

/// Where kubeconfig files are looked for.
fn kubeconfig(global: &Global) -> Row {
    let variable = std::env::var("KUBECONFIG").ok().filter(|text| !text.is_empty());
    let (value, origin) = match (&global.cluster.kubeconfig, variable) {
        (Some(path), _) => (path.display().to_string(), "--kubeconfig"),
        (None, Some(list)) => (list, "KUBECONFIG"),
        (None, None) => ("~/.kube/config".to_owned(), "default"),
    };
    Row { name: "kubeconfig".to_owned(), value, origin: origin.to_owned() }
}

fn text(of: &Info) -> String {
    let mut text = format!(
        "keybook {} ({}), knows Kubernetes {}\nknows what an API server installs by itself in {}\n\n",
        of.version,
        of.platform,
        of.kubernetes,
        of.bootstrap_policies.join(", "),
    );
    for (title, origin, rows) in [("SETTING", "FROM", &of.settings), ("PATH", "STATE", &of.paths)] {
        let mut table = Table::new(vec![
            Column::new(title, "name"),
            Column::new("VALUE", "value"),
            Column::new(origin, "origin"),
        ]);
        for row in rows {
            table.push(vec![
                Cell::new(row.name.clone()),
                Cell::new(row.value.clone()),
                Cell::new(row.origin.clone()),
            ]);
        }
        text.push_str(&table.text(true, true));
        text.push('\n');
    }
    if of.contexts.is_empty() {
        text.push_str("no contexts\n");
    }
    for context in &of.contexts {
        let mark = if context.current { "*" } else { " " };
        let line =
            format!("{mark} {} (cluster {}, user {})", context.name, context.cluster, context.user);
        text.push_str(&printable(&line));
        text.push('\n');
    }
    text
}
