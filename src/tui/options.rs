//! What the terminal UI is opened with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::keymap::Preset;
use super::theme::ColorChoice;
use crate::book::Book;
use crate::change::Desk;
use crate::feed::{Clock, Feed};
use crate::model::Name;

/// A feed, as far as the screen has to do with it.
#[derive(Clone)]
pub struct FeedSource {
    /// What it is called until its cluster says.
    pub name: Name,
    /// Its Books; the first may be an empty one.
    pub books: watch::Receiver<Arc<Book>>,
    /// Has it read everything again; returns at once.
    pub reload: Arc<dyn Fn() + Send + Sync>,
    /// The options by which a command means the same cluster and log; a space before each.
    pub flags: String,
    /// Where changes are made from; None where there is no cluster to change.
    pub desk: Option<Arc<dyn Desk>>,
}

impl FeedSource {
    /// A running feed under a name.
    pub fn of(name: impl Into<Name>, feed: &Arc<Feed>, desk: Option<Arc<dyn Desk>>) -> Self {
        let own = feed.clone();
        Self {
            name: name.into(),
            books: feed.subscribe(),
            reload: Arc::new(move || own.reload()),
            flags: String::new(),
            desk,
        }
    }
}

impl fmt::Debug for FeedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedSource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the terminal UI is opened with.
pub struct TuiOptions {
    /// The fleet; at least one.
    pub feeds: Vec<FeedSource>,
    /// Name of a theme: built in, or of a file in `theme_dir`. None: the default.
    pub theme: Option<String>,
    /// Where the person's own themes are, `NAME.toml` each.
    pub theme_dir: Option<PathBuf>,
    /// Whether to colour.
    pub color: ColorChoice,
    /// Which keys.
    pub keys: Preset,
    /// The clock that ages are counted by.
    pub clock: Clock,
}

impl fmt::Debug for TuiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TuiOptions")
            .field("feeds", &self.feeds)
            .field("theme", &self.theme)
            .field("theme_dir", &self.theme_dir)
            .field("color", &self.color)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
