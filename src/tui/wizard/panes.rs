//! Where the choices stand, and where what comes of them.

use ratatui::layout::Rect;

/// From this width on what comes of it stands beside the choices.
const BESIDE: u16 = 120;

/// Columns of the choices then, at most.
const CHOICES: u16 = 92;

/// The parts of a wizard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The choices.
    pub form: Rect,
    /// What comes of it, in figures: one line.
    pub summary: Rect,
    /// What comes of it, in words.
    pub effect: Rect,
    /// The command that chooses the same, and what would be written; empty where there is no room.
    pub aside: Rect,
    /// Whether the two stand beside each other.
    pub beside: bool,
}

/// Cuts a screen's body up for so many choices.
pub fn panes(body: Rect, choices: usize) -> Panes {
    if body.width >= BESIDE {
        let left = CHOICES.min(body.width / 100 * 46).max(56);
        let right = Rect { x: body.x + left + 1, width: body.width - left - 1, ..body };
        let above = right.height.min(2);
        let rows = u16::try_from(choices).unwrap_or(u16::MAX);
        let form = rows.min((body.height / 3 * 2).max(3)).min(body.height);
        let below = (form + 1).min(body.height);
        return Panes {
            form: Rect { width: left, height: form, ..body },
            aside: Rect { y: body.y + below, width: left, height: body.height - below, ..body },
            summary: Rect { height: right.height.min(1), ..right },
            effect: Rect { y: right.y + above, height: right.height - above, ..right },
            beside: true,
        };
    }
    let rows = u16::try_from(choices).unwrap_or(u16::MAX);
    // What comes of it keeps half of the room, and a rule and its figures.
    let form = rows.min((body.height / 2).max(3)).min(body.height);
    let rest = body.height - form;
    let above = rest.min(2);
    Panes {
        form: Rect { height: form, ..body },
        summary: Rect {
            y: body.y + form + above.saturating_sub(1),
            height: u16::from(above > 1),
            ..body
        },
        effect: Rect { y: body.y + form + above, height: rest - above, ..body },
        aside: Rect { height: 0, ..body },
        beside: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_outside_and_nothing_over_one_another() {
        for width in [40, 79, 119, 120, 200] {
            for height in 0..60 {
                for choices in 0..30 {
                    let body = Rect::new(0, 3, width, height);
                    let cut = panes(body, choices);
                    for part in [cut.form, cut.summary, cut.effect, cut.aside] {
                        assert_eq!(body.intersection(part), part, "{body:?} {choices} {cut:?}");
                    }
                    assert!(cut.summary.intersection(cut.effect).is_empty());
                    assert!(cut.form.intersection(cut.effect).is_empty());
                    assert!(cut.form.intersection(cut.summary).is_empty());
                    assert!(cut.form.intersection(cut.aside).is_empty());
                    assert!(cut.effect.intersection(cut.aside).is_empty());
                }
            }
        }
    }

    #[test]
    fn a_small_terminal_keeps_half_for_what_comes_of_it() {
        let cut = panes(Rect::new(0, 3, 80, 20), 12);
        assert_eq!((cut.form.height, cut.summary.y, cut.effect.height), (10, 14, 8));
        let cut = panes(Rect::new(0, 3, 80, 20), 5);
        assert_eq!((cut.form.height, cut.effect.height), (5, 13));
    }
}
