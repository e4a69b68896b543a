//! What of time, stages and lines a log covers, gathered in any order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::format::{Carrier, Context};
use super::servers::Servers;
use super::stored;
use super::summed::OfSummaries;
use crate::model::{Coverage, Gap, Name, Place, Unreadable};

/// What was read, so far, by one reader or by all. A store keeps it for each source: what is added
/// here must have a default, and a form that [`stored`] reads back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Covered {
    pub lines: u64,
    /// By [`LEVELS`].
    #[serde(with = "stored::counts")]
    pub levels: [u64; LEVELS.len()],
    pub decisions: bool,
    pub groups: bool,
    /// Events of somebody without groups.
    pub without_groups: u64,
    /// The first and the last read.
    reads: Span,
    pub servers: Servers,
    /// Events that ended early, read as far as they went.
    pub cut: u64,
    /// Events that came in a carrier, by [`Carrier::ALL`]; an event may have come in several.
    #[serde(with = "stored::counts")]
    pub carriers: [u64; Carrier::COUNT],
    /// What came from summaries.
    pub summaries: OfSummaries,
    /// The first and the last event of each stretch of [`Coverage::GAP`]: two events of one stretch
    /// have no gap between them, so these are all that gaps are made of.
    #[serde(with = "stored::stretches")]
    pub stretches: HashMap<i64, Span>,
    /// The stretch met last.
    #[serde(skip)]
    current: (i64, Span),
    #[serde(deserialize_with = "stored::reasons")]
    unreadable: BTreeMap<&'static str, Unread>,
    /// What carriers hold beside audit events.
    #[serde(deserialize_with = "stored::reasons")]
    passed: BTreeMap<&'static str, Unread>,
    /// Sources that could not be read, or not to their end.
    broken: u64,
    /// Lines of each block, by source and number.
    blocks: Vec<(u32, u32, u32)>,
}

/// Why a line is not believed that is of a time to come. That may be the clock's fault.
pub const EARLY: &str = "dated in the future";

/// The levels of an audit policy, and what else stands there.
pub const LEVELS: [&str; 5] = ["None", "Metadata", "Request", "RequestResponse", "other"];

/// Microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub first: i64,
    pub last: i64,
}

impl Span {
    const EMPTY: Self = Self { first: i64::MAX, last: i64::MIN };

    /// From the first to the last of both.
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Whether they have a moment in common.
    pub fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl Default for Span {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Where a line is: source, block, and line within the block, counted from 1; 0 is the source as a
/// whole.
pub type At = (u32, u32, u32);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Unread {
    count: u64,
    first: At,
}

/// [`Coverage::GAP`] in microseconds.
pub const STRETCH: i64 = Coverage::GAP.num_seconds() * 1_000_000;

impl Covered {
    /// Notes an event of `at` (microseconds).
    pub fn event(&mut self, at: i64) {
        let stretch = at.div_euclid(STRETCH);
        if stretch != self.current.0 {
            self.close();
            self.current = (stretch, Span::EMPTY);
        }
        self.current.1 = self.current.1.and(Span { first: at, last: at });
    }

    /// Notes reads.
    pub fn reads(&mut self, span: Span) {
        self.reads = self.reads.and(span);
    }

    fn close(&mut self) {
        let (stretch, span) = self.current;
        if span != Span::EMPTY {
            let known = self.stretches.entry(stretch).or_default();
            *known = known.and(span);
        }
    }

    /// Notes what an event of `at` (microseconds) came in.
    pub fn carried(&mut self, context: &Context<'_>, at: i64) {
        self.cut += u64::from(context.cut);
        if !context.carriers.is_empty() {
            self.servers.envelope(context.server, context.cluster, at);
            for (carrier, events) in Carrier::ALL.iter().zip(&mut self.carriers) {
                *events += u64::from(context.carriers.has(*carrier));
            }
        }
    }

    /// Notes a line, or more, that cannot be read.
    pub fn unreadable(&mut self, reason: &'static str, at: At) {
        note(&mut self.unreadable, reason, Unread { count: 1, first: at });
    }

    /// Notes that a source cannot be read, or not on.
    pub fn broken(&mut self, reason: &'static str, at: At) {
        self.unreadable(reason, at);
        self.broken += 1;
    }

    /// Whether something in it was of a time to come.
    pub fn is_early(&self) -> bool {
        self.unreadable.contains_key(EARLY)
    }

    /// Notes something that is no audit event, but belongs to what carries them.
    pub fn passed(&mut self, reason: &'static str, at: At) {
        note(&mut self.passed, reason, Unread { count: 1, first: at });
    }

    /// Notes how many lines a block has.
    pub fn block(&mut self, source: u32, number: u32, lines: u32) {
        self.blocks.push((source, number, lines));
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
            && self.unreadable.is_empty()
            && self.passed.is_empty()
            && self.summaries.is_empty()
    }

    /// Both together.
    pub fn add(&mut self, mut other: Self) {
        other.close();
        self.lines += other.lines;
        for (level, more) in self.levels.iter_mut().zip(other.levels) {
            *level += more;
        }
        self.decisions |= other.decisions;
        self.groups |= other.groups;
        self.without_groups += other.without_groups;
        self.reads = self.reads.and(other.reads);
        self.servers.add(other.servers);
        self.summaries.add(other.summaries);
        for (stretch, span) in other.stretches {
            let known = self.stretches.entry(stretch).or_default();
            *known = known.and(span);
        }
        self.cut += other.cut;
        self.broken += other.broken;
        for (events, more) in self.carriers.iter_mut().zip(other.carriers) {
            *events += more;
        }
        for (reason, unread) in other.unreadable {
            note(&mut self.unreadable, reason, unread);
        }
        for (reason, unread) in other.passed {
            note(&mut self.passed, reason, unread);
        }
        self.blocks.extend(other.blocks);
    }

    /// Puts the whole of it into one block, and that into another source: the form to keep. Blocks
    /// that are added to it must be numbered from 1.
    pub fn settle(&mut self, source: u32) {
        self.close();
        self.current = (0, Span::EMPTY);
        let place = |(_, block, line): At| {
            let line = if line == 0 { 0 } else { self.lines_before(block) + u64::from(line) };
            (source, 0, u32::try_from(line).unwrap_or(u32::MAX))
        };
        let noted = self.unreadable.values().chain(self.passed.values());
        let first: Vec<At> = noted.map(|unread| place(unread.first)).collect();
        let noted = self.unreadable.values_mut().chain(self.passed.values_mut());
        for (unread, first) in noted.zip(first) {
            unread.first = first;
        }
        self.blocks = vec![(source, 0, self.line_count())];
        self.summaries.settle(source);
    }

    /// How many lines a single source has.
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.lines_before(u32::MAX)).unwrap_or(u32::MAX)
    }

