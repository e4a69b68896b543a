//! What revokes a credential by itself: the wish that the command takes and the key stages.

use super::{Ending, Intent, account};
use crate::credentials::{Bound, Credential, Kind, Standing};
use crate::model::Name;

impl Intent {
    /// What a change of keybook's revokes a credential with, and no other credential of another
    /// identity.
    ///
    /// # Errors
    /// Why none does, with what would.
    pub fn to_end(one: &Credential) -> Result<Self, String> {
        if let Some(why) = ended(one) {
            return Err(why);
        }
        let none = || format!("no write to the cluster revokes it alone: {}", one.revoke);
        let secret = |name: fn(Name, Name) -> Self| {
            let place = one.id.strip_prefix("secret ").and_then(|place| place.split_once('/'));
            place.map(|(namespace, secret)| name(namespace.into(), secret.into())).ok_or_else(none)
        };
        let delete = |namespace, name| Self::TokenSecret { namespace, name };
        match one.kind {
            // One that is refused by its label is next deleted.
            Kind::TokenSecret if matches!(one.standing, Standing::Refused(_)) => secret(delete),
            Kind::TokenSecret => secret(|namespace, name| Self::Quarantine { namespace, name }),
            Kind::BootstrapToken => secret(delete),
            Kind::CloudMapping => mapping(one).ok_or_else(none),
            Kind::IssuedToken => match &one.bound {
                Some(Bound::Object {
                    kind, namespace: Some(namespace), name: Some(name), ..
                }) if &**kind == "Secret" => Ok(delete(namespace.clone(), name.clone())),
                // It ends with nothing but its account.
                Some(Bound::Nothing) if account::place(&one.identity).is_ok() => {
                    Ok(Self::Account { identity: one.identity.clone(), how: Ending::Renew })
                }
                _ => Err(none()),
            },
            _ => Err(none()),
        }
    }
}

/// Why there is nothing left to revoke.
fn ended(one: &Credential) -> Option<String> {
    match &one.standing {
        Standing::Expired => Some("it has run out: there is nothing to revoke".to_owned()),
        Standing::Refused(why) if !matches!(one.kind, Kind::TokenSecret | Kind::CloudMapping) => {
            Some(format!("the API server refuses it: {why}"))
        }
        _ => None,
    }
}

/// The entry of `aws-auth`; None for what EKS itself keeps.
fn mapping(one: &Credential) -> Option<Intent> {
    let (field, principal) = one.id.strip_prefix("aws-auth ")?.split_once(' ')?;
    let field = field.parse().ok()?;
    Some(Intent::Mapping { field, principal: principal.into(), group: None })
}
