//! The pods that `CronJob`s make next. Most of the time none of them runs, and whoever waits gets into one.

use super::gather::push;
use super::world::World;
use crate::book::Book;
use crate::model::{Containers, ListKind, ObjectBody};
use crate::workloads::{TokenMount, admitted, tokens_in};

impl World {
    /// After the token Secrets were.
    pub(super) fn add_next(&mut self, book: &Book) {
        let objects = &book.snapshot.objects;
        let first = ("CronJob".into(), "".into(), "".into());
        for ((kind, ns, _), object) in objects.others.range(first..) {
            let ObjectBody::Workload(template) = &object.body else { continue };
            if &**kind != "CronJob" {
                break;
            }
            let Some(at) = self.number(ns) else { continue };
            let runs_as = object.service_account.as_ref().filter(|name| !name.is_empty());
            let runs_as = runs_as.cloned().unwrap_or_else(|| "default".into());
            let account = objects.service_accounts.get(&(ns.clone(), runs_as.clone()));
            let whole = book.snapshot.covers(&[ListKind::ServiceAccounts], Some(ns));
            let (projected, secrets) = tokens_in(&template.spec, Containers::Running);
            let mounted =
                admitted(&template.spec, account.map(|one| &**one), whole) == TokenMount::Yes;
            let own = Self::account(book, ns, &runs_as).filter(|_| projected || mounted);
            let of_secrets = secrets.iter().filter_map(|secret| self.token_in(at, secret));
            let mut all: Vec<u32> = own.into_iter().chain(of_secrets).collect();
            all.sort_unstable();
            all.dedup();
            for account in all {
                push(&mut self.next, at, account);
            }
        }
    }
}
