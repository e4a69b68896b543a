//! Themes: what each kind of text looks like. A theme is a file with a style for every slot; the
//! slots say what a text means, never where it stands.

mod color;

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use color::{ColorChoice, Depth, contrast};

macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident = $key:literal),+ $(,)?) => {
        /// What a text means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Slot { $($(#[$doc])* $name),+ }

        impl Slot {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in a theme's file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }
        }
    };
}

slots! {
    /// The whole screen: a background, where the theme has one, and ordinary text.
    Base = "base",
    /// What is beside the point.
    Muted = "muted",
    /// Lines between things, and what is not there.
    Faint = "faint",
    /// keybook's own name.
    Brand = "brand",
    /// Names, and what else stands out.
    Strong = "strong",
    /// Heads of columns.
    Heading = "heading",
    /// The row that the cursor is on.
    Cursor = "cursor",
    /// The bar before it.
    Bar = "bar",
    /// The mark of a marked row.
    Mark = "mark",
    /// What is chosen: a tab, a chip, an order.
    Accent = "accent",
    /// Keys.
    Key = "key",
    /// In use, whole, fine.
    Good = "good",
    /// Worth a look.
    Warn = "warn",
    /// Must change.
    Danger = "danger",
    /// Now.
    Critical = "critical",
    /// Not known.
    Unknown = "unknown",
    /// Where a searched word is found.
    Match = "match",
    /// A line being typed.
    Prompt = "prompt",
    /// What would complete it.
    Ghost = "ghost",
    /// A window over the rest.
    Window = "window",
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    slots: BTreeMap<String, Look>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Look {
    fg: Option<String>,
    bg: Option<String>,
    with: Vec<With>,
}

/// What a text can have beside colours.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum With {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
}

/// Why a file is no theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("theme {name}: {what}")]
pub struct ThemeError {
    /// The theme, or where it was looked for.
    pub name: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// A style for every slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// What it is called.
    pub name: String,
    styles: Vec<Style>,
}

/// The themes that are built in: the name, and the file.
const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../../themes/default.toml")),
    ("harbour", include_str!("../../../themes/harbour.toml")),
    ("ember", include_str!("../../../themes/ember.toml")),
    ("paper", include_str!("../../../themes/paper.toml")),
];

impl Theme {
    /// Reads a theme's file.
    ///
    /// # Errors
    /// Names the line, or the slot that is missing or no slot, or the colour that is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let error = |what: String| ThemeError { name: name.to_owned(), what };
        let file: File = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let known = |slot: &&String| Slot::ALL.iter().all(|have| have.as_str() != slot.as_str());
        if let Some(unknown) = file.slots.keys().find(known) {
            return Err(error(format!("{unknown:?} is no slot")));
        }
        let mut styles = Vec::with_capacity(Slot::ALL.len());
        for slot in Slot::ALL {
            let look = file
                .slots
                .get(slot.as_str())
                .ok_or_else(|| error(format!("the slot {:?} is missing", slot.as_str())))?;
            let style = look.style(&file.palette).map_err(|text| {
                error(format!(
                    "slot {:?}: {text:?} is no colour: write #rrggbb, a name of the palette, or \
                     one of the terminal's colours such as red or bright-blue",
                    slot.as_str()
                ))
            })?;
            styles.push(style);
        }
        Ok(Self { name: file.name, styles })
    }

    /// A theme that is built in.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(have, _)| *have == name)?;
        Self::parse(name, text).ok()
    }

    /// The names of the themes that are built in, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The theme as a terminal of some depth shows it.
    #[must_use]
    pub fn at(&self, depth: Depth) -> Self {
        let rich = matches!(depth, Depth::Full | Depth::Indexed);
        let styles = Slot::ALL.iter().map(|slot| {
            let style = self.style(*slot);
            let mut shown = style;
            shown.fg = style.fg.and_then(|color| depth.show(color));
            shown.bg = style.bg.and_then(|color| depth.show(color));
            // A background that is only near the theme's own would spoil its contrasts.
            if !rich && matches!(style.bg, Some(Color::Rgb(..))) {
                shown.bg = None;
                if *slot == Slot::Cursor {
                    shown.fg = None;
                    shown = shown.add_modifier(Modifier::REVERSED);
                }
            }
            shown
        });
        Self { name: self.name.clone(), styles: styles.collect() }
    }

    /// What a slot looks like.
    pub fn style(&self, slot: Slot) -> Style {
        self.styles.get(slot as usize).copied().unwrap_or_default()
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::built_in("default")
            .unwrap_or_else(|| Self { name: "plain".to_owned(), styles: Vec::new() })
    }
}

