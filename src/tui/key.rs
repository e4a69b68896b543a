//! Keys, apart from any terminal library: what a person presses, and how it is written.

use std::fmt;
use std::str::FromStr;

/// What is pressed, modifiers set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character, in the case in which it arrives.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab, with `shift` also the other way.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// A key press. A shifted letter is its capital; `shift` is only set for keys that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What is pressed.
    pub code: Code,
    /// With control.
    pub ctrl: bool,
    /// With alt.
    pub alt: bool,
    /// With shift.
    pub shift: bool,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// The character that it types, where it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

/// As written in tables and help: `j`, `shift-n`, `ctrl-space`, `pgdn`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        if self.shift {
            f.write_str("shift-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("space"),
            Code::Char(c) if c.is_uppercase() => write!(f, "shift-{}", c.to_lowercase()),
            Code::Char(c) => write!(f, "{c}"),
            other => f.write_str(NAMES.iter().find(|(code, _)| *code == other).map_or("", |n| n.1)),
        }
    }
}

const NAMES: &[(Code, &str)] = &[
    (Code::Enter, "enter"),
    (Code::Esc, "esc"),
    (Code::Tab, "tab"),
    (Code::Backspace, "backspace"),
    (Code::Delete, "del"),
    (Code::Up, "up"),
    (Code::Down, "down"),
    (Code::Left, "left"),
    (Code::Right, "right"),
    (Code::Home, "home"),
    (Code::End, "end"),
    (Code::PageUp, "pgup"),
    (Code::PageDown, "pgdn"),
];

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key: write j, shift-n, ctrl-d, alt-x, space, enter, esc, tab, up or pgdn")]
pub struct KeyParseError(String);

impl FromStr for Key {
    type Err = KeyParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut key = Self::plain(Code::Esc);
        let mut rest = text;
        while rest.chars().count() > 1 {
            if let Some(after) = rest.strip_prefix("ctrl-") {
                (key.ctrl, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (key.alt, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("shift-") {
                (key.shift, rest) = (true, after);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        key.code = match (chars.next(), chars.next()) {
            (Some(c), None) if key.shift && c.is_lowercase() => {
                key.shift = false;
                Code::Char(c.to_ascii_uppercase())
            }
            (Some(c), None) if !key.shift => Code::Char(c),
            _ if rest == "space" => Code::Char(' '),
            _ => NAMES
                .iter()
                .find(|(_, name)| *name == rest)
                .map(|(code, _)| *code)
                .ok_or_else(|| KeyParseError(text.to_owned()))?,
        };
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for text in [
            "j",
            "shift-n",
            "ctrl-d",
            "ctrl-space",
            "ctrl-\\",
            "[",
            "-",
            "ctrl--",
            "?",
            "pgdn",
            "shift-tab",
            "alt-x",
            "0",
            "/",
            ":",
            "backspace",
        ] {
            assert_eq!(text.parse::<Key>().map(|key| key.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "hyper-x", "jj", "ctrl-", "shift-7"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_shifted_letter_is_its_capital() {
        assert_eq!("shift-n".parse::<Key>(), Ok(Key::plain(Code::Char('N'))));
        assert_eq!("N".parse::<Key>().unwrap().to_string(), "shift-n");
    }
}
