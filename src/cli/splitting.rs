//! `split`: from words to what is wanted.

use super::change_args::SplitArgs;
use super::exit::Failure;
use crate::change::plan::{Choices, Intent, Named, Splitting};
use crate::model::{Identity, read_back};

/// What these words want split.
pub(super) fn to_split(identity: &str, args: &SplitArgs) -> Result<Intent, Failure> {
    let identity: Identity = read_back(identity).parse().map_err(|_| {
        Failure::usage(format!(
            "{identity:?} does not say what to split: write user:NAME or sa:NAMESPACE/NAME"
        ))
    })?;
    let mut how = Splitting::default();
    for text in &args.actors {
        let (name, is) = pair("--actor", text, "NAME=ACTOR")?;
        how.actors.push(Named { name: name.into(), is: (&*read_back(is)).into() });
    }
    for text in &args.to {
        let (name, to) = pair("--to", text, "NAME=user:NAME or NAME=sa:NAMESPACE/NAME")?;
        let to: Identity = read_back(to).parse().map_err(|_| {
            Failure::usage(format!(
                "--to {text:?}: {to:?} is no user:NAME and no sa:NAMESPACE/NAME"
            ))
        })?;
        if how.to.insert(name.into(), to).is_some() {
            return Err(Failure::usage(format!("--to: {name} is to become two")));
        }
    }
    how.certificates = args.certificates.iter().map(|name| name.as_str().into()).collect();
    how.into = args.into.as_deref().map(Into::into);
    how.machines = args.machines.iter().map(|name| name.as_str().into()).collect();
    how.unattributed =
        Some(args.unattributed.as_str()).filter(|name| *name != "nobody").map(Into::into);
    how.retire_after = args.retire_after;
    how.retire_unattributed = args.retire_unattributed;
    how.token_seconds = u64::from(args.token_days) * 24 * 60 * 60;
    how.choices = Choices {
        families: !args.single_verbs,
        names: args.names,
        namespaces: args.namespaces,
        ..how.choices
    };
    Ok(Intent::Split { identity, how: Box::new(how) })
}

fn pair<'a>(flag: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let pair = text.split_once('=').filter(|(name, rest)| !name.is_empty() && !rest.is_empty());
    pair.ok_or_else(|| Failure::usage(format!("{flag} {text:?}: write {form}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proptest::prelude::*;

    use crate::change::plan::{Choices, Intent, Named, NotInLogs, Splitting};
    use crate::cli::{Cli, Command};
    use crate::model::{Identity, Name, printable};

    /// Words as a shell takes them apart: quotes alone, which is all that is written.
    pub(crate) fn shell_words(text: &str) -> Vec<String> {
        let (mut words, mut word, mut begun, mut quoted) =
            (Vec::new(), String::new(), false, false);
        let mut chars = text.chars();
        while let Some(one) = chars.next() {
            match one {
                '\'' => (quoted, begun) = (!quoted, true),
                '\\' if !quoted => word.extend(chars.next()),
                ' ' if !quoted => {
                    if begun {
                        words.push(std::mem::take(&mut word));
                    }
                    begun = false;
                }
                one => {
                    word.push(one);
                    begun = true;
                }
            }
        }
        if begun {
            words.push(word);
        }
        words
    }

    fn name() -> impl Strategy<Value = Name> {
        "[a-z][a-z0-9-]{0,8}[a-z0-9]".prop_map(Name::from)
    }

    fn identity() -> impl Strategy<Value = Identity> {
        prop_oneof![
            "[a-zA-Z@:. '\"$é=\u{202e}\u{1b}\n-]{1,12}".prop_map(Identity::user),
            (name(), name()).prop_map(|(ns, name)| Identity::service_account(ns, name)),
        ]
    }

    fn choices() -> impl Strategy<Value = Choices> {
        let how = proptest::sample::select(NotInLogs::ALL.to_vec());
        (any::<bool>(), 0u32..40, 0u32..40, 0u32..400, how).prop_map(
            |(families, names, namespaces, younger_than, not_in_logs)| Choices {
                families,
                names,
                namespaces,
                younger_than,
                not_in_logs,
            },
        )
    }

    fn splitting() -> impl Strategy<Value = Splitting> {
        let actors = proptest::collection::vec((name(), "[a-zA-Z0-9=.:@/ '-]{1,12}"), 1..4);
        let to = proptest::collection::btree_map(name(), identity(), 0..3);
        let more = (
            proptest::option::of(name()),
            proptest::collection::btree_set(name(), 0..3),
            proptest::collection::btree_set(name(), 0..3),
            proptest::option::of(name().prop_filter("a word", |name| **name != *"nobody")),
            proptest::option::of((1u32..=3650, any::<bool>())),
            1u64..=3650,
        );
        (actors, to, more, choices()).prop_map(|(actors, to, more, choices)| {
            let (into, machines, certificates, unattributed, retire_after, days) = more;
            let default = Splitting::default();
            // Whom anybody becomes is said.
            let into = into.or_else(|| to.is_empty().then(|| "keys".into()));
            let named = |(name, is): (Name, String)| Named { name, is: is.into() };
            Splitting {
                actors: actors.into_iter().map(named).collect(),
                to,
                certificates,
                into,
                machines,
                unattributed,
                retire_after: retire_after.map(|(days, _)| days),
                retire_unattributed: retire_after.is_some_and(|(_, all)| all),
                token_seconds: days * 24 * 60 * 60,
                choices: Choices {
                    families: choices.families,
                    names: choices.names,
                    namespaces: choices.namespaces,
                    ..default.choices
                },
            }
        })
    }

    /// What the command says that an Intent gives for itself.
    fn read(intent: &Intent) -> Result<Vec<Intent>, String> {
        // As it is shown, and copied.
        let words = shell_words(&printable(&intent.command()));
        let cli = Cli::try_parse_from(&words).map_err(|error| format!("{words:?}: {error}"))?;
        match cli.command {
            Some(Command::Change(command)) => command.wishes().map_err(|error| error.to_string()),
            other => Err(format!("{other:?}")),
        }
    }

    proptest! {
        #[test]
        fn a_command_says_all_that_was_chosen(
            identity in identity(),
            choices in choices(),
            role in proptest::option::of((proptest::option::of(name()), name())),
            how in splitting(),
        ) {
            let mut wishes = vec![
                Intent::Narrow { identity: identity.clone(), choices: choices.clone() },
                Intent::Split { identity, how: Box::new(how) },
            ];
            if let Some((namespace, name)) = role {
                let role_kind = if namespace.is_some() {
                    crate::model::RoleKind::Role
                } else {
                    crate::model::RoleKind::ClusterRole
                };
                wishes.push(Intent::NarrowRole { role_kind, namespace, name, choices });
            }
            for wish in wishes {
                prop_assert_eq!(read(&wish), Ok(vec![wish]));
            }
        }
    }

    #[test]
    fn commands_say_no_more_than_was_chosen() {
        let narrow = Intent::Narrow { identity: Identity::user("a"), choices: Choices::default() };
        assert_eq!(narrow.command(), "keybook narrow user:a");
        let split = |identity| Intent::Split { identity, how: Box::default() };
        assert_eq!(split(Identity::user("a")).command(), "keybook split user:a --into NAMESPACE");
        let account = Identity::service_account("a", "b");
        assert_eq!(split(account).command(), "keybook split sa:a/b");
    }
}
