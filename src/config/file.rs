//! One file of settings, TOML, with the line of everything in it.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Color, Error, Warning};
use crate::model::{Exemption, Name, PodSecurity, PodSecurityLevel};

/// What the configuration says of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// Its short name.
    pub name: Option<String>,
    /// Namespaces to look into where they may not be listed.
    pub namespaces: Vec<Name>,
    /// What its API server's own configuration says of Pod Security, in the place of what is said for
    /// all clusters.
    pub pod_security: Option<PodSecurity>,
}

/// Which file is read: the policy file knows less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Policy,
    User,
}

/// A value with the line on which its key stands.
pub(super) type At<T> = Option<(T, usize)>;

/// A user with groups and the line.
pub(super) type FileGroups = (Name, Vec<Name>, usize);

/// What a file sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) idle_days: At<u32>,
    pub(super) require_coverage: At<u32>,
    pub(super) denied_requests: At<u32>,
    pub(super) denied_days: At<u32>,
    pub(super) flood_minute: At<u32>,
    pub(super) flood_hour: At<u32>,
    pub(super) machine_requests: At<u32>,
    pub(super) machine_days: At<u32>,
    pub(super) machine_hours: At<u32>,
    pub(super) credential_days: At<u32>,
    pub(super) groups: Vec<FileGroups>,
    pub(super) group_names: Vec<(Name, Name, usize)>,
    pub(super) exemptions: Vec<(Exemption, usize)>,
    pub(super) left: Vec<(Name, NaiveDate, usize)>,
    pub(super) pod_security: At<PodSecurity>,
    pub(super) policy_file: At<PathBuf>,
    pub(super) audit_policy: At<PathBuf>,
    pub(super) theme: At<String>,
    pub(super) color: At<Color>,
    pub(super) readonly: At<bool>,
    pub(super) clusters: BTreeMap<String, ClusterSettings>,
}

/// Keys of each file, for the warning about another.
const POLICY_KEYS: &str = "idle_days, require_coverage, denied_requests, denied_days, flood_minute, \
     flood_hour, machine_requests, machine_days, machine_hours, credential_days, groups, group_names, \
     exemptions, left, pod_security, audit_policy";
const USER_KEYS: &str = "idle_days, require_coverage, denied_requests, denied_days, flood_minute, \
     flood_hour, machine_requests, machine_days, machine_hours, credential_days, groups, group_names, \
     exemptions, left, pod_security, audit_policy, policy, theme, color, readonly, clusters";
const CLUSTER_KEYS: &str = "name, namespaces, pod_security";
const POD_SECURITY_KEYS: &str = "default, exempt";
const EXEMPTION_KEYS: &str = "rule, identity, owner, reason, expires";

/// A hundred years: more is a slip.
pub(super) const MOST_DAYS: u32 = 36_500;

/// What a threshold of days may be: with none of them everything would be over it.
pub(super) const DAYS: &str = "a number of days, from 1 to 36500,";

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    warnings: Vec<Warning>,
}

