//! Requests that two servers logged: the API server that was asked, and the extension server that it
//! passed the request on to.
//!
//! Both write the same id, whichever the client or the first of them chose
//! (`apiserver/pkg/endpoints/filters/audit_init.go`), and each the time at which the request came to
//! it. The second knows the client by a header: before the address of the first server stands the
//! one that the first saw (`apimachinery/pkg/util/proxy`), unless both are one. It takes
//! whoever the first authorised for whoever authenticated, impersonated or not
//! (`kube-aggregator/pkg/apiserver/handler_proxy.go`). The first one's line knows all that the
//! second's knows, and counts.

use std::collections::HashMap;

use super::merge::{Found, Request};
use super::record::HOUR;

/// How much later than the first server the second may have it by its own clock, in microseconds:
/// on its way a request may wait for its turn.
const LATER: i64 = 20_000_000;

/// How much earlier, where clocks differ.
const EARLIER: i64 = 2_000_000;

/// How much later where nothing but the time tells the second server from a client that says one id
/// twice.
const AT_ONCE: i64 = 1_000_000;

/// How many requests of one id and hour are held against each other, and how many ids are remembered
/// from one hour to the next. What is more is counted for each server.
const MOST: usize = 256;
const MOST_LATE: usize = 1 << 16;

/// Takes requests in the order of their keys, and leaves out those that a server passed on to
/// another whose lines are there as well.
#[derive(Debug, Default)]
pub struct Once {
    /// Of one hour and id; nothing that cannot have been passed on.
    group: Vec<Found>,
    group_of: u64,
    /// In microseconds.
    hour: i64,
    /// From the end of the hour, by what stands for their ids.
    late: Late,
    /// The same of the hour before.
    late_before: Late,
}

type Late = HashMap<u64, Vec<Request>>;

impl Once {
    /// Takes one request, and calls `each` for those of which it is known that they count.
    pub fn take(&mut self, found: Found, mut each: impl FnMut(&Request)) {
        let of = found.key.hour_and_id();
        if of != self.group_of || self.group.len() >= MOST {
            self.settle(&mut each);
            self.group_of = of;
        }
        if found.request.dims.via == 0 {
            each(&found.request);
        } else {
            self.group.push(found);
        }
    }

    /// Calls `each` for what is left of what was taken so far. What is taken next must be of another
    /// hour.
    pub fn settle(&mut self, each: &mut impl FnMut(&Request)) {
        let Some(first) = self.group.first() else { return };
        let (hour, (id, _)) = (first.key.hour(), first.key.within_hour());
        self.turn_to(hour);
        self.group.sort_unstable_by_key(|found| (found.request.at, found.key));
        let mut left: Vec<Request> = self.group.drain(..).map(|found| found.request).collect();
        left.reverse();
        let mut counted: Vec<Request> = Vec::new();
        let before = self.late_before.get(&id);
        while let Some(request) = left.pop() {
            let mut firsts = counted.iter().chain(&left).chain(before.into_iter().flatten());
            if !firsts.any(|first| is_passed_on(first, &request)) {
                each(&request);
                counted.push(request);
            }
        }
        counted.retain(|request| request.at >= hour + HOUR - LATER);
        if !counted.is_empty() && self.late.len() < MOST_LATE {
            self.late.entry(id).or_default().extend(counted);
        }
    }

    fn turn_to(&mut self, hour: i64) {
        if hour != self.hour {
            self.late_before.clear();
            if hour == self.hour + HOUR {
                std::mem::swap(&mut self.late, &mut self.late_before);
            }
            self.late.clear();
            self.hour = hour;
        }
    }
}

/// Whether the second is the first one, passed on.
fn is_passed_on(first: &Request, second: &Request) -> bool {
    let (one, other) = (&first.dims, &second.dims);
    let later = second.at - first.at;
    let by_another = other.via == one.address
        && other.via != other.address
        && (-EARLIER..=LATER).contains(&later);
    let from_its_own_machine =
        other.address == one.address && other.via == one.via && (1..=AT_ONCE).contains(&later);
    (by_another || from_its_own_machine)
        && [other.authenticated, other.effective] == [one.effective; 2]
        && (other.place, other.agent, second.name) == (one.place, one.agent, first.name)
}
