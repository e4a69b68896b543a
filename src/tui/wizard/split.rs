//! The choices of a split: who is who, and whom each becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Sight;
use super::choice::{self, DAYS, Field, next, number};
use crate::actors::{Actor, Behind, Holder};
use crate::book::Book;
use crate::change::plan::{Intent, Named, Splitting, everybody};
use crate::model::{Identity, Name, SubjectKind};
use crate::tui::state::FeedId;
use crate::tui::text::plural;
use crate::tui::words;

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

/// Days, at most.
const LONGEST: u32 = 3650;

/// Nobody in particular, where somebody could be chosen.
const NOBODY: &str = "nobody";

/// The same, where it is said that whoever made such requests is refused once the account is retired.
const CUT_OFF: &str = "cut off";

/// One who is seen behind the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// By what they are known.
    pub is: Name,
    /// What they are called; those of one name are one.
    pub name: Name,
    /// Whether they get no identity.
    pub left_out: bool,
    /// Whether they are marked.
    pub marked: bool,
}

/// What is chosen.
#[derive(Clone, Debug)]
pub struct SplitForm {
    /// Of which cluster.
    pub feed: FeedId,
    /// The account.
    pub account: Identity,
    /// Who is behind it, or why that is not known; None while it is worked out.
    pub behind: Option<Result<Arc<Behind>, String>>,
    /// The number under which that was asked for.
    pub behind_of: u64,
    /// The same, as they are chosen.
    pub seats: Vec<Seat>,
    /// All else that is chosen; of it nobody's name is left out.
    pub how: Splitting,
    /// Where kubeconfigs are written to; empty where that is asked for later.
    pub folder: String,
    /// The time that stages are counted from, UTC.
    pub now: DateTime<Utc>,
}

impl SplitForm {
    /// Everybody who is behind the account by a newer Book: who was seen before keeps what was chosen
    /// for them. Who comes first is chosen as `how` has it.
    pub fn follow(&mut self, behind: Result<Arc<Behind>, String>) {
        let seen = behind.as_ref().map_or_else(|_| Vec::new(), |behind| everybody(behind));
        let first = self.behind.is_none();
        let before = std::mem::take(&mut self.seats);
        let chosen = &self.how.actors;
        let mut taken: BTreeSet<Name> = before.iter().map(|seat| seat.name.clone()).collect();
        taken.extend(chosen.iter().map(|one| one.name.clone()));
        let seat = |Named { name, is }: Named| {
            if let Some(have) = before.iter().find(|seat| seat.is == is) {
                return have.clone();
            }
            let have = chosen.iter().find(|one| one.is == is);
            let left_out = first && !chosen.is_empty() && have.is_none();
            let mut name = have.map_or(name, |have| have.name.clone());
            let base = name.clone();
            let mut more = 1;
            while have.is_none() && !taken.insert(name.clone()) {
                more += 1;
                name = format!("{base}-{more}").into();
            }
            Seat { is, name, left_out, marked: false }
        };
        self.seats = seen.into_iter().map(seat).collect();
        self.behind = Some(behind);
    }

    /// One who is seen, by the place.
    pub fn actor(&self, at: usize) -> Option<&Actor> {
        self.behind.as_ref()?.as_ref().ok()?.actors.get(at)
    }

    /// Whether one is no person, as it is chosen, or as the log shows.
    pub fn is_machine(&self, at: usize) -> bool {
        let chosen = self.seats.get(at).is_some_and(|seat| self.how.machines.contains(&seat.name));
        chosen || !self.actor(at).is_some_and(|actor| actor.attended)
    }

    /// Whether one is pods.
    pub fn is_pods(&self, at: usize) -> bool {
        self.actor(at).is_some_and(|actor| matches!(actor.holder, Holder::Workload(_)))
    }

    /// Whom one becomes, as far as that is chosen.
    pub fn to(&self, at: usize) -> Option<Identity> {
        let seat = self.seats.get(at)?;
        if let Some(to) = self.how.to.get(&seat.name) {
            return Some(to.clone());
        }
        if self.how.certificates.contains(&seat.name) {
            return Some(Identity::user(seat.name.clone()));
        }
        let namespace = match self.actor(at).map(|actor| &actor.holder) {
            Some(Holder::Workload(name)) => name.split_once('/').map(|(ns, _)| ns.into()),
            _ => self.how.into.clone(),
        };
        Some(Identity::service_account(namespace?, seat.name.clone()))
    }

