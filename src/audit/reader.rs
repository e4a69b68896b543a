//! From lines to traces: one reader a thread.

mod records;
mod summed;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::covered::{Covered, EARLY, LEVELS, Span};
use super::format::json_lines::{self, Fields};
use super::format::{Carrier, Context};
use super::hashing::{self, Hashed, id};
use super::memo::Memo;
use super::record::{HOUR, Key, Many};
use super::request::{
    self, Called, Misshapen, Names, ObjectRef, Outcome, Person, Requested, Stage, Standing, Status,
    Verdict,
};
use super::shared::{Shared, Traces};
use super::who::{Answer, Dims, Values, Who};
use crate::model::{BoundTo, Call, CreditedGrant, Implied, Issued, Name, Target};

/// Reads lines, on one thread.
pub struct Reader<'s> {
    memos: Memos,
    traces: Traces<'s>,
    /// Of the source that is being read.
    covered: Covered,
    source: u32,
    /// Of the sources read before.
    others: BTreeMap<u32, Covered>,
    /// Times later than this, in microseconds, are not believed.
    latest: i64,
    /// Other clusters' events are passed over.
    cluster: Option<Name>,
}

/// Who asks without a credential, as who logs in does.
const ANONYMOUS: &str = "system:anonymous";

/// Times before Kubernetes had an audit log (2015-01-01) are not believed either.
const EARLIEST: i64 = 1_420_070_400_000_000;

struct Memos {
    user: Memo<Option<Presented>>,
    acting: Memo<Option<Hashed<Arc<Who>>>>,
    agent: Memo<Option<Hashed<Name>>>,
    addresses: Memo<Addresses>,
    status: Memo<Status>,
    notes: Memo<Noted>,
    names: Names,
}

/// `user`.
struct Presented {
    username: String,
    username_id: u64,
    who: Hashed<Arc<Who>>,
    credential: Option<Hashed<Name>>,
    /// Of an account that every cluster has: what tells it from that of another.
    known: Option<(&'static str, String)>,
    /// Of a token that names its pod or node: its id, and that.
    bound: Option<(Hashed<Name>, BoundTo)>,
    /// The last hour in which that was noted.
    noted: Cell<i64>,
}

impl Presented {
    /// What its token says that it ends with, once an hour, and when: some time in that hour, which
    /// depends on the token alone. So whoever reads which lines, and in whatever order, the last hour
    /// is noted, and of two tokens the same one is the newer.
    fn to_note(&self, at: i64) -> Option<(&(Hashed<Name>, BoundTo), i64)> {
        let bound = self.bound.as_ref()?;
        let hour = at - at.rem_euclid(HOUR);
        (hour > self.noted.get()).then(|| {
            self.noted.set(hour);
            (bound, hour + i64::try_from(bound.0.order % HOUR.unsigned_abs()).unwrap_or(0))
        })
    }
}

/// `sourceIPs`.
#[derive(Default)]
struct Addresses {
    last: Option<Hashed<Name>>,
    /// What stands for the one before.
    before: Option<u64>,
}

/// `annotations`.
#[derive(Default)]
struct Noted {
    decision: Option<request::Decision>,
    credit: Option<Hashed<Arc<CreditedGrant>>>,
    legacy: Option<Hashed<Name>>,
    /// The token that was made.
    issued: Option<Name>,
    /// Who logged in by it.
    login: Option<Hashed<Arc<Who>>>,
}

/// Why a line is not read.
type Reason = &'static str;

impl From<Misshapen> for Reason {
    fn from(_: Misshapen) -> Self {
        "not shaped like an audit event"
    }
}

impl Memos {
    fn new() -> Self {
        Self {
            // Behind `{"username":"`.
            user: Memo::new(2048, 13..53),
            acting: Memo::new(512, 0..0),
            agent: Memo::new(512, 0..0),
            addresses: Memo::new(1024, 0..0),
            // Behind `{"metadata":{},"`.
            status: Memo::new(256, 15..26),
            // Around the names behind `…reason":"RBAC: allowed by `, if there are any.
            notes: Memo::new(2048, 104..160),
            names: Names::default(),
        }
    }
}

impl json_lines::Known for Memos {
    fn length(&mut self, key: &[u8], rest: &str) -> Option<usize> {
        match key {
            b"user" => self.user.guess(rest),
            b"responseStatus" => self.status.guess(rest),
            b"annotations" => self.notes.guess(rest),
            _ => None,
        }
    }
}

impl<'s> Reader<'s> {
    pub fn new(shared: &'s Shared, latest: i64, cluster: Option<Name>) -> Self {
        Self {
            memos: Memos::new(),
            traces: Traces::new(shared),
            covered: Covered::default(),
            source: 0,
            others: BTreeMap::new(),
            latest,
            cluster,
        }
    }

