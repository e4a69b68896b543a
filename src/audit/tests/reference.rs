//! The same sums the long way: every line is kept, read as a JSON value, and everything is worked
//! out by sorting sets. Slow, and short enough to be seen to be right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::hashing::order;
use super::super::kept::Limits;
use super::super::newest::Bounds;
use super::super::request::{
    self, ObjectRef, Outcome, Person, Requested, Stage, Standing, Verdict,
};
use super::newest_of::Newest;
use super::numbered::{number, texts};
use super::paced::rates;
use crate::model::{
    Activity, ActivityParts, Asked, BoundTo, Call, Coverage, CreditedGrant, Detail, Gap, Identity,
    Impersonation, Implied, Issued, Minted, Name, SeenId, Target,
};

/// What tells one request from another.
pub type Key = (String, Option<i64>, String, String, String);

/// All that one line says.
#[derive(Clone)]
pub struct Line {
    pub key: Key,
    level: String,
    pub at: i64,
    standing: Standing,
    pub authenticated: Person,
    impersonated: Option<(Person, Impersonation)>,
    actor: [Option<Name>; 3],
    pub answer: Answer,
    place: Call,
    name: Option<Name>,
    credit: Option<CreditedGrant>,
    /// The id of the token that it made.
    issued: Option<Name>,
    asked: Option<Asked>,
    decided: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Allowed,
    Denied,
    Undecided,
    Nobody,
    Rejected,
}

impl Line {
    /// Reads a line that is known to be an event.
    fn read(text: &str) -> Self {
        let json: Value = serde_json::from_str(text).unwrap();
        let raw = |key: &str| json[key].to_string();
        let mut names = request::Names::default();
        let word = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let authenticated = request::person(&raw("user"), &mut names).unwrap();
        let status = request::status(&raw("responseStatus")).unwrap();
        let note = |key: &str| json["annotations"][key].as_str();
        let stage = Stage::from_word(&word("stage")).unwrap();
        let decision = note("authorization.k8s.io/decision");
        let outcome = Outcome {
            user: &authenticated.username,
            decision,
            code: status.code,
            message: &status.message,
            received_only: stage == Stage::RequestReceived,
        };
        let verdict = outcome.verdict();
        let (verb, uri) = (word("verb"), word("requestURI"));
        let (path, query) = request::split_uri(&uri);
        let object = raw("objectRef");
        let requested = Requested {
            verb: &verb,
            path: &request::decode_path(path),
            query,
            object: json.get("objectRef").map(|_| &*object),
            code: status.code,
            allowed: verdict == Verdict::Allowed,
            issued: note("authentication.kubernetes.io/issued-credential-id").is_some(),
        };
        let (place, name) = match &verdict {
            Verdict::ImpersonationRefused(Some(call)) => request::split(call),
            Verdict::ImpersonationRefused(None) => {
                let target = Target::Folded;
                (Call { verb: "impersonate".into(), target, implied: Implied::Nothing }, None)
            }
            _ => {
                let mut object = ObjectRef::default();
                let called = requested.called(&mut object).unwrap();
                let name = (!called.name.is_empty()).then(|| Name::from(&*called.name));
                (called.place.call(&mut names), name)
            }
        };
        let other = request::person(&raw("impersonatedUser"), &mut names).unwrap();
        let constraint = request::constraint(&raw("authenticationMetadata")).unwrap();
        let how = other.impersonation(constraint.as_deref());
        let notes = request::notes(&raw("annotations")).unwrap();
        let received = request::micros(&word("requestReceivedTimestamp"));
        let staged = request::micros(&word("stageTimestamp"));
        Self {
            key: (word("auditID"), received, verb, uri, authenticated.username.clone()),
            level: word("level"),
            at: received.or(staged).unwrap(),
            standing: Standing::new(stage, decision.is_some(), outcome.is_synthetic()),
            impersonated: (!other.username.is_empty()).then_some((other, how)),
            actor: [
                authenticated.credential.clone().or(notes.legacy),
                request::agent(&raw("userAgent")).unwrap(),
                request::addresses(&raw("sourceIPs")).unwrap()[0].clone(),
            ],
            authenticated,
            answer: match verdict {
                Verdict::Allowed => Answer::Allowed,
                Verdict::Denied | Verdict::ImpersonationRefused(_) => Answer::Denied,
                Verdict::Undecided if status.code == 429 => Answer::Rejected,
                Verdict::Undecided => Answer::Undecided,
                Verdict::Nobody => Answer::Nobody,
            },
            place,
            name,
            issued: note("authentication.kubernetes.io/issued-credential-id").map(Name::from),
            asked: json.get("requestObject").map(|body| Asked {
                bound: BoundTo::Nothing,
                seconds: body["spec"]["expirationSeconds"].as_u64(),
                until: None,
                audiences: texts(&body["spec"]["audiences"]),
            }),
            credit: notes.credit,
            decided: notes.decision.is_some(),
        }
    }

