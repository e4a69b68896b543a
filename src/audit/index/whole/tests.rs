use std::sync::Arc;

use super::*;
use crate::model::{
    ActivityTables, Actor, ActorId, Asked, BoundTo, Call, CallId, Coverage, CreditId,
    CreditedGrant, Detail, GroupSetId, Identity, Impersonation, ImpersonationId, Issued, Minted,
    Peak, Rate, Target,
};

fn at(micros: i64) -> DateTime<Utc> {
    time(1_777_885_811_123_456 + micros).unwrap()
}

fn activity() -> Activity {
    let name = Name::from;
    let account = Identity::service_account("shop", "deployer");
    let resource = |name: Option<&str>, names_folded| Target::Resource {
        group: "apps".into(),
        resource: "deployments".into(),
        subresource: "scale".into(),
        namespace: Some("shop".into()),
        name: name.map(Into::into),
        names_folded,
    };
    let targets = [
        resource(Some("web"), false),
        resource(None, true),
        Target::Path("/größe".into()),
        Target::Paths,
        Target::Folded,
    ];
    let calls = targets
        .into_iter()
        .zip(IMPLIED)
        .map(|(target, implied)| Arc::new(Call { verb: "get".into(), target, implied }));
    let credit = |kind, namespace: Option<&str>| {
        Arc::new(CreditedGrant::Rbac {
            binding_kind: kind,
            namespace: namespace.map(Into::into),
            binding: "devs".into(),
            role_kind: RoleKind::ClusterRole,
            role: "view".into(),
            subject: account.clone(),
        })
    };
    let row = |who: u32, whom: u32, call: u32, last: i64| Use {
        authenticated: SeenId(who),
        effective: SeenId(whom),
        impersonation: (who != whom).then_some(ImpersonationId(0)),
        actor: ActorId(1),
        groups: GroupSetId(call % 2),
        call: CallId(call),
        credit: call.checked_sub(2).map(CreditId),
        day: at(last).date_naive(),
        allowed: 3,
        denied: u64::from(call),
        undecided: u64::from(u32::MAX) + 7,
        first: at(-5),
        last: at(last),
        last_allowed: (call != 1).then(|| at(last.min(2))),
        hours: 0x80_0000 | call,
    };
    let mut coverage = Coverage { lines: 77, ..Coverage::default() };
    coverage.from = Some(at(-5));
    coverage.sources.push(name("a \u{1b} log"));
    let parts = ActivityParts {
        tables: ActivityTables {
            identities: vec![account.clone(), Identity::user("ana"), Identity::user("bo")],
            actors: vec![
                Actor { credential: None, agent: None, address: None },
                Actor {
                    credential: Some("JTI=1".into()),
                    agent: Some("kubectl".into()),
                    address: None,
                },
            ],
            calls: calls.collect(),
            credits: vec![
                credit(BindingKind::RoleBinding, Some("shop")),
                credit(BindingKind::ClusterRoleBinding, None),
                Arc::new(CreditedGrant::Other("other".into())),
            ],
            group_sets: vec![Arc::from([]), Arc::from([name("a"), name("b")])],
            impersonations: vec![Arc::new(Impersonation {
                groups: vec![name("devs")],
                uid: Some("7".into()),
                extra: vec![(name("scopes"), name("x"))],
                constraint: None,
            })],
        },
        uses: vec![row(0, 0, 0, 5), row(0, 2, 1, 9), row(2, 2, 4, 2), row(2, 2, 3, 86_400_000_000)],
        issued: [7, 8, 9]
            .map(|token| {
                let credential = format!("JTI={token}").into();
                let by = Identity::user("ana");
                (
                    Arc::new(Issued {
                        account: account.clone(),
                        credential,
                        by,
                        as_who: (token == 8).then(|| Identity::user("ada")),
                    }),
                    minted(token),
                )
            })
            .into(),
        groups_seen: [(SeenId(2), [(name("a"), at(1))].into())].into(),
        truncated: [(SeenId(0), [(name("agents"), 5)].into())].into(),
        rates: [(SeenId(0), rate(0)), (SeenId(2), rate(7))].into(),
        detail: Detail::NoNames,
        coverage,
    };
    parts.into()
}

fn rate(rejected: u64) -> Rate {
    let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    Rate {
        counted: 700,
        minute: Peak { requests: 80, at: time(1_777_885_860) },
        hour: Peak { requests: 300, at: time(1_777_885_200) },
        rejected,
        last_rejected: (rejected > 0).then(|| at(5)),
    }
}

/// One of which nothing is known, one of which all is, and one that is bound to nothing.
fn minted(token: i64) -> Minted {
    let tie = |uid: Option<&str>| BoundTo::Object {
        kind: "Pod".into(),
        name: Some("web-0".into()),
        uid: uid.map(Name::from),
    };
    let mut minted = Minted::new(at(token));
    if token > 7 {
        let (seconds, until) = ((token == 8).then_some(0), (token == 8).then_some(at(9)));
        let bound = if token == 8 { tie(None) } else { BoundTo::Nothing };
        minted.asked = Some(Asked {
            bound,
            seconds,
            until,
            audiences: if token == 8 { vec!["a".into(), "b".into()] } else { vec![] },
        });
        minted.used_by = (token == 8).then(|| tie(Some("u-7")));
    }
    minted
}

#[test]
fn what_is_written_is_read_back_and_nothing_else_is() {
    for activity in [activity(), Activity::default()] {
        let whole = write_whole(&activity).expect("it has a form");
        assert_eq!(read_whole(&whole).expect("it is one"), activity);
        for end in 0..whole.len() {
            assert!(read_whole(&whole[..end]).is_none(), "{end}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                // What no reader looks at may change: a reserved bit of the frame.
                assert!(read_whole(&other).is_none_or(|read| read == activity), "{at} {bit}");
            }
        }
    }
}

#[test]
fn other_bounds_are_another_form() {
    let options = Options::new(DateTime::UNIX_EPOCH);
    let mut other = options.clone();
    other.bounds.rows -= 1;
    assert_ne!(options.form_of_whole(), other.form_of_whole());
    other.bounds.rows += 1;
    assert_eq!(options.form_of_whole(), other.form_of_whole());
    other.bounds.limits.identities += 1;
    assert_ne!(options.form_of_whole(), other.form_of_whole());
}
