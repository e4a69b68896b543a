//! The `ConfigMap` by which EKS maps cloud identities to users and groups.

use serde::Deserialize;

use super::seen::Uses;
use super::{Credential, Expires, Inventory, Kind, LastUse, Only, Standing};
use crate::book::Book;
use crate::model::{Identity, Name};

/// An entry of `mapRoles` or `mapUsers`; what else it says is passed over, as by the authenticator.
#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "rolearn", alias = "userarn", alias = "roleARN", alias = "userARN")]
    arn: Name,
    username: Option<Name>,
    #[serde(default)]
    groups: Option<Vec<Name>>,
}

pub(super) fn all(book: &Book, only: Only<'_>, uses: &Uses, found: &mut Inventory) {
    let key = ("kube-system".into(), "aws-auth".into());
    let Some(map) = book.snapshot.objects.config_maps.get(&key) else { return };
    for field in ["mapRoles", "mapUsers"] {
        let Some(text) = map.data.get(field).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        match yaml_serde::from_str::<Option<Vec<Entry>>>(text) {
            Ok(entries) => {
                let entries = entries.unwrap_or_default().into_iter();
                let mapped = entries.map(|entry| mapping(uses, field, entry));
                found.credentials.extend(mapped.filter(|mapped| only.wants(&mapped.identity)));
            }
            Err(error) => unreadable(found, field, &error),
        }
    }
    let Some(text) = map.data.get("mapAccounts").filter(|text| !text.trim().is_empty()) else {
        return;
    };
    match yaml_serde::from_str::<Option<Vec<Name>>>(text) {
        Ok(accounts) => {
            let accounts = accounts.unwrap_or_default().into_iter();
            let mapped = accounts.map(|account| whole_account(uses, &account));
            found.credentials.extend(mapped.filter(|mapped| only.wants(&mapped.identity)));
        }
        Err(error) => unreadable(found, "mapAccounts", &error),
    }
}

/// The place and nothing of the text: it may hold more than it should.
fn unreadable(found: &mut Inventory, field: &str, error: &yaml_serde::Error) {
    let place = match error.location() {
        Some(at) => format!("ConfigMap kube-system/aws-auth, {field}, line {}", at.line()),
        None => format!("ConfigMap kube-system/aws-auth, {field}"),
    };
    let reason = "no list of entries in YAML: as it stands, nobody in it may get in";
    found.unreadable.push((place.into(), reason.to_owned()));
}

fn mapping(uses: &Uses, field: &str, entry: Entry) -> Credential {
    let username = entry.username.filter(|name| !name.is_empty());
    let template = username.as_ref().is_some_and(|name| name.contains("{{"));
    let mut notes = Vec::new();
    if template {
        notes.push(
            "the user name is a template: everybody who can assume the role gets one of their own"
                .to_owned(),
        );
    }
    if username.is_none() {
        notes.push("without a user name, the ARN is the user".to_owned());
    }
    let identity = Identity::from_user_name(&username.unwrap_or_else(|| entry.arn.clone()));
    let last_use = if template {
        LastUse::NotKnown("the user name is a template")
    } else {
        uses.by_user(&identity)
    };
    Credential {
        kind: Kind::CloudMapping,
        id: format!("aws-auth {field} {}", entry.arn).into(),
        made: None,
        issued: None,
        expires: Expires::Never,
        bound: None,
        standing: Standing::Good,
        last_use,
        groups: entry.groups.unwrap_or_default(),
        revoke:
            "take the entry out of the ConfigMap kube-system/aws-auth, and the way to the cloud \
                 identity away in IAM; a token works for another 15 minutes"
                .into(),
        notes,
        identity,
    }
}

fn whole_account(uses: &Uses, account: &Name) -> Credential {
    Credential {
        identity: Identity::user(format!("arn:aws:iam::{account}:*")),
        kind: Kind::CloudMapping,
        id: format!("aws-auth mapAccounts {account}").into(),
        made: None,
        issued: None,
        expires: Expires::Never,
        bound: None,
        standing: Standing::Good,
        last_use: match uses.absent() {
            LastUse::NotInLog(_) => {
                LastUse::NotKnown("it stands for everybody of the cloud account")
            }
            other => other,
        },
        groups: Vec::new(),
        revoke: "take the account out of the ConfigMap kube-system/aws-auth".into(),
        notes: vec!["everybody of that cloud account authenticates, by their ARN".to_owned()],
    }
}
