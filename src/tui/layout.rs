//! Where things stand on a screen of some size. Update and drawing read the same figures, so
//! that a page down is a page.
//!
//! ```text
//!  header         which cluster, as whom, whether the picture is whole
//!  warning        only where it is not: which lists, and why
//!  bar            chips, or the title of the screen
//!  body           rows, with the heads of their columns on top
//!  preview        a rule, tabs, and what the tab shows      (the list only)
//!  foot           hints, a notice, or the line being typed
//! ```

use ratatui::layout::Rect;

/// Below this the screen says so instead of drawing itself.
pub const SMALLEST: (u16, u16) = (40, 10);

/// The columns before a row's text: cursor, mark, staged, and a space.
pub const GUTTER: u16 = 4;

/// The parts of a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// First line.
    pub header: Rect,
    /// What is missing; empty where nothing is.
    pub warning: Rect,
    /// Chips, or title and tabs.
    pub bar: Rect,
    /// Heads of columns; empty where there are none.
    pub heads: Rect,
    /// Rows.
    pub body: Rect,
    /// The rule and the tabs below the rows; empty where there is no preview.
    pub tabs: Rect,
    /// What the chosen tab shows, or more of the row under the cursor.
    pub preview: Rect,
    /// Last line.
    pub foot: Rect,
}

/// What is below the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Below {
    /// Nothing.
    #[default]
    Nothing,
    /// Tabs and what the chosen one shows.
    Preview,
    /// A rule, and so many lines more of the row under the cursor.
    Detail(u16),
}

/// What a screen has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// A line that says what is missing.
    pub warning: bool,
    /// Lines of the bar.
    pub bar: u16,
    /// Heads of columns.
    pub heads: bool,
    /// What is below the rows.
    pub below: Below,
}

/// Cuts a screen up.
pub fn parts(width: u16, height: u16, shape: Shape) -> Parts {
    let mut rest = Rect::new(0, 0, width, height);
    let top = |rest: &mut Rect, lines: u16| {
        let lines = lines.min(rest.height);
        let cut = Rect { height: lines, ..*rest };
        rest.y += lines;
        rest.height -= lines;
        cut
    };
    let header = top(&mut rest, 1);
    let warning = top(&mut rest, u16::from(shape.warning));
    let bar = top(&mut rest, shape.bar);
    let heads = top(&mut rest, u16::from(shape.heads));
    let bottom = |rest: &mut Rect, lines: u16| {
        let lines = lines.min(rest.height);
        rest.height -= lines;
        Rect { y: rest.bottom(), height: lines, ..*rest }
    };
    let foot = bottom(&mut rest, 1);
    let (lines, above) = match shape.below {
        Below::Nothing => (0, 0),
        Below::Preview => (preview_lines(height), 2),
        Below::Detail(_) if height < 16 => (0, 0),
        Below::Detail(lines) => (lines, 1),
    };
    let preview = bottom(&mut rest, lines);
    let tabs = bottom(&mut rest, if lines > 0 { above } else { 0 });
    Parts { header, warning, bar, heads, body: rest, tabs, preview, foot }
}

/// How many lines a preview has: none on a low screen, where rows matter more.
fn preview_lines(height: u16) -> u16 {
    match height {
        ..16 => 0,
        16..22 => 4,
        22..30 => 7,
        _ => height / 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_screen_and_nothing_else() {
        for height in 0..60 {
            for shape in [
                Shape::default(),
                Shape { warning: true, bar: 1, heads: true, below: Below::Preview },
                Shape { warning: true, bar: 2, heads: true, below: Below::Detail(3) },
            ] {
                let cut = parts(80, height, shape);
                let all = [
                    cut.header,
                    cut.warning,
                    cut.bar,
                    cut.heads,
                    cut.body,
                    cut.tabs,
                    cut.preview,
                    cut.foot,
                ];
                assert_eq!(all.iter().map(|part| part.height).sum::<u16>(), height);
                assert!(all.iter().all(|part| part.bottom() <= height && part.width == 80));
            }
        }
    }

    #[test]
    fn a_small_terminal_has_eleven_rows_and_seven_lines_of_preview() {
        let shape = Shape { warning: false, bar: 1, heads: true, below: Below::Preview };
        let cut = parts(80, 24, shape);
        assert_eq!((cut.body.height, cut.tabs.height, cut.preview.height), (11, 2, 7));
    }
}
