//! `split`: from words to what is wanted.

use super::change_args::SplitArgs;
use super::exit::Failure;
use crate::change::plan::{Choices, Intent, Named, Splitting};
use crate::model::Identity;

/// What these words want split.
pub(super) fn to_split(identity: &str, args: &SplitArgs) -> Result<Intent, Failure> {
    let identity: Identity = identity.parse().map_err(|_| {
        Failure::usage(format!(
            "{identity:?} does not say what to split: write user:NAME or sa:NAMESPACE/NAME"
        ))
    })?;
    let mut how = Splitting::default();
    for text in &args.actors {
        let (name, is) = pair("--actor", text, "NAME=ACTOR")?;
        how.actors.push(Named { name: name.into(), is: is.into() });
    }
    for text in &args.to {
        let (name, to) = pair("--to", text, "NAME=user:NAME or NAME=sa:NAMESPACE/NAME")?;
        let to: Identity = to.parse().map_err(|_| {
            Failure::usage(format!(
                "--to {text:?}: {to:?} is no user:NAME and no sa:NAMESPACE/NAME"
            ))
        })?;
        if how.to.insert(name.into(), to).is_some() {
            return Err(Failure::usage(format!("--to: {name} is to become two")));
        }
    }
    how.certificates = args.certificates.iter().map(|name| name.as_str().into()).collect();
    how.into = args.into.as_deref().map(Into::into);
    how.machines = args.machines.iter().map(|name| name.as_str().into()).collect();
    how.unattributed =
        Some(args.unattributed.as_str()).filter(|name| *name != "nobody").map(Into::into);
    how.retire_after = args.retire_after;
    how.token_seconds = u64::from(args.token_days) * 24 * 60 * 60;
    how.choices = Choices {
        families: !args.single_verbs,
        names: args.names,
        namespaces: args.namespaces,
        ..how.choices
    };
    Ok(Intent::Split { identity, how: Box::new(how) })
}

fn pair<'a>(flag: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let pair = text.split_once('=').filter(|(name, rest)| !name.is_empty() && !rest.is_empty());
    pair.ok_or_else(|| Failure::usage(format!("{flag} {text:?}: write {form}")))
}
