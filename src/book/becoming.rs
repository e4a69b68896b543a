//! What everybody can turn into. It takes all of a Book at once and longer than a Book may, so that
//! `reach` works it out beside it, and it is laid over the Book when it is there.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Book, Finding, IdentityId, Tier};
use crate::findings;

/// How strong an identity can become, where that is more than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Higher {
    /// The strongest tier that it comes to.
    pub tier: Tier,
    /// Whether a step of every way there is a model only.
    pub modelled: bool,
}

/// Who of a Book can become more than they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Becoming {
    all: HashMap<IdentityId, (Higher, Option<Finding>)>,
}

impl Becoming {
    /// Notes one, with what is to be said of it, if anything.
    pub fn add(&mut self, id: IdentityId, higher: Higher, finding: Option<Finding>) {
        self.all.insert(id, (higher, finding));
    }
}

impl Book {
    /// The same Book with what everybody can become: in their entries, their findings and the
    /// counts. It may have been worked out from an earlier Book of the same feed; who is no longer
    /// there is left out. Never to be advanced: the next Book comes of the one without.
    #[must_use]
    pub fn with_becoming(&self, becoming: &Becoming) -> Self {
        let mut book = self.clone();
        for (id, (higher, finding)) in &becoming.all {
            let Some(Some(node)) = book.nodes.get_mut(id.0 as usize) else { continue };
            book.counts.take(&node.entry);
            let entry = Arc::make_mut(&mut node.entry);
            entry.becomes = Some(*higher);
            if let Some(finding) = finding {
                let is_exempt = findings::is_exempt(self, finding);
                let list = if is_exempt { &mut entry.exempt } else { &mut entry.findings };
                list.push(finding.clone());
                list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            }
            book.counts.add(&node.entry);
        }
        book
    }

    /// Whether what somebody can become rests on the same as in another Book of the same feed: roles,
    /// bindings, namespaces, accounts, tokens and pods, who there is, and who is in which group.
    pub fn reaches_as(&self, other: &Self) -> bool {
        self.counts.identities == other.counts.identities
            && self.members == other.members
            && super::difference::Difference::new(&other.snapshot.objects, &self.snapshot.objects)
                .is_empty()
    }
}