    /// Of a single source.
    fn lines_before(&self, block: u32) -> u64 {
        let before = self.blocks.iter().filter(|(_, number, _)| *number < block);
        before.map(|(_, _, lines)| u64::from(*lines)).sum()
    }

    /// Moves the blocks of what was read behind something settled.
    pub fn behind(&mut self) {
        for (_, number, _) in &mut self.blocks {
            *number += 1;
        }
        for unread in self.unreadable.values_mut().chain(self.passed.values_mut()) {
            unread.first.1 += 1;
        }
    }

    /// Notes a line behind all others that is not whole yet; of something settled.
    pub fn note_held(&mut self, reason: &'static str) {
        let line = self.line_count();
        self.unreadable(reason, (0, 0, line.saturating_add(1)));
    }

    /// Forgets the time before `from` (microseconds).
    pub fn forget_before(&mut self, from: i64) {
        self.stretches.retain(|_, span| span.last >= from);
        self.summaries.forget_before(from);
    }

    /// As the model has it, without what only whole requests tell.
    pub fn coverage(&self, sources: &[Name]) -> Coverage {
        let mut all = self.clone();
        all.close();
        for (stretch, span) in &all.summaries.stretches {
            let known = all.stretches.entry(*stretch).or_default();
            *known = known.and(*span);
        }
        let mut spans: Vec<Span> = all.stretches.values().copied().collect();
        spans.sort_unstable_by_key(|span| span.first);
        let summaries = self.summaries.summaries();
        let gaps_known = summaries.as_ref().is_none_or(|summaries| summaries.gaps_known);
        let (gaps, gaps_left_out) = if gaps_known { gaps(&spans) } else { (Vec::new(), 0) };
        let levels = LEVELS.iter().zip(self.levels).filter(|(_, lines)| *lines > 0);
        let mut names = sources.to_vec();
        names.sort();
        // A file whose like was taken in under its name before is known twice.
        names.dedup();
        let reads = Some(self.reads).filter(|reads| *reads != Span::EMPTY);
        let carriers = Carrier::ALL.iter().zip(self.carriers).filter(|(_, events)| *events > 0);
        let mut coverage = Coverage {
            from: spans.first().map(|span| utc(span.first)),
            to: spans.last().map(|span| utc(span.last)),
            lines: self.lines + self.summaries.lines_at_least(),
            gaps,
            gaps_left_out,
            reads_logged: reads.is_some(),
            reads_from: reads.map(|reads| utc(reads.first)),
            reads_to: reads.map(|reads| utc(reads.last)),
            decisions_logged: self.decisions,
            groups_logged: self.groups,
            without_groups: self.without_groups,
            cut: self.cut,
            broken: self.broken,
            levels: levels.map(|(level, lines)| (Name::from(*level), lines)).collect(),
            unreadable: self.places(&self.unreadable, sources),
            passed: self.places(&self.passed, sources),
            carriers: carriers.map(|(c, events)| (Name::from(c.as_str()), events)).collect(),
            sources: names,
            summaries,
            ..Coverage::default()
        };
        self.servers.cover(&mut coverage);
        coverage
    }

