//! The layers put together.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{At, DAYS, FileGroups, Layer, MOST_DAYS, Values, parse};
use super::origin::first;
use super::{Color, Error, Origin, Paths, Setting, Settings};
use crate::model::{AuditPolicy, Exemption, Name, Policy};
use crate::yaml::{For, Node, is_read_otherwise};

/// What the command line sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--policy`.
    pub policy: Option<PathBuf>,
    /// `--audit-policy`.
    pub audit_policy: Option<PathBuf>,
    /// `--groups`, each.
    pub groups: Vec<(Name, Vec<Name>)>,
    /// `--require-coverage`, days.
    pub require_coverage: Option<u32>,
    /// `--theme`.
    pub theme: Option<String>,
    /// `--color`.
    pub color: Option<Color>,
    /// `--readonly`.
    pub readonly: bool,
}

const CONFIG: &str = "KEYBOOK_CONFIG";
const POLICY: &str = "KEYBOOK_POLICY";
const IDLE_DAYS: &str = "KEYBOOK_IDLE_DAYS";
const REQUIRE_COVERAGE: &str = "KEYBOOK_REQUIRE_COVERAGE";
const THEME: &str = "KEYBOOK_THEME";
const COLOR: &str = "KEYBOOK_COLOR";
const READONLY: &str = "KEYBOOK_READONLY";
const NO_COLOR: &str = "NO_COLOR";

/// The theme's name, where one is set: by the flag, the variable, the user's configuration.
fn theme(
    flag: Option<String>,
    variable: Option<String>,
    user: Option<(String, Origin)>,
) -> Setting<Option<String>> {
    let variable = variable.map(|theme| (theme, Origin::Variable(THEME)));
    let flag = flag.map(|theme| (theme, Origin::Flag("--theme")));
    first([flag, variable, user].map(|layer| layer.map(|(name, from)| (Some(name), from))), None)
}

/// Where the policy file's lines are, and the configuration's.
type Origins<'a> = (&'a dyn Fn(usize) -> Origin, &'a dyn Fn(usize) -> Origin);

/// What the policy file says, and what the configuration does.
fn layers<T>(
    shared: At<T>,
    user: At<T>,
    (from_shared, from_user): Origins<'_>,
) -> [Option<(T, Origin)>; 2] {
    let shared = shared.map(|(said, line)| (said, from_shared(line)));
    [shared, user.map(|(said, line)| (said, from_user(line)))]
}