    /// What has to be chosen before anything comes of it; None where nothing has to.
    pub fn open(&self) -> Option<String> {
        if !matches!(self.behind, Some(Ok(_))) {
            return None;
        }
        if self.seats.iter().all(|seat| seat.left_out) {
            return Some(
                "nobody is left who gets an identity: x takes somebody in again".to_owned(),
            );
        }
        let mut open: Vec<&str> = (0..self.seats.len())
            .filter(|at| !self.seats[*at].left_out && self.to(*at).is_none())
            .map(|at| &*self.seats[at].name)
            .collect();
        open.dedup();
        if open.is_empty() {
            return None;
        }
        Some(format!(
            "whom they become is open: choose where new accounts are made, or b on each of {}",
            open.join(", ")
        ))
    }

    /// Whether whoever belongs to nobody is refused once the account is retired, and that was said.
    fn is_cut_off(&self) -> bool {
        self.how.retire_unattributed && self.how.retire_after.is_some()
    }

    fn names(&self) -> BTreeSet<Name> {
        let taken = self.seats.iter().filter(|seat| !seat.left_out);
        taken.map(|seat| seat.name.clone()).collect()
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        let actors = (0..self.seats.len()).map(Field::Actor);
        let rest = [
            Field::Into,
            Field::Unattributed,
            Field::Retire,
            Field::TokenDays,
            Field::Folder,
            Field::Reads,
            Field::Names,
            Field::Namespaces,
        ];
        actors.chain(rest).collect()
    }

    /// What is wanted; None where nobody is to get an identity, or where it is not known who could.
    pub(super) fn wish(&self) -> Option<Intent> {
        let names = self.names();
        if names.is_empty() {
            return None;
        }
        let actors = self.seats.iter().filter(|seat| !seat.left_out);
        let actors = actors.map(|seat| Named { name: seat.name.clone(), is: seat.is.clone() });
        let keep = |name: &Name| names.contains(name);
        let to: BTreeMap<Name, Identity> = self
            .how
            .to
            .iter()
            .filter(|(name, _)| keep(name))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        let how = Splitting {
            actors: actors.collect(),
            to,
            certificates: self.how.certificates.iter().filter(|name| keep(name)).cloned().collect(),
            machines: self.how.machines.iter().filter(|name| keep(name)).cloned().collect(),
            unattributed: self.how.unattributed.clone().filter(keep),
            retire_unattributed: self.is_cut_off(),
            ..self.how.clone()
        };
        Some(Intent::Split { identity: self.account.clone(), how: Box::new(how) })
    }

    pub(super) fn turn(
        &mut self,
        field: Field,
        by: isize,
        book: Option<&Book>,
    ) -> Result<(), String> {
        match field {
            Field::Actor(at) => self.turn_kind(at),
            Field::Into => {
                let none = || "no namespace is known; e types one".to_owned();
                let book = book.ok_or_else(none)?;
                let all = &book.snapshot.objects.namespaces;
                let stays = all.iter().filter(|(_, ns)| ns.meta.deletion_timestamp.is_none());
                let names: Vec<&Name> = stays.map(|(name, _)| name).collect();
                self.how.into = Some(beside(&names, self.how.into.as_ref(), by).ok_or_else(none)?);
                Ok(())
            }
            Field::Unattributed => {
                let names = self.names();
                // Who made such requests is refused once it is retired: that has to be said.
                let retired = self.how.retire_after.is_some();
                let all: Vec<(Option<&Name>, bool)> = std::iter::once((None, false))
                    .chain(retired.then_some((None, true)))
                    .chain(names.iter().map(|name| (Some(name), false)))
                    .collect();
                let whom = self.how.unattributed.as_ref().filter(|name| names.contains(*name));
                let have = (whom, whom.is_none() && self.is_cut_off());
                let at = all.iter().position(|one| *one == have).unwrap_or_default();
                let next = (at + all.len()).saturating_add_signed(by) % all.len();
                let (whom, cut_off) = all.get(next).copied().unwrap_or_default();
                self.how.unattributed = whom.cloned();
                self.how.retire_unattributed = cut_off;
                Ok(())
            }
            Field::Retire => {
                let days = next(&DAYS, self.how.retire_after.unwrap_or(0), by);
                self.how.retire_after = Some(days).filter(|days| *days > 0);
                Ok(())
            }
            Field::TokenDays => {
                let days = u32::try_from(self.how.token_seconds / DAY).unwrap_or(LONGEST);
                self.how.token_seconds = u64::from(next(&DAYS, days, by).max(1)) * DAY;
                Ok(())
            }
            Field::Folder => {
                Err("kubeconfigs: e types the folder that they are written to".to_owned())
            }
            _ => choice::turn(&mut self.how.choices, field, by),
        }
    }

