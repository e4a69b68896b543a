//! The list of identities, with a preview of the one under the cursor.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::header::{Lists, Needed};
use super::{cursor, empty, row_area};
use crate::book::{Book, Entry, LogState};
use crate::model::{ListKind, SubjectKind};
use crate::query::{Seen, Sort, SortKey};
use crate::reach;
use crate::tui::layout::{GUTTER, Parts};
use crate::tui::state::{Chip, State};
use crate::tui::text::{figure, plural};
use crate::tui::theme::Slot;
use crate::tui::widgets::{Canvas, Column, Columns, Line};
use crate::tui::words::{self, LOADING};

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Name,
    Kind,
    Cluster,
    Access,
    Seen,
    Days,
    Used,
    Findings,
    Grants,
    Agent,
    Address,
}

/// How many days a cell of the ACTIVITY column stands for is worked out from its width.
const DAYS: u16 = 30;

/// From this width on the chips stand apart.
const ROOMY: u16 = 90;

fn columns(state: &State, width: u16) -> Columns<Id> {
    let mut all = vec![Column::new(Id::Name, "NAME", 18, 44, 0)];
    if state.listed().count() > 1 {
        let titles = state.listed().map(|feed| crate::tui::text::width(feed.title()));
        let wide = titles.max().and_then(|wide| u16::try_from(wide).ok()).unwrap_or(7);
        let wide = wide.clamp(7, 18);
        all.push(Column::new(Id::Cluster, "CLUSTER", wide, wide, 1));
    }
    // Signs of life take more room than a log's ages, and stand where there is no log.
    let signs = state
        .listed()
        .any(|feed| feed.book.as_ref().is_some_and(|book| book.log == LogState::None));
    let seen = if signs { 18 } else { 11 };
    // Behind the sign of what may be more.
    let bounds = state.listed().filter_map(|feed| feed.book.as_deref()).any(|book| {
        let needed = [
            ListKind::ClusterRoleBindings,
            ListKind::RoleBindings,
            ListKind::ClusterRoles,
            ListKind::Roles,
        ];
        !book.snapshot.covers(&needed, None)
    });
    let access = if bounds { 17 } else { 16 };
    all.extend([
        Column::new(Id::Kind, "KIND", 5, 5, 5),
        Column::new(Id::Access, "ACCESS", access, access, 0),
        Column::new(Id::Seen, "LAST SEEN", 11, seen, 2),
        Column::new(Id::Days, "ACTIVITY", DAYS, DAYS, 7),
        Column::new(Id::Used, "USED", 6, 8, 4).right().grow(2),
        Column::new(Id::Grants, "GRANTS", 6, 6, 6).right(),
        Column::new(Id::Findings, "FINDINGS", 15, 36, 3),
        Column::new(Id::Agent, "AGENT", 16, 30, 8).grow(2),
        Column::new(Id::Address, "ADDRESS", 15, 24, 9).grow(2),
    ]);
    Columns::new(&all, width)
}

pub(super) fn draw(state: &State, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    chips(state, canvas, parts.bar);
    let heads = text_area(parts.heads);
    let columns = columns(state, heads.width);
    let sorted = match state.list.sort.key {
        SortKey::Name => Some(Id::Name),
        SortKey::Kind => Some(Id::Kind),
        SortKey::Time => Some(Id::Seen),
        SortKey::Used => Some(Id::Used),
        SortKey::Risk => None,
    };
    columns.heads(canvas, heads, sorted.map(|id| (id, state.list.sort.reversed)));
    let body = parts.body;
    let list = &state.list;
    if list.rows.is_empty() {
        empty(canvas, body, &nothing(state));
    }
    for (at, index) in list.scroll.shown(list.rows.len(), body.height.into()).enumerate() {
        let Some(who) = list.rows.get(index).copied() else {
            break;
        };
        let row = row_area(body, at);
        if let Some((book, entry)) = state.entry(who) {
            let bare = columns.has(Id::Kind);
            columns.row(canvas, text_area(row), |id, wide| match id {
                Id::Name => name(state, book, entry, bare),
                id => cell(state, book, entry, id, wide),
            });
        }
        if index == list.scroll.cursor {
            cursor(canvas, row);
        }
        let staged =
            state.entry(who).is_some_and(|(_, entry)| state.is_staged(who.feed, &entry.identity));
        if staged {
            canvas.put(row.x + 2, row.y, 1, "~", Slot::Warn);
        }
        if list.marks.contains(who) {
            canvas.put(row.x + 1, row.y, 1, "✓", Slot::Mark);
        }
    }
    super::page::preview(state, canvas, parts);
}

/// A row's text, behind the gutter.
fn text_area(row: Rect) -> Rect {
    Rect { x: row.x + GUTTER, width: row.width.saturating_sub(GUTTER + 1), ..row }
}

/// Where the word looked for is a chip's, that it is one.
fn chip(state: &State) -> String {
    let word = state.list.filter.text().trim();
    let chip = Chip::ALL.into_iter().find(|chip| *chip != Chip::All && chip.as_str() == word);
    chip.map_or_else(String::new, |chip| {
        format!("{} finds what the chip {word} counts; ", chip.term())
    })
}

