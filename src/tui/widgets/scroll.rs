//! A cursor in a list that is longer than its window.

/// Where the cursor is, and which row is the first shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    /// The row under the cursor.
    pub cursor: usize,
    /// The first row shown.
    pub offset: usize,
}

/// A movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many rows down, or up.
    Rows(isize),
    /// So many half windows down, or up.
    Halves(isize),
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
}

impl Scroll {
    /// Moves the cursor among `count` rows of which `height` are shown.
    pub fn step(&mut self, step: Step, count: usize, height: usize) {
        let half = |halves: isize| halves.saturating_mul((height.max(2) / 2).cast_signed());
        self.cursor = match step {
            Step::Rows(rows) => self.cursor.saturating_add_signed(rows),
            Step::Halves(halves) if halves % 2 == 0 => {
                let page = height.max(1).cast_signed();
                self.cursor.saturating_add_signed(page.saturating_mul(halves / 2))
            }
            Step::Halves(halves) => self.cursor.saturating_add_signed(half(halves)),
            Step::Top => 0,
            Step::Bottom => usize::MAX,
        };
        self.clamp(count, height);
    }

    /// Keeps the cursor on a row and in the window, and the window full where there are rows.
    pub fn clamp(&mut self, count: usize, height: usize) {
        self.cursor = self.cursor.min(count.saturating_sub(1));
        let height = height.max(1);
        self.offset = self
            .offset
            .min(self.cursor)
            .max((self.cursor + 1).saturating_sub(height))
            .min(count.saturating_sub(height));
    }

    /// Moves the view alone, for text without a cursor.
    pub fn view(&mut self, step: Step, count: usize, height: usize) {
        let last = count.saturating_sub(height.max(1));
        let page = height.max(1).cast_signed();
        self.offset = match step {
            Step::Rows(rows) => self.offset.saturating_add_signed(rows),
            Step::Halves(halves) => {
                self.offset.saturating_add_signed(page.saturating_mul(halves) / 2)
            }
            Step::Top => 0,
            Step::Bottom => usize::MAX,
        }
        .min(last);
        self.cursor = self.offset;
    }

    /// The rows shown.
    pub fn shown(&self, count: usize, height: usize) -> std::ops::Range<usize> {
        let mut here = *self;
        here.clamp(count, height);
        here.offset..(here.offset + height).min(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_window_follows_the_cursor() {
        let mut scroll = Scroll::default();
        scroll.step(Step::Rows(5), 20, 4);
        assert_eq!(scroll, Scroll { cursor: 5, offset: 2 });
        scroll.step(Step::Rows(-1), 20, 4);
        assert_eq!(scroll, Scroll { cursor: 4, offset: 2 });
        scroll.step(Step::Halves(2), 20, 4);
        assert_eq!(scroll, Scroll { cursor: 8, offset: 5 });
        scroll.step(Step::Halves(-1), 20, 4);
        assert_eq!(scroll, Scroll { cursor: 6, offset: 5 });
        scroll.step(Step::Bottom, 20, 4);
        assert_eq!(scroll, Scroll { cursor: 19, offset: 16 });
        scroll.clamp(3, 4);
        assert_eq!(scroll, Scroll { cursor: 2, offset: 0 });
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_the_window(
            cursor in any::<usize>(), offset in any::<usize>(), count in 0usize..50,
            height in 0usize..20, rows in any::<isize>(),
        ) {
            let mut scroll = Scroll { cursor, offset };
            scroll.step(Step::Rows(rows), count, height);
            scroll.step(Step::Halves(rows), count, height);
            let shown = scroll.shown(count, height);
            prop_assert!(shown.end <= count);
            prop_assert!(count == 0 || height == 0 || shown.contains(&scroll.cursor));
            prop_assert!(shown.len() == count.min(height));
            scroll.view(Step::Rows(rows), count, height);
            prop_assert!(scroll.offset <= count);
        }
    }
}