    /// A person may be a machine after all; what nobody is at is one.
    fn turn_kind(&mut self, at: usize) -> Result<(), String> {
        let Some(seat) = self.seats.get(at) else { return Ok(()) };
        let attended = self.actor(at).is_some_and(|actor| actor.attended);
        if !attended {
            return Err(format!("{}: the log shows nobody at it: it is no person", seat.name));
        }
        let name = seat.name.clone();
        if !self.how.machines.remove(&name) {
            self.how.machines.insert(name);
        }
        Ok(())
    }

    pub(super) fn typed(&self, field: Field) -> Option<String> {
        Some(match field {
            Field::Actor(at) => self.seats.get(at)?.name.to_string(),
            Field::Into => self.how.into.as_ref().map_or_else(String::new, ToString::to_string),
            Field::Unattributed => {
                let nobody = if self.is_cut_off() { CUT_OFF } else { NOBODY };
                self.how.unattributed.as_ref().map_or(nobody.to_owned(), ToString::to_string)
            }
            Field::Retire => self.how.retire_after.unwrap_or(0).to_string(),
            Field::TokenDays => (self.how.token_seconds / DAY).to_string(),
            Field::Folder => self.folder.clone(),
            _ => return choice::typed(&self.how.choices, field),
        })
    }

    pub(super) fn set(&mut self, field: Field, text: &str) -> Result<(), String> {
        let text = text.trim();
        match field {
            Field::Actor(at) => return self.rename(at, text),
            Field::Into => {
                self.how.into = Some(text).filter(|text| !text.is_empty()).map(Into::into);
            }
            Field::Unattributed => {
                if text == CUT_OFF && self.how.retire_after.is_none() {
                    return Err("cut off: only once the account is retired".to_owned());
                }
                let whom = Some(text).filter(|text| !["", NOBODY, CUT_OFF].contains(text));
                if let Some(name) = whom.filter(|name| !self.names().contains(*name)) {
                    return Err(format!("nobody is called {name:?}"));
                }
                self.how.unattributed = whom.map(Into::into);
                self.how.retire_unattributed = text == CUT_OFF;
            }
            Field::Retire => {
                let days = number(text)?;
                if days > LONGEST {
                    return Err(format!("{LONGEST} days at most"));
                }
                self.how.retire_after = Some(days).filter(|days| *days > 0);
            }
            Field::TokenDays => {
                let days = number(text)?;
                if !(1..=LONGEST).contains(&days) {
                    return Err(format!("1 to {LONGEST} days"));
                }
                self.how.token_seconds = u64::from(days) * DAY;
            }
            Field::Folder => text.clone_into(&mut self.folder),
            _ => return choice::set(&mut self.how.choices, field, text),
        }
        Ok(())
    }

    /// Calls one otherwise. Who has that name already is the same person then.
    fn rename(&mut self, at: usize, name: &str) -> Result<(), String> {
        if !Named::fits(name) {
            return Err(format!(
                "{name:?} is no name for an account: small letters, digits and dashes, 50 at most"
            ));
        }
        let name: Name = name.into();
        let Some(seat) = self.seats.get_mut(at) else { return Ok(()) };
        let old = std::mem::replace(&mut seat.name, name.clone());
        if old != name && !self.seats.iter().any(|seat| seat.name == old) {
            // What was chosen for one who is called so no more.
            let known = self.seats.iter().filter(|seat| seat.name == name).count() > 1;
            if let Some(to) = self.how.to.remove(&old).filter(|_| !known) {
                self.how.to.insert(name.clone(), to);
            }
            for chosen in [&mut self.how.machines, &mut self.how.certificates] {
                if chosen.remove(&old) && !known {
                    chosen.insert(name.clone());
                }
            }
            if self.how.unattributed.as_ref() == Some(&old) {
                self.how.unattributed = Some(name);
            }
        }
        Ok(())
    }

    /// Makes one of those who are marked and the one at a place, who gives them the name.
    ///
    /// # Errors
    /// Where none is marked, in words.
    pub fn merge(&mut self, at: usize) -> Result<usize, String> {
        let Some(name) = self.seats.get(at).map(|seat| seat.name.clone()) else { return Ok(0) };
        let marked: Vec<usize> =
            (0..self.seats.len()).filter(|one| *one != at && self.seats[*one].marked).collect();
        if marked.is_empty() {
            return Err("merge: mark the others with space first".to_owned());
        }
        for one in &marked {
            self.rename(*one, &name)?;
        }
        for seat in &mut self.seats {
            seat.marked = false;
        }
        Ok(marked.len() + 1)
    }

