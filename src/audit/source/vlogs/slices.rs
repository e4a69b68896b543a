//! How a log is cut into parts that each are answered at once. A part is a stretch of time in which
//! requests were *received*: all lines of a request say the same of that, so that no request is in
//! two parts, whenever its lines were written. When they were, `_time`, only says where to look.

/// An hour of `_time`, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    pub start: i64,
    pub lines: u64,
    /// When the first and the last request with a line in it were received.
    pub first: i64,
    pub last: i64,
}

/// A stretch of time `[from, to)`, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub from: i64,
    pub to: i64,
}

const HOUR: i64 = 3600;

impl Slice {
    /// Both halves; None where it is a second already.
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = i64::midpoint(self.from, self.to);
        (middle > self.from && middle < self.to)
            .then_some([Self { to: middle, ..self }, Self { from: middle, ..self }])
    }

    /// The hours of `_time` in which lines of its requests are, as one stretch.
    pub fn scan(self, hours: &[Hour]) -> Option<(i64, i64)> {
        let mine = hours.iter().filter(|hour| hour.first < self.to && hour.last >= self.from);
        let (mut from, mut to) = (i64::MAX, i64::MIN);
        for hour in mine {
            from = from.min(hour.start);
            to = to.max(hour.start + HOUR);
        }
        (from < to).then_some((from, to))
    }
}

/// Parts that have about `most` lines or fewer, as far as hours tell, within `[since, until)`.
pub fn plan(hours: &[Hour], most: u64, since: i64, until: i64) -> Vec<Slice> {
    let Some(first) = hours.iter().map(|hour| hour.first).min() else { return Vec::new() };
    let Some(last) = hours.iter().map(|hour| hour.last).max() else { return Vec::new() };
    let (from, to) = (first.max(since), (last + 1).min(until));
    // Where lines were written is about where their requests were received.
    let mut known: Vec<(i64, u64)> = hours.iter().map(|hour| (hour.start, hour.lines)).collect();
    known.sort_unstable();
    let mut slices = Vec::new();
    let (mut begin, mut lines) = (from, 0);
    for (start, more) in known {
        if lines > 0 && lines + more > most {
            cut(&mut slices, &mut begin, start.min(to), lines, most);
            lines = 0;
        }
        lines += more;
    }
    cut(&mut slices, &mut begin, to, lines, most);
    slices
}

/// Adds `[begin, end)`, in as many parts as its lines need.
fn cut(slices: &mut Vec<Slice>, begin: &mut i64, end: i64, lines: u64, most: u64) {
    let length = end - *begin;
    if length <= 0 {
        return;
    }
    slices.extend(even(*begin, end, lines.div_ceil(most.max(1))));
    *begin = end;
}

/// `[begin, end)` in so many parts, as far as it has seconds.
pub fn even(begin: i64, end: i64, parts: u64) -> Vec<Slice> {
    let length = (end - begin).max(1);
    let parts = i64::try_from(parts).unwrap_or(1).clamp(1, length);
    let at = |part: i64| begin + length * part / parts;
    (0..parts).map(|part| Slice { from: at(part), to: at(part + 1) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hour(number: i64, lines: u64) -> Hour {
        let start = number * HOUR;
        Hour { start, lines, first: start + 5, last: start + HOUR - 5 }
    }

    #[test]
    fn few_lines_are_one_part_and_many_are_several() {
        let hours: Vec<Hour> = (10..14).map(|number| hour(number, 10)).collect();
        let whole = Slice { from: 10 * HOUR + 5, to: 14 * HOUR - 4 };
        assert_eq!(plan(&hours, 100, 0, i64::MAX), [whole]);
        assert_eq!(plan(&hours, 20, 0, i64::MAX).len(), 2);
        assert_eq!(plan(&hours, 5, 0, i64::MAX).len(), 8);
        assert_eq!(
            plan(&hours, 100, 11 * HOUR, 12 * HOUR),
            [Slice { from: 11 * HOUR, to: 12 * HOUR }]
        );
        assert_eq!(plan(&[], 5, 0, i64::MAX), []);
    }

    #[test]
    fn lines_written_late_are_looked_for_where_they_are() {
        // A session received at 10:00:05 ended in the hour from 13:00.
        let late = Hour { first: 10 * HOUR + 5, ..hour(13, 1) };
        let hours = [hour(10, 10), hour(11, 10), late];
        let slice = Slice { from: 10 * HOUR, to: 10 * HOUR + 60 };
        assert_eq!(slice.scan(&hours), Some((10 * HOUR, 14 * HOUR)));
        let slice = Slice { from: 9 * HOUR, to: 10 * HOUR };
        assert_eq!(slice.scan(&hours), None);
    }

    proptest! {
        #[test]
        fn every_second_is_in_one_part(
            all in prop::collection::btree_map(0i64..300, (1u64..500, 0i64..20_000), 1..30),
            most in 1u64..600,
        ) {
            let hours: Vec<Hour> = all
                .iter()
                .map(|(number, (lines, back))| {
                    let known = hour(*number, *lines);
                    Hour { first: known.first - back, ..known }
                })
                .collect();
            let slices = plan(&hours, most, i64::MIN, i64::MAX);
            let first = hours.iter().map(|hour| hour.first).min().unwrap();
            let last = hours.iter().map(|hour| hour.last).max().unwrap();
            prop_assert_eq!(slices.first().unwrap().from, first);
            prop_assert_eq!(slices.last().unwrap().to, last + 1);
            for pair in slices.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            for slice in slices {
                prop_assert!(slice.from < slice.to);
                if let Some([one, other]) = slice.halves() {
                    prop_assert!(one.from < one.to && one.to == other.from && other.from < other.to);
                }
            }
        }
    }
}