/// Why there are no rows.
fn nothing(state: &State) -> String {
    let waiting: Vec<&str> =
        state.listed().filter(|feed| feed.book.is_none()).map(|feed| &**feed.title()).collect();
    if !waiting.is_empty() {
        return format!("connecting to {} …", waiting.join(", "));
    }
    if state.list.have < state.list.asked {
        return "looking …".to_owned();
    }
    if state.list.is_narrowed() {
        let nobody =
            format!("nobody matches {}; {}esc lists all again", state.list.combined(), chip(state));
        let remarks = state.list.remarks.iter().map(|remark| format!(". {remark}"));
        return std::iter::once(nobody).chain(remarks).collect();
    }
    let books = || state.listed().filter_map(|feed| feed.book.as_deref());
    if Lists::of(books()).needed == Needed::Awaited {
        let servers: Vec<&str> = books()
            .map(|book| &*book.snapshot.cluster.server)
            .filter(|server| !server.is_empty())
            .collect();
        return match servers.as_slice() {
            [] => "reading …".to_owned(),
            servers => format!("waiting for {} …", servers.join(", ")),
        };
    }
    // Of several lists that failed alike, one says it.
    let bindings = [ListKind::ClusterRoleBindings, ListKind::RoleBindings];
    let why = books()
        .flat_map(|book| bindings.map(|kind| book.snapshot.list(kind).reason.clone()))
        .flatten()
        .next();
    match why {
        Some(why) => format!("nobody is known: {why} (i says more, ctrl-r reads again)"),
        None if Lists::of(books()).needed == Needed::Lacking => {
            "nobody is known: some lists could not be read (i says which, and why)".to_owned()
        }
        None => "nobody: there is no binding, and no service account".to_owned(),
    }
}

/// The line of chips: what is listed and how many, each chip with its count, and the order.
fn chips(state: &State, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let mut line = Line::of(" ", Slot::Base);
    let list = &state.list;
    let what = match list.kind {
        None => "Identities",
        Some(SubjectKind::User) => "Users",
        Some(SubjectKind::Group) => "Groups",
        Some(SubjectKind::ServiceAccount) => "Accounts",
    };
    let mut counts = [0usize; Chip::ALL.len()];
    for book in state.listed().filter_map(|feed| feed.book.as_ref()) {
        let have = book.counts();
        let each = [
            have.identities,
            have.idle,
            have.shared,
            have.admin,
            have.reach,
            have.dangling,
            have.findings,
        ];
        for (sum, more) in counts.iter_mut().zip(each) {
            *sum += more;
        }
    }
    let slot = if list.chip == Chip::All { Slot::Strong } else { Slot::Muted };
    line.push(what, slot);
    let all = counted(state, counts[0]);
    if list.is_narrowed() {
        line.push(format!(" {} of {all}", figure(list.rows.len() as u64)), Slot::Accent);
    } else {
        line.push(format!(" {all}"), Slot::Base);
    }
    if let Some(ns) = &list.namespace {
        line.push(format!(" in {ns}"), Slot::Accent);
    }
    line.push(" ", Slot::Base);
    let gap = if area.width < ROOMY { " " } else { "  " };
    for (chip, count) in Chip::ALL.into_iter().zip(counts).skip(1) {
        line.push(gap, Slot::Base);
        let count_of = match chip {
            Chip::Idle | Chip::Shared => counted_by_log,
            Chip::Reach => counted_by_reach,
            _ => counted,
        };
        let text = format!("{} {}", chip.as_str(), count_of(state, count));
        let slot = match (list.chip == chip, count) {
            (true, _) => Slot::Accent,
            (false, 0) => Slot::Muted,
            (false, _) => Slot::Base,
        };
        line.push(text, slot);
    }
    let area = Rect { width: area.width.saturating_sub(1), ..area };
    let (mut right, order) = right(state);
    // Counts are worth more than the usual order.
    let wide = line.width() + right.width() + order.width() + 2;
    if wide <= usize::from(area.width) || state.list.sort != Sort::default() {
        right.0.extend(order.0);
    }
    canvas.ends(area, &line, &right, area.width / 2);
}

/// The same of who can become more: `…` while that is worked out.
fn counted_by_reach(state: &State, count: usize) -> String {
    let shown = figure(count as u64);
    if state.listed().any(|feed| feed.becoming.is_none()) {
        return LOADING.to_owned();
    }
    if state.listed().any(|feed| feed.becoming_is_old) {
        return format!("{shown}{LOADING}");
    }
    let reads_all = state
        .listed()
        .filter_map(|feed| feed.book.as_deref())
        .all(|book| reach::LISTS.iter().all(|list| book.snapshot.list(*list).covers(None)));
    match (reads_all, count) {
        (true, _) => shown,
        (false, 0) => "?".to_owned(),
        (false, _) => format!("≥{shown}"),
    }
}

