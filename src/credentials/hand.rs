//! All that somebody has in hand that authenticates others.

use std::collections::BTreeSet;

use super::in_hand::{InHand, known};
use super::{CertificatesAsked, certificates_asked};
use crate::book::Book;
use crate::model::{Identity, SubjectKind};

/// What somebody has in hand, or may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    /// What is known, the strongest first.
    pub known: Vec<InHand>,
    /// Certificates of which it is not known whom they name.
    pub asked: Vec<CertificatesAsked>,
}

impl Hand {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.asked.is_empty()
    }
}

/// What somebody has in hand; of a group, its known members.
pub fn hand(book: &Book, who: &Identity) -> Hand {
    let mut whose = BTreeSet::from([who.clone()]);
    if who.kind == SubjectKind::Group {
        let members = book.find(who).into_iter().flat_map(|entry| entry.members.iter());
        whose.extend(members.filter_map(|id| Some(book.entry(*id)?.identity.clone())));
    }
    let asked = whose.iter().filter_map(|one| certificates_asked(book, one)).collect();
    Hand { known: known(book, whose), asked }
}
