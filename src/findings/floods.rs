//! More requests than is reasonable: how many in the busiest minute and hour, and what the API server
//! has against it.
//!
//! Requests are held against `FlowSchemas` as the API server holds them: the first that matches, in
//! the order of precedence and name, of those whose priority level is there
//! (`k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go`). It does so with whose rights are used,
//! before anybody judges whether the request is allowed.

use std::collections::BTreeMap;

use super::Subject;
use crate::book::{Book, Finding, Severity};
use crate::model::{
    Activity, FlowRequest, FlowSchemaSpec, Identity, ListKind, Name, ObjectBody, Peak,
    PriorityLevelSpec, Rate, SeenId, SubjectKind, counted,
};

const RULE: (&str, &str) = ("floods", "floods");

/// What it is told from.
pub const LISTS: &[ListKind] = &[ListKind::FlowSchemas, ListKind::PriorityLevels];

/// The API server's own `FlowSchemas` for parts of the cluster: what they ask for is their work
/// (`k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap`).
const OF_THE_SYSTEM: [&str; 9] = [
    "endpoint-controller",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-system-service-accounts",
    "probes",
    "system-leader-election",
    "system-node-high",
    "system-nodes",
    "workload-leader-election",
];

/// On what the API server keeps as it made it (`AutoUpdateAnnotationKey`).
const KEPT_BY_SERVER: &str = "apf.kubernetes.io/autoupdate-spec";

/// How the API server calls itself.
const ITSELF: &str = "system:apiserver";

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, identity) = (subject.book, &subject.entry.identity);
    if identity.kind == SubjectKind::Group || !book.log.is_whole() || &*identity.name == ITSELF {
        return;
    }
    let Some(activity) = book.activity.as_deref() else { return };
    let Some(id) = activity.seen(identity) else { return };
    let Some(rate) = activity.rate(id) else { return };
    let policy = &book.policy;
    if rate.minute.requests < u64::from(policy.flood_minute)
        && rate.hour.requests < u64::from(policy.flood_hour)
    {
        return;
    }
    let flows = Flows::of(book, activity, id);
    if flows.is_of_the_system(identity) {
        return;
    }
    let severity = match &flows {
        Flows::Told { level, .. } if level.is_exempt() => Severity::Medium,
        _ if rate.rejected > 0 => Severity::Medium,
        _ => Severity::Low,
    };
    let all: u64 = activity.by_authenticated(id).iter().map(crate::model::Use::requests).sum();
    let evidence = [Some(how_fast(rate)), rejected(rate), Some(flows.words()), more(rate, all)];
    let evidence = evidence.into_iter().flatten().collect::<Vec<_>>().join("; ");
    found.push(subject.finding(RULE, severity, None, evidence));
}

fn how_fast(rate: &Rate) -> String {
    let Rate { minute, hour, .. } = rate;
    let each = |peak: &Peak, seconds: u64| match peak.requests / seconds {
        0 => "less than one a second".to_owned(),
        each => format!("{each} a second"),
    };
    format!(
        "{} in the minute from {} UTC ({}), {} in the hour from {} ({})",
        counted(minute.requests, "request"),
        minute.at.format("%Y-%m-%d %H:%M"),
        each(minute, 60),
        hour.requests,
        hour.at.format("%Y-%m-%d %H:%M"),
        each(hour, 3600),
    )
}

fn rejected(rate: &Rate) -> Option<String> {
    let last = rate.last_rejected?;
    Some(format!(
        "{} were answered 429, the last on {}: there were too many",
        rate.rejected,
        last.format("%Y-%m-%d %H:%M")
    ))
}

/// What could not be counted by the minute.
fn more(rate: &Rate, all: u64) -> Option<String> {
    let more = all.saturating_sub(rate.counted);
    (more > 0).then(|| format!("at least: of {more} more the log does not tell the minute"))
}

/// Where most of an identity's requests wait.
enum Flows {
    NotKnown(&'static str),
    Told {
        schema: Name,
        /// Whether the API server keeps it as it made it.
        own: bool,
        by: Name,
        level_name: Name,
        level: PriorityLevelSpec,
        /// Of so many requests so many.
        here: u64,
        all: u64,
        /// How many nothing limits, going on for long as they may.
        unlimited: u64,
        /// Others whose requests have the same level.
        beside: Vec<Name>,
        /// The shares of all levels.
        shares: u64,
    },
}

/// A `FlowSchema` with its name.
struct Schema<'a> {
    name: &'a Name,
    own: bool,
    spec: &'a FlowSchemaSpec,
    level: &'a PriorityLevelSpec,
}

