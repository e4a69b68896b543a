//! Which key does what where: the registry's own keys, or a preset's.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::action::{ActionId, Context, Group};
use super::actions::ACTIONS;
use super::key::Key;

/// A set of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// The registry's own.
    #[default]
    Keybook,
    /// For vim's fingers: `ctrl-d` is half a page down.
    Vim,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Keybook, Self::Vim];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keybook => "keybook",
            Self::Vim => "vim",
        }
    }

    /// The inverse of [`Preset::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }

    /// Keys beside the registry's own.
    fn more(self) -> &'static [(ActionId, &'static str)] {
        match self {
            Self::Keybook => &[],
            Self::Vim => &[(ActionId::HalfDown, "ctrl-d")],
        }
    }
}

/// Which key does what where.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: HashMap<(Context, Key), ActionId>,
    keys: HashMap<ActionId, Vec<Key>>,
}

impl Keymap {
    /// The keys of a preset.
    pub fn new(preset: Preset) -> Self {
        let mut keymap = Self { bindings: HashMap::new(), keys: HashMap::new() };
        let own = ACTIONS.iter().flat_map(|action| action.keys.iter().map(|key| (action.id, *key)));
        for (id, text) in own.chain(preset.more().iter().copied()) {
            // A test reads every key of every preset.
            let Ok(key) = text.parse::<Key>() else {
                continue;
            };
            keymap.keys.entry(id).or_default().push(key);
            for &context in id.action().contexts {
                keymap.bindings.entry((context, key)).or_insert(id);
            }
        }
        keymap
    }

    /// What a key does in a context. Where text is typed, nothing holds from everywhere else.
    pub fn resolve(&self, context: Context, key: Key) -> Option<ActionId> {
        let here = self.bindings.get(&(context, key));
        let anywhere = (context != Context::Prompt)
            .then(|| self.bindings.get(&(Context::Anywhere, key)))
            .flatten();
        here.or(anywhere).copied()
    }

    /// What a key does in some other context than where text is typed.
    pub fn elsewhere(&self, key: Key) -> Option<ActionId> {
        let mut others = Context::ALL.iter().filter(|context| **context != Context::Prompt);
        others.find_map(|context| self.bindings.get(&(*context, key))).copied()
    }

    /// The keys of an action, the one for hints first.
    pub fn keys(&self, id: ActionId) -> &[Key] {
        self.keys.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The keys of an action as one text: `k up`.
    pub fn keys_text(&self, id: ActionId) -> String {
        if id == ActionId::Namespace {
            return "0 … 9".to_owned();
        }
        self.keys(id).iter().map(ToString::to_string).collect::<Vec<_>>().join("  ")
    }
}

/// docs/keys.md.
pub fn document() -> String {
    let keymap = Keymap::new(Preset::Keybook);
    let mut text = String::from(
        "# Keys\n\nMade from the action registry by `KEYBOOK_UPDATE=1 cargo test --test flow \
         documents`; a test holds it true. The vim preset (`keys = \"vim\"` in the configuration) \
         adds:",
    );
    for (id, key) in Preset::Vim.more() {
        let _ = write!(text, " `{key}` {}", id.action().help);
    }
    text.push_str(".\n");
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n\n", capital(group.title()));
        text.push_str("| keys | command | does | where |\n|---|---|---|---|\n");
        for action in ACTIONS.iter().filter(|action| action.group == group) {
            let keys: Vec<String> =
                keymap.keys(action.id).iter().map(|key| format!("`{key}`")).collect();
            let words: Vec<String> = action.words.iter().map(|word| format!("`:{word}`")).collect();
            let args = if action.args.is_empty() {
                String::new()
            } else {
                format!(" `{}`", action.args.replace('|', "\\|"))
            };
            let wheres: Vec<&str> = action.contexts.iter().map(|context| context.title()).collect();
            let _ = writeln!(
                text,
                "| {} | {}{args} | {} | {} |",
                keys.join(" "),
                words.join(" "),
                action.help,
                wheres.join(", ")
            );
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every binding of a preset, those of [`Context::Anywhere`] in every context but the prompt.
    fn bindings(preset: Preset) -> Vec<(Context, String, ActionId)> {
        let own = ACTIONS.iter().flat_map(|action| action.keys.iter().map(|key| (action.id, *key)));
        let mut all = Vec::new();
        for (id, key) in own.chain(preset.more().iter().copied()) {
            for &context in id.action().contexts {
                let contexts = match context {
                    Context::Anywhere => &Context::ALL[..Context::ALL.len() - 1],
                    _ => std::slice::from_ref(&context),
                };
                assert_ne!(Context::ALL[..Context::ALL.len() - 1].last(), Some(&Context::Prompt));
                all.extend(contexts.iter().map(|&context| (context, key.to_owned(), id)));
                // The same key for the same action twice is no conflict.
                all.dedup();
            }
        }
        all
    }

    #[test]
    fn no_key_has_two_meanings() {
        for preset in Preset::ALL {
            let mut seen: HashMap<(Context, String), ActionId> = HashMap::new();
            for (context, key, id) in bindings(preset) {
                let before = seen.insert((context, key.clone()), id);
                assert!(
                    before.is_none_or(|before| before == id),
                    "{preset:?}: {key} in {context:?}: {before:?} and {id:?}"
                );
            }
        }
    }

    #[test]
    fn every_key_can_be_read() {
        for preset in Preset::ALL {
            for (_, key, id) in bindings(preset) {
                assert_eq!(
                    key.parse::<Key>().map(|key| key.to_string()).as_ref(),
                    Ok(&key),
                    "{id:?}"
                );
            }
        }
    }

    #[test]
    fn quitting_and_suspending_work_in_every_context() {
        let keymap = Keymap::new(Preset::Keybook);
        for context in Context::ALL {
            for (key, id) in [("ctrl-c", ActionId::Quit), ("ctrl-z", ActionId::Suspend)] {
                assert_eq!(keymap.resolve(context, key.parse().unwrap()), Some(id), "{context:?}");
            }
        }
    }

    #[test]
    fn letters_are_typed_where_text_is_typed() {
        let keymap = Keymap::new(Preset::Vim);
        for letter in ["q", "?", ":", "-", "[", "0", "space"] {
            assert_eq!(keymap.resolve(Context::Prompt, letter.parse().unwrap()), None);
        }
    }
}
