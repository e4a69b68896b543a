//! `--groups USER=G,G`.

use crate::model::Name;

/// Why a text gives no groups for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} gives no groups: write USER=GROUP,GROUP (as in jane@corp.example=developers,admins)"
)]
pub struct GroupsError(String);

/// Reads `USER=G,G`. A user name may hold `=` (an LDAP name does): the last one counts. Nothing
/// after it says that the user is in no group.
///
/// # Errors
/// [`GroupsError`] where there is no `=`, no user, or an empty group among others.
pub fn parse_groups(text: &str) -> Result<(Name, Vec<Name>), GroupsError> {
    let bad = || GroupsError(text.to_owned());
    let (user, groups) = text.rsplit_once('=').ok_or_else(bad)?;
    if user.is_empty() {
        return Err(bad());
    }
    if groups.is_empty() {
        return Ok((user.into(), Vec::new()));
    }
    let mut names: Vec<Name> = Vec::new();
    for group in groups.split(',').map(str::trim) {
        if group.is_empty() {
            return Err(bad());
        }
        names.push(group.into());
    }
    names.sort();
    names.dedup();
    Ok((user.into(), names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_their_groups() {
        let parsed = |text: &str| {
            let (user, groups) = parse_groups(text).ok()?;
            Some((user.to_string(), groups.join(" ")))
        };
        let found = |user: &str, groups: &str| Some((user.to_owned(), groups.to_owned()));
        assert_eq!(parsed("jane=b,a,b"), found("jane", "a b"));
        assert_eq!(parsed("jane="), found("jane", ""));
        assert_eq!(parsed("cn=jane,o=corp=dev"), found("cn=jane,o=corp", "dev"));
        for text in ["", "jane", "=dev", "jane=a,,b", "jane=,"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