    /// Says whom one becomes; an empty text leaves it to the namespace of new accounts.
    ///
    /// # Errors
    /// Where the text names no identity, in words.
    pub fn becomes(&mut self, at: usize, text: &str) -> Result<(), String> {
        let Some(name) = self.seats.get(at).map(|seat| seat.name.clone()) else { return Ok(()) };
        let text = text.trim();
        let certified =
            text.strip_prefix("cert").map(|rest| rest.strip_prefix(':').unwrap_or(rest));
        let certified = certified.filter(|user| user.is_empty() || text.starts_with("cert:"));
        if let Some(user) = certified {
            match user {
                "" => drop(self.how.to.remove(&name)),
                user => drop(self.how.to.insert(name.clone(), Identity::user(user))),
            }
            self.how.certificates.insert(name);
            return Ok(());
        }
        if text.is_empty() {
            self.how.certificates.remove(&name);
            self.how.to.remove(&name);
            return Ok(());
        }
        let to: Identity = text
            .parse()
            .map_err(|_| format!("{text:?} is no user:NAME, cert:NAME or sa:NAMESPACE/NAME"))?;
        if to.kind == SubjectKind::Group {
            return Err(format!("{name} cannot become {to}: a group is nobody"));
        }
        self.how.certificates.remove(&name);
        self.how.to.insert(name, to);
        Ok(())
    }

    /// Whom one becomes, as [`Self::becomes`] reads it.
    pub fn becoming(&self, at: usize) -> String {
        let to = self.to(at).map_or_else(String::new, |to| to.to_string());
        if self.is_certified(at) { to.replacen("user:", "cert:", 1) } else { to }
    }

    fn is_certified(&self, at: usize) -> bool {
        self.seats.get(at).is_some_and(|seat| self.how.certificates.contains(&seat.name))
    }

    pub(super) fn value(&self, field: Field, sight: Option<&Sight>) -> (String, String) {
        let (value, says) = match field {
            Field::Actor(at) => {
                let to = self.to(at).map_or_else(|| "?".to_owned(), |to| words::full(&to));
                let by = if self.is_certified(at) { ", certificate" } else { "" };
                return (format!("{to}{by}"), String::new());
            }
            Field::Into => match &self.how.into {
                Some(into) => (into.to_string(), "for whom b says nothing else".to_owned()),
                None => ("?".to_owned(), "choose with h and l, or e types it".to_owned()),
            },
            Field::Unattributed => {
                let left = sight.and_then(Sight::first).map_or(0, |seen| seen.unattributed);
                let count = plural(left, "request");
                let are = if left == 1 { "is" } else { "are" };
                let says = match sight {
                    Some(_) => format!("{count} {are} nobody's in particular"),
                    None => String::new(),
                };
                let names = self.names();
                let whom = self.how.unattributed.as_ref().filter(|name| names.contains(*name));
                let (nobody, says) = match whom {
                    None if self.is_cut_off() => (CUT_OFF, format!("{says}: refused once retired")),
                    _ => (NOBODY, says),
                };
                (whom.map_or(nobody.to_owned(), ToString::to_string), says)
            }
            Field::Retire => match self.how.retire_after {
                None => ("not now".to_owned(), "it stays as it is".to_owned()),
                Some(days) => {
                    let from = self.now + TimeDelta::days(days.into());
                    (days_words(days), format!("in stages, from {} on", from.format("%Y-%m-%d")))
                }
            },
            Field::TokenDays => {
                let days = u32::try_from(self.how.token_seconds / DAY).unwrap_or(LONGEST);
                (days_words(days), "asked for; the server may grant fewer".to_owned())
            }
            Field::Folder if self.folder.is_empty() => {
                ("later".to_owned(), "asked for when it is applied".to_owned())
            }
            Field::Folder => (self.folder.clone(), "one each, read by you alone".to_owned()),
            _ => return choice::value(&self.how.choices, field),
        };
        (value, says)
    }
}

fn days_words(days: u32) -> String {
    plural(days, "day")
}

/// The one before or behind, round and round; the first where there is none yet.
fn beside(all: &[&Name], have: Option<&Name>, by: isize) -> Option<Name> {
    let at = have.and_then(|have| all.iter().position(|one| *one == have));
    let next = match at {
        None if by > 0 => 0,
        None => all.len().checked_sub(1)?,
        Some(at) => (at + all.len()).saturating_add_signed(by) % all.len(),
    };
    all.get(next).map(|name| (*name).clone())
}
