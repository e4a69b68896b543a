//! How many requests of an hour fall into which of its minutes, by identity: the busiest minute and
//! hour of each is what is left.

use chrono::{DateTime, Utc};

use super::covered::utc;
use super::hashing::ById;
use super::kept::Kept;
use super::merge::Request;
use super::record::HOUR;
use super::who::Answer;
use crate::model::{Peak, Rate};

/// Requests being counted, in the order of their hours.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// The hour that is being counted, in microseconds.
    hour: i64,
    /// Where in `open` the identities of that hour are, by id.
    places: ById<u32>,
    open: Vec<Open>,
    /// Of the hours before, by id.
    all: ById<Rate>,
}

/// An hour of one identity.
#[derive(Clone, Debug)]
struct Open {
    id: u64,
    minutes: [u32; 60],
    rejected: u64,
    last_rejected: i64,
}

const MINUTE: i64 = 60_000_000;

impl Rates {
    /// Counts a request, if it is known when it was received.
    pub fn take(&mut self, kept: &Kept, request: &Request) {
        let (id, answer) = (request.dims.authenticated, request.dims.answer);
        if !request.timed || answer == Answer::Nobody {
            return;
        }
        let into = request.at.rem_euclid(HOUR);
        if request.at - into != self.hour {
            self.close();
            self.hour = request.at - into;
        }
        let place = match self.places.get(&id) {
            Some(place) => *place as usize,
            // Of others nothing is kept.
            None if kept.identity(id).is_none() => return,
            None => {
                let place = self.open.len();
                self.places.insert(id, u32::try_from(place).unwrap_or(u32::MAX));
                let (rejected, last_rejected) = (0, i64::MIN);
                self.open.push(Open { id, minutes: [0; 60], rejected, last_rejected });
                place
            }
        };
        let minute = usize::try_from(into / MINUTE).unwrap_or(0);
        let Some(open) = self.open.get_mut(place) else { return };
        if let Some(count) = open.minutes.get_mut(minute) {
            *count = count.saturating_add(1);
        }
        if answer == Answer::Rejected {
            open.rejected += 1;
            open.last_rejected = open.last_rejected.max(request.at);
        }
    }

    /// Takes what an identity came to in other hours.
    pub fn add(&mut self, id: u64, rate: Rate) {
        self.all.entry(id).and_modify(|known| *known = known.and(rate)).or_insert(rate);
    }

    fn close(&mut self) {
        self.places.clear();
        for open in std::mem::take(&mut self.open) {
            self.add(open.id, open.rate(self.hour));
        }
    }

    /// Takes out what was counted so far, by id of the identity; sorted.
    pub fn cut(&mut self) -> Vec<(u64, Rate)> {
        self.close();
        let mut all: Vec<(u64, Rate)> = self.all.drain().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

impl Open {
    fn rate(&self, hour: i64) -> Rate {
        let requests = self.minutes.iter().map(|count| u64::from(*count)).sum();
        let at = |minute: i64| -> DateTime<Utc> { utc(hour + minute * MINUTE) };
        let minutes = self.minutes.iter().zip(0..);
        let minutes =
            minutes.map(|(count, minute)| Peak { requests: u64::from(*count), at: at(minute) });
        Rate {
            counted: requests,
            minute: minutes.reduce(Peak::or).unwrap_or(Peak { requests: 0, at: at(0) }),
            hour: Peak { requests, at: at(0) },
            rejected: self.rejected,
            last_rejected: (self.rejected > 0).then(|| utc(self.last_rejected)),
        }
    }
}

/// What several came to, each of other hours; sorted by id.
pub fn add_up(all: impl IntoIterator<Item = (u64, Rate)>) -> Vec<(u64, Rate)> {
    let mut rates = Rates::default();
    for (id, rate) in all {
        rates.add(id, rate);
    }
    rates.cut()
}