/// Puts all layers together. `variable` looks up the environment; an empty variable is an unset
/// one. `paths` says where the user's configuration is unless `KEYBOOK_CONFIG` does.
///
/// # Errors
/// Where a file that is named cannot be read, or a value has the wrong kind. A key that is not
/// known is a warning.
pub fn resolve(
    flags: Flags,
    variable: &dyn Fn(&str) -> Option<String>,
    mut paths: Paths,
) -> Result<Settings, Error> {
    let (variable, usual) = (Variables(variable), Policy::default());
    let named = variable.text(CONFIG).map(PathBuf::from);
    let (user, mut warnings) = users(named, &mut paths)?;
    let user_path = paths.config.clone().unwrap_or_default();
    let from_user = |line: usize| Origin::User { path: user_path.clone(), line };
    let policy_file = first(
        [
            flags.policy.map(|path| (Some(path), Origin::Flag("--policy"))),
            variable.text(POLICY).map(|path| (Some(path.into()), Origin::Variable(POLICY))),
            user.policy_file.clone().map(|(path, line)| (Some(path), from_user(line))),
        ],
        None,
    );
    let mut shared = Values::default();
    if let Some(path) = &policy_file.value {
        let (values, more) = load(path, Layer::Policy)?;
        shared = values;
        warnings.extend(more);
    }
    let shared_path = policy_file.value.clone().unwrap_or_default();
    let from_shared = |line: usize| Origin::Policy { path: shared_path.clone(), line };
    let audit_policy = first(
        [
            flags.audit_policy.map(|path| (Some(path), Origin::Flag("--audit-policy"))),
            shared.audit_policy.clone().map(|(path, line)| (Some(path), from_shared(line))),
            user.audit_policy.clone().map(|(path, line)| (Some(path), from_user(line))),
        ],
        None,
    );
    let audit = audit_policy.value.as_deref().map(audit_policy_of).transpose()?;
    let origins: Origins<'_> = (&from_shared, &from_user);
    let days = |shared, user| layers::<u32>(shared, user, origins);
    let idle_days = first(
        [variable.days(IDLE_DAYS, 1)?].into_iter().chain(days(shared.idle_days, user.idle_days)),
        usual.idle_days,
    );
    let require_coverage = first(
        [
            flags.require_coverage.map(|days| (days, Origin::Flag("--require-coverage"))),
            variable.days(REQUIRE_COVERAGE, 0)?,
        ]
        .into_iter()
        .chain(days(shared.require_coverage, user.require_coverage))
        .map(|layer| layer.map(|(days, origin)| (Some(days), origin))),
        None,
    );
    let count = |shared, user, usual| first(days(shared, user), usual);
    let pod_security = layers(shared.pod_security, user.pod_security, origins);
    let pod_security = first(pod_security, usual.pod_security);
    let exemptions =
        merge_exemptions([(shared.exemptions, &from_shared), (user.exemptions, &from_user)]);
    let groups = merge_groups(
        [(user.groups, &from_user as &dyn Fn(usize) -> Origin), (shared.groups, &from_shared)],
        flags.groups,
    );
    let group_names =
        merge_named([(user.group_names, &from_user), (shared.group_names, &from_shared)]);
    Ok(Settings {
        idle_days,
        denied_requests: count(shared.denied_requests, user.denied_requests, usual.denied_requests),
        denied_days: count(shared.denied_days, user.denied_days, usual.denied_days),
        machine_requests: count(
            shared.machine_requests,
            user.machine_requests,
            usual.machine_requests,
        ),
        machine_days: count(shared.machine_days, user.machine_days, usual.machine_days),
        machine_hours: count(shared.machine_hours, user.machine_hours, usual.machine_hours),
        flood_minute: count(shared.flood_minute, user.flood_minute, usual.flood_minute),
        flood_hour: count(shared.flood_hour, user.flood_hour, usual.flood_hour),
        credential_days: count(shared.credential_days, user.credential_days, usual.credential_days),
        exemptions,
        left: merge_named([(user.left, &from_user), (shared.left, &from_shared)]),
        groups,
        group_names,
        pod_security,
        outside: Arc::default(),
        require_coverage,
        theme: theme(
            flags.theme,
            variable.text(THEME),
            user.theme.map(|(theme, line)| (theme, from_user(line))),
        ),
        color: color(flags.color, &variable, user.color.map(|(it, line)| (it, from_user(line))))?,
        readonly: readonly(
            flags.readonly,
            &variable,
            user.readonly.map(|(it, line)| (it, from_user(line))),
        )?,
        clusters: user.clusters,
        policy_file,
        audit_policy,
        audit,
        paths,
        warnings,
    })
}

fn color(
    flag: Option<Color>,
    variable: &Variables<'_>,
    user: Option<(Color, Origin)>,
) -> Result<Setting<Color>, Error> {
    let layers = [
        flag.map(|color| (color, Origin::Flag("--color"))),
        variable.color()?,
        variable.text(NO_COLOR).map(|_| (Color::Never, Origin::Variable(NO_COLOR))),
        user,
    ];
    Ok(first(layers, Color::Auto))
}

fn readonly(
    flag: bool,
    variable: &Variables<'_>,
    user: Option<(bool, Origin)>,
) -> Result<Setting<bool>, Error> {
    let flag = flag.then_some((true, Origin::Flag("--readonly")));
    Ok(first([flag, variable.flag(READONLY)?, user], false))
}

/// The user's own file, and what is passed over in it: the one that is named, else the usual one.
fn users(
    named: Option<PathBuf>,
    paths: &mut Paths,
) -> Result<(Values, Vec<super::Warning>), Error> {
    let user = match (&named, &paths.config) {
        (Some(path), _) => Some(load(path, Layer::User)?),
        (None, Some(path)) => load_if_there(path, Layer::User)?,
        (None, None) => None,
    };
    if named.is_some() {
        paths.config = named;
    }
    Ok(user.unwrap_or_default())
}

/// Groups of a file, and what to call a line of it.
type FromFile<'a> = (Vec<FileGroups>, &'a dyn Fn(usize) -> Origin);

/// Exemptions of a file, and what to call a line of it.
type ExemptionsOfFile<'a> = (Vec<(Exemption, usize)>, &'a dyn Fn(usize) -> Origin);