    fn effective(&self) -> &Person {
        self.impersonated.as_ref().map_or(&self.authenticated, |(person, _)| person)
    }

    /// The token that it made, for whom and by whom.
    fn token(&self) -> Option<Issued> {
        let path: Vec<&str> = self.key.3.split('/').collect();
        let ["", "api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"] = path[..]
        else {
            return None;
        };
        let account = Identity::service_account(namespace, name);
        let by = self.authenticated.identity.clone();
        let as_who = Some(self.effective().identity.clone()).filter(|who| *who != by);
        Some(Issued { account, credential: self.issued.clone()?, by, as_who })
    }

    fn pair(&self) -> (Identity, Identity) {
        (self.authenticated.identity.clone(), self.effective().identity.clone())
    }

    fn kind(&self) -> (Answer, bool) {
        (self.answer, self.standing.received_only())
    }
}

/// What everything that is written to these lines comes to.
pub fn activity(texts: &[String], sources: Vec<Name>, limits: &Limits, rows: usize) -> Activity {
    let lines: Vec<Line> = texts.iter().map(|text| Line::read(text)).collect();
    let mut requests: BTreeMap<Key, &Line> = BTreeMap::new();
    for line in &lines {
        let best = requests.entry(line.key.clone()).or_insert(line);
        if best.standing < line.standing {
            *best = line;
        }
    }
    let all: Vec<&Line> = requests.into_values().collect();
    let mut coverage = coverage(&lines, &all);
    coverage.sources = sources;
    coverage.sources.sort();
    Sums::new(&lines, limits).parts(&all, coverage, rows).into()
}