impl Flows {
    fn of(book: &Book, activity: &Activity, id: SeenId) -> Self {
        if !book.snapshot.covers(LISTS, None) {
            return Self::NotKnown("the lists of flow control were not read");
        }
        if !activity.coverage().knows_groups() {
            return Self::NotKnown("the log does not tell groups");
        }
        let levels = levels(book);
        let schemas = schemas(book, &levels);
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut all, mut unlimited) = (0, 0);
        for row in activity.by_authenticated(id) {
            let request = FlowRequest {
                who: activity.identity(row.effective),
                groups: activity.group_set(row.groups),
                call: activity.call(row.call),
            };
            all += row.requests();
            if request.is_unlimited() {
                unlimited += row.requests();
            } else if let Some(at) = first(&schemas, request) {
                *counts.entry(at).or_default() += row.requests();
            }
        }
        let most = counts.iter().max_by_key(|(at, count)| (**count, std::cmp::Reverse(**at)));
        let Some((schema, here)) = most.and_then(|(at, count)| Some((schemas.get(*at)?, *count)))
        else {
            return Self::NotKnown("none of the server's FlowSchemas is known to match");
        };
        let level_name = &schema.spec.priority_level_configuration.name;
        let same = |other: &&Schema<'_>| {
            other.name != schema.name && other.spec.priority_level_configuration.name == *level_name
        };
        Self::Told {
            schema: schema.name.clone(),
            own: schema.own,
            by: schema.spec.distinguisher_method.clone().unwrap_or_default().type_,
            level_name: level_name.clone(),
            level: schema.level.clone(),
            here,
            all,
            unlimited,
            beside: schemas.iter().filter(same).map(|other| other.name.clone()).collect(),
            shares: levels.values().map(|level| level.shares()).sum(),
        }
    }

    /// Whether a part of the cluster asks, which has a level for its work.
    fn is_of_the_system(&self, identity: &Identity) -> bool {
        match self {
            Self::Told { schema, own, .. } => *own && OF_THE_SYSTEM.contains(&&**schema),
            // Which parts have one by default.
            Self::NotKnown(_) if identity.kind == SubjectKind::User => {
                identity.name.starts_with("system:") && &*identity.name != Identity::ANONYMOUS
            }
            Self::NotKnown(_) => identity.namespace.as_deref() == Some("kube-system"),
        }
    }

    fn words(&self) -> String {
        let Self::Told {
            schema, by, level_name, level, here, all, unlimited, beside, shares, ..
        } = self
        else {
            let Self::NotKnown(why) = self else { return String::new() };
            return format!("what limits them is not known: {why}");
        };
        let whose = if here == all {
            "all its requests".to_owned()
        } else {
            format!("{here} of its {all} requests")
        };
        let long = match unlimited {
            0 => String::new(),
            long => format!(" ({long} may go on for long and are of none)"),
        };
        let whose = format!("{whose}{long}");
        let head = format!("{whose} are of FlowSchema {schema}, priority level {level_name}");
        if level.is_exempt() {
            return format!("{head}, which is exempt: nothing there waits or is rejected");
        }
        let beside = match &beside[..] {
            [] => "which no other FlowSchema has".to_owned(),
            [one] => format!("which FlowSchema {one} has too"),
            several => format!("which FlowSchemas {} have too", several.join(", ")),
        };
        let flows = match &**by {
            "ByUser" => ", each user's flow apart",
            "ByNamespace" => ", the flow of each namespace apart",
            _ => ", all in one flow",
        };
        format!(
            "{head}, {beside}: {} of {shares} shares{flows}; how many requests at once that is, the \
             API server's flags say",
            level.shares()
        )
    }
}

fn levels(book: &Book) -> BTreeMap<&Name, &PriorityLevelSpec> {
    let others = book.snapshot.objects.others.values();
    let levels = others.filter_map(|other| match &other.body {
        ObjectBody::PriorityLevel(spec) => Some((&other.meta.name, &**spec)),
        _ => None,
    });
    levels.collect()
}

/// Those that the API server goes by, in its order.
fn schemas<'a>(
    book: &'a Book,
    levels: &BTreeMap<&'a Name, &'a PriorityLevelSpec>,
) -> Vec<Schema<'a>> {
    let others = book.snapshot.objects.others.values();
    let mut all: Vec<Schema<'a>> = others
        .filter_map(|other| {
            let ObjectBody::FlowSchema(spec) = &other.body else { return None };
            let kept = other.meta.annotations.get(KEPT_BY_SERVER);
            Some(Schema {
                name: &other.meta.name,
                own: kept.is_some_and(|kept| &**kept == "true"),
                level: levels.get(&spec.priority_level_configuration.name)?,
                spec,
            })
        })
        .collect();
    all.sort_by_key(|schema| (schema.spec.matching_precedence, schema.name));
    all
}

/// The first that matches; None where one before it may.
fn first(schemas: &[Schema<'_>], request: FlowRequest<'_>) -> Option<usize> {
    for (at, schema) in schemas.iter().enumerate() {
        match schema.spec.matches(request) {
            Some(true) => return Some(at),
            Some(false) => {}
            None => return None,
        }
    }
    None
}