    fn places(
        &self,
        unread: &BTreeMap<&'static str, Unread>,
        sources: &[Name],
    ) -> BTreeMap<Name, Unreadable> {
        let place = |(source, block, line): At| {
            let before = self.blocks.iter().filter(|(s, b, _)| *s == source && *b < block);
            let before: u64 = before.map(|(_, _, lines)| u64::from(*lines)).sum();
            let name = sources.get(source as usize).cloned().unwrap_or_else(|| "".into());
            let line = if line == 0 { 0 } else { before + u64::from(line) };
            Place { source: name, line }
        };
        unread
            .iter()
            .map(|(reason, unread)| {
                let first = place(unread.first);
                (Name::from(*reason), Unreadable { count: unread.count, first })
            })
            .collect()
    }
}

fn note(all: &mut BTreeMap<&'static str, Unread>, reason: &'static str, more: Unread) {
    let known = all.entry(reason).or_insert(Unread { count: 0, ..more });
    known.count += more.count;
    known.first = known.first.min(more.first);
}

/// A time of the model.
pub fn utc(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// The longest gaps, oldest first, and how many more there are.
fn gaps(spans: &[Span]) -> (Vec<Gap>, u64) {
    let pairs = spans.iter().zip(spans.iter().skip(1));
    let mut gaps: Vec<Gap> = pairs
        .map(|(before, after)| Gap { from: utc(before.last), to: utc(after.first) })
        .filter(|gap| gap.to - gap.from > Coverage::GAP)
        .collect();
    gaps.sort_by_key(|gap| (gap.from - gap.to, gap.from));
    let left_out = gaps.len().saturating_sub(Coverage::MAX_GAPS);
    gaps.truncate(Coverage::MAX_GAPS);
    gaps.sort();
    (gaps, left_out as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn gaps_are_between_the_very_events_whatever_the_order() {
        let start = 1_777_852_800_000_000;
        // From 0 to 10 min 0 s is no gap, from there to 20 min 0.000001 s is one.
        let times = [0, 10 * MINUTE, 20 * MINUTE + 1, 25 * MINUTE, 300 * MINUTE + 7];
        for turn in 0..times.len() {
            let mut parts = [Covered::default(), Covered::default()];
            for (index, time) in times.iter().cycle().skip(turn).take(times.len()).enumerate() {
                parts[index % 2].event(start + time);
            }
            let mut all = Covered::default();
            for part in parts {
                all.add(part);
            }
            let coverage = all.coverage(&[]);
            let gap = |from, to| Gap { from: utc(start + from), to: utc(start + to) };
            assert_eq!(
                coverage.gaps,
                [gap(10 * MINUTE, 20 * MINUTE + 1), gap(25 * MINUTE, 300 * MINUTE + 7)]
            );
            assert_eq!(coverage.from, Some(utc(start)));
            assert_eq!(coverage.to, Some(utc(start + 300 * MINUTE + 7)));
        }
    }

    #[test]
    fn the_longest_gaps_are_kept() {
        let mut covered = Covered::default();
        let mut at = 1_777_852_800_000_000;
        for more in 0..i64::try_from(Coverage::MAX_GAPS).unwrap() + 3 {
            covered.event(at);
            at += 11 * MINUTE + more;
        }
        covered.event(at);
        let coverage = covered.coverage(&[]);
        assert_eq!((coverage.gaps.len(), coverage.gaps_left_out), (Coverage::MAX_GAPS, 3));
        assert_eq!(coverage.gaps[0].from, utc(1_777_852_800_000_000 + 3 * 11 * MINUTE + 3));
    }

    #[test]
    fn the_first_place_is_first_in_the_order_of_sources_and_lines() {
        let mut one = Covered::default();
        one.block(1, 1, 10);
        one.unreadable("broken", (1, 1, 4));
        let mut two = Covered::default();
        two.block(1, 0, 7);
        two.block(0, 0, 5);
        two.unreadable("broken", (1, 1, 3));
        two.unreadable("whole", (0, 0, 0));
        one.add(two);
        let coverage = one.coverage(&["a".into(), "b".into()]);
        let at = |source: &str, line| Place { source: source.into(), line };
        let broken = &coverage.unreadable["broken"];
        assert_eq!((broken.count, &broken.first), (2, &at("b", 10)));
        assert_eq!(coverage.unreadable["whole"].first, at("a", 0));
    }
}
