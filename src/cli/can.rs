//! `can`: whether somebody would be able to do something.

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::{self, QUESTIONS, WHO_HOLDS_WHAT, WHO_IS_IN_WHAT, Words};
use super::sources::{Needs, open};
use crate::model::{Scope, SubjectKind};
use crate::rbac::query::{self, Can, Question, Scoping, Served, Target, can};
use crate::report::{AccessRow, Missing, Report};

pub(super) fn run(global: &Global, text: &str, words: &Words) -> Result<Code, Failure> {
    let session = open(global, Needs { lists: QUESTIONS, log: true, findings: false })?;
    let identity = identity::parse(text, &session)?;
    let mut items = Vec::new();
    let mut missing: Vec<Missing> = Vec::new();
    let (mut unknown, mut groups_matter) = (false, false);
    for book in &session.books {
        let asker = identity::asker(book, &identity);
        let question = identity::question(book, global, words)?;
        let answer = can(book.authorizer(), &book.snapshot, &asker, &question);
        let settled = answer.missing.is_empty() || is_settled(&answer, &question);
        // Whether it is anybody's name is known only where all who hold something are.
        unknown |= book.find(&identity).is_none()
            && query::missing(&book.snapshot, WHO_HOLDS_WHAT, None).is_empty();
        items.push(AccessRow::new(book, &asker, &question, &answer, settled));
        // A "no" may be for want of knowing a group of this user.
        groups_matter |= identity.kind == SubjectKind::User && answer.ways.is_empty();
        if !settled {
            let cluster = &book.snapshot.cluster.id;
            missing
                .extend(answer.missing.iter().cloned().map(|list| answer::of_list(cluster, list)));
        }
    }
    if groups_matter {
        missing.extend(answer::unread(&session, &[], WHO_IS_IN_WHAT));
    }
    let report = Report::new(answer::metadata(&session, missing), items);
    let code = answer::give(global, &session, &report)?;
    for note in report.items.iter().flat_map(|item| &item.notes) {
        answer::say(note);
    }
    if unknown {
        answer::say(&format!(
            "{identity}: named by no binding, no service account and no log that was read; this is what \
             anybody of that name may do"
        ));
    }
    let all = report.items.iter().all(|item| item.allowed);
    Ok(code.max(if all { Code::Done } else { Code::No }))
}

/// Whether more lists could not change the answer: a yes to everything that was asked about, in the
/// one place that was asked about or in all of them.
fn is_settled(answer: &Can, question: &Question) -> bool {
    if let Target::Resource(target) = &question.target
        && matches!(target.served, Served::NotKnown(_) | Served::Unresolved(_))
    {
        // What is not served nobody can do, whatever is granted.
        return false;
    }
    let one_place = question.namespace.is_some()
        || match &question.target {
            Target::Path(_) => true,
            Target::Resource(target) => target.scoping == Scoping::Cluster,
        };
    answer.ways.iter().any(|way| {
        (one_place || way.scope == Scope::Cluster)
            && way.condition.is_none()
            && (way.names.is_none() || question.name.is_some())
    })
}
