//! Acting as others: what is asked for, and what the server has to make of it.

use keybook::model::{Call, Identity, Impersonation, Implied, Name, Target};

use super::ask::{Ask, target};
use super::people::{Who, account};

/// Whom to act as.
#[derive(Clone, Debug)]
pub struct Pose {
    pub user: &'static str,
    pub groups: &'static [&'static str],
    pub uid: Option<&'static str>,
    /// Keys as sent, values.
    pub extra: &'static [(&'static str, &'static str)],
    /// How it is allowed.
    pub rights: Rights,
}

/// By which rights a pose is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// To holders of the right to `impersonate`.
    Legacy,
    /// To nobody by `impersonate`: the part that it fails at.
    LegacyLacks(&'static str),
    /// Not even understood: the server says 400.
    Malformed,
}

const fn pose(user: &'static str, groups: &'static [&'static str], rights: Rights) -> Pose {
    Pose { user, groups, uid: None, extra: &[], rights }
}

/// All poses.
pub const POSES: [Pose; 16] = [
    pose("ada@corp.example", &[], Rights::Legacy),
    pose("ada@corp.example", &["platform", "engineering"], Rights::Legacy),
    pose("cleo@partner.example", &["engineering"], Rights::Legacy),
    pose("cleo@partner.example", &[], Rights::Legacy),
    pose("nobody-yet", &["auditors", "system:authenticated"], Rights::Legacy),
    pose("ops-lead", &["auditors"], Rights::Legacy),
    pose("system:serviceaccount:act-a:bot", &[], Rights::Legacy),
    pose("system:serviceaccount:act-b:bot", &["engineering"], Rights::Legacy),
    pose("system:serviceaccount:act-a:bot", &["system:serviceaccounts"], Rights::Legacy),
    Pose {
        user: "ada@corp.example",
        groups: &["platform"],
        uid: Some("u-77"),
        extra: &[("Scopes", "view"), ("scopes", "edit"), ("example.org%2Fteam", "red")],
        rights: Rights::Legacy,
    },
    pose("bob@corp.example", &["engineering"], Rights::LegacyLacks("users")),
    pose("system:serviceaccount:act-a:batch", &[], Rights::LegacyLacks("serviceaccounts")),
    pose("ada@corp.example", &["platform", "system:masters"], Rights::LegacyLacks("groups")),
    Pose { uid: Some("u-1"), ..pose("ada@corp.example", &[], Rights::LegacyLacks("uids")) },
    Pose {
        extra: &[("scopes", "admin")],
        ..pose("cleo@partner.example", &["engineering"], Rights::LegacyLacks("userextras"))
    },
    pose("", &["platform"], Rights::Malformed),
];

/// What came of it.
pub enum Outcome {
    /// The request was made as this one, by way of that.
    As(Who, Impersonation),
    /// It was refused, with one of these questions having the answer no.
    Refused(Vec<Call>),
    /// It was not understood.
    Malformed,
}

impl Pose {
    /// The headers that ask for it.
    pub fn headers(&self) -> Vec<(String, String)> {
        let user = (!self.user.is_empty()).then_some(("Impersonate-User".to_owned(), self.user));
        let groups = self.groups.iter().map(|group| ("Impersonate-Group".to_owned(), *group));
        let uid = self.uid.map(|uid| ("Impersonate-Uid".to_owned(), uid));
        let extra =
            self.extra.iter().map(|(key, value)| (format!("Impersonate-Extra-{key}"), *value));
        let all = user.into_iter().chain(groups).chain(uid).chain(extra);
        all.map(|(name, value)| (name, value.to_owned())).collect()
    }

    /// What has to come of it, for one who holds `as-others`, `limited-as-others`, everything, or
    /// nothing.
    pub fn outcome(&self, holds: Holds, ask: &Ask) -> Outcome {
        if self.rights == Rights::Malformed {
            return Outcome::Malformed;
        }
        match holds {
            Holds::Everything => self.as_whom(Some(self.mode())),
            Holds::Legacy if self.rights == Rights::Legacy => self.as_whom(None),
            Holds::Limited if self.limited(ask) => self.as_whom(Some("user-info")),
            _ => Outcome::Refused(self.refusals(holds, ask)),
        }
    }

    /// The mode of constrained impersonation that fits.
    fn mode(&self) -> &'static str {
        if self.is_account() { "serviceaccount" } else { "user-info" }
    }

    /// Whether any mode fits: accounts are taken by their name alone, nobody becomes a master that
    /// way, and keys of extras have to name a domain.
    pub fn is_constrained(&self) -> bool {
        (!self.is_account() || self.groups.is_empty())
            && !self.groups.contains(&"system:masters")
            && self.extra.iter().all(|(key, _)| key.contains("%2F"))
    }

    fn is_account(&self) -> bool {
        self.user.starts_with("system:serviceaccount:")
    }

    /// Whether `limited-as-others` allows it.
    fn limited(&self, ask: &Ask) -> bool {
        matches!(ask.verb, "get" | "list")
            && matches!(ask.target, Target::Resource { .. })
            && ["ada@corp.example", "cleo@partner.example"].contains(&self.user)
            && self.groups.iter().all(|group| ["platform", "engineering"].contains(group))
            && self.uid.is_none()
            && self.extra.is_empty()
    }

    fn as_whom(&self, mode: Option<&str>) -> Outcome {
        let mut groups = self.groups.to_vec();
        let own = self.user.split(':').nth(2).map(|ns| account(ns, ""));
        if let (Some(own), true) = (&own, groups.is_empty()) {
            groups.extend(own.groups.iter().map(String::as_str));
        }
        groups.push("system:authenticated");
        let who = Who::new(self.user, &groups);
        let name = |text: &str| Name::from(text);
        let mut asked: Vec<Name> = self.groups.iter().map(|group| name(group)).collect();
        // The log does not tell a group that was asked for from the same one added.
        asked.retain(|group| &**group != "system:authenticated");
        asked.sort();
        let mut extra: Vec<(Name, Name)> = self
            .extra
            .iter()
            .map(|(key, value)| (name(&key.to_lowercase().replace("%2f", "/")), name(value)))
            .collect();
        extra.sort();
        let constraint = mode.map(|mode| format!("impersonate:{mode}").into());
        Outcome::As(
            who,
            Impersonation { groups: asked, uid: self.uid.map(name), extra, constraint },
        )
    }

    /// The question that `impersonate` fails at and the one that the fitting mode fails at: which
    /// of them the server tells depends on what it tried last.
    fn refusals(&self, holds: Holds, ask: &Ask) -> Vec<Call> {
        let call = |verb: String, target: Target| Call {
            verb: verb.into(),
            target,
            implied: Implied::Nothing,
        };
        let mut all = Vec::new();
        let lacks = match (holds, self.rights) {
            (Holds::Legacy, Rights::LegacyLacks(part)) => part,
            _ if self.is_account() => "serviceaccounts",
            _ => "users",
        };
        all.push(call("impersonate".into(), self.part(lacks, "")));
        if !self.is_account()
            || (self.groups.is_empty() && self.uid.is_none() && self.extra.is_empty())
        {
            let mode = self.mode();
            let on = holds == Holds::Limited
                && mode == "user-info"
                && matches!(ask.verb, "get" | "list")
                && matches!(ask.target, Target::Resource { .. });
            if on {
                let group = "authentication.k8s.io";
                let known = ["ada@corp.example", "cleo@partner.example"].contains(&self.user);
                let fails = match () {
                    () if !known => "users",
                    () if self.uid.is_some() => "uids",
                    () if !self.groups.iter().all(|g| ["platform", "engineering"].contains(g)) => {
                        "groups"
                    }
                    () => "userextras",
                };
                all.push(call(format!("impersonate:{mode}"), self.part(fails, group)));
            } else {
                let verb = format!("impersonate-on:{mode}:{}", ask.verb);
                all.push(call(verb, ask.target.clone()));
            }
        }
        all
    }

    /// What is asked about one part; of groups and extras, the one that is refused.
    fn part(&self, resource: &str, group: &str) -> Target {
        let details = "authentication.k8s.io";
        match resource {
            "uids" => target([details, "uids", "", "", self.uid.unwrap_or_default()]),
            "userextras" => {
                // A key without a domain is refused by itself.
                let (key, value) = if group == details { ("", "") } else { self.extra[0] };
                let key = key.to_lowercase();
                target([details, "userextras", &key, "", value])
            }
            "groups" => target([group, "groups", "", "", "system:masters"]),
            "serviceaccounts" => {
                let identity = Identity::from_user_name(self.user);
                let namespace = identity.namespace.unwrap_or_default();
                target([group, "serviceaccounts", "", &namespace, &identity.name])
            }
            _ => target([group, "users", "", "", self.user]),
        }
    }
}

/// What one who acts as others holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Everything,
    Legacy,
    Limited,
    Nothing,
}
