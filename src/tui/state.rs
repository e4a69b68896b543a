//! Everything that the screen is drawn from. Only [`super::update`] changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::action::Context;
use super::job::{PageData, ReachData};
use super::keymap::Keymap;
use super::layers::Layer;
use super::marks::Marks;
use super::places::Places;
use super::tabs::Tab;
use super::theme::{Depth, Theme};
use super::widgets::Scroll;
use crate::book::{Becoming, Book, Entry, IdentityId};
use crate::change::plan::{About, Intent};
use crate::model::{Identity, Name, SubjectKind};
use crate::query::{Query, Sort};

/// Above so many identities, sorting and filtering are done beside the screen.
pub const OFF_THREAD: usize = 5_000;

/// A feed, by its place in the fleet; feeds come and go only with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub u16);

/// An identity in the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    /// Of which feed.
    pub feed: FeedId,
    /// Within it.
    pub id: IdentityId,
}

/// A feed as the screen knows it.
#[derive(Clone, Debug)]
pub struct FeedView {
    /// Which.
    pub id: FeedId,
    /// What it is called until its cluster says.
    pub name: Name,
    /// The options by which a command means the same cluster and log; a space before each.
    pub flags: String,
    /// The newest Book, with what everybody can become as far as that is known; None before the
    /// first.
    pub book: Option<Arc<Book>>,
    /// The same as it came.
    pub plain: Option<Arc<Book>>,
    /// What everybody can become.
    pub becoming: Option<BecomingOf>,
    /// Whether that is of objects that are not the newest Book's.
    pub becoming_is_old: bool,
    /// Whether it is being worked out.
    pub awaits_becoming: bool,
    /// That a run of the journal was cut off, or that the journal cannot be read, in words.
    pub cut_off: Option<String>,
}

/// What everybody can become, as it was worked out.
#[derive(Clone, Debug)]
pub struct BecomingOf {
    /// From which Book.
    pub book: Arc<Book>,
    /// It.
    pub becoming: Arc<Becoming>,
    /// When that was done, UTC.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
}

impl FeedView {
    /// The cluster's name, or what the feed was called.
    pub fn title(&self) -> &Name {
        let told = self.book.as_ref().map(|book| &book.snapshot.cluster.name);
        told.filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It was done.
    Done,
    /// It could not be, and why.
    Refused,
}

/// A line at the foot, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// One line.
    pub text: String,
}

/// A filter that stands as a word with a count above the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chip {
    /// Everybody.
    #[default]
    All,
    /// Not seen for long.
    Idle,
    /// With more than one person behind it.
    Shared,
    /// Of the tier cluster-admin.
    Admin,
    /// That can become more than they are.
    Reach,
    /// With a grant that leads nowhere.
    Dangling,
    /// With a finding.
    Findings,
}

impl Chip {
    /// All of them, as they stand.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Idle,
        Self::Shared,
        Self::Admin,
        Self::Reach,
        Self::Dangling,
        Self::Findings,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Idle => "idle",
            Self::Shared => "shared",
            Self::Admin => "admin",
            Self::Reach => "reach",
            Self::Dangling => "dangling",
            Self::Findings => "findings",
        }
    }

    /// The term of the grammar that it stands for.
    pub fn term(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Idle => "is:idle",
            Self::Shared => "is:shared",
            Self::Admin => "is:admin",
            Self::Reach => "finding:reach",
            Self::Dangling => "is:dangling",
            Self::Findings => "finding:any",
        }
    }
}

/// The list of identities.
#[derive(Clone, Debug, Default)]
pub struct ListView {
    /// What was typed after `/`.
    pub filter: Query,
    /// The chip chosen.
    pub chip: Chip,
    /// One kind only.
    pub kind: Option<SubjectKind>,
    /// One namespace only.
    pub namespace: Option<Name>,
    /// Namespaces chosen before, the last first, for the digits.
    pub recent: Vec<Name>,
    /// One cluster only.
    pub cluster: Option<FeedId>,
    /// The order.
    pub sort: Sort,
    /// The rows, in order.
    pub rows: Vec<Who>,
    /// Where the cursor is.
    pub scroll: Scroll,
    /// What has to be said beside the rows: what a filter asks for may be more than is known.
    pub remarks: Vec<String>,
    /// Rows marked.
    pub marks: Marks,
    /// Where a range starts.
    pub anchor: Option<Who>,
    /// What the preview shows.
    pub tab: Tab,
    /// What it shows it of.
    pub preview: Option<Arc<PageData>>,
    /// What that can become, once it was asked for.
    pub reach: Option<Arc<ReachData>>,
    /// The number of the newest rows asked for.
    pub asked: u64,
    /// The number of the rows shown.
    pub have: u64,
}

impl ListView {
    /// The identity under the cursor.
    pub fn current(&self) -> Option<Who> {
        self.rows.get(self.scroll.cursor).copied()
    }

