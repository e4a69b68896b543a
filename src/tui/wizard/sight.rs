//! What comes of choices, worked out beside the screen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::actors::{self, Behind};
use crate::book::Book;
use crate::change::plan::{Foreseen, Intent, about, foresee};
use crate::change::run;
use crate::model::{Identity, Name};
use crate::report::plan_text;
use crate::tui::state::FeedId;

/// What is asked of one cluster.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which.
    pub feed: FeedId,
    /// What it is called.
    pub name: Name,
    /// What is known of it.
    pub book: Arc<Book>,
    /// What is wanted by these choices.
    pub wishes: Vec<Intent>,
    /// What is staged beside.
    pub beside: Vec<Intent>,
}

/// What comes of it in one cluster.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub feed: FeedId,
    /// What it is called.
    pub name: Name,
    /// It, or why there is nothing.
    pub foreseen: Result<Foreseen, String>,
    /// The plan as a text; None where that was not asked for.
    pub plan: Option<String>,
}

/// What comes of it.
#[derive(Clone, Debug)]
pub struct Sight {
    /// What was wanted.
    pub asked: BTreeSet<(FeedId, Intent)>,
    /// By cluster.
    pub of: Vec<Seen>,
    /// Why kubeconfigs cannot be written where they should; None where they can, or need not.
    pub folder: Option<String>,
}

impl Sight {
    /// Works it out. `as_plan` asks for the text of the plan; `folder` is where kubeconfigs go.
    pub fn of(asks: Vec<Ask>, as_plan: bool, folder: &str) -> Self {
        let mut blocked = None;
        let asked = asks.iter().flat_map(|ask| {
            let wishes = ask.wishes.iter().cloned();
            wishes.map(|wish| (ask.feed, wish))
        });
        let asked = asked.collect();
        let of = asks
            .into_iter()
            .map(|Ask { feed, name, book, wishes, beside }| {
                // One that is about nothing any more is left out of a plan too.
                let is_there = |wish: &Intent| about(&book, wish).is_ok();
                let beside: Vec<Intent> = beside.into_iter().filter(is_there).collect();
                let foreseen = foresee(&book, &wishes, &beside);
                let foreseen = foreseen.map_err(|refusal| refusal.to_string());
                let plan = foreseen.as_ref().ok().map(|foreseen| &foreseen.plan);
                if let Some(plan) =
                    plan.filter(|plan| !folder.is_empty() && run::makes_kubeconfigs(plan))
                {
                    blocked = run::is_free(plan, Path::new(folder), &[]).err();
                }
                let plan = plan.filter(|_| as_plan).map(plan_text);
                Seen { feed, name, foreseen, plan }
            })
            .collect();
        Self { asked, of, folder: blocked }
    }

    /// What comes of it in the first cluster in which something does.
    pub fn first(&self) -> Option<&Foreseen> {
        self.of.iter().find_map(|seen| seen.foreseen.as_ref().ok())
    }

    /// How many writes the plans have.
    pub fn writes(&self) -> usize {
        let plans = self.of.iter().filter_map(|seen| seen.foreseen.as_ref().ok());
        plans.map(|foreseen| foreseen.plan.steps.len()).sum()
    }

    /// Every wish that there is a plan of.
    pub fn wishes(&self) -> impl Iterator<Item = (FeedId, &Intent)> {
        self.of.iter().flat_map(|seen| {
            let of = seen.foreseen.as_ref().map_or(&[][..], |foreseen| &foreseen.of);
            of.iter().map(|wish| (seen.feed, wish))
        })
    }

    /// Why there is no plan of some, a line each.
    pub fn refused(&self) -> Vec<String> {
        let of = |seen: &Seen| match &seen.foreseen {
            Err(why) => vec![why.clone()],
            Ok(foreseen) => {
                foreseen.left_out.iter().map(|(wish, why)| format!("{wish}: {why}")).collect()
            }
        };
        self.of.iter().flat_map(of).collect()
    }
}

/// Who is behind an account that is to be split.
///
/// # Errors
/// Where that is not known, in words.
pub fn behind(book: &Book, account: &Identity) -> Result<Behind, String> {
    let log = book.activity.as_deref().filter(|_| book.log.is_whole());
    let log = log.ok_or(
        "no audit log was read whole, so that who is behind it is not known: nothing can \
                         be split. Name one with --audit, or wait until it is read",
    )?;
    actors::of(log, &book.snapshot, account).ok_or_else(|| {
        format!(
            "the log does not show who is behind {account}: there is nobody to give an identity to"
        )
    })
}
