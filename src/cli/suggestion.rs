//! What is suggested for a word of the command line that there is not.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error};

/// Leaves of an error's suggestions those that a slip of the hand makes of what was meant: clap suggests
/// whatever has letters in common, `--groups` for `--bogus`. `command` is what `words` were read by.
pub(super) fn keep_near(error: &mut Error, command: &Command, words: &[OsString]) {
    for (wrong, suggested) in [
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ] {
        let Some(ContextValue::String(wrong)) = error.get(wrong).cloned() else { continue };
        let near = match error.remove(suggested) {
            Some(ContextValue::String(one)) if is_near(&wrong, &one) => ContextValue::String(one),
            Some(ContextValue::Strings(mut all)) => {
                all.retain(|one| is_near(&wrong, one));
                if all.is_empty() {
                    continue;
                }
                ContextValue::Strings(all)
            }
            Some(ContextValue::String(_)) if suggested == ContextKind::SuggestedArg => {
                // The usage is of what was suggested too.
                let usage = used(command.clone(), words).render_usage();
                error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
                continue;
            }
            _ => continue,
        };
        error.insert(suggested, near);
    }
}

/// The subcommand that the words name.
fn used(mut command: Command, words: &[OsString]) -> Command {
    command.build();
    for word in words.iter().skip(1) {
        if let Some(next) = command.find_subcommand(word) {
            command = next.clone();
        }
    }
    command
}

/// Whether one in three letters differs at most.
fn is_near(wrong: &str, meant: &str) -> bool {
    let bare = |word: &str| -> Vec<char> { word.trim_start_matches('-').chars().collect() };
    let (wrong, meant) = (bare(wrong), bare(meant));
    distance(&wrong, &meant) * 3 <= wrong.len().max(meant.len())
}

/// So many letters are to be put in, taken out, changed or exchanged with the next one.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for at in 0..=one.len() {
        for to in 0..=other.len() {
            rows[at][to] = if at == 0 || to == 0 {
                at + to
            } else {
                let same = usize::from(one[at - 1] != other[to - 1]);
                let put = rows[at - 1][to].min(rows[at][to - 1]) + 1;
                let least = put.min(rows[at - 1][to - 1] + same);
                let exchanged = at > 1
                    && to > 1
                    && one[at - 1] == other[to - 2]
                    && one[at - 2] == other[to - 1];
                if exchanged { least.min(rows[at - 2][to - 2] + 1) } else { least }
            };
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::args::Cli;
    use super::*;

    fn told(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let mut error = Cli::command().try_get_matches_from(&words).expect_err("it is wrong");
        keep_near(&mut error, &Cli::command(), &words);
        error.to_string()
    }

    #[test]
    fn nothing_far_fetched_is_suggested() {
        for (line, suggested) in [
            ("keybook revoke --bogus", None),
            ("keybook revoke --grups a", Some("'--groups'")),
            ("keybook who --kubeconfg a", Some("'--kubeconfig'")),
            ("keybook who --namepsace a", Some("'--namespace'")),
            ("keybook credentails", Some("'credentials'")),
            ("keybook storm", Some("'store'")),
            ("keybook blow", None),
            ("keybook who -o jsno", Some("'json'")),
            ("keybook who -o yarn", None),
        ] {
            let told = told(line);
            let found = told.lines().find(|line| line.contains("similar"));
            match suggested {
                None => assert_eq!(found, None, "{line}: {told}"),
                Some(suggested) => {
                    assert!(found.is_some_and(|tip| tip.contains(suggested)), "{line}: {told}");
                }
            }
        }
        let bogus = told("keybook revoke --bogus");
        assert!(bogus.contains("unexpected argument '--bogus'"), "{bogus}");
        assert!(bogus.contains("Usage: keybook revoke [OPTIONS]"), "{bogus}");
        assert!(!bogus.contains("--groups"), "{bogus}");
    }
}