/// All of them, sorted.
fn merge_exemptions(files: [ExemptionsOfFile<'_>; 2]) -> Vec<Setting<Exemption>> {
    let mut merged = Vec::new();
    for (exemptions, origin) in files {
        let each = exemptions.into_iter();
        merged.extend(each.map(|(value, line)| Setting { value, origin: origin(line) }));
    }
    merged.sort_by(|a, b| a.value.cmp(&b.value));
    merged
}

/// For each user the strongest layer that names them counts, whole.
fn merge_groups(
    files: [FromFile<'_>; 2],
    flags: Vec<(Name, Vec<Name>)>,
) -> BTreeMap<Name, Setting<Vec<Name>>> {
    let mut merged: BTreeMap<Name, Setting<Vec<Name>>> = BTreeMap::new();
    for (groups, origin) in files {
        for (user, value, line) in groups {
            merged.insert(user, Setting { value, origin: origin(line) });
        }
    }
    let mut given: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for (user, more) in flags {
        given.entry(user).or_default().extend(more);
    }
    for (user, mut value) in given {
        value.sort();
        value.dedup();
        merged.insert(user, Setting { value, origin: Origin::Flag("--groups") });
    }
    merged
}

/// Values by name in a file, and what to call a line of it.
type NamedOfFile<'a, T> = (Vec<(Name, T, usize)>, &'a dyn Fn(usize) -> Origin);

/// For each name the strongest layer that has it counts; the strongest comes last.
fn merge_named<T>(files: [NamedOfFile<'_, T>; 2]) -> BTreeMap<Name, Setting<T>> {
    let mut merged = BTreeMap::new();
    for (named, origin) in files {
        for (name, value, line) in named {
            merged.insert(name, Setting { value, origin: origin(line) });
        }
    }
    merged
}

struct Variables<'v>(&'v dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Days, no fewer than `least`.
    fn days(&self, name: &'static str, least: u32) -> Result<Option<(u32, Origin)>, Error> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.trim().parse().ok().filter(|days| (least..=MOST_DAYS).contains(days)) {
            Some(days) => Ok(Some((days, Origin::Variable(name)))),
            None => Err(Error::Variable {
                name,
                value,
                expected: if least == 0 { "a number of days" } else { DAYS.trim_end_matches(',') },
            }),
        }
    }

    fn color(&self) -> Result<Option<(Color, Origin)>, Error> {
        let Some(value) = self.text(COLOR) else {
            return Ok(None);
        };
        match Color::from_name(&value) {
            Some(color) => Ok(Some((color, Origin::Variable(COLOR)))),
            None => Err(Error::Variable { name: COLOR, value, expected: "auto, always or never" }),
        }
    }

    fn flag(&self, name: &'static str) -> Result<Option<(bool, Origin)>, Error> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Some((true, Origin::Variable(name)))),
            "0" | "false" | "no" | "off" => Ok(Some((false, Origin::Variable(name)))),
            _ => Err(Error::Variable { name, value, expected: "true or false" }),
        }
    }
}

/// Reads an API server's audit policy.
fn audit_policy_of(path: &Path) -> Result<Arc<AuditPolicy>, Error> {
    let bad = |message: String| Error::AuditPolicy { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|cause| Error::Unreadable {
        what: "audit policy",
        path: path.to_owned(),
        cause,
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let policy: AuditPolicy = if is_read_otherwise(text) {
        // Rules may be merged into others; the API server's reader follows that.
        match Node::read(text, For::Objects) {
            Ok((root, false)) => {
                serde_json::from_value(root.json()).map_err(|error| bad(error.to_string()))?
            }
            other => {
                let line = other.err().and_then(|why| why.line);
                let line = line.map_or_else(String::new, |line| format!("line {line}: "));
                return Err(bad(format!(
                    "{line}merges or tags of YAML that the API server's reader refuses, or that are not \
                     followed"
                )));
            }
        }
    } else {
        yaml_serde::from_str(text).map_err(|error| bad(error.to_string()))?
    };
    match policy.fault() {
        Some(fault) => Err(bad(fault)),
        None => Ok(Arc::new(policy)),
    }
}

fn what(layer: Layer) -> &'static str {
    match layer {
        Layer::Policy => "policy file",
        Layer::User => "configuration",
    }
}

type Loaded = (Values, Vec<super::Warning>);

fn load(path: &Path, layer: Layer) -> Result<Loaded, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text, layer),
        Err(cause) => Err(Error::Unreadable { what: what(layer), path: path.to_owned(), cause }),
    }
}

fn load_if_there(path: &Path, layer: Layer) -> Result<Option<Loaded>, Error> {
    match load(path, layer) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(Error::Unreadable { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
