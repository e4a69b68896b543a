//! From the terminal's events to messages.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::effect::Msg;
use super::key::{Code, Key};

/// The message for an event; None for what nothing listens to.
pub fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(event) => key(event).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        Event::FocusGained => Some(Msg::Focus(true)),
        Event::FocusLost => Some(Msg::Focus(false)),
        Event::Mouse(_) => None,
    }
}

/// A key press, one way whatever the terminal's protocol; None for releases and bare modifiers.
fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let code = match event.code {
        // The control characters 0x1c to 0x1f arrive as the digits that also make them.
        KeyCode::Char('4') if ctrl => Code::Char('\\'),
        KeyCode::Char('5') if ctrl => Code::Char(']'),
        KeyCode::Char('6') if ctrl => Code::Char('^'),
        KeyCode::Char('7') if ctrl => Code::Char('_'),
        KeyCode::Char(c) => {
            let upper = shift && !ctrl && c.is_lowercase();
            shift = false;
            let c = if ctrl { c.to_ascii_lowercase() } else { c };
            Code::Char(if upper { c.to_ascii_uppercase() } else { c })
        }
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => {
            shift = true;
            Code::Tab
        }
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    Some(Key { code, ctrl, alt, shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: KeyCode, modifiers: KeyModifiers) -> Option<String> {
        key(KeyEvent::new(code, modifiers)).map(|key| key.to_string())
    }

    #[test]
    fn keys_are_one_whatever_the_protocol() {
        let (none, ctrl, shift) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::SHIFT);
        for (code, modifiers, want) in [
            (KeyCode::Char('j'), none, "j"),
            (KeyCode::Char('N'), shift, "shift-n"),
            (KeyCode::Char('n'), shift, "shift-n"),
            (KeyCode::Char('?'), shift, "?"),
            (KeyCode::Char(' '), ctrl, "ctrl-space"),
            (KeyCode::Char('4'), ctrl, "ctrl-\\"),
            (KeyCode::Char('C'), ctrl, "ctrl-c"),
            (KeyCode::BackTab, shift, "shift-tab"),
            (KeyCode::BackTab, none, "shift-tab"),
        ] {
            assert_eq!(read(code, modifiers).as_deref(), Some(want));
        }
        let release =
            KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(KeyCode::Enter, none) };
        assert_eq!(key(release), None);
        assert_eq!(read(KeyCode::CapsLock, none), None);
    }
}