    /// Everything that narrows the list, as one text of the grammar.
    pub fn combined(&self) -> String {
        let kind = match self.kind {
            None => "",
            Some(SubjectKind::User) => "kind:user",
            Some(SubjectKind::Group) => "kind:group",
            Some(SubjectKind::ServiceAccount) => "kind:sa",
        };
        let namespace = self.namespace.as_ref().map(|ns| format!("ns:\"{ns}\""));
        let parts = [self.filter.text(), self.chip.term(), kind, &namespace.unwrap_or_default()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether anything narrows the list.
    pub fn is_narrowed(&self) -> bool {
        !self.combined().is_empty() || self.cluster.is_some()
    }
}

/// What was typed before, newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// After `/`.
    pub filters: Vec<String>,
    /// After `:`.
    pub commands: Vec<String>,
}

/// Everything that the screen is drawn from.
#[derive(Clone, Debug)]
pub struct State {
    /// Columns and lines.
    pub size: (u16, u16),
    /// The time that ages are counted from, UTC.
    pub now: DateTime<Utc>,
    /// Whether the terminal has the focus, as far as it tells.
    pub focused: bool,
    /// The fleet.
    pub feeds: Vec<FeedView>,
    /// The ground of the stack.
    pub list: ListView,
    /// What is wanted, of which cluster.
    pub staged: BTreeMap<(FeedId, Intent), About>,
    /// Where kubeconfigs of a cluster's plans are written to, as it was chosen.
    pub folders: BTreeMap<FeedId, String>,
    /// What lies over it, the top last.
    pub layers: Vec<Layer>,
    /// The keys.
    pub keymap: Keymap,
    /// The themes that can be chosen, as their files have them.
    pub themes: Vec<Theme>,
    /// The theme, as this terminal shows it.
    pub theme: Theme,
    /// How many colours this terminal shows.
    pub depth: Depth,
    /// A line at the foot.
    pub notice: Option<Notice>,
    /// Where one has been.
    pub places: Places,
    /// Plans that are being applied, by their numbers: to which cluster, and whether it is a run that is taken
    /// back or gone on with.
    pub applying: BTreeMap<u64, (FeedId, bool)>,
    /// Whether they were told to stop.
    pub stopping: bool,
    /// What was typed.
    pub typed: Typed,
    /// The number of the last effect that answers.
    pub tag: u64,
}

impl State {
    /// The state before anything is known of any cluster.
    pub fn new(feeds: impl IntoIterator<Item = Name>, now: DateTime<Utc>, keymap: Keymap) -> Self {
        let feeds = (0u16..)
            .zip(feeds)
            .map(|(id, name)| FeedView {
                id: FeedId(id),
                name,
                flags: String::new(),
                book: None,
                plain: None,
                becoming: None,
                becoming_is_old: false,
                awaits_becoming: false,
                cut_off: None,
            })
            .collect();
        Self {
            size: (80, 24),
            now,
            focused: true,
            feeds,
            list: ListView::default(),
            staged: BTreeMap::new(),
            folders: BTreeMap::new(),
            layers: Vec::new(),
            keymap,
            themes: Theme::names().filter_map(Theme::built_in).collect(),
            theme: Theme::default(),
            depth: Depth::default(),
            notice: None,
            places: Places::default(),
            applying: BTreeMap::new(),
            stopping: false,
            typed: Typed::default(),
            tag: 0,
        }
    }

    /// What keys are pressed in.
    pub fn context(&self) -> Context {
        self.layers.last().map_or(Context::List, Layer::context)
    }

    /// The topmost layer that fills the screen; None where that is the list.
    pub fn screen(&self) -> Option<&Layer> {
        self.layers.iter().rev().find(|layer| !layer.is_window())
    }

    /// The same, to be changed.
    pub fn screen_mut(&mut self) -> Option<&mut Layer> {
        self.layers.iter_mut().rev().find(|layer| !layer.is_window())
    }

    /// A feed.
    pub fn feed(&self, id: FeedId) -> Option<&FeedView> {
        self.feeds.get(usize::from(id.0))
    }

    /// The newest Book of a feed.
    pub fn book(&self, id: FeedId) -> Option<&Arc<Book>> {
        self.feed(id)?.book.as_ref()
    }

    /// An identity with its Book; None where it is gone.
    pub fn entry(&self, who: Who) -> Option<(&Arc<Book>, &Arc<Entry>)> {
        let book = self.book(who.feed)?;
        Some((book, book.entry(who.id)?))
    }

    /// Everybody marked who is still there: those listed in their order, then how many of them, then
    /// the others.
    pub fn marked(&self) -> (Vec<Who>, usize) {
        let there = |who: &Who| self.entry(*who).is_some();
        let marks = &self.list.marks;
        let rows = self.list.rows.iter().filter(|who| marks.contains(**who));
        let mut all: Vec<Who> = rows.copied().filter(there).collect();
        let listed = all.len();
        let seen: BTreeSet<Who> = all.iter().copied().collect();
        all.extend(marks.iter().filter(|who| !seen.contains(who)).filter(there));
        (all, listed)
    }

    /// How many are marked and still there, and how many of them are listed.
    pub fn marked_count(&self) -> (usize, usize) {
        let there = |who: &Who| self.entry(*who).is_some();
        let marks = &self.list.marks;
        (marks.iter().filter(there).count(), marks.listed().filter(there).count())
    }

    /// Whether anybody is marked who is still there.
    pub fn has_marked(&self) -> bool {
        self.list.marks.iter().any(|who| self.entry(who).is_some())
    }

    /// Whether something is staged about somebody.
    pub fn is_staged(&self, feed: FeedId, identity: &Identity) -> bool {
        self.staged.keys().any(|(at, wish)| *at == feed && wish.identity() == Some(identity))
    }

    /// The feeds that the list is of.
    pub fn listed(&self) -> impl Iterator<Item = &FeedView> {
        self.feeds.iter().filter(|feed| self.list.cluster.is_none_or(|only| only == feed.id))
    }

    /// The feed that commands without a cluster are for: the one listed, or the one under the
    /// cursor, or the first.
    pub fn current_feed(&self) -> FeedId {
        let under_cursor = || self.list.current().map(|who| who.feed);
        self.screen()
            .and_then(Layer::feed)
            .or(self.list.cluster)
            .or_else(under_cursor)
            .unwrap_or(FeedId(0))
    }

    /// A number for an effect that answers.
    pub fn next_tag(&mut self) -> u64 {
        self.tag += 1;
        self.tag
    }

    /// Says something at the foot.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some(Notice { tone, text: text.into() });
    }
}