    /// What follows is of this source.
    fn turn_to(&mut self, source: u32) {
        if source != self.source {
            let next = self.others.remove(&source).unwrap_or_default();
            let before = std::mem::replace(&mut self.covered, next);
            self.others.insert(self.source, before);
            self.source = source;
        }
    }

    /// Notes that a source cannot be read on behind the block before `number`.
    pub fn broken(&mut self, source: u32, number: u32, reason: Reason) {
        self.turn_to(source);
        self.covered.broken(reason, (source, number, u32::from(number > 0)));
    }

    /// Hands over what is left. Returns what was read of each source.
    pub fn finish(mut self) -> BTreeMap<u32, Covered> {
        self.traces.finish();
        self.others.insert(self.source, self.covered);
        self.others
    }

    /// Reads an event, or what stands for many.
    fn event(
        &mut self,
        fields: &Fields<'_>,
        context: &Context<'_>,
        many: Option<&Many>,
    ) -> Result<(), Reason> {
        let stage = stage(fields)?;
        let (received, at) = times(fields, context.time, self.latest)?;
        let Memos { user, acting, agent, addresses, status, notes, names } = &mut self.memos;
        let presented = user.get(fields.user.unwrap_or("null"), |json| presented(json, names))?;
        let Some(presented) = presented else { return Err(Misshapen.into()) };
        let status = status.get(fields.response_status.unwrap_or("null"), request::status)?;
        let noted = notes.get(fields.annotations.unwrap_or("null"), |json| noted(json, names))?;
        let login = noted.login.as_ref().filter(|_| &*presented.username == ANONYMOUS);
        let outcome = Outcome {
            user: &presented.username,
            decision: noted.decision.map(request::Decision::as_str),
            code: status.code,
            message: &status.message,
            received_only: stage == Stage::RequestReceived,
        };
        // Who logs in uses no right: the authorizer saw nobody.
        let verdict = login.map_or_else(|| outcome.verdict(), |_| Verdict::Undecided);
        let standing = Standing::new(stage, noted.decision.is_some(), outcome.is_synthetic());
        let who = match (login, fields.impersonated_user) {
            (Some(login), _) => login,
            (None, None | Some("null")) => &presented.who,
            (None, Some(json)) => {
                let how = fields.authentication_metadata.unwrap_or("null");
                let all = [fields.user.unwrap_or("null"), json, how].join("\n");
                let acting =
                    acting.get(&all, |_| acting_as(&presented.who.value, json, how, names))?;
                acting.as_ref().unwrap_or(&presented.who)
            }
        };
        let agent = agent.get(fields.user_agent.unwrap_or("null"), |json| {
            request::agent(json).map(|name| name.map(Hashed::new))
        })?;
        let addresses = addresses.get(fields.source_ips.unwrap_or("null"), |json| {
            let [last, before] = request::addresses(json)?;
            let before = before.map(|address| id(&address));
            Ok::<_, Misshapen>(Addresses { last: last.map(Hashed::new), before })
        })?;
        let verb = fields.verb.map_or(Ok(Cow::Borrowed("")), request::text)?;
        let uri = fields.request_uri.map_or(Ok(Cow::Borrowed("")), request::text)?;
        let audit_id = fields.audit_id.map_or(Ok(Cow::Borrowed("")), request::text)?;
        let (path, query) = request::split_uri(&uri);
        let path = request::decode_path(path);
        let requested = Requested {
            verb: &verb,
            path: &path,
            query,
            object: fields.object_ref,
            code: status.code,
            allowed: verdict == Verdict::Allowed,
            issued: noted.issued.is_some(),
        };
        let mut object = ObjectRef::default();
        let asked = asked(&verdict, &requested, &mut object)?;
        let credential = presented.credential.as_ref().or(noted.legacy.as_ref());
        let credit = noted.credit.as_ref();
        let parts = Parts { who, credential, agent, addresses, asked, credit };
        let rejected = status.code == 429 && verdict == Verdict::Undecided;
        let answer = if rejected { Answer::Rejected } else { Answer::from(&verdict) };
        let dims = parts.dims(answer, standing);
        let named = (&*audit_id, received, &*verb, &*uri, presented.username_id);
        let key = Key::new(hashing::request_fingerprint(&audit_id, &named), received);
        let covered = &mut self.covered;
        let groups = !presented.who.value.own_groups.value.is_empty();
        let nameless = u64::from(!groups && !presented.username.is_empty());
        let read = matches!(&*verb, "get" | "list") && parts.is_plain_read();
        covered.decisions |= noted.decision.is_some();
        covered.groups |= groups;
        if let Some(many) = many {
            self.traces.take_many(many, &dims, &parts, names);
            let lease = parts.lease().filter(|_| verdict == Verdict::Allowed);
            let who = (&*verb, &*presented.username);
            summed::cover(covered, many, (read, groups), lease, who);
            return Ok(());
        }
        self.traces.take(key, at, &dims, &parts, names);
        if let Some(credential) = &noted.issued
            && let Some((issued, is_node)) = parts.issued(credential)
        {
            let asked = request::token_asked(fields.request_object, fields.response_object);
            self.traces.take_issued(issued, asked, at, is_node);
        }
        if let Some(((token, to), about)) = presented.to_note(at) {
            self.traces.take_bound((presented.who.value.authenticated.id, token.id), to, about);
        }
        covered.lines += 1;
        covered.levels[level(fields.audit_level.or(fields.level))] += 1;
        covered.without_groups += nameless;
        if read {
            covered.reads(Span { first: at, last: at });
        }
        if let (Verdict::Allowed, Some(lease)) = (&verdict, parts.lease()) {
            covered.servers.lease(lease, &verb, &presented.username, at);
        }
        if let Some((account, uid)) = &presented.known {
            covered.servers.account(account, uid, at);
        }
        covered.event(at);
        covered.carried(&openshift(context, fields), at);
        Ok(())
    }
}

/// OpenShift's forwarder leaves the event as it is, but for the level.
fn openshift<'a>(context: &Context<'a>, fields: &Fields<'_>) -> Context<'a> {
    let mut context = *context;
    if fields.audit_level.is_some() {
        context.carriers = context.carriers.and(Carrier::OpenShift);
    }
    context
}

fn level(json: Option<&str>) -> usize {
    let word = json.unwrap_or_default().trim_matches('"');
    LEVELS.iter().position(|level| *level == word).unwrap_or(LEVELS.len() - 1)
}

fn stage(fields: &Fields<'_>) -> Result<Stage, Reason> {
    let word = fields.stage.unwrap_or_default().trim_matches('"');
    match Stage::from_word(word) {
        Some(stage) if !matches!(fields.audit_id, None | Some("null" | "\"\"")) => Ok(stage),
        _ => Err("not an audit event"),
    }
}

/// (requestReceivedTimestamp, the request's time), microseconds.
fn times(
    fields: &Fields<'_>,
    envelope: Option<i64>,
    latest: i64,
) -> Result<(Option<i64>, i64), Reason> {
    let read = |json: Option<&str>| -> Result<Option<i64>, Misshapen> {
        Ok(json.map(request::text).transpose()?.and_then(|text| request::micros(&text)))
    };
    let received = read(fields.received)?;
    let at = match received {
        Some(received) => received,
        None => match (read(fields.staged)?, read(fields.timestamp)?) {
            (Some(at), _) | (None, Some(at)) => at,
            (None, None) => {
                let created = fields.metadata.map(request::created).transpose()?.flatten();
                created
                    .and_then(|text| request::micros(&text))
                    .or(envelope)
                    .ok_or("without a time")?
            }
        },
    };
    match at {
        _ if at > latest => Err(EARLY),
        _ if at < EARLIEST => Err("dated before 2015"),
        _ => Ok((received, at)),
    }
}

fn presented(json: &str, names: &mut Names) -> Result<Option<Presented>, Misshapen> {
    let person = request::person(json, names)?;
    let known = super::servers::known(&person.username);
    let uid = person.uid().filter(|uid| !uid.is_empty()).map(str::to_owned);
    Ok(Some(Presented {
        username_id: id(&*person.username),
        who: Who::oneself(&person).hashed(),
        known: known.zip(uid),
        credential: person.credential.map(Hashed::new),
        bound: person.bound.map(|(token, to)| (Hashed::new(token), to)),
        noted: Cell::new(i64::MIN),
        username: person.username,
    }))
}

fn acting_as(
    who: &Who,
    json: &str,
    how: &str,
    names: &mut Names,
) -> Result<Option<Hashed<Arc<Who>>>, Misshapen> {
    let (other, constraint) = (request::person(json, names)?, request::constraint(how)?);
    let acting = !other.username.is_empty();
    Ok(acting.then(|| who.acting_as(&other, constraint.as_deref()).hashed()))
}

fn noted(json: &str, names: &mut Names) -> Result<Noted, Misshapen> {
    let notes = request::notes(json)?;
    let login = notes.login.map(|name| {
        let person = Person::named(name, names);
        Who::oneself(&person).hashed()
    });
    Ok(Noted {
        decision: notes.decision,
        credit: notes.credit.map(|credit| Hashed::new(Arc::new(credit))),
        legacy: notes.legacy.map(Hashed::new),
        issued: notes.issued,
        login,
    })
}

/// What was asked: what the line says, or what the refused impersonation was about.
enum Asked<'a> {
    Line(Called<'a>),
    Impersonation { place: Call, name: Option<Name> },
}

fn asked<'a>(
    verdict: &Verdict,
    requested: &Requested<'a>,
    object: &'a mut ObjectRef,
) -> Result<Asked<'a>, Misshapen> {
    let Verdict::ImpersonationRefused(call) = verdict else {
        return requested.called(object).map(Asked::Line);
    };
    let unknown =
        || Call { verb: "impersonate".into(), target: Target::Folded, implied: Implied::Nothing };
    let (place, name) = request::split(&call.clone().unwrap_or_else(unknown));
    Ok(Asked::Impersonation { place, name })
}

