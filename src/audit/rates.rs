//! How many requests of an hour fall into which of its minutes, by identity: the busiest minute and
//! hour of each is what is left.

use super::covered::utc;
use super::hashing::ById;
use super::kept::Kept;
use super::merge::Request;
use super::record::HOUR;
use super::who::Answer;
use crate::model::{Peak, Rate};

/// Requests being counted: those of one identity in the order of their hours.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    all: ById<One>,
}

/// One identity.
#[derive(Clone, Debug)]
struct One {
    /// The hour that is being counted, in microseconds.
    hour: i64,
    /// How many requests of it there are.
    requests: u32,
    /// The minutes of the first ones: most hours of most identities have no more.
    first: [u8; FEW],
    /// By minute, where there are more.
    minutes: Option<Box<[u32; 60]>>,
    rejected: u64,
    last_rejected: i64,
    /// Of the hours before.
    known: Option<Rate>,
}

const MINUTE: i64 = 60_000_000;
const FEW: usize = 16;

impl Rates {
    /// Counts a request, if it is known when it was received.
    pub fn take(&mut self, kept: &Kept, request: &Request) {
        let (id, answer) = (request.dims.authenticated, request.dims.answer);
        if !request.timed || answer == Answer::Nobody {
            return;
        }
        let into = request.at.rem_euclid(HOUR);
        let hour = request.at - into;
        let one = match self.all.get_mut(&id) {
            Some(one) => one,
            // Of others nothing is kept.
            None if kept.identity(id).is_none() => return,
            None => self.all.entry(id).or_insert_with(|| One::new(hour)),
        };
        if one.hour != hour {
            one.close();
            one.hour = hour;
        }
        one.take(u8::try_from(into / MINUTE).unwrap_or_default());
        if answer == Answer::Rejected {
            one.rejected += 1;
            one.last_rejected = one.last_rejected.max(request.at);
        }
    }

    /// Takes what an identity came to in other hours.
    pub fn add(&mut self, id: u64, rate: Rate) {
        self.all.entry(id).or_insert_with(|| One::new(0)).add(rate);
    }

    /// Takes out what was counted so far, by id of the identity; sorted.
    pub fn cut(&mut self) -> Vec<(u64, Rate)> {
        let closed = self.all.drain().filter_map(|(id, mut one)| {
            one.close();
            Some((id, one.known?))
        });
        let mut all: Vec<(u64, Rate)> = closed.collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

impl One {
    fn new(hour: i64) -> Self {
        Self {
            hour,
            requests: 0,
            first: [0; FEW],
            minutes: None,
            rejected: 0,
            last_rejected: i64::MIN,
            known: None,
        }
    }

    fn take(&mut self, minute: u8) {
        let at = self.requests as usize;
        self.requests = self.requests.saturating_add(1);
        if let Some(place) = self.first.get_mut(at) {
            *place = minute;
            return;
        }
        let first = self.first;
        let minutes = self.minutes.get_or_insert_with(|| Box::new(by_minute(&first)));
        if let Some(count) = minutes.get_mut(usize::from(minute)) {
            *count = count.saturating_add(1);
        }
    }

    fn add(&mut self, rate: Rate) {
        self.known = Some(self.known.map_or(rate, |known| known.and(rate)));
    }

    /// Ends the hour that is being counted.
    fn close(&mut self) {
        if self.requests == 0 {
            return;
        }
        let requests = u64::from(self.requests);
        // An hour with fewer requests than one that is known is not the busiest; one with fewer than
        // a minute that is known has none either.
        let hour = match self.known {
            Some(known) if requests < known.hour.requests => known.hour,
            _ => Peak { requests, at: utc(self.hour) },
        };
        let minute = match self.known {
            Some(known) if requests < known.minute.requests => known.minute,
            _ => self.busiest(),
        };
        let rejected = std::mem::take(&mut self.rejected);
        let last = std::mem::replace(&mut self.last_rejected, i64::MIN);
        let last_rejected = (rejected > 0).then(|| utc(last));
        self.add(Rate { counted: requests, minute, hour, rejected, last_rejected });
        (self.requests, self.minutes) = (0, None);
    }

    /// The minute with the most requests of the hour.
    fn busiest(&self) -> Peak {
        let few = || by_minute(self.first.get(..self.requests as usize).unwrap_or(&self.first));
        let minutes = self.minutes.as_deref().copied().unwrap_or_else(few);
        let most = |(at, most): (i64, u32), (minute, count): (i64, u32)| {
            if count > most { (minute, count) } else { (at, most) }
        };
        let (minute, count) = (0..).zip(minutes).fold((0, 0), most);
        Peak { requests: u64::from(count), at: utc(self.hour + minute * MINUTE) }
    }
}

fn by_minute(minutes: &[u8]) -> [u32; 60] {
    let mut counts = [0; 60];
    for minute in minutes {
        if let Some(count) = counts.get_mut(usize::from(*minute)) {
            *count += 1;
        }
    }
    counts
}

/// What several came to, each of other hours; sorted by id.
pub fn add_up(all: impl IntoIterator<Item = (u64, Rate)>) -> Vec<(u64, Rate)> {
    let mut rates = Rates::default();
    for (id, rate) in all {
        rates.add(id, rate);
    }
    rates.cut()
}
