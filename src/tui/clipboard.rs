//! Copying by OSC 52: the terminal's own clipboard, also over ssh, and nothing that could hang.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What terminals take at most, in bytes before encoding: xterm's limit is the lowest.
pub const LIMIT: usize = 74_000;

/// What carries the sequence to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing between.
    Direct,
    /// tmux: takes the sequence itself where `set-clipboard` is on, and passes a wrapped one on
    /// where `allow-passthrough` is. Sent both ways, since neither can be asked for.
    Tmux,
    /// GNU screen passes a wrapped one on, in pieces.
    Screen,
}

impl Carrier {
    /// What the environment says. `lookup` reads a variable.
    pub fn detect(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        if set("TMUX").is_some() {
            Self::Tmux
        } else if set("STY").is_some() {
            Self::Screen
        } else {
            Self::Direct
        }
    }

    /// The bytes to send for a text; None where it is too long for terminals.
    pub fn sequence(self, text: &str) -> Option<String> {
        if text.len() > LIMIT {
            return None;
        }
        let plain = format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text));
        Some(match self {
            Self::Direct => plain,
            Self::Tmux => {
                let doubled = plain.replace('\u{1b}', "\u{1b}\u{1b}");
                format!("{plain}\u{1b}Ptmux;{doubled}\u{1b}\\")
            }
            Self::Screen => {
                // screen takes at most 768 bytes in one piece.
                let chars: Vec<char> = plain.chars().collect();
                let mut wrapped = String::new();
                for piece in chars.chunks(700) {
                    wrapped.push_str("\u{1b}P");
                    wrapped.extend(piece);
                    wrapped.push_str("\u{1b}\\");
                }
                wrapped
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_carried_to_the_terminal() {
        assert_eq!(Carrier::Direct.sequence("jane").as_deref(), Some("\u{1b}]52;c;amFuZQ==\u{7}"));
        let tmux = Carrier::Tmux.sequence("jane").unwrap();
        assert!(tmux.ends_with("\u{1b}Ptmux;\u{1b}\u{1b}]52;c;amFuZQ==\u{7}\u{1b}\\"));
        let screen = Carrier::Screen.sequence(&"x".repeat(3_000)).unwrap();
        assert_eq!(screen.matches("\u{1b}P").count(), 6);
        assert_eq!(Carrier::Direct.sequence(&"x".repeat(LIMIT + 1)), None);
    }

    #[test]
    fn the_environment_decides() {
        let detect = |name: &'static str| {
            Carrier::detect(move |have| (have == name).then(|| "1".to_owned()))
        };
        assert_eq!(detect("TMUX"), Carrier::Tmux);
        assert_eq!(detect("STY"), Carrier::Screen);
        assert_eq!(detect("TERM"), Carrier::Direct);
    }
}