/// A line's parts, read or remembered.
pub struct Parts<'a> {
    who: &'a Hashed<Arc<Who>>,
    credential: Option<&'a Hashed<Name>>,
    agent: &'a Option<Hashed<Name>>,
    addresses: &'a Addresses,
    asked: Asked<'a>,
    credit: Option<&'a Hashed<Arc<CreditedGrant>>>,
}

impl Parts<'_> {
    fn dims(&self, answer: Answer, standing: Standing) -> Dims {
        let who = &*self.who.value;
        let some = |name: Option<&Hashed<Name>>| name.map_or(0, |name| name.id);
        Dims {
            who: self.who.id,
            pair: who.pair,
            authenticated: who.authenticated.id,
            effective: who.effective.id,
            groups: who.groups.id,
            impersonation: who.impersonation.as_ref().map_or(0, |how| how.id),
            credential: some(self.credential),
            agent: some(self.agent.as_ref()),
            address: some(self.addresses.last.as_ref()),
            via: self.via(),
            place: match &self.asked {
                Asked::Line(called) => id(&called.place),
                Asked::Impersonation { place, .. } => id(place),
            },
            credit: self.credit.map_or(0, |credit| credit.id),
            answer,
            standing: standing.0,
        }
    }

    /// See [`Dims::via`].
    fn via(&self) -> u64 {
        let Addresses { last, before } = self.addresses;
        match &self.asked {
            Asked::Line(called) if called.may_be_passed_on() => {
                before.or(last.as_ref().map(|last| last.id)).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The token that was made by it, and whether for a kubelet, as far as the line says that.
    fn issued(&self, credential: &Name) -> Option<(Issued, bool)> {
        let Asked::Line(called) = &self.asked else { return None };
        let (who, account) = (&self.who.value, called.account_of_token()?);
        let by = who.authenticated.value.clone();
        let as_who =
            (who.effective.id != who.authenticated.id).then(|| who.effective.value.clone());
        Some((Issued { account, credential: credential.clone(), by, as_who }, who.is_kubelet()))
    }

    /// Whether it reads a resource, and runs or reaches nothing.
    fn is_plain_read(&self) -> bool {
        matches!(&self.asked, Asked::Line(called) if called.place.is_plain())
    }

    /// See [`Called::lease`].
    fn lease(&self) -> Option<&str> {
        match &self.asked {
            Asked::Line(called) => called.lease(),
            Asked::Impersonation { .. } => None,
        }
    }

    /// The name or path; empty for none.
    pub fn name(&self) -> &str {
        match &self.asked {
            Asked::Line(called) => &called.name,
            Asked::Impersonation { name, .. } => name.as_deref().unwrap_or_default(),
        }
    }

    /// The parts, to be kept.
    pub fn values(&self, names: &mut Names) -> Values {
        let name = |name: Option<&Hashed<Name>>| name.map(|name| name.value.clone());
        let place = match &self.asked {
            Asked::Line(called) => called.place.call(names),
            Asked::Impersonation { place, .. } => place.clone(),
        };
        let place = names.call(place);
        Values {
            who: self.who.value.clone(),
            credential: name(self.credential),
            agent: name(self.agent.as_ref()),
            address: name(self.addresses.last.as_ref()),
            place,
            credit: self.credit.map(|credit| credit.value.clone()),
        }
    }

    /// See [`Values::order`].
    pub fn order(&self, values: &Values) -> u64 {
        values.order(self.who.order)
    }
}
