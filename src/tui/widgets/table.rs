//! Columns that fold: which of them fit, and how wide they are.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Line};
use crate::tui::theme::Slot;

/// To which side a column's text leans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Left.
    #[default]
    Left,
    /// Right, for figures.
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<Id> {
    /// Which.
    pub id: Id,
    /// Its head.
    pub head: &'static str,
    /// The width that it needs.
    pub min: u16,
    /// The width beyond which it has no use for more.
    pub max: u16,
    /// To which side it leans.
    pub align: Align,
    /// When it folds away: the highest first, 0 never.
    pub fold: u8,
    /// When it is given more than it needs: the lowest first.
    pub grow: u8,
}

impl<Id> Column<Id> {
    /// A column that leans to the left.
    pub const fn new(id: Id, head: &'static str, min: u16, max: u16, fold: u8) -> Self {
        Self { id, head, min, max, align: Align::Left, fold, grow: 0 }
    }

    /// The same, leaning to the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.align = Align::Right;
        self
    }

    /// The same, given more in another turn.
    #[must_use]
    pub const fn grow(mut self, turn: u8) -> Self {
        self.grow = turn;
        self
    }
}

/// The space between columns.
const GAP: u16 = 2;

/// Columns with their places.
#[derive(Clone, Debug)]
pub struct Columns<Id> {
    placed: Vec<(Column<Id>, u16, u16)>,
}

impl<Id: Copy + PartialEq> Columns<Id> {
    /// Places columns in a width: folds those away that do not fit, and gives what is left to
    /// those that can use it, turn by turn, in equal parts.
    pub fn new(columns: &[Column<Id>], width: u16) -> Self {
        let mut shown: Vec<Column<Id>> = columns.to_vec();
        let needed = |shown: &[Column<Id>]| -> u32 {
            let gaps = u32::from(GAP) * u32::try_from(shown.len().saturating_sub(1)).unwrap_or(0);
            shown.iter().map(|column| u32::from(column.min)).sum::<u32>() + gaps
        };
        while needed(&shown) > u32::from(width) {
            let Some(at) =
                (0..shown.len()).filter(|at| shown[*at].fold > 0).max_by_key(|at| shown[*at].fold)
            else {
                break;
            };
            shown.remove(at);
        }
        let mut left = u32::from(width).saturating_sub(needed(&shown));
        let mut widths: Vec<u16> = shown.iter().map(|column| column.min).collect();
        while left > 0 {
            let hungry = |at: &usize| widths[*at] < shown[*at].max;
            let Some(turn) = (0..shown.len()).filter(hungry).map(|at| shown[at].grow).min() else {
                break;
            };
            let growing: Vec<usize> =
                (0..shown.len()).filter(hungry).filter(|at| shown[*at].grow == turn).collect();
            for at in growing {
                if left > 0 {
                    widths[at] += 1;
                    left -= 1;
                }
            }
        }
        let mut x = 0u16;
        let placed = shown
            .into_iter()
            .zip(widths)
            .map(|(column, wide)| {
                let at = x;
                x = x.saturating_add(wide).saturating_add(GAP);
                (column, at, wide)
            })
            .collect();
        Self { placed }
    }

    /// How wide a column is; None where it is folded away.
    pub fn width(&self, id: Id) -> Option<u16> {
        self.placed.iter().find(|(column, ..)| column.id == id).map(|(.., wide)| *wide)
    }

    /// Whether a column is shown.
    pub fn has(&self, id: Id) -> bool {
        self.width(id).is_some()
    }

    /// Draws the heads. `chosen` is the one that the rows are sorted by.
    pub fn heads(&self, canvas: &mut Canvas<'_, '_>, area: Rect, chosen: Option<(Id, bool)>) {
        for (column, x, wide) in &self.placed {
            let sorted = chosen.filter(|(id, _)| *id == column.id);
            let mut line = Line::of(column.head, Slot::Heading);
            if let Some((_, reversed)) = sorted {
                line = Line::of(column.head, Slot::Accent);
                line.push(if reversed { "↑" } else { "↓" }, Slot::Accent);
            }
            Self::cell(canvas, area, *x, *wide, column.align, &line);
        }
    }

    /// Draws one row.
    pub fn row<'a>(
        &self,
        canvas: &mut Canvas<'_, '_>,
        area: Rect,
        mut cell: impl FnMut(Id, u16) -> Line<'a>,
    ) {
        for (column, x, wide) in &self.placed {
            let line = cell(column.id, *wide);
            Self::cell(canvas, area, *x, *wide, column.align, &line);
        }
    }

    fn cell(
        canvas: &mut Canvas<'_, '_>,
        area: Rect,
        x: u16,
        wide: u16,
        align: Align,
        line: &Line<'_>,
    ) {
        let left = area.width.saturating_sub(x);
        let wide = wide.min(left);
        let have = u16::try_from(line.width()).unwrap_or(u16::MAX).min(wide);
        let at = match align {
            Align::Left => area.x + x.min(area.width),
            Align::Right => area.x + x.min(area.width) + (wide - have),
        };
        canvas.line(at, area.y, wide, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(id: char, min: u16, max: u16, fold: u8) -> Column<char> {
        Column::new(id, "", min, max, fold)
    }

    #[test]
    fn columns_fold_in_their_order_and_share_the_rest() {
        let columns = [column('n', 10, 30, 0), column('k', 5, 5, 2), column('u', 6, 6, 1)];
        let widths = |width: u16| {
            let placed = Columns::new(&columns, width);
            ['n', 'k', 'u'].map(|id| placed.width(id))
        };
        assert_eq!(widths(25), [Some(10), Some(5), Some(6)]);
        assert_eq!(widths(40), [Some(25), Some(5), Some(6)]);
        assert_eq!(widths(99), [Some(30), Some(5), Some(6)]);
        assert_eq!(widths(24), [Some(16), None, Some(6)]);
        assert_eq!(widths(17), [Some(17), None, None]);
        assert_eq!(widths(3), [Some(10), None, None]);
    }

    #[test]
    fn who_grows_first_is_full_before_the_next() {
        let columns = [column('a', 5, 9, 0).grow(1), column('b', 5, 8, 0)];
        let widths = |width: u16| {
            let placed = Columns::new(&columns, width);
            ['a', 'b'].map(|id| placed.width(id))
        };
        assert_eq!(widths(14), [Some(5), Some(7)]);
        assert_eq!(widths(17), [Some(7), Some(8)]);
        assert_eq!(widths(40), [Some(9), Some(8)]);
    }
}
