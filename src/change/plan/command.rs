//! The command that plans a wish, with every choice as a flag.

use super::{Choices, Intent, NotInLogs, Splitting};
use crate::model::{read_as_is, shell_word};

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

impl Intent {
    /// The command that plans it, as a shell takes it. Of a user's split of which nobody said whom
    /// anybody becomes, the namespace of the new accounts is left to be put in.
    pub fn command(&self) -> String {
        let (verb, flags) = match self {
            Self::Narrow { choices, .. } | Self::NarrowRole { choices, .. } => {
                ("narrow", narrowing(choices, &Choices::default()))
            }
            Self::Split { identity, how } => {
                let mut flags = splitting(how);
                let said = how.into.is_some() || !how.to.is_empty() || !how.certificates.is_empty();
                if !said && identity.namespace.is_none() {
                    flags.push("--into NAMESPACE".to_owned());
                }
                ("split", flags)
            }
            _ => ("revoke", Vec::new()),
        };
        let mut words = vec![format!("keybook {verb} {}", self.shell_word())];
        words.extend(flags);
        words.join(" ")
    }
}

/// The one command that plans these: of several, which are all to be revoked, as one.
pub fn command_of(wishes: &[Intent]) -> String {
    match wishes {
        [one] => one.command(),
        all => {
            let words: Vec<String> = all.iter().map(Intent::shell_word).collect();
            format!("keybook revoke {}", words.join(" "))
        }
    }
}

/// `revoke user:jane`; of several, which are all to be revoked, `revoke rb:a/x=user:jane, rb:b/y=user:jane`.
pub fn words_of(wishes: &[Intent]) -> String {
    match wishes {
        [one] => one.words(),
        all => {
            let words: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("revoke {}", words.join(", "))
        }
    }
}

/// What is chosen otherwise than by default.
fn narrowing(choices: &Choices, default: &Choices) -> Vec<String> {
    let mut flags = Vec::new();
    if !choices.families {
        flags.push("--single-verbs".to_owned());
    }
    for (flag, chosen, default) in [
        ("names", choices.names, default.names),
        ("namespaces", choices.namespaces, default.namespaces),
        ("younger-than", choices.younger_than, default.younger_than),
    ] {
        if chosen != default {
            flags.push(format!("--{flag} {chosen}"));
        }
    }
    if choices.not_in_logs != default.not_in_logs {
        flags.push(format!("--not-in-logs {}", choices.not_in_logs.as_str()));
    }
    flags
}

/// As a command has no word for when a grant is too young, or for what no log shows, these are left.
fn splitting(how: &Splitting) -> Vec<String> {
    let default = Splitting::default();
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: String| {
        flags.push(format!("--{name} {}", shell_word(read_as_is(&value).into_owned())));
    };
    for named in &how.actors {
        flag("actor", format!("{}={}", named.name, named.is));
    }
    for (name, to) in &how.to {
        flag("to", format!("{name}={to}"));
    }
    for name in &how.certificates {
        flag("certificate", name.to_string());
    }
    if let Some(into) = &how.into {
        flag("into", into.to_string());
    }
    for name in &how.machines {
        flag("machine", name.to_string());
    }
    if let Some(name) = &how.unattributed {
        flag("unattributed", name.to_string());
    }
    if let Some(days) = how.retire_after {
        flag("retire-after", days.to_string());
    }
    if how.token_seconds != default.token_seconds {
        flag("token-days", (how.token_seconds / DAY).to_string());
    }
    if how.retire_unattributed {
        flags.push("--retire-unattributed".to_owned());
    }
    flags.extend(narrowing(&how.choices, &default.choices));
    flags
}

impl NotInLogs {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::KeepAll, Self::Drop];

    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::KeepAll => "keep-all",
            Self::Drop => "drop",
        }
    }
}
