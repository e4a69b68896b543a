//! Work that may take longer than a frame. Each piece is a value that can be run anywhere: beside
//! the screen, or on the spot in a test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::asked::{Answer, Asked, HolderRow};
use super::credential;
use super::describe;
use super::layers::TextView;
use super::matrix::{self, Row};
use super::state::{FeedId, Who};
use super::theme::Slot;
use super::whole;
use super::widgets::Line;
use super::wizard::{self, Ask, Sight};
use super::yaml;
use crate::actors::{self, Behind};
use crate::book::{Becoming, Book, GrantId, UseSummary};
use crate::credentials::{self, Credential, Hand};
use crate::findings;
use crate::model::{Identity, ListKind, SubjectKind};
use crate::query::{Query, Sort, roster};
use crate::rbac::query::{self, WhoCan, who_can};
use crate::reach::{self, Acts, Kept, Path, Reach, Reached};
use crate::workloads::{self, Readable, Workload};

/// Pieces of one lane replace each other: the newest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The rows of the list.
    Rows,
    /// An identity's data.
    Page,
    /// What an identity can become.
    Reach,
    /// What everybody can become.
    Becoming,
    /// Everything of one sort.
    Whole,
    /// Who can do something.
    Answer,
    /// A text.
    Text,
    /// Who is behind an account that is split.
    Behind,
    /// What comes of choices.
    Sight,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rows,
        Self::Page,
        Self::Reach,
        Self::Becoming,
        Self::Whole,
        Self::Answer,
        Self::Text,
        Self::Behind,
        Self::Sight,
    ];
}

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Job {
    /// Filter and sort the list.
    Rows(RowsJob),
    /// An identity's data.
    Page {
        /// Whose.
        who: Who,
        /// From what.
        book: Arc<Book>,
    },
    /// What an identity can become.
    Reach {
        /// Who.
        who: Who,
        /// From what.
        book: Arc<Book>,
    },
    /// What everybody can become.
    Becoming {
        /// Of which cluster.
        feed: FeedId,
        /// From what.
        book: Arc<Book>,
    },
    /// Everything of one sort.
    Whole {
        /// The number of this piece.
        tag: u64,
        /// Of what sort.
        sort: whole::Sort,
        /// From what.
        books: Vec<(FeedId, Arc<Book>)>,
        /// Words that a row must hold.
        filter: String,
    },
    /// Who can do something.
    Answer {
        /// The number of this piece.
        tag: u64,
        /// Of which cluster.
        feed: FeedId,
        /// From what.
        book: Arc<Book>,
        /// What.
        asked: Asked,
    },
    /// A text to read.
    Text {
        /// The number of this piece.
        tag: u64,
        /// Of which cluster.
        feed: FeedId,
        /// From what.
        book: Arc<Book>,
        /// Which text.
        what: TextOf,
    },
    /// Who is behind an account.
    Behind {
        /// The number of this piece.
        tag: u64,
        /// From what.
        book: Arc<Book>,
        /// The account.
        account: Identity,
    },
    /// What comes of choices.
    Sight {
        /// The number of this piece.
        tag: u64,
        /// Of which, by cluster.
        asks: Vec<Ask>,
        /// Whether the text of the plan is wanted.
        as_plan: bool,
        /// Where kubeconfigs are written to; empty where that is not chosen.
        folder: String,
    },
}

