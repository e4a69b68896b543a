//! What an inventory of credentials cannot show.

use serde::Serialize;

use crate::book::Book;
use crate::credentials::not_seen;
use crate::model::Name;

/// Said beside the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// What neither lists, nor the log, nor files that were given show.
    pub not_seen: Vec<&'static str>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What has to be said of files that were given.
    pub remarks: Vec<Remark>,
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Which.
    pub place: Name,
    /// Why not.
    pub reason: String,
}

/// Something to be said of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Which.
    pub place: Name,
    /// What.
    pub text: String,
}

impl Unseen {
    /// Adds those of a cluster. What was said already of another, as it is of the same files, is not
    /// said again.
    pub fn add(
        &mut self,
        book: &Book,
        unreadable: Vec<(Name, String)>,
        remarks: Vec<(Name, String)>,
    ) {
        add_new(&mut self.not_seen, not_seen(book));
        let unreadable = unreadable.into_iter().map(|(place, reason)| Unreadable { place, reason });
        add_new(&mut self.unreadable, unreadable);
        let remarks = remarks.into_iter().map(|(place, text)| Remark { place, text });
        add_new(&mut self.remarks, remarks);
    }
}

fn add_new<T: PartialEq>(to: &mut Vec<T>, from: impl IntoIterator<Item = T>) {
    for one in from {
        if !to.contains(&one) {
            to.push(one);
        }
    }
}
