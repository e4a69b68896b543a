//! `vlogs://HOST[:PORT][/PATH]?query=…`: which VictoriaLogs, and what of it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, Utc};

/// Where a header for the engine may stand instead of user and password in the address: the whole
/// value of `Authorization`.
pub const AUTHORIZATION: &str = "KEYBOOK_VLOGS_AUTHORIZATION";

/// What is asked, of whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `http://HOST:PORT/PATH`, without a slash at the end.
    pub base: String,
    /// As a person may see it: without what is secret.
    pub shown: String,
    /// The value of `Authorization`; never shown.
    pub authorization: Option<String>,
    /// The CA's certificates, PEM; None: the system's.
    pub ca: Option<PathBuf>,
    /// LogsQL that selects the log.
    pub query: String,
    /// Requests from here on, UTC.
    pub since: Option<DateTime<Utc>>,
    /// Requests before this, UTC.
    pub until: Option<DateTime<Utc>>,
    /// How many lines are asked for at once, about.
    pub part: u64,
    /// `AccountID` and `ProjectID`.
    pub tenant: [Option<String>; 2],
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// The engine holds every request of a part in memory.
const PART: u64 = 100_000;

const SCHEMES: [(&str, &str, &str); 2] =
    [("vlogs://", "http://", ":9428"), ("vlogs+https://", "https://", "")];

/// Whether a person names an engine.
pub fn is_target(text: &str) -> bool {
    SCHEMES.iter().any(|(scheme, ..)| text.starts_with(scheme))
}

/// An address without what may be secret, also where it is none.
pub fn shown(text: &str) -> &str {
    let behind = text.rsplit_once('@').map_or(text, |(_, behind)| behind);
    let behind = behind.rsplit_once("://").map_or(behind, |(_, behind)| behind);
    behind.split_once('?').map_or(behind, |(place, _)| place)
}

impl Target {
    /// From what a person names; `variable` is the environment's.
    pub fn parse(
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        let scheme = SCHEMES
            .iter()
            .find_map(|(own, http, port)| Some((text.strip_prefix(own)?, *own, *http, *port)));
        let (rest, own, http, port) = scheme.ok_or("it begins with vlogs:// or vlogs+https://")?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("it names no host");
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let port = if has_port { "" } else { port };
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        let mut target = Self {
            base: format!("{http}{host}{port}{slash}{path}"),
            shown: format!("{own}{host}{slash}{path}"),
            authorization: user.map(authorization).or_else(|| variable(AUTHORIZATION)),
            ca: None,
            query: "*".to_owned(),
            since: None,
            until: None,
            part: PART,
            tenant: [None, None],
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            target.set(&key, &value)?;
        }
        Ok(target)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let when = || time(value).ok_or("since and until are UTC times: 2026-05-04T09:00:00Z");
        match key {
            "query" if value.trim().is_empty() => return Err("its query is empty"),
            "query" => {
                value.trim().clone_into(&mut self.query);
                self.shown = format!("{}?query={}", self.shown, self.query);
            }
            "since" => self.since = Some(when()?),
            "until" => self.until = Some(when()?),
            "part" => match value.parse() {
                Ok(lines @ 1..) => self.part = lines,
                _ => return Err("part is a number of lines"),
            },
            "ca" => self.ca = Some(value.into()),
            "account" => self.tenant[0] = Some(number(value)?),
            "project" => self.tenant[1] = Some(number(value)?),
            _ => {
                return Err(
                    "behind ? may stand query, since, until, part, ca, account and project",
                );
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<String, &'static str> {
    match text.parse::<u32>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => Err("account and project are numbers"),
    }
}

/// `USER:PASSWORD`, or a token.
fn authorization(user: &str) -> String {
    // A plus is itself in this part of an address.
    let plain = user.replace('+', "%2B");
    let decoded: String =
        form_urlencoded::parse(plain.as_bytes()).map(|(key, _)| key.into_owned()).collect();
    if decoded.contains(':') {
        format!("Basic {}", STANDARD.encode(decoded))
    } else {
        format!("Bearer {decoded}")
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    let day: NaiveDate = text.parse().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, &'static str> {
        Target::parse(text, &|_| None)
    }

    #[test]
    fn an_address_is_taken_apart() {
        let plain = parse("vlogs://logs.example.org").unwrap();
        assert_eq!(plain.base, "http://logs.example.org:9428");
        assert_eq!((plain.query.as_str(), plain.authorization), ("*", None));
        let whole = parse(
            "vlogs+https://ops:p%40ss+w@logs.example.org:8443/a/b/?query=%7Bapp%3D%22x%22%7D&\
             since=2026-05-04&until=2026-05-05T00:00:00Z&ca=/ca.pem&account=7&project=1",
        )
        .unwrap();
        assert_eq!(whole.base, "https://logs.example.org:8443/a/b");
        assert_eq!(whole.shown, "vlogs+https://logs.example.org:8443/a/b?query={app=\"x\"}");
        // printf 'ops:p@ss+w' | base64
        assert_eq!(whole.authorization.as_deref(), Some("Basic b3BzOnBAc3Mrdw=="));
        assert_eq!(whole.tenant, [Some("7".to_owned()), Some("1".to_owned())]);
        assert_eq!(whole.until.unwrap() - whole.since.unwrap(), chrono::TimeDelta::days(1));
        let token = parse("vlogs://abc.def@127.0.0.1:1").unwrap();
        assert_eq!(token.authorization.as_deref(), Some("Bearer abc.def"));
        assert_eq!(parse("vlogs://[::1]").unwrap().base, "http://[::1]:9428");
        assert_eq!(parse("vlogs://[::1]:1/x").unwrap().base, "http://[::1]:1/x");
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        for text in ["vlogs://ops:hunter2@host/x?query=*", "vlogs://hunter2@host"] {
            let target = parse(text).unwrap();
            assert!(!format!("{target:?}{}{}", target.shown, target.base).contains("hunter2"));
        }
        let variable = |name: &str| (name == AUTHORIZATION).then(|| "Bearer hunter2".to_owned());
        let target = Target::parse("vlogs://host", &variable).unwrap();
        assert_eq!(target.authorization.as_deref(), Some("Bearer hunter2"));
    }

    #[test]
    fn what_is_no_address_is_said() {
        for text in [
            "vlogs://",
            "vlogs://?query=*",
            "vlogs://h?query=",
            "vlogs://h?since=soon",
            "vlogs://h?account=x",
            "vlogs://h?other=1",
            "http://h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
