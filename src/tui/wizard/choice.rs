//! The choices that narrowing and splitting have in common, and their values.

use crate::change::plan::{Choices, NotInLogs};
use crate::tui::tabs::turned;
use crate::tui::text::plural;

/// A choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Whose, of an identity and a role.
    What,
    /// Whether get, list and watch stay together.
    Reads,
    /// Up to how many names are named.
    Names,
    /// Up to how many namespaces something is held in.
    Namespaces,
    /// Which grants are too young.
    Younger,
    /// What becomes of what no log shows.
    NotInLogs,
    /// One who is seen behind the account, by the place in the list.
    Actor(usize),
    /// Where new accounts are made.
    Into,
    /// Who gets what is of nobody.
    Unattributed,
    /// When the account is retired.
    Retire,
    /// How long tokens are asked for.
    TokenDays,
    /// Where kubeconfigs are written to.
    Folder,
}

impl Field {
    /// What stands before its value.
    pub fn label(self) -> &'static str {
        match self {
            Self::What => "of",
            Self::Reads => "get, list, watch",
            Self::Names => "single names",
            Self::Namespaces => "namespaces",
            Self::Younger => "too young",
            Self::NotInLogs => "not in any log",
            Self::Actor(_) => "",
            Self::Into => "new accounts in",
            Self::Unattributed => "what is nobody's",
            Self::Retire => "retire it",
            Self::TokenDays => "tokens for",
            Self::Folder => "kubeconfigs in",
        }
    }

    /// What is asked for where it is typed.
    pub fn question(self) -> &'static str {
        match self {
            Self::Names => "name up to so many objects of a kind, 0 for every name:",
            Self::Namespaces => "hold in single namespaces up to so many, 0 for the whole cluster:",
            Self::Younger => "leave grants whole that are younger than so many days:",
            Self::Actor(_) => "called, in small letters, digits and dashes:",
            Self::Into => "namespace of the new accounts:",
            Self::Unattributed => "who gets what is nobody's, nobody, or cut off once retired:",
            Self::Retire => "retire it after so many days, 0 for not now:",
            Self::TokenDays => "ask for tokens for so many days:",
            Self::Folder => "folder for the kubeconfigs:",
            Self::What | Self::Reads | Self::NotInLogs => "",
        }
    }
}

/// Numbers that are chosen by going from one to the next; any other can be typed.
const COUNTS: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50];

/// Days, likewise.
pub(super) const DAYS: [u32; 11] = [0, 1, 3, 7, 14, 21, 30, 60, 90, 180, 365];

/// The next of some numbers, or the one before; the same at the ends.
pub(super) fn next(among: &[u32], now: u32, by: isize) -> u32 {
    let next = if by > 0 {
        among.iter().find(|one| **one > now)
    } else {
        among.iter().rev().find(|one| **one < now)
    };
    next.copied().unwrap_or(now)
}

/// Another value for one of these.
pub(super) fn turn(choices: &mut Choices, field: Field, by: isize) -> Result<(), String> {
    let (number, among): (&mut u32, &[u32]) = match field {
        Field::Reads => {
            choices.families = !choices.families;
            return Ok(());
        }
        Field::NotInLogs => {
            choices.not_in_logs = turned(&NotInLogs::ALL, choices.not_in_logs, by);
            return Ok(());
        }
        Field::Names => (&mut choices.names, &COUNTS),
        Field::Namespaces => (&mut choices.namespaces, &COUNTS),
        Field::Younger => (&mut choices.younger_than, &DAYS),
        _ => return Ok(()),
    };
    let turned = next(among, *number, by);
    if turned == *number {
        let end = if by > 0 { "more: e types any number" } else { "less" };
        return Err(format!("{}: {number}, and no {end}", field.label()));
    }
    *number = turned;
    Ok(())
}

/// The number of one of these.
pub(super) fn typed(choices: &Choices, field: Field) -> Option<String> {
    Some(match field {
        Field::Names => choices.names.to_string(),
        Field::Namespaces => choices.namespaces.to_string(),
        Field::Younger => choices.younger_than.to_string(),
        _ => return None,
    })
}

/// Takes a number that was typed.
pub(super) fn set(choices: &mut Choices, field: Field, text: &str) -> Result<(), String> {
    let number = number(text)?;
    match field {
        Field::Names => choices.names = number,
        Field::Namespaces => choices.namespaces = number,
        Field::Younger => choices.younger_than = number,
        _ => {}
    }
    Ok(())
}

/// A number that was typed.
pub(super) fn number(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}

/// What one of these is, and what that means.
pub(super) fn value(choices: &Choices, field: Field) -> (String, String) {
    let (value, says) = match field {
        Field::Reads if choices.families => ("together", "all three stay where one was used"),
        Field::Reads => ("each by itself", "only those that were used stay"),
        Field::Names if choices.names == 0 => ("none", "every name stays allowed"),
        Field::Names => {
            let says = format!("more of a kind than {}: every name", choices.names);
            return (format!("up to {}", choices.names), says);
        }
        Field::Namespaces if choices.namespaces == 0 => {
            ("whole cluster", "what is held in all of it stays so")
        }
        Field::Namespaces => {
            let says = "used in so few: held in these only".to_owned();
            return (format!("up to {}", choices.namespaces), says);
        }
        Field::Younger if choices.younger_than == 0 => ("none", "no grant is too young to judge"),
        Field::Younger => {
            let days = usize::try_from(choices.younger_than).unwrap_or(usize::MAX);
            let says = "a grant younger than this stays whole".to_owned();
            return (plural(days, "day"), says);
        }
        Field::NotInLogs => match choices.not_in_logs {
            NotInLogs::Keep => ("keep", "named in rules: stays; by stars: goes"),
            NotInLogs::KeepAll => ("keep all", "named in rules, or by stars: it stays"),
            NotInLogs::Drop => ("drop", "all of it goes: bind, escalate, sign …"),
        },
        _ => ("", ""),
    };
    (value.to_owned(), says.to_owned())
}
