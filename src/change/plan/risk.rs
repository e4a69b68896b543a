//! What is done only by who says so, with a sentence for it.

use serde::{Deserialize, Serialize};

use super::make::Operator;
use super::{Plan, gives_others, locks_out};
use crate::model::Objects;

/// What a Plan does only where its sentence is typed: it leaves somebody without a way back in, gives
/// others more than they had, or gives back what a later run took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Risk {
    /// What would be.
    pub what: String,
    /// What has to be typed for it to be done all the same.
    pub sentence: String,
}

impl Risk {
    /// Several as one, whose sentence says them all; None where there are none.
    fn joined(all: &[Self]) -> Option<Self> {
        let joined = |of: fn(&Self) -> &str, between: &str| {
            all.iter().map(of).collect::<Vec<_>>().join(between)
        };
        (!all.is_empty()).then(|| Self {
            what: joined(|risk| &risk.what, ". "),
            sentence: joined(|risk| &risk.sentence, " and "),
        })
    }
}

/// All that a Plan does only by who says so, by the objects as they are now, as one.
/// `more` is what else there is.
pub fn risks(
    plan: &Plan,
    now: &Objects,
    operator: Option<&Operator>,
    more: Option<Risk>,
) -> Option<Risk> {
    let given = plan.gives_back.clone();
    let found = [locks_out(plan, now, operator), gives_others(plan, now), given, more];
    Risk::joined(&found.into_iter().flatten().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_says_all_of_them() {
        let risk = |name: &str| Risk { what: format!("{name} is"), sentence: format!("do {name}") };
        assert_eq!(Risk::joined(&[]), None);
        assert_eq!(Risk::joined(&[risk("a")]), Some(risk("a")));
        let both = Risk { what: "a is. b is".to_owned(), sentence: "do a and do b".to_owned() };
        assert_eq!(Risk::joined(&[risk("a"), risk("b")]), Some(both));
    }
}