pub fn utc(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

fn coverage(lines: &[Line], all: &[&Line]) -> Coverage {
    let count = |of: &dyn Fn(&&&Line) -> bool| all.iter().filter(of).count() as u64;
    let times: BTreeSet<DateTime<Utc>> = lines.iter().map(|line| utc(line.at)).collect();
    let pairs = times.iter().zip(times.iter().skip(1));
    let reads = lines.iter().filter(|line| matches!(&*line.place.verb, "get" | "list"));
    let reads = reads.filter(|line| match &line.place.target {
        Target::Resource { subresource, .. } => &**subresource != "exec",
        _ => false,
    });
    let reads: BTreeSet<DateTime<Utc>> = reads.map(|line| utc(line.at)).collect();
    let mut levels: BTreeMap<Name, u64> = BTreeMap::new();
    for line in lines {
        *levels.entry(Name::from(&*line.level)).or_default() += 1;
    }
    Coverage {
        from: times.first().copied(),
        to: times.last().copied(),
        events: all.len() as u64,
        lines: lines.len() as u64,
        repeats: (lines.len() - all.len()) as u64,
        gaps: pairs
            .filter(|(from, to)| **to - **from > Coverage::GAP)
            .map(|(from, to)| Gap { from: *from, to: *to })
            .collect(),
        unauthenticated: count(&|line| line.answer == Answer::Nobody),
        received_only: count(&|line| {
            line.answer != Answer::Nobody && line.standing.received_only()
        }),
        reads_logged: !reads.is_empty(),
        reads_from: reads.first().copied(),
        reads_to: reads.last().copied(),
        decisions_logged: lines.iter().any(|line| line.decided),
        groups_logged: lines.iter().any(|line| !line.authenticated.groups.is_empty()),
        without_groups: 0,
        levels,
        ..Coverage::default()
    }
}

type Pair = (Identity, Identity);
type Kind = (Answer, bool);

struct Sums {
    identities: Newest<(), Identity>,
    groups_seen: Newest<Identity, Name>,
    groups_last: BTreeMap<(Identity, Name), i64>,
    group_sets: Newest<Identity, Arc<[Name]>>,
    impersonations: Newest<Pair, Impersonation>,
    actors: [Newest<Identity, Name>; 3],
    places: Newest<(Pair, Kind), Call>,
    names: Newest<(Pair, Kind, Call), Name>,
    credits: Newest<Identity, CreditedGrant>,
    issued: Vec<(Arc<Issued>, Minted)>,
}

/// A row's key in full.
pub type Full = (
    Pair,
    Option<Impersonation>,
    [Option<Name>; 3],
    Arc<[Name]>,
    Call,
    Option<CreditedGrant>,
    chrono::NaiveDate,
);

impl Sums {
    fn new(lines: &[Line], limits: &Limits) -> Self {
        let own = |line: &Line| line.authenticated.identity.clone();
        let everybody = Bounds { each: limits.identities, all: limits.identities };
        let sides = lines.iter().flat_map(|line| {
            let (one, other) = line.pair();
            [((), one, line.at), ((), other, line.at)]
        });
        let groups = lines.iter().flat_map(|line| {
            line.authenticated.groups.iter().map(move |group| (own(line), group.clone(), line.at))
        });
        let bounds = lines.iter().filter_map(|line| {
            let (token, to) = line.authenticated.bound.clone()?;
            // Some time of the hour, which depends on the token alone.
            let micro = i64::try_from(order(&token) % 3_600_000_000).unwrap();
            let about = line.at - line.at.rem_euclid(3_600_000_000) + micro;
            Some((own(line), (token, to), about))
        });
        let (bounds, _) = Newest::of(bounds, limits.bound);
        let bound: BTreeMap<(Identity, Name), BoundTo> =
            bounds.0.into_iter().map(|(account, (token, to))| ((account, token), to)).collect();
        let whose = |of: &Issued| (of.account.clone(), of.by.clone(), of.as_who.clone());
        let tokens = lines.iter().filter_map(|line| {
            let token = line.token()?;
            Some((whose(&token), token, line.at))
        });
        let (tokens, made) = Newest::of(tokens, limits.issued);
        let lasting = lines.iter().filter_map(|line| {
            let (token, asked) = (line.token()?, line.asked.clone()?);
            let seconds =
                i64::try_from(asked.seconds?).ok().filter(|seconds| *seconds >= 86_400)?;
            Some((whose(&token), (token, line.at, asked), line.at + seconds * 1_000_000))
        });
        let (lasting, _) = Newest::of(lasting, limits.lasting);
        let mut last: BTreeMap<Issued, (i64, Asked)> = BTreeMap::new();
        for (_, (token, at, asked)) in lasting.0 {
            let known = last.entry(token).or_insert((at, asked.clone()));
            *known = known.clone().max((at, asked));
        }
        last.retain(|token, _| !tokens.0.iter().any(|(_, kept)| kept == token));
        let mut issued: Vec<_> = tokens
            .0
            .into_iter()
            .map(|key| {
                let mut of = Minted::new(utc(made[&key]));
                let line = lines.iter().find(|line| line.token().as_ref() == Some(&key.1));
                of.asked = line.and_then(|line| line.asked.clone());
                of.used_by = bound.get(&(key.1.account.clone(), key.1.credential.clone())).cloned();
                (Arc::new(key.1), of)
            })
            .collect();
        issued.extend(last.into_iter().map(|(token, (at, asked))| {
            let used_by = bound.get(&(token.account.clone(), token.credential.clone())).cloned();
            (Arc::new(token), Minted { at: utc(at), asked: Some(asked), used_by })
        }));
        issued.sort();
        let (groups_seen, groups_last) = Newest::of(groups, limits.groups_seen);
        Self {
            issued,
            identities: Newest::of(sides, everybody).0,
            groups_seen,
            groups_last,
            group_sets: Newest::of(
                lines.iter().map(|line| {
                    (line.effective().identity.clone(), line.effective().groups.clone(), line.at)
                }),
                limits.group_sets,
            )
            .0,
            impersonations: Newest::of(
                lines.iter().filter_map(|line| {
                    Some((line.pair(), line.impersonated.as_ref()?.1.clone(), line.at))
                }),
                limits.impersonations,
            )
            .0,
            actors: [0, 1, 2].map(|part| {
                let values = lines
                    .iter()
                    .filter_map(|line| Some((own(line), line.actor[part].clone()?, line.at)));
                Newest::of(values, [limits.credentials, limits.actors, limits.actors][part]).0
            }),
            places: Newest::of(
                lines.iter().map(|line| ((line.pair(), line.kind()), line.place.clone(), line.at)),
                limits.places,
            )
            .0,
            names: Newest::of(
                lines.iter().filter_map(|line| {
                    let group = (line.pair(), line.kind(), line.place.clone());
                    Some((group, line.name.clone()?, line.at))
                }),
                limits.names,
            )
            .0,
            credits: Newest::of(
                lines.iter().filter_map(|line| {
                    Some((line.effective().identity.clone(), line.credit.clone()?, line.at))
                }),
                limits.credits,
            )
            .0,
        }
    }

    /// The key of a request's row, and which kinds were cut; None where an identity was.
    fn key(&self, line: &Line) -> Option<(Full, BTreeSet<&'static str>)> {
        let pair = line.pair();
        if !self.identities.has((), pair.0.clone()) || !self.identities.has((), pair.1.clone()) {
            return None;
        }
        let mut cut = BTreeSet::new();
        let effective = line.effective();
        let mut groups = effective.groups.clone();
        if !self.group_sets.has(pair.1.clone(), groups.clone()) {
            cut.insert("groups");
            groups = Arc::from([]);
        }
        let mut how = line.impersonated.as_ref().map(|(_, how)| how.clone());
        if how.as_ref().is_some_and(|h| !self.impersonations.has(pair.clone(), h.clone())) {
            cut.insert("impersonations");
            how = None;
        }
        let mut actor = line.actor.clone();
        for (part, kind) in ["credentials", "agents", "addresses"].into_iter().enumerate() {
            let kept = &self.actors[part];
            if actor[part].as_ref().is_some_and(|v| !kept.has(pair.0.clone(), v.clone())) {
                cut.insert(kind);
                actor[part] = None;
            }
        }
        let mut credit = line.credit.clone();
        if credit.as_ref().is_some_and(|c| !self.credits.has(pair.1.clone(), c.clone())) {
            cut.insert("credits");
            credit = None;
        }
        let call = self.call(line, &mut cut);
        let day = utc(line.at).date_naive();
        Some(((pair, how, actor, groups, call, credit, day), cut))
    }

    fn call(&self, line: &Line, cut: &mut BTreeSet<&'static str>) -> Call {
        let group = (line.pair(), line.kind());
        if !self.places.has(group.clone(), line.place.clone()) {
            cut.insert("calls");
            return folded();
        }
        let mut call = line.place.clone();
        let Some(name) = &line.name else { return call };
        let kept = self.names.has((group.0, group.1, line.place.clone()), name.clone());
        match &mut call.target {
            Target::Resource { name: slot, names_folded, .. } => {
                *slot = kept.then(|| name.clone());
                *names_folded = !kept;
                if !kept {
                    cut.insert("names");
                }
            }
            Target::Path(path) if kept => *path = name.clone(),
            target => {
                cut.insert("paths");
                *target = Target::Paths;
            }
        }
        call
    }

    fn parts(&self, all: &[&Line], mut coverage: Coverage, limit: usize) -> ActivityParts {
        let mut rows: Vec<(Full, &Line)> = Vec::new();
        let mut truncated: BTreeMap<Identity, BTreeMap<Name, u64>> = BTreeMap::new();
        for line in all.iter().filter(|line| line.answer != Answer::Nobody) {
            let Some((key, cut)) = self.key(line) else {
                coverage.identities_left_out += 1;
                continue;
            };
            for kind in cut {
                let counts = truncated.entry(line.authenticated.identity.clone()).or_default();
                *counts.entry(kind.into()).or_default() += 1;
            }
            rows.push((key, line));
        }
        let levels = [
            Detail::Days,
            Detail::Weeks,
            Detail::Whole,
            Detail::NoNames,
            Detail::NoActors,
            Detail::NoCalls,
        ];
        let coarse = |level: Detail| {
            rows.iter().map(|(key, line)| (coarsen(key, level), *line)).collect::<Vec<_>>()
        };
        let fits = |level: &Detail| {
            coarse(*level).iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>().len()
                <= limit
        };
        let detail = levels.into_iter().find(fits).unwrap_or(Detail::NoCalls);
        let mut parts = number(&coarse(detail));
        parts.detail = detail;
        let who = |identity: &Identity| {
            let at = parts.tables.identities.iter().position(|known| known == identity);
            at.map(|at| SeenId(u32::try_from(at).unwrap()))
        };
        parts.truncated =
            truncated.iter().filter_map(|(id, counts)| Some((who(id)?, counts.clone()))).collect();
        let mut seen: BTreeMap<SeenId, BTreeMap<Name, DateTime<Utc>>> = BTreeMap::new();
        for (identity, group) in &self.groups_seen.0 {
            if let Some(id) = who(identity) {
                let last = self.groups_last[&(identity.clone(), group.clone())];
                seen.entry(id).or_default().insert(group.clone(), utc(last));
            }
        }
        parts.groups_seen = seen;
        parts.issued.clone_from(&self.issued);
        parts.rates = rates(all, who);
        parts.coverage = coverage;
        parts
    }
}

fn folded() -> Call {
    Call { verb: "".into(), target: Target::Folded, implied: Implied::Nothing }
}

fn coarsen(key: &Full, level: Detail) -> Full {
    let (pair, how, actor, groups, call, credit, day) = key.clone();
    let mut key = (pair, how, actor, groups, call, credit, day);
    match level {
        Detail::Days => {}
        Detail::Weeks => key.6 = day.week(chrono::Weekday::Mon).first_day(),
        _ => key.6 = chrono::NaiveDate::default(),
    }
    if level >= Detail::NoNames {
        match &mut key.4.target {
            Target::Resource { name, names_folded, .. } => *names_folded |= name.take().is_some(),
            target @ Target::Path(_) => *target = Target::Paths,
            Target::Paths | Target::Folded => {}
        }
    }
    if level >= Detail::NoActors {
        (key.2[1], key.2[2]) = (None, None);
    }
    if level >= Detail::NoCalls {
        key = (key.0, None, [None, None, None], Arc::from([]), folded(), None, key.6);
    }
    key
}