/// Reads a file's text.
pub(super) fn parse(
    path: &Path,
    text: &str,
    layer: Layer,
) -> Result<(Values, Vec<Warning>), Error> {
    let mut file = File { path, text, warnings: Vec::new() };
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| file.line(&span));
        file.error(line, error.message().to_owned())
    })?;
    let mut values = Values::default();
    for (key, value) in table.get_ref() {
        let line = file.line(&key.span());
        match (key.get_ref().as_ref(), layer) {
            ("idle_days", _) => values.idle_days = Some((file.days(key, value)?, line)),
            ("require_coverage", _) => {
                // None required is a wish as well.
                let days = file.number(key, value, 0..=MOST_DAYS, "a number of days")?;
                values.require_coverage = Some((days, line));
            }
            ("denied_requests", _) => {
                values.denied_requests = Some((file.requests(key, value)?, line));
            }
            ("flood_minute", _) => values.flood_minute = Some((file.requests(key, value)?, line)),
            ("flood_hour", _) => values.flood_hour = Some((file.requests(key, value)?, line)),
            ("denied_days", _) => values.denied_days = Some((file.days(key, value)?, line)),
            ("machine_requests", _) => {
                values.machine_requests = Some((file.requests(key, value)?, line));
            }
            ("machine_days", _) => values.machine_days = Some((file.days(key, value)?, line)),
            ("machine_hours", _) => {
                let hours = file.number(key, value, 1..=24, "a number of hours, from 1 to 24,")?;
                values.machine_hours = Some((hours, line));
            }
            ("credential_days", _) => {
                values.credential_days = Some((file.days(key, value)?, line));
            }
            ("groups", _) => values.groups = file.groups(value)?,
            ("group_names", _) => values.group_names = file.group_names(value)?,
            ("exemptions", _) => values.exemptions = file.exemptions(value)?,
            ("left", _) => values.left = file.left(value)?,
            ("pod_security", _) => values.pod_security = Some((file.pod_security(value)?, line)),
            ("policy", Layer::User) => {
                values.policy_file = Some((file.path(key, value)?, line));
            }
            ("audit_policy", _) => values.audit_policy = Some((file.path(key, value)?, line)),
            ("theme", Layer::User) => values.theme = Some((file.text(key, value)?, line)),
            ("color", Layer::User) => {
                let text = file.text(key, value)?;
                let color = Color::from_name(&text).ok_or_else(|| {
                    file.error(
                        line,
                        format!("color = {text:?}: auto, always or never belongs there"),
                    )
                })?;
                values.color = Some((color, line));
            }
            ("readonly", Layer::User) => {
                let flag = value.get_ref().as_bool();
                let flag = flag.ok_or_else(|| file.wrong(key, value, "true or false"))?;
                values.readonly = Some((flag, line));
            }
            ("clusters", Layer::User) => values.clusters = file.clusters(value)?,
            (other, Layer::Policy) => file.unknown(other, line, POLICY_KEYS),
            (other, Layer::User) => file.unknown(other, line, USER_KEYS),
        }
    }
    file.warnings.sort_by_key(|warning| warning.line);
    Ok((values, file.warnings))
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

