//! Colours: as themes write them, and as a terminal can show them.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, dim, underlined and reversed only.
    None,
    /// The terminal's own sixteen.
    #[default]
    Ansi,
    /// The 256 of xterm.
    Indexed,
    /// Any.
    Full,
}

/// What the person asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// As the environment says.
    #[default]
    Auto,
    /// Colours even under `NO_COLOR`.
    Always,
    /// No colours.
    Never,
}

impl Depth {
    /// What the environment says of the terminal. `lookup` reads a variable.
    pub fn detect(choice: ColorChoice, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        match choice {
            ColorChoice::Never => return Self::None,
            ColorChoice::Auto if set("NO_COLOR").is_some() => return Self::None,
            _ => {}
        }
        let term = set("TERM").unwrap_or_default();
        let full = matches!(set("COLORTERM").as_deref(), Some("truecolor" | "24bit"))
            || term.ends_with("-direct");
        // Inside screen the variable is inherited from a terminal that screen does not pass on to.
        if full && !term.starts_with("screen") {
            return Self::Full;
        }
        if term.contains("256color") { Self::Indexed } else { Self::Ansi }
    }

    /// The nearest colour that the terminal shows; None for none.
    pub fn show(self, color: Color) -> Option<Color> {
        match (self, color) {
            (Self::None, _) => None,
            (Self::Indexed, Color::Rgb(r, g, b)) => Some(Color::Indexed(indexed([r, g, b]))),
            (Self::Ansi, Color::Rgb(r, g, b)) => Some(ansi([r, g, b])),
            (_, color) => Some(color),
        }
    }
}

/// The names of the terminal's own colours.
const NAMED: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// Reads `#rrggbb` or the name of one of the terminal's own colours.
pub fn parse(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let value = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6)?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    NAMED.iter().find(|(name, ..)| *name == text).map(|(_, color, _)| *color)
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    // The eye minds green most and blue least.
    let part = |at: usize, weight: u32| u32::from(a[at].abs_diff(b[at])).pow(2) * weight;
    part(0, 3) + part(1, 4) + part(2, 2)
}

fn ansi(rgb: [u8; 3]) -> Color {
    NAMED
        .iter()
        .min_by_key(|(_, _, have)| distance(rgb, *have))
        .map_or(Color::Reset, |(_, color, _)| *color)
}

/// The nearest of xterm's colours 16 to 255: a cube of six steps a side, and 24 greys.
fn indexed(rgb: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let cube = (0u8..216).map(|at| {
        let step = |index: u8| STEPS[usize::from(index)];
        (16 + at, [step(at / 36), step(at / 6 % 6), step(at % 6)])
    });
    let greys = (0u8..24).map(|at| (232 + at, [8 + 10 * at; 3]));
    cube.chain(greys).min_by_key(|(_, have)| distance(rgb, *have)).map_or(7, |(index, _)| index)
}

/// The contrast of two colours as WCAG 2 defines it, 1 to 21; None unless both are given in full.
pub fn contrast(a: Color, b: Color) -> Option<f64> {
    fn luminance(color: Color) -> Option<f64> {
        let Color::Rgb(r, g, b) = color else {
            return None;
        };
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        Some(0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b))
    }
    let (a, b) = (luminance(a)?, luminance(b)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

#[cfg(test)]
mod tests {
    use super::ColorChoice::{Always, Auto, Never};
    use super::*;

    #[test]
    fn colours_are_read() {
        assert_eq!(parse("#ff8000"), Some(Color::Rgb(255, 128, 0)));
        assert_eq!(parse("bright-black"), Some(Color::DarkGray));
        for text in ["#ff80", "#ff80000", "#gg0000", "orange", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_poorer_terminal_gets_the_nearest_colour() {
        assert_eq!(Depth::Indexed.show(Color::Rgb(255, 0, 0)), Some(Color::Indexed(196)));
        assert_eq!(Depth::Indexed.show(Color::Rgb(18, 18, 18)), Some(Color::Indexed(233)));
        assert_eq!(Depth::Ansi.show(Color::Rgb(200, 10, 10)), Some(Color::Red));
        assert_eq!(Depth::None.show(Color::Red), None);
        assert_eq!(Depth::Full.show(Color::Rgb(1, 2, 3)), Some(Color::Rgb(1, 2, 3)));
    }

    #[test]
    fn the_environment_decides() {
        let detect = |choice, vars: &[(&str, &str)]| {
            Depth::detect(choice, |name| {
                vars.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(detect(Auto, &[("TERM", "xterm-256color")]), Depth::Indexed);
        assert_eq!(detect(Auto, &[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Depth::Full);
        assert_eq!(
            detect(Auto, &[("TERM", "screen-256color"), ("COLORTERM", "truecolor")]),
            Depth::Indexed
        );
        assert_eq!(detect(Auto, &[("NO_COLOR", "1"), ("TERM", "xterm")]), Depth::None);
        assert_eq!(detect(Auto, &[("NO_COLOR", ""), ("TERM", "xterm")]), Depth::Ansi);
        assert_eq!(detect(Always, &[("NO_COLOR", "1")]), Depth::Ansi);
        assert_eq!(detect(Never, &[("COLORTERM", "truecolor")]), Depth::None);
    }

    #[test]
    fn contrast_is_wcags() {
        let white = Color::Rgb(255, 255, 255);
        let black = Color::Rgb(0, 0, 0);
        assert!((contrast(white, black).unwrap() - 21.0).abs() < 1e-9);
        // #777777 on white, the classic that just fails 4.5.
        let grey = contrast(Color::Rgb(0x77, 0x77, 0x77), white).unwrap();
        assert!((grey - 4.48).abs() < 0.01, "{grey}");
        assert_eq!(contrast(Color::Red, white), None);
    }
}