/// The result of a piece of work.
#[derive(Clone, Debug)]
pub enum Done {
    /// The rows of the list.
    Rows {
        /// The number of the piece.
        tag: u64,
        /// The rows, in order.
        rows: Vec<Who>,
        /// What has to be said beside them.
        remarks: Vec<String>,
    },
    /// An identity's data.
    Page(Arc<PageData>),
    /// What an identity can become; None where it is gone.
    Reach(Option<Arc<ReachData>>),
    /// What everybody can become.
    Becoming {
        /// Of which cluster.
        feed: FeedId,
        /// From what.
        book: Arc<Book>,
        /// It.
        becoming: Arc<Becoming>,
        /// How long it took.
        took: Duration,
    },
    /// Everything of one sort.
    Whole {
        /// The number of the piece.
        tag: u64,
        /// Rows, worst first.
        rows: whole::Rows,
    },
    /// Who can do something.
    Answer {
        /// The number of the piece.
        tag: u64,
        /// The answer, or why there is none.
        answer: Result<Arc<Answer>, String>,
    },
    /// A text to read.
    Text {
        /// The number of the piece.
        tag: u64,
        /// Its lines.
        lines: Arc<[Line<'static>]>,
    },
    /// Who is behind an account.
    Behind {
        /// The number of the piece.
        tag: u64,
        /// They, or why it is not known.
        behind: Result<Arc<Behind>, String>,
    },
    /// What comes of choices.
    Sight {
        /// The number of the piece.
        tag: u64,
        /// It.
        sight: Arc<Sight>,
    },
}

/// Filtering and sorting.
#[derive(Clone, Debug)]
pub struct RowsJob {
    /// The number of this piece.
    pub tag: u64,
    /// From what.
    pub books: Vec<(FeedId, Arc<Book>)>,
    /// Who.
    pub query: Query,
    /// In which order.
    pub sort: Sort,
}

/// What an identity's page needs beside its entry.
#[derive(Clone, Debug)]
pub struct PageData {
    /// Whose.
    pub who: Who,
    /// From which Book of its feed.
    pub generation: u64,
    /// Permissions by resource.
    pub matrix: Vec<Row>,
    /// What its rights were used for, the latest first.
    pub uses: Vec<UseSummary>,
    /// The credentials that are known for it, the riskiest first.
    pub credentials: Vec<Credential>,
    /// What it has in hand of others, or may have.
    pub in_hand: Hand,
    /// Who is seen behind it, where the log tells.
    pub behind: Option<Behind>,
    /// What runs as it.
    pub workloads: Vec<Workload>,
    /// Secrets that it can read, of an account.
    pub readable: Vec<Readable>,
    /// Pods of its namespace that have no account, told with `default`.
    pub mirror_pods: usize,
    /// To which Pod Security level pods of its namespace are held, in words.
    pub held_to: String,
    /// Lists that are not whole, so that there may be more.
    pub workloads_missing: Vec<&'static str>,
}

/// What an identity can become, for its page.
#[derive(Clone, Debug)]
pub struct ReachData {
    /// Who.
    pub who: Who,
    /// From which Book of its feed.
    pub generation: u64,
    /// What.
    pub reached: Reached,
    /// Whom it can act as.
    pub acts: Acts,
    /// What is left without one grant of the paths that are told, the first path's first.
    pub cuts: Vec<Kept>,
    /// Lists that the answer reads and that are not whole.
    pub missing: Vec<String>,
    /// What it has in hand of others, or may have.
    pub in_hand: Hand,
}

impl ReachData {
    /// The path that is told first: to the highest tier, or to the one who adds most.
    pub fn first(&self) -> Option<&Path> {
        self.acts.told(&self.reached).first().copied()
    }
}

/// What words are put together for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The time that ages are counted from, UTC.
    pub now: chrono::DateTime<chrono::Utc>,
    /// Columns.
    pub width: usize,
}

/// Which text.
#[derive(Clone, Debug)]
pub enum TextOf {
    /// The YAML of what grants something.
    Yaml(Vec<GrantId>),
    /// An identity in words.
    Identity(Who, Frame),
    /// A grant in words.
    Grant(GrantId, Frame),
    /// A credential in words.
    Credential(Box<Credential>, Frame),
    /// Whether somebody can do something.
    Can(Identity, Asked),
}

impl Job {
    /// The lane that it runs in.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Rows(_) => Lane::Rows,
            Self::Page { .. } => Lane::Page,
            Self::Reach { .. } => Lane::Reach,
            Self::Becoming { .. } => Lane::Becoming,
            Self::Whole { .. } => Lane::Whole,
            Self::Answer { .. } => Lane::Answer,
            Self::Text { .. } => Lane::Text,
            Self::Behind { .. } => Lane::Behind,
            Self::Sight { .. } => Lane::Sight,
        }
    }

    /// Does it.
    pub fn run(self) -> Done {
        match self {
            Self::Rows(job) => {
                let (rows, remarks) = job.run();
                Done::Rows { tag: job.tag, rows, remarks }
            }
            Self::Page { who, book } => Done::Page(Arc::new(page(who, &book))),
            Self::Becoming { feed, book } => {
                let begun = Instant::now();
                let becoming = Arc::new(becoming(&book));
                Done::Becoming { feed, book, becoming, took: begun.elapsed() }
            }
            Self::Reach { who, book } => Done::Reach(reach(who, &book).map(Arc::new)),
            Self::Whole { tag, sort, books, filter } => {
                Done::Whole { tag, rows: whole::gather(sort, &books, &filter) }
            }
            Self::Answer { tag, feed, book, asked } => {
                Done::Answer { tag, answer: answer(feed, &book, &asked).map(Arc::new) }
            }
            Self::Behind { tag, book, account } => {
                Done::Behind { tag, behind: wizard::behind(&book, &account).map(Arc::new) }
            }
            Self::Sight { tag, asks, as_plan, folder } => {
                Done::Sight { tag, sight: Arc::new(Sight::of(asks, as_plan, &folder)) }
            }
            Self::Text { tag, book, what, .. } => {
                let lines = match what {
                    TextOf::Yaml(grants) => yaml::of_grants(&book, &grants),
                    TextOf::Identity(who, frame) => describe::identity(&book, who.id, frame),
                    TextOf::Grant(grant, frame) => describe::grant(&book, grant, frame.now),
                    TextOf::Credential(credential, frame) => {
                        credential::describe(&credential, frame)
                    }
                    TextOf::Can(identity, asked) => describe::can(&book, &identity, &asked),
                };
                Done::Text { tag, lines: lines.into() }
            }
        }
    }
}

