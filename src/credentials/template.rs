//! User names that a template makes, as EKS fills it in: which users of the log are its.

use super::LastUse;
use super::seen::Uses;
use super::span::Span;
use crate::model::SubjectKind;

/// Of fewer letters of its own than these a template says nothing of whose a name is.
const LEAST: usize = 3;

/// Whether a text is one.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// The user name that an access entry gives whoever assumes a role, where it was not told another
/// (EKS User Guide, "Create access entries"); None for what is no role of IAM.
pub(super) fn of_role(principal: &str) -> Option<String> {
    let (head, path) = principal.split_once(":role/")?;
    let (partition, account) = head.strip_prefix("arn:")?.split_once(":iam::")?;
    let role = path.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{role}/{{{{SessionName}}}}"))
}

/// The use of all whose names it makes, with a note of how many they are.
pub(super) fn last_use(uses: &Uses, template: &str, notes: &mut Vec<String>) -> LastUse {
    let Some((last_use, count)) = used(uses, template) else {
        return LastUse::NotKnown("the user name is a template with nothing of its own");
    };
    match count {
        0 => {}
        1 => {
            notes.push("told is the use of the one user in the log whose name it makes".to_owned());
        }
        more => notes.push(format!(
            "told is the use of the {more} users in the log whose names it makes, or may have made"
        )),
    }
    last_use
}

/// The use of all whose names it makes, by whatever credential, and how many they are; None where it
/// has too little of its own to tell.
fn used(uses: &Uses, template: &str) -> Option<(LastUse, usize)> {
    let parts = parts(template)?;
    let made = uses.users().filter(|(identity, _)| {
        identity.kind == SubjectKind::User && makes(&parts, &identity.name)
    });
    let mut sum: Option<Span> = None;
    let mut count = 0;
    for (_, span) in made {
        count += 1;
        match &mut sum {
            Some(sum) => sum.merge(span.clone()),
            None => sum = Some(span.clone()),
        }
    }
    Some((sum.map_or_else(|| uses.absent(), |sum| sum.last_use()), count))
}

/// Whether a template makes a name, for all that its letters tell; one with none of its own makes any.
pub(super) fn could_make(template: &str, name: &str) -> bool {
    taken_apart(template).is_some_and(|parts| makes(&parts, name))
}

/// The same, of one that has enough letters of its own to tell whose a name is.
fn parts(template: &str) -> Option<Vec<&str>> {
    let parts = taken_apart(template)?;
    let own: usize = parts.iter().map(|part| part.len()).sum();
    (own >= LEAST).then_some(parts)
}

/// What stands between what is filled in, from the beginning to the end.
fn taken_apart(template: &str) -> Option<Vec<&str>> {
    let mut rest = template;
    let mut parts = Vec::new();
    while let Some((before, after)) = rest.split_once("{{") {
        parts.push(before);
        rest = after.split_once("}}")?.1;
    }
    parts.push(rest);
    Some(parts)
}

/// Whether a name begins and ends as the template does, with something in each place.
fn makes(parts: &[&str], name: &str) -> bool {
    let [first, between @ .., last] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    for part in between {
        let mut ends = rest.char_indices().skip(1).map(|(at, _)| at);
        let Some(at) = ends.find(|at| rest[*at..].starts_with(part)) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.strip_suffix(last).is_some_and(|filled| !filled.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_makes_what_begins_and_ends_as_it_does() {
        let makes = |template, name| parts(template).is_some_and(|parts| makes(&parts, name));
        assert!(makes("dev:{{SessionName}}", "dev:ana@corp.example"));
        assert!(makes("{{AccountID}}:ops:{{SessionName}}", "111122223333:ops:ana"));
        assert!(makes("{{SessionName}}@corp", "ana@corp"));
        for (template, name) in [
            ("dev:{{SessionName}}", "dev:"),
            ("dev:{{SessionName}}", "ops:ana"),
            ("{{AccountID}}:ops:{{SessionName}}", "1:dev:ana"),
            ("{{AccountID}}:ops:{{SessionName}}", ":ops:ana"),
            ("{{SessionName}}@corp", "@corp"),
            // Everybody's name would do.
            ("{{SessionName}}", "ana"),
            ("{{SessionName", "{{SessionName"),
        ] {
            assert!(!makes(template, name), "{template} {name}");
        }
    }

    #[test]
    fn a_roles_sessions_are_its_own_whatever_its_path() {
        for (principal, template) in [
            (
                "arn:aws:iam::111122223333:role/teams/Dev",
                Some("arn:aws:sts::111122223333:assumed-role/Dev/{{SessionName}}"),
            ),
            (
                "arn:aws-cn:iam::1:role/Dev",
                Some("arn:aws-cn:sts::1:assumed-role/Dev/{{SessionName}}"),
            ),
            ("arn:aws:iam::1:user/ana", None),
            ("dev", None),
        ] {
            assert_eq!(of_role(principal).as_deref(), template, "{principal}");
        }
    }
}
