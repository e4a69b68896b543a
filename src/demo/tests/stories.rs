//! Each story, as the Book tells it: objects by way of a cluster in memory, the log by way of the
//! ordinary reader.

use std::sync::{Arc, LazyLock};

use super::clock;
use crate::actors;
use crate::audit::{self, Options};
use crate::book::{
    Book, Entry, Existence, HintSource, IdentityActivity, Inputs, LogState, Tier, UseState,
};
use crate::cluster::loader::{LoadOptions, load};
use crate::cluster::memory::MemoryCluster;
use crate::demo;
use crate::model::Identity;

static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let cluster = MemoryCluster::new(demo::cluster(), demo::objects(clock()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let snapshot = runtime.block_on(load(&cluster, &LoadOptions::default())).unwrap();
    let log = vec![demo::input(clock())];
    let activity = audit::read_inputs(log, &Options::new(clock()), &()).unwrap();
    Book::build(Inputs {
        snapshot: Arc::new(snapshot),
        activity: Some(Arc::new(activity)),
        log: LogState::Ready,
        policy: Arc::new(demo::policy()),
        now: clock(),
    })
});

fn entry(identity: &str) -> &'static Entry {
    let identity: Identity = identity.parse().unwrap();
    BOOK.find(&identity).unwrap_or_else(|| panic!("{identity}"))
}

fn activity(identity: &str) -> &'static IdentityActivity {
    entry(identity).activity.as_deref().unwrap_or_else(|| panic!("{identity}"))
}

fn days_ago(identity: &str) -> i64 {
    (clock() - activity(identity).last_seen.unwrap()).num_days()
}

#[test]
fn the_log_is_read_to_the_last_line_and_its_gaps_are_seen() {
    let coverage = BOOK.coverage().unwrap();
    assert!(coverage.unreadable.is_empty(), "{coverage:?}");
    assert_eq!(coverage.to, Some(clock()));
    assert_eq!(coverage.days(), 90);
    assert_eq!((coverage.gaps.len(), coverage.unauthenticated), (2, 12));
    assert!(coverage.reads_logged && coverage.decisions_logged && coverage.groups_logged);
}

#[test]
fn every_list_is_complete() {
    for (list, state) in &BOOK.snapshot.lists {
        assert!(state.covers(None), "{list}: {state:?}");
    }
}

#[test]
fn the_leaver_was_seen_months_ago() {
    assert!(days_ago("user:henrik@corp.example") > 80);
    assert!(entry("user:henrik@corp.example").tier >= Tier::NamespaceAdmin);
    // And one who has not been seen at all is cluster-admin.
    let gwen = entry("user:gwen@corp.example");
    assert_eq!((gwen.tier, gwen.activity.is_none()), (Tier::ClusterAdmin, true));
    assert!(!gwen.groups_known && !entry("user:zoe@corp.example").groups_known);
}

#[test]
fn the_shared_account_has_several_actors() {
    let shared = activity("user:ops-shared");
    assert_eq!((shared.addresses.len(), shared.agents.len(), shared.credentials.len()), (4, 4, 2));
    assert!(entry("user:ops-shared").tier >= Tier::ClusterWrite);
}

#[test]
fn the_pipeline_uses_three_rows() {
    let deployer = entry("sa:ci/deployer");
    assert_eq!(deployer.tier, Tier::ClusterWrite);
    let permissions = BOOK.permissions(deployer.id);
    let used: Vec<&str> = permissions
        .iter()
        .filter(|permission| permission.use_state == UseState::Used)
        .map(|permission| &*permission.rule.api_groups[0])
        .collect();
    assert_eq!(used, ["", "apps", "batch"]);
    // The README says so.
    assert_eq!(permissions.len(), 39);
}

#[test]
fn bindings_dangle() {
    for missing in ["sa:legacy/old-exporter", "sa:staging/sync", "sa:velero/velero"] {
        assert_eq!(entry(missing).existence, Existence::Missing, "{missing}");
    }
    let mut without: Vec<String> = BOOK
        .grants()
        .filter(|grant| grant.role.is_none())
        .map(|grant| grant.key.binding.to_string())
        .collect();
    without.sort();
    assert_eq!(without, ["crawler", "release-bot", "velero"]);
}

#[test]
fn one_is_only_refused_and_support_acts_as_others() {
    let yann = activity("user:yann@partner.example");
    assert_eq!((yann.allowed, yann.denied, yann.last_allowed), (0, 20, None));
    let tess = activity("user:tess@corp.example");
    let pia: Identity = "user:pia@corp.example".parse().unwrap();
    assert!(tess.impersonated_as[&pia] > 20);
    let tess_as: Identity = "user:tess@corp.example".parse().unwrap();
    assert!(activity("user:pia@corp.example").impersonated_by[&tess_as].requests > 20);
}

#[test]
fn groups_hold_rights_and_their_members_are_known() {
    let platform = entry("group:platform");
    assert_eq!((platform.tier, platform.members.len()), (Tier::ClusterAdmin, 4));
    assert_eq!(entry("group:contractors").members.len(), 1);
    assert_eq!(entry("user:break-glass").tier, Tier::ClusterAdmin);
}

#[test]
fn the_quarters_close_and_the_old_token_are_told_apart() {
    assert!(days_ago("sa:data/quarter-close") > 60);
    let hints = &entry("sa:legacy/batch-import").hints;
    let token = hints.iter().find(|hint| hint.source == HintSource::LegacyTokenLastUsed).unwrap();
    assert!((clock() - token.at).num_days() > 600);
    assert!(entry("sa:legacy/batch-import").activity.is_none());
}

#[test]
fn one_account_is_shared_and_says_by_whom() {
    let shared = BOOK.entries().filter(|entry| {
        entry.findings.iter().chain(&entry.exempt).any(|finding| finding.rule == "shared-account")
    });
    let shared: Vec<String> = shared.map(|entry| entry.identity.to_string()).collect();
    assert_eq!(shared, ["user:ops-shared"]);
    assert_eq!(BOOK.counts().shared, 1);
    let log = BOOK.activity.as_deref().unwrap();
    let behind = actors::of(log, &BOOK.snapshot, &Identity::user("ops-shared")).unwrap();
    // Two certificates; the older one on three systems.
    assert_eq!(behind.actors.len(), 4);
    assert!(behind.actors.iter().all(|actor| actor.credentials.len() == 1));
    assert_eq!(behind.signals[0].sign, actors::Sign::Credentials);
}
