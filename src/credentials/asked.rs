//! How many tokens were made by request, whether or not the log has their ids.

use std::collections::{BTreeMap, HashMap};

use super::Only;
use crate::model::{Activity, CallId, Identity, Name, SubjectKind, Use, counted};

/// Requests for tokens that were allowed and not answered with an error, but for those of kubelets,
/// which have one made for every pod every hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    by_account: BTreeMap<Identity, BTreeMap<Identity, u64>>,
    /// By namespace: of accounts whose names were too many to keep.
    pub(super) nameless: BTreeMap<Name, u64>,
}

impl Asked {
    pub(super) fn new(activity: &Activity, only: Only<'_>) -> Self {
        let mut asked = Self::default();
        let calls: HashMap<CallId, (Name, Option<Identity>)> = activity
            .calls()
            .filter_map(|(id, call)| {
                let (namespace, name) = call.token_for()?;
                let account =
                    name.map(|name| Identity::service_account(namespace.clone(), name.clone()));
                let wanted = account.as_ref().is_none_or(|account| only.wants(account));
                wanted.then_some((id, (namespace.clone(), account)))
            })
            .collect();
        if calls.is_empty() {
            return asked;
        }
        for row in activity.uses().filter(|row| row.allowed > 0) {
            let Some((namespace, account)) = calls.get(&row.call) else { continue };
            if is_kubelet(activity, row) {
                continue;
            }
            let count = match account {
                Some(account) => {
                    let by = activity.identity(row.authenticated).clone();
                    asked.by_account.entry(account.clone()).or_default().entry(by).or_default()
                }
                None => asked.nameless.entry(namespace.clone()).or_default(),
            };
            *count += row.allowed;
        }
        asked
    }

    /// Takes note that one of them is known.
    pub(super) fn is_known(&mut self, account: &Identity, by: &Identity) {
        let count = self.by_account.get_mut(account).and_then(|all| all.get_mut(by));
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
    }

    /// The others: of which account, how many, and by whom, in words.
    pub(super) fn rest(self) -> impl Iterator<Item = (Identity, u64, String)> {
        self.by_account.into_iter().filter_map(|(account, by)| {
            let mut by: Vec<(Identity, u64)> =
                by.into_iter().filter(|(_, count)| *count > 0).collect();
            by.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let all = by.iter().map(|(_, count)| count).sum();
            let words: Vec<String> =
                by.iter().take(5).map(|(who, count)| format!("{who} ({count})")).collect();
            let more = by.len().saturating_sub(5);
            let others =
                if more > 0 { format!(" and {}", counted(more, "other")) } else { String::new() };
            (all > 0).then(|| (account, all, words.join(", ") + &others))
        })
    }
}

/// Whether a kubelet asked: as the API server tells them
/// (`pkg/auth/nodeidentifier/default.go`), by name and group. Admission lets them have tokens of
/// their own pods only (`NodeRestriction`).
fn is_kubelet(activity: &Activity, row: &Use) -> bool {
    let who = activity.identity(row.authenticated);
    let groups = activity.group_set(row.groups);
    row.effective == row.authenticated
        && who.kind == SubjectKind::User
        && who.name.starts_with("system:node:")
        && (groups.is_empty() || groups.iter().any(|group| &**group == Identity::NODES))
}
