//! The days of an identity: a column a week, or a line of bars.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::book::{Book, DayCount, Entry, IdentityActivity};
use crate::model::Coverage;
use crate::tui::theme::Slot;
use crate::tui::widgets::Line;

/// Days without, and with few to many requests.
const SHADES: [&str; 4] = ["░", "▒", "▓", "█"];

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// How many of `steps` a count is worth, beside the highest: the root, so that a quiet day is
/// still seen beside a busy one.
fn step(count: u64, most: u64, steps: usize) -> usize {
    if count == 0 || most == 0 || steps == 0 {
        return 0;
    }
    let root = |value: u64| value.isqrt().max(1);
    let part = root(count).saturating_mul(steps as u64).div_ceil(root(most));
    usize::try_from(part).unwrap_or(steps).clamp(1, steps)
}

/// The first and last covered day.
fn covered(coverage: &Coverage) -> Option<(NaiveDate, NaiveDate)> {
    Some((coverage.from?.date_naive(), coverage.to?.date_naive()))
}

fn all(count: &DayCount) -> u64 {
    count.allowed + count.denied + count.undecided
}

/// Whether the log is silent on the whole of a day.
fn in_gap(coverage: &Coverage, day: NaiveDate) -> bool {
    coverage.gaps.iter().any(|gap| gap.from.date_naive() < day && day < gap.to.date_naive())
}

/// A line a weekday, a column a week, the newest at the right; then the months. Empty without
/// coverage.
pub(super) fn lines(book: &Book, activity: &IdentityActivity, width: usize) -> Vec<Line<'static>> {
    let Some((coverage, (from, to))) =
        book.coverage().and_then(|coverage| Some((coverage, covered(coverage)?)))
    else {
        return Vec::new();
    };
    let monday = |day: NaiveDate| {
        day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day)
    };
    let (first, last) = (monday(from), monday(to));
    let weeks = usize::try_from((last - first).num_weeks()).unwrap_or(0) + 1;
    let fit = weeks.min(width.saturating_sub(6) / 2).max(1);
    let start = first + Days::new(7 * (weeks - fit) as u64);
    let most = activity.days.values().map(all).max().unwrap_or(0);
    let mut lines: Vec<Line<'static>> = WEEK
        .into_iter()
        .enumerate()
        .map(|(at, weekday)| {
            let label = if at % 2 == 0 { weekday.to_string() } else { String::new() };
            let mut line = Line::of(format!("{label:<4}"), Slot::Muted);
            for week in 0..fit {
                let day = start + Days::new((7 * week + at) as u64);
                let (sign, slot) = if day < from || day > to {
                    (" ", Slot::Base)
                } else {
                    sign(coverage, activity, day, most)
                };
                line.push(format!("{sign} "), slot);
            }
            line
        })
        .collect();
    lines.push(months(start, fit));
    lines
}

fn sign(
    coverage: &Coverage,
    activity: &IdentityActivity,
    day: NaiveDate,
    most: u64,
) -> (&'static str, Slot) {
    match activity.days.get(&day) {
        Some(count) if count.denied > 0 && count.denied == all(count) => ("×", Slot::Warn),
        Some(count) if all(count) > 0 => {
            let shade = step(all(count), most, SHADES.len()).saturating_sub(1);
            (SHADES.get(shade).copied().unwrap_or(" "), Slot::Good)
        }
        _ if in_gap(coverage, day) => ("?", Slot::Unknown),
        _ => ("·", Slot::Faint),
    }
}

/// The months, each where its first week begins.
fn months(start: NaiveDate, weeks: usize) -> Line<'static> {
    let mut text = " ".repeat(4);
    let mut month = None;
    for week in 0..weeks {
        let day = start + Days::new(7 * week as u64);
        let column = 4 + 2 * week;
        // A month that begins within the week is the week's.
        let end = day + Days::new(6);
        if month != Some(end.month()) && text.len() <= column {
            month = Some(end.month());
            text.push_str(&" ".repeat(column - text.len()));
            text.push_str(&end.format("%b ").to_string());
        }
    }
    Line::of(text, Slot::Muted)
}

/// The covered time in `width` bars of equal length, the newest at the right.
pub fn spark(book: &Book, entry: &Entry, width: usize) -> Line<'static> {
    let Some((from, to)) = book.coverage().and_then(covered) else {
        return Line::new();
    };
    let days = usize::try_from((to - from).num_days()).unwrap_or(0) + 1;
    let cells = width.min(days).max(1);
    let mut counts = vec![DayCount::default(); cells];
    let activity = entry.activity.as_deref();
    for (day, count) in activity.into_iter().flat_map(|activity| &activity.days) {
        let at = usize::try_from((*day - from).num_days()).unwrap_or(0);
        if let Some(cell) = counts.get_mut(at * cells / days) {
            cell.allowed += count.allowed;
            cell.denied += count.denied;
            cell.undecided += count.undecided;
        }
    }
    let most = counts.iter().map(all).max().unwrap_or(0);
    let mut line = Line::of(" ".repeat(width - cells), Slot::Base);
    for count in &counts {
        match step(all(count), most, BARS.len()) {
            0 => line.push("·", Slot::Faint),
            _ if count.denied == all(count) => line.push("×", Slot::Warn),
            bar => line.push(BARS.get(bar - 1).copied().unwrap_or(" "), Slot::Good),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_day_is_seen_beside_a_busy_one() {
        assert_eq!(step(0, 100, 4), 0);
        assert_eq!(step(1, 1_000_000, 4), 1);
        assert_eq!(step(25, 100, 4), 2);
        assert_eq!(step(100, 100, 4), 4);
        assert_eq!(step(3, 0, 4), 0);
        assert_eq!(step(u64::MAX, u64::MAX, 8), 8);
    }

    #[test]
    fn months_stand_where_they_begin() {
        let start = NaiveDate::from_ymd_opt(2026, 7, 6).unwrap();
        assert_eq!(months(start, 10).text().trim_end(), "    Jul   Aug       Sep");
    }
}