impl Look {
    fn style(&self, palette: &BTreeMap<String, String>) -> Result<Style, String> {
        let read = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                let text = palette.get(text).unwrap_or(text);
                color::parse(text).map(Some).ok_or_else(|| text.clone())
            }
        };
        let mut style = Style::new();
        style.fg = read(&self.fg)?;
        style.bg = read(&self.bg)?;
        for with in &self.with {
            style = style.add_modifier(match with {
                With::Bold => Modifier::BOLD,
                With::Dim => Modifier::DIM,
                With::Italic => Modifier::ITALIC,
                With::Underlined => Modifier::UNDERLINED,
                With::Reversed => Modifier::REVERSED,
            });
        }
        Ok(style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_has_every_slot() {
        for (name, text) in BUILT_IN {
            let theme = Theme::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(theme.name, *name);
        }
    }

    #[test]
    fn the_default_uses_the_terminals_own_colours() {
        for slot in Slot::ALL {
            let style = Theme::default().style(*slot);
            for color in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(color, Color::Rgb(..) | Color::Indexed(_)), "{slot:?}");
            }
        }
        // Its ordinary text is the terminal's own, so that it fits light and dark.
        assert_eq!(Theme::default().style(Slot::Base), Style::new());
    }

    /// Text that is read needs 4.5; what is beside the point 3; lines nothing. (WCAG 2.)
    fn needed(slot: Slot) -> f64 {
        match slot {
            Slot::Faint => 0.0,
            Slot::Muted | Slot::Ghost | Slot::Bar | Slot::Unknown => 3.0,
            _ => 4.5,
        }
    }

    #[test]
    fn full_colour_themes_can_be_read() {
        for name in Theme::names().filter(|name| *name != "default") {
            let theme = Theme::built_in(name).unwrap();
            let base = theme.style(Slot::Base);
            for slot in Slot::ALL {
                let style = theme.style(*slot);
                for background in
                    [base.bg, theme.style(Slot::Window).bg, theme.style(Slot::Cursor).bg]
                {
                    let fg = style.fg.or(base.fg).expect("a foreground");
                    let bg = style.bg.or(background).expect("a background");
                    let have = contrast(fg, bg).expect("full colours");
                    assert!(
                        have >= needed(*slot),
                        "{name} {slot:?}: {have:.2} of {}",
                        needed(*slot)
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_told_by_colour_alone() {
        for name in Theme::names() {
            let plain = Theme::built_in(name).unwrap().at(Depth::None);
            for slot in Slot::ALL {
                let style = plain.style(*slot);
                assert_eq!((style.fg, style.bg), (None, None), "{name} {slot:?}");
            }
            let modifiers = |slot: Slot| plain.style(slot).add_modifier;
            assert!(modifiers(Slot::Cursor).contains(Modifier::REVERSED), "{name}: the cursor");
            assert_ne!(modifiers(Slot::Accent), modifiers(Slot::Muted), "{name}: what is chosen");
            assert_ne!(modifiers(Slot::Match), modifiers(Slot::Base), "{name}: what is found");
        }
    }

    #[test]
    fn a_broken_theme_says_what_is_wrong() {
        let whole = BUILT_IN[0].1;
        let said = |text: &str| Theme::parse("mine", text).unwrap_err().to_string();
        assert!(said("name = 1").contains("line 1"), "{}", said("name = 1"));
        assert!(said("name = \"x\"\n[slots]\n").contains("\"base\" is missing"));
        assert!(said(&format!("{whole}\nsparkle = {{}}\n")).contains("\"sparkle\" is no slot"));
        let red = whole.replace("\"red\"", "\"rot\"");
        assert!(said(&red).contains("\"rot\" is no colour"));
    }
}
