//! A script of requests.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};

use super::ask::{As, Ask};
use super::client::Client;
use super::line::{Line, Stage};
use crate::demo::random::Random;

/// A second in the unit of all times here.
pub(super) const SECOND: i64 = 1_000_000;
/// A minute.
pub(super) const MINUTE: i64 = 60 * SECOND;
/// An hour.
pub(super) const HOUR: i64 = 60 * MINUTE;
/// A day.
pub(super) const DAY: i64 = 24 * HOUR;

/// Stretches from which the log was lost, in (days, hours, minutes) before its end, from and to.
const LOST: [[(i64, i64, i64); 2]; 2] = [[(61, 3, 48), (61, 3, 0)], [(37, 20, 20), (37, 14, 0)]];

/// How a client or an ask is referred to.
pub(super) type Number = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Event {
    /// Microseconds since 1970, UTC.
    at: i64,
    client: Number,
    ask: Number,
    /// Number of the one acted as, plus one; 0 for nobody.
    acting: Number,
}

impl Event {
    /// When its request comes in.
    pub(super) fn at(&self) -> i64 {
        self.at
    }

    /// The same for every request of this kind.
    pub(super) fn kind(&self) -> Self {
        Self { at: 0, ..*self }
    }
}

/// Requests with their times, microseconds since 1970, UTC.
#[derive(Debug)]
pub(super) struct Script {
    /// The first moment.
    pub(super) start: i64,
    /// The last moment: now.
    pub(super) end: i64,
    clients: Vec<Client>,
    asks: Vec<Ask>,
    acting: Vec<As>,
    events: Vec<Event>,
}

fn number(count: usize) -> Number {
    Number::try_from(count).unwrap_or(Number::MAX)
}

impl Script {
    /// An empty one.
    pub(super) fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self {
            start: start.timestamp_micros(),
            end: end.timestamp_micros(),
            clients: Vec::new(),
            asks: Vec::new(),
            acting: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Takes in a client.
    pub(super) fn client(&mut self, client: Client) -> Number {
        self.clients.push(client);
        number(self.clients.len() - 1)
    }

    /// Takes in what is asked, as [`Ask::new`] reads it.
    pub(super) fn ask(&mut self, text: &'static str) -> Number {
        let ask = Ask::new(text);
        if let Some(at) = self.asks.iter().position(|have| *have == ask) {
            return number(at);
        }
        self.asks.push(ask);
        number(self.asks.len() - 1)
    }

    /// Takes in several asks.
    pub(super) fn asks(&mut self, texts: &[&'static str]) -> Vec<Number> {
        texts.iter().map(|text| self.ask(text)).collect()
    }

    /// A request.
    pub(super) fn add(&mut self, at: i64, client: Number, ask: Number) {
        self.add_as(at, client, ask, None);
    }

    /// A request in somebody else's name.
    pub(super) fn add_as(&mut self, at: i64, client: Number, ask: Number, acting: Option<&As>) {
        let lost = LOST.iter().any(|[from, to]| self.ago(*from) < at && at < self.ago(*to));
        if at < self.start || at > self.end || lost {
            return;
        }
        let acting = match acting {
            None => 0,
            Some(acting) => {
                let place = self.acting.iter().position(|have| have == acting);
                number(place.unwrap_or_else(|| {
                    self.acting.push(acting.clone());
                    self.acting.len() - 1
                })) + 1
            }
        };
        self.events.push(Event { at, client, ask, acting });
    }

    /// So many (days, hours, minutes) before the end.
    pub(super) fn ago(&self, (days, hours, minutes): (i64, i64, i64)) -> i64 {
        self.end - days * DAY - hours * HOUR - minutes * MINUTE
    }

    /// The calendar days (UTC) of the script: their midnight, and whether people work on them.
    pub(super) fn days(&self) -> Vec<(i64, bool)> {
        let first = self.start.div_euclid(DAY);
        let last = self.end.div_euclid(DAY);
        (first..=last)
            .map(|day| {
                let date = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(day);
                let free = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
                (day * DAY, !free)
            })
            .collect()
    }

    /// Whom an event's request is made as.
    pub(super) fn acting(&self, event: &Event) -> Option<&As> {
        self.acting.get(event.acting.checked_sub(1)? as usize)
    }

    /// Who makes an event's request.
    pub(super) fn client_of(&self, event: &Event) -> Option<&Client> {
        self.clients.get(event.client as usize)
    }

    /// What an event's request asks for.
    pub(super) fn ask_of(&self, event: &Event) -> Option<&Ask> {
        self.asks.get(event.ask as usize)
    }

    /// One or two lines a request, in the order of their writing.
    pub(super) fn in_order(&self) -> Vec<(Event, Line)> {
        let mut events = self.events.clone();
        events.sort_by_key(|event| event.at);
        let mut random = Random::of("written");
        let mut lines = Vec::with_capacity(events.len() * 5 / 4);
        for event in events {
            let id = random.next();
            let answered = event.at + random.between(1_200, 38_000);
            let open = self.ask_of(&event).filter(|ask| ask.stays_open());
            let line =
                Line { id, received: event.at, written: answered, stage: Stage::ResponseComplete };
            let Some(ask) = open else {
                lines.push((event, line));
                continue;
            };
            lines.push((event, Line { stage: Stage::ResponseStarted, ..line }));
            let length = if ask.verb == "watch" { (540, 541) } else { (25, 1_500) };
            let over = answered + random.between(length.0 * SECOND, length.1 * SECOND);
            // What is still open at the end has no second line yet.
            if over <= self.end {
                lines.push((event, Line { written: over, ..line }));
            }
        }
        lines.sort_by_key(|(_, line)| (line.written, line.id));
        lines
    }
}