/// The same of what only a log tells: `–` without one.
fn counted_by_log(state: &State, count: usize) -> String {
    let logs = || state.listed().filter_map(|feed| feed.book.as_ref()).map(|book| &book.log);
    let shown = figure(count as u64);
    if logs().any(|log| matches!(log, LogState::Reading { .. })) {
        return if count == 0 { LOADING.to_owned() } else { format!("{shown}{LOADING}") };
    }
    match logs().filter(|log| log.is_whole()).count() {
        0 => "–".to_owned(),
        all if all == logs().count() => counted(state, count),
        _ if count == 0 => "?".to_owned(),
        _ => format!("≥{shown}"),
    }
}

/// A count of what is known: `…` while lists are on their way, and where one is missing, so that
/// there may be more, `≥3`, or `?` for none.
fn counted(state: &State, count: usize) -> String {
    let lists = Lists::of(state.listed().filter_map(|feed| feed.book.as_deref()));
    let shown = figure(count as u64);
    match (lists.needed, count) {
        (Needed::Whole, _) => shown,
        (Needed::Awaited, 0) => LOADING.to_owned(),
        (Needed::Awaited, _) => format!("{shown}{LOADING}"),
        (Needed::Lacking, 0) => "?".to_owned(),
        (Needed::Lacking, _) => format!("≥{shown}"),
    }
}

/// What is marked and filtered, and the order.
fn right(state: &State) -> (Line<'static>, Line<'static>) {
    let list = &state.list;
    let mut line = Line::new();
    if !list.marks.is_empty() {
        let (marked, listed) = state.marked_count();
        let mut said = format!("✓ {}", plural(marked, "mark"));
        // What a key does to all marked, it does to these too.
        if listed < marked {
            let _ = write!(said, ", {} not listed", figure((marked - listed) as u64));
        }
        if marked > 0 {
            line.push(said, Slot::Mark);
            line.push("   ", Slot::Base);
        }
    }
    if !list.filter.is_empty() {
        line.push(format!("/ {}", list.filter), Slot::Accent);
        line.push("   ", Slot::Base);
    }
    if list.have < list.asked {
        line.push("… ", Slot::Muted);
    }
    let arrow = if list.sort.reversed { "↑" } else { "↓" };
    (line, Line::of(format!("{} {arrow}", list.sort.key.as_str()), Slot::Muted))
}

fn cell(state: &State, book: &Book, entry: &Entry, id: Id, wide: u16) -> Line<'static> {
    let reading = matches!(book.log, LogState::Reading { .. });
    match id {
        Id::Name => name(state, book, entry, true),
        Id::Kind => Line::of(words::kind(entry.identity.kind), Slot::Muted),
        Id::Cluster => Line::of(book.snapshot.cluster.name.to_string(), Slot::Muted),
        Id::Access => access(book, entry, wide.into()),
        Id::Seen => words::seen(Seen::of(book, entry), state.now),
        Id::Days => super::activity::spark(book, entry, wide.into()),
        Id::Used => words::used(entry, reading),
        Id::Grants => Line::plain(entry.grants.len().to_string()),
        Id::Findings => words::findings(entry, wide.into()),
        Id::Agent => newest(entry, |activity| &activity.agents),
        Id::Address => newest(entry, |activity| &activity.addresses),
    }
}

/// How strong, with what says that it can become more at the end of the column, where it is found.
fn access(book: &Book, entry: &Entry, wide: usize) -> Line<'static> {
    let mut line = words::held(book, entry);
    if let Some(sign) = words::higher(entry) {
        let gap = wide.saturating_sub(line.width() + sign.width());
        line.push(" ".repeat(gap), Slot::Base);
        line.0.extend(sign.0);
    }
    line
}

/// The name, with what was looked for set apart; without its kind where a column tells that.
fn name(state: &State, book: &Book, entry: &Entry, bare: bool) -> Line<'static> {
    let name = if bare { words::bare_name(&entry.identity) } else { words::name(&entry.identity) };
    let name = words::with_alias(book, &entry.identity, name);
    let mut line = Line::new();
    let mut at = 0;
    for range in state.list.filter.highlights(&name) {
        let (start, end) = (range.start.max(at), range.end.max(at));
        if let (Some(before), Some(found)) = (name.get(at..start), name.get(start..end)) {
            line.push(before.to_owned(), Slot::Base);
            line.push(found.to_owned(), Slot::Match);
            at = end;
        }
    }
    line.then(name.get(at..).unwrap_or_default().to_owned(), Slot::Base)
}

/// The newest of some list of an identity's activity, and how many more.
fn newest(
    entry: &Entry,
    list: impl Fn(&crate::book::IdentityActivity) -> &Vec<crate::book::Seen>,
) -> Line<'static> {
    let Some(activity) = &entry.activity else {
        return Line::new();
    };
    match list(activity).as_slice() {
        [] => Line::new(),
        [one] => Line::of(one.value.to_string(), Slot::Muted),
        [one, rest @ ..] => Line::of(format!("{} +{}", one.value, rest.len()), Slot::Muted),
    }
}
