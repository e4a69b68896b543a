//! What could not be read, and a plan does not know of.

use super::Intent;
use super::make::Work;
use crate::model::{Coverage, Health, ListKind, Name};

impl Work<'_> {
    /// Says what could not be read: of the log, and of those who are revoked whole.
    pub(super) fn unread(&mut self) {
        let log = self.input.book.coverage().map(Coverage::unread_in_words).unwrap_or_default();
        let log = log.into_iter();
        self.warnings
            .extend(log.map(|what| format!("{what}: what it shows this plan does not know")));
        let snapshot = &self.input.book.snapshot;
        let whole = |intent: &Intent| matches!(intent, Intent::Identity { .. });
        if !self.input.intents.iter().any(whole) {
            return;
        }
        let kube_system = Name::from("kube-system");
        if snapshot.cluster.is_eks()
            && !snapshot.covers(&[ListKind::ConfigMaps], Some(&kube_system))
        {
            self.warnings.push(
                "the ConfigMap kube-system/aws-auth could not be read: whether EKS maps anybody of these \
                 there is not known"
                    .to_owned(),
            );
        }
        if matches!(
            snapshot.list(ListKind::RbacDefinitions).health,
            Health::Forbidden | Health::Failed
        ) {
            self.warnings.push(
                "RBACDefinitions could not be listed: whether rbac-manager would bind anybody of these \
                 again is not known"
                    .to_owned(),
            );
        }
    }
}