impl RowsJob {
    /// Does it: the rows, and what has to be said beside them.
    pub fn run(&self) -> (Vec<Who>, Vec<String>) {
        let mut found = Vec::new();
        let mut remarks: Vec<String> = Vec::new();
        for (feed, book) in &self.books {
            let filter = self.query.prepare(book);
            for remark in filter.remarks() {
                let text = remark.to_string();
                if !remarks.contains(&text) {
                    remarks.push(text);
                }
            }
            found.extend(
                book.entries().filter(|entry| filter.matches(entry)).map(|entry| {
                    (self.sort.key_of(book, entry), Who { feed: *feed, id: entry.id })
                }),
            );
        }
        found
            .par_sort_unstable_by(|a, b| self.sort.compare(&a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
        (found.into_iter().map(|(_, who)| who).collect(), remarks)
    }
}

fn page(who: Who, book: &Book) -> PageData {
    let mut uses = book.uses(who.id);
    uses.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.call.cmp(&b.call)));
    let credentials =
        book.entry(who.id).map_or_else(Vec::new, |entry| credentials::of(book, &entry.identity));
    let matrix = matrix::rows(book, who.id);
    let log = book.activity.as_deref().filter(|_| book.log.is_whole());
    let behind = book
        .entry(who.id)
        .zip(log)
        .and_then(|(entry, log)| actors::of(log, &book.snapshot, &entry.identity));
    let account = book.entry(who.id).filter(|of| of.identity.kind == SubjectKind::ServiceAccount);
    let missing = account.map_or_else(Vec::new, |of| workloads::missing(book, &of.identity));
    PageData {
        who,
        generation: book.generation,
        matrix,
        uses,
        credentials,
        in_hand: book
            .entry(who.id)
            .map_or_else(Hand::default, |entry| credentials::hand(book, &entry.identity)),
        behind,
        workloads: account.map_or_else(Vec::new, |of| workloads::of(book, &of.identity)),
        mirror_pods: account.map_or(0, |of| workloads::mirrors(book, &of.identity)),
        held_to: account.map_or_else(String::new, |of| workloads::held_to(book, &of.identity)),
        readable: account.map_or_else(Vec::new, |of| workloads::readable(book, of)),
        workloads_missing: missing.into_iter().map(ListKind::as_str).collect(),
    }
}

/// Whether a text holds every word, whatever the case.
pub fn holds(text: &str, filter: &str) -> bool {
    let text = text.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| match word.strip_prefix('!') {
        Some(word) => !text.contains(word),
        None => text.contains(word),
    })
}

/// What everybody can become, on half the cores: the list is filtered and sorted beside it.
fn becoming(book: &Book) -> Becoming {
    let work = || {
        let reach = Reach::new(book);
        findings::reach::becoming(&reach, &reach.all())
    };
    let threads = std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2));
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

fn reach(who: Who, book: &Book) -> Option<ReachData> {
    let entry = book.entry(who.id)?;
    let reach = Reach::new(book);
    let (reached, acts) = reach.whole(entry);
    let cuts = reach.cuts_of(entry, acts.told(&reached));
    let missing = query::missing(&book.snapshot, reach::LISTS, None);
    let missing = missing.iter().map(ToString::to_string).collect();
    let in_hand = credentials::hand(book, &entry.identity);
    Some(ReachData { who, generation: book.generation, reached, acts, cuts, missing, in_hand })
}

fn answer(feed: FeedId, book: &Book, asked: &Asked) -> Result<Answer, String> {
    let question = asked.question(book)?;
    let WhoCan { holders, undecided, notes, missing } =
        who_can(book.authorizer(), &book.snapshot, &roster(book), &question);
    let place = question.namespace.as_ref().map_or_else(String::new, |ns| format!(" in {ns}"));
    let name = question.name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
    Ok(Answer {
        title: format!("{} {}{name}{place}", question.verb, question.target),
        holders: holders
            .into_iter()
            .map(|holder| HolderRow {
                who: book.find(&holder.asker.identity).map(|entry| Who { feed, id: entry.id }),
                identity: holder.asker.identity.clone(),
                ways: holder.ways,
            })
            .collect(),
        undecided: undecided.len(),
        notes: notes.iter().map(ToString::to_string).collect(),
        missing: missing.iter().map(ToString::to_string).collect(),
    })
}

impl TextView {
    /// An empty text whose lines are on their way.
    pub fn awaited(title: impl Into<String>, yaml: bool, tag: u64) -> Self {
        Self {
            title: title.into(),
            yaml,
            tag,
            lines: [Line::of(super::words::LOADING, Slot::Muted)].into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_narrow_whatever_their_order_and_case() {
        assert!(holds("High idle user:Jane", "jane HIGH"));
        assert!(!holds("High idle user:Jane", "jane !idle"));
        assert!(holds("anything", ""));
    }
}