impl File<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    fn error(&self, line: usize, message: String) -> Error {
        Error::File { path: self.path.to_owned(), line, message }
    }

    fn wrong(&self, key: &Key<'_>, value: &Value<'_>, expected: &str) -> Error {
        let found = value.get_ref().type_str();
        let line = self.line(&value.span());
        self.error(line, format!("{}: {expected} belongs there, not a {found}", key.get_ref()))
    }

    fn unknown(&mut self, key: &str, line: usize, known: &str) {
        self.warnings.push(Warning {
            path: self.path.to_owned(),
            line,
            message: format!("{key:?} is not known and is passed over (known: {known})"),
        });
    }

    /// A path in a file is meant from where the file is.
    fn path(&self, key: &Key<'_>, value: &Value<'_>) -> Result<PathBuf, Error> {
        let from = self.path.parent().unwrap_or(Path::new(""));
        Ok(from.join(self.text(key, value)?))
    }

    fn days(&self, key: &Key<'_>, value: &Value<'_>) -> Result<u32, Error> {
        self.number(key, value, 1..=MOST_DAYS, DAYS)
    }

    fn requests(&self, key: &Key<'_>, value: &Value<'_>) -> Result<u32, Error> {
        self.number(key, value, 1..=u32::MAX, "a number of requests, 1 or more,")
    }

    fn number(
        &self,
        key: &Key<'_>,
        value: &Value<'_>,
        range: RangeInclusive<u32>,
        expected: &str,
    ) -> Result<u32, Error> {
        let number = value.get_ref().as_integer().filter(|number| number.radix() == 10);
        let Some(number) = number else { return Err(self.wrong(key, value, expected)) };
        number.as_str().parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let (line, key, number) = (self.line(&value.span()), key.get_ref(), number.as_str());
            self.error(line, format!("{key} = {number}: {expected} belongs there"))
        })
    }

    fn text(&self, key: &Key<'_>, value: &Value<'_>) -> Result<String, Error> {
        let text = value.get_ref().as_str();
        text.map(str::to_owned).ok_or_else(|| self.wrong(key, value, "a text"))
    }

    fn names(&self, key: &Key<'_>, value: &Value<'_>) -> Result<Vec<Name>, Error> {
        let list = value.get_ref().as_array();
        let list = list.ok_or_else(|| self.wrong(key, value, "a list of names"))?;
        let mut names: Vec<Name> = Vec::new();
        for one in list {
            let name = one.get_ref().as_str().filter(|name| !name.is_empty());
            names.push(name.ok_or_else(|| self.wrong(key, one, "a name"))?.into());
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn groups(&self, value: &Value<'_>) -> Result<Vec<FileGroups>, Error> {
        let table = value.get_ref().as_table().ok_or_else(|| {
            let line = self.line(&value.span());
            self.error(line, "groups: a table of users with their groups belongs there".to_owned())
        })?;
        let mut groups = Vec::new();
        for (user, list) in table {
            let line = self.line(&user.span());
            groups.push((user.get_ref().as_ref().into(), self.names(user, list)?, line));
        }
        Ok(groups)
    }

    /// `[group_names]`: what to call groups whose names are ids.
    fn group_names(&self, value: &Value<'_>) -> Result<Vec<(Name, Name, usize)>, Error> {
        let table = value.get_ref().as_table().ok_or_else(|| {
            let line = self.line(&value.span());
            self.error(
                line,
                "group_names: a table of group ids with their names belongs there".to_owned(),
            )
        })?;
        let mut names = Vec::new();
        for (id, name) in table {
            let text = self.text(id, name)?;
            if text.trim().is_empty() {
                return Err(self.wrong_text(id, name));
            }
            names.push((id.get_ref().as_ref().into(), text.into(), self.line(&id.span())));
        }
        Ok(names)
    }

    /// `[[exemptions]]`: each says all of what it is about, who answers for it, why, and until when.
    fn exemptions(&mut self, value: &Value<'_>) -> Result<Vec<(Exemption, usize)>, Error> {
        let wrong = |file: &Self, value: &Value<'_>| {
            let line = file.line(&value.span());
            file.error(line, "exemptions: tables [[exemptions]] belong there".to_owned())
        };
        let mut found = Vec::new();
        for one in value.get_ref().as_array().ok_or_else(|| wrong(self, value))? {
            let table = one.get_ref().as_table().ok_or_else(|| wrong(self, one))?;
            let mut texts: BTreeMap<&str, String> = BTreeMap::new();
            let mut expires = None;
            let mut line = self.line(&one.span());
            for (key, value) in table {
                line = line.min(self.line(&key.span()));
                match key.get_ref().as_ref() {
                    name @ ("rule" | "identity" | "owner" | "reason") => {
                        let text = self.text(key, value)?;
                        if text.trim().is_empty() {
                            return Err(self.wrong_text(key, value));
                        }
                        texts.insert(name, text);
                    }
                    "expires" => expires = Some(self.date(key, value)?),
                    other => self.unknown(other, self.line(&key.span()), EXEMPTION_KEYS),
                }
            }
            let mut take = |name: &str| {
                let text = texts.remove(name).map(Name::from);
                text.ok_or_else(|| self.error(line, format!("this exemption has no {name}")))
            };
            let exemption = Exemption {
                rule: take("rule")?,
                identity: take("identity")?,
                owner: take("owner")?,
                reason: take("reason")?,
                expires: expires
                    .ok_or_else(|| self.error(line, "this exemption has no expires".to_owned()))?,
            };
            found.push((exemption, line));
        }
        Ok(found)
    }

    /// `[left]`: of each who left the last day.
    fn left(&self, value: &Value<'_>) -> Result<Vec<(Name, NaiveDate, usize)>, Error> {
        let table = value.get_ref().as_table().ok_or_else(|| {
            let line = self.line(&value.span());
            self.error(line, "left: a table of who left, with the last day".to_owned())
        })?;
        let mut left = Vec::new();
        for (who, day) in table {
            let line = self.line(&who.span());
            let name = who.get_ref().as_ref();
            if !name.starts_with("user:") && !name.starts_with("sa:") {
                let expected = format!("{name:?}: user:NAME or sa:NAMESPACE/NAME belongs there");
                return Err(self.error(line, expected));
            }
            // It would fit nobody, and nobody would see why.
            let mut parts = match (name.strip_prefix("user:"), name.strip_prefix("sa:")) {
                (_, Some(account)) => account.split('/').collect(),
                (user, None) => Vec::from_iter(user),
            }
            .into_iter();
            if parts.any(|part| part.is_empty() || part.trim() != part) {
                let expected = format!(
                    "{name:?}: a blank stands at an end of it, or a part of it is empty: user:NAME or \
                     sa:NAMESPACE/NAME belongs there"
                );
                return Err(self.error(line, expected));
            }
            left.push((name.into(), self.date(who, day)?, line));
        }
        Ok(left)
    }

    fn wrong_text(&self, key: &Key<'_>, value: &Value<'_>) -> Error {
        let line = self.line(&value.span());
        self.error(line, format!("{}: a text that is not empty belongs there", key.get_ref()))
    }

    /// A day, as TOML writes one or as a text.
    fn date(&self, key: &Key<'_>, value: &Value<'_>) -> Result<NaiveDate, Error> {
        let text = match value.get_ref() {
            DeValue::Datetime(day) if day.time.is_none() => Some(day.to_string()),
            other => other.as_str().map(str::to_owned),
        };
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| self.wrong(key, value, "a day such as 2027-01-31"))
    }

    /// `[pod_security]`: what an API server's own configuration says, which it does not tell.
    fn pod_security(&mut self, value: &Value<'_>) -> Result<PodSecurity, Error> {
        let table = value.get_ref().as_table().ok_or_else(|| {
            let line = self.line(&value.span());
            self.error(
                line,
                "pod_security: a table with default and exempt belongs there".to_owned(),
            )
        })?;
        let mut said = PodSecurity::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "default" => {
                    let text = self.text(key, value)?;
                    let level = PodSecurityLevel::from_name(&text).ok_or_else(|| {
                        self.error(
                            self.line(&value.span()),
                            format!(
                                "default = {text:?}: privileged, baseline or restricted belongs there"
                            ),
                        )
                    })?;
                    said.default = Some(level);
                }
                "exempt" => said.exempt = self.names(key, value)?,
                other => self.unknown(other, self.line(&key.span()), POD_SECURITY_KEYS),
            }
        }
        Ok(said)
    }

    fn clusters(&mut self, value: &Value<'_>) -> Result<BTreeMap<String, ClusterSettings>, Error> {
        let wrong = |file: &Self, value: &Value<'_>| {
            let line = file.line(&value.span());
            file.error(line, "clusters: a table for each context belongs there".to_owned())
        };
        let mut clusters = BTreeMap::new();
        for (context, value) in value.get_ref().as_table().ok_or_else(|| wrong(self, value))? {
            let mut settings = ClusterSettings::default();
            for (key, value) in value.get_ref().as_table().ok_or_else(|| wrong(self, value))? {
                match key.get_ref().as_ref() {
                    "name" => settings.name = Some(self.text(key, value)?),
                    "namespaces" => settings.namespaces = self.names(key, value)?,
                    "pod_security" => settings.pod_security = Some(self.pod_security(value)?),
                    other => self.unknown(other, self.line(&key.span()), CLUSTER_KEYS),
                }
            }
            clusters.insert(context.get_ref().to_string(), settings);
        }
        Ok(clusters)
    }
}
