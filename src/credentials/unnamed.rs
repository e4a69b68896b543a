//! What was presented and is not told by an id: because the log has none, or because a client had
//! more credentials than are kept.

use super::span::{Cut, Span};
use super::{Credential, Expires, Kind, LastUse, Standing};
use crate::model::{Detail, Identity, SubjectKind, counted};

/// Why what is not seen among many may have been all the same.
pub(super) const TOO_MANY: &str = "the log names more credentials of it than are kept";

/// Why the use of what the log does not show is not known, where it does not name all that somebody
/// presented.
pub(super) const NOT_NAMED: &str = "the log does not name the credential of each of its requests";

/// Why a credential may be in use all the same, where the audit policy leaves requests of its identity
/// out, or all that read, or all that write.
pub(super) const LEFT_OUT: &str = "the audit policy leaves requests of it out";

/// What the API server presents to itself (`apiserver/pkg/server/options/serving_with_loopback.go`).
const OWN: &str =
    "the API server's own: it makes it for its requests to itself and keeps it in its memory";

/// Whether it is as whom the API server asks itself.
fn is_server(identity: &Identity) -> bool {
    *identity == Identity::user("system:apiserver")
}

/// Whether it is what the API server presents to itself, which is out nowhere.
pub(super) fn is_servers_own(credential: &Credential) -> bool {
    credential.kind == Kind::Unnamed
        && is_server(&credential.identity)
        && credential.notes.iter().any(|note| note == OWN)
}

/// The uses of an identity that are told by no credential's id. Nobody presents nothing.
pub(super) fn credential(
    identity: Identity,
    span: &Span,
    cut: Cut,
    detail: Detail,
) -> Option<Credential> {
    if &*identity.name == Identity::ANONYMOUS && identity.kind == SubjectKind::User {
        return None;
    }
    let requests = span.requests;
    let kept_not = if detail == Detail::NoCalls { requests } else { cut.credentials.min(requests) };
    let mut notes = Vec::new();
    let (kind, id, why) = if kept_not == 0 {
        (Kind::Unnamed, "of which the log has no id".to_owned(), "the log does not name it")
    } else {
        let unnamed = requests - kept_not;
        if unnamed > 0 {
            notes.push(format!(
                "{unnamed} of the {requests} requests are by something of which the log has no id; \
                 times, addresses and agents are those of all of them"
            ));
        }
        if detail == Detail::NoCalls {
            notes.push("the log has more rows than can be held: they are told by who".to_owned());
        }
        let requests = counted(kept_not, "request");
        (Kind::Further, format!("too many to keep, in {requests}"), TOO_MANY)
    };
    let mut credential = Credential {
        kind,
        id: id.into(),
        made: None,
        issued: None,
        expires: Expires::NotKnown(why),
        bound: None,
        standing: Standing::NotKnown(why),
        last_use: span.last_use(),
        groups: span.groups(&identity),
        owners: Vec::new(),
        revoke: revoke(&identity).into(),
        notes,
        identity,
    };
    if span.is_loopback() && is_server(&credential.identity) && kept_not == 0 {
        credential.notes.push(OWN.to_owned());
        credential.revoke =
            "nothing: no copy of it is out, and a server that starts makes another".into();
    } else if credential.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS) {
        credential.revoke =
            "find out where it was issued and have it ended there: no binding limits system:masters, \
             so that taking grants away takes nothing"
                .into();
    }
    Some(credential)
}

fn revoke(identity: &Identity) -> &'static str {
    match identity.kind {
        SubjectKind::ServiceAccount => {
            "delete the account and make it again, which ends all its tokens; its token Secrets go \
             with it"
        }
        _ => {
            "find out where it was issued (a static token, a provider, a cloud, a CA) and have it \
             ended there; else take away the grants of its user and groups"
        }
    }
}

/// Tokens that were asked for and are not among those that are told.
pub(super) fn asked_for(identity: Identity, count: u64, by: &str, absent: &LastUse) -> Credential {
    let last_use = match absent {
        LastUse::NotInLog(_) => LastUse::NotKnown("which they are is not known"),
        other => other.clone(),
    };
    let id = match count {
        1 => "1 token that was asked for and is not listed".into(),
        _ => format!("{count} tokens that were asked for and are not listed").into(),
    };
    Credential {
        kind: Kind::Further,
        id,
        made: None,
        issued: None,
        expires: Expires::NotKnown(super::seen::HOW_LONG),
        bound: None,
        standing: Standing::NotKnown("which they are is not known"),
        last_use,
        groups: Vec::new(),
        owners: Vec::new(),
        revoke: "delete the account and make it again, which ends all its tokens".into(),
        notes: vec![format!(
            "asked for by {by}; the log has not their ids, or they are more than are kept. Where \
             it does not say how a request was answered, that may have given none"
        )],
        identity,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{LastUse, inventory};
    use super::*;
    use crate::book::world::{Row, World, day};
    use crate::model::{Implied, Name, SeenId};

    fn log() -> World {
        World::new().account("a", "x").log(0, 10)
    }

    fn only(world: &World) -> Credential {
        let mut found = inventory(&world.book()).credentials;
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    /// So many requests of the only identity have a value of each kind that was not kept.
    fn cut(mut world: World, kinds: &[(&str, u64)]) -> World {
        let counts = kinds.iter().map(|(kind, count)| (Name::from(*kind), *count)).collect();
        world.activity.as_mut().unwrap().truncated = [(SeenId(0), counts)].into();
        world
    }

    #[test]
    fn what_the_log_does_not_name_is_a_credential_with_its_times_and_places() {
        let row = |on, from| Row::new("user:root", "get pods@a/p", on).from(from).times(20);
        let found = only(&log().row(row(2, "192.0.2.1")).row(row(4, "192.0.2.2")));
        assert_eq!((found.kind, found.standing.as_str()), (Kind::Unnamed, "not known"));
        let LastUse::Log { at, first, requests, addresses, .. } = found.last_use else { panic!() };
        assert_eq!((first, at, requests), (day(2), day(4), 40));
        assert_eq!(addresses, ["192.0.2.2", "192.0.2.1"].map(Name::from));
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }

    #[test]
    fn nobody_presents_nothing() {
        let world = log().row(Row::new("user:system:anonymous", "get /healthz", 2));
        assert_eq!(inventory(&world.book()).credentials, []);
    }

    #[test]
    fn who_is_known_by_a_mapping_or_a_bootstrap_token_is_not_told_twice() {
        let token = json!({"apiVersion": "v1", "kind": "Secret",
            "type": "bootstrap.kubernetes.io/token",
            "metadata": {"namespace": "kube-system", "name": "bootstrap-token-abcdef"}});
        let row = Row::new("user:system:bootstrap:abcdef", "get pods@a/p", 2);
        assert_eq!(only(&log().object(&token).row(row)).kind, Kind::BootstrapToken);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "aws-auth"},
            "data": {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/ana\n  username: ana\n"}});
        let mapped = only(&log().object(&map).row(Row::new("user:ana", "get pods@a/p", 2)));
        assert_eq!(mapped.kind, Kind::CloudMapping);
    }

    #[test]
    fn masters_are_not_told_to_take_grants_away() {
        let masters = ["system:authenticated", "system:masters"];
        let row = || Row::new("user:root", "get pods@a/p", 2).groups(&masters);
        let unnamed = only(&log().row(row()));
        assert_eq!(unnamed.groups, [Name::from("system:masters")]);
        assert!(unnamed.revoke.contains("no binding limits system:masters"), "{}", unnamed.revoke);
        let certificate = only(&log().row(row().with("X509SHA256=ab")));
        assert_eq!(certificate.groups, [Name::from("system:masters")]);
        let revoke = certificate.revoke;
        assert!(revoke.contains("no binding limits system:masters"), "{revoke}");
        let plain = only(&log().row(Row::new("user:ana", "get pods@a/p", 2).with("X509SHA256=c")));
        assert!(plain.groups.is_empty() && plain.revoke.starts_with("take away the grants"));
    }

    #[test]
    fn credentials_that_were_not_kept_are_counted_and_the_sums_agree() {
        let row = |on| Row::new("user:ana", "get pods@a/p", on);
        let world = log().row(row(3).with("X509SHA256=ab").times(4)).row(row(5).times(9));
        let found = |world: &World| inventory(&world.book()).credentials;
        let of = |kind, all: &[Credential]| all.iter().find(|one| one.kind == kind).cloned();
        let all = found(&cut(world.clone(), &[("credentials", 9)]));
        let further = of(Kind::Further, &all).unwrap();
        assert_eq!(&*further.id, "too many to keep, in 9 requests");
        assert!(matches!(further.last_use, LastUse::Log { requests: 9, .. }));
        assert!(further.notes.is_empty(), "{:?}", further.notes);
        assert_eq!(of(Kind::Unnamed, &all), None);

        let all = found(&cut(world, &[("credentials", 6)]));
        let both = of(Kind::Further, &all).unwrap();
        assert_eq!(&*both.id, "too many to keep, in 6 requests");
        assert!(both.notes[0].starts_with("3 of the 9 requests are by something"));
        let requests = all.iter().map(|one| match one.last_use {
            LastUse::Log { requests, .. } => requests,
            _ => 0,
        });
        assert_eq!(requests.sum::<u64>(), 13);
    }

    #[test]
    fn of_whom_not_all_credentials_are_kept_nothing_is_said_not_to_be_used() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"namespace": "a", "name": "t", "creationTimestamp": day(-9),
                "annotations": {"kubernetes.io/service-account.name": "x"}}});
        let issued = crate::model::Issued {
            account: Identity::service_account("a", "x"),
            credential: "JTI=old".into(),
            by: Identity::user("ana"),
            as_who: None,
        };
        let mut world = log().object(&secret).row(Row::new("sa:a/x", "get pods@a/p", 5).times(3));
        let minted = crate::model::Minted::new(day(1));
        world.activity.as_mut().unwrap().issued = vec![(issued.into(), minted)];
        let last_use = |world: &World| {
            let all = inventory(&world.book()).credentials;
            all.into_iter().find(|one| &*one.id == "JTI=old").unwrap().last_use
        };
        assert_eq!(last_use(&world), LastUse::NotInLog(10));
        assert_eq!(last_use(&cut(world, &[("credentials", 3)])), LastUse::NotKnown(TOO_MANY));
    }

    #[test]
    fn addresses_and_agents_beyond_those_told_are_counted() {
        let row = |from: usize| {
            let agent = format!("tool{from}/1");
            Row::new("user:ana", "get pods@a/p", 5)
                .minutes(i64::try_from(from).unwrap())
                .with("X509SHA256=ab")
                .agent(&agent)
                .from(&format!("192.0.2.{from}"))
        };
        let world = (1..=12).fold(log(), |world, from| world.row(row(from)));
        let LastUse::Log { addresses, agents, more, .. } = only(&world).last_use else { panic!() };
        assert_eq!((addresses.len(), more.addresses), (5, 7));
        assert_eq!((agents.len(), more.agents), (5, 7));
        assert_eq!(&*addresses[0], "192.0.2.12");
        assert_eq!((more.requests_without_address, more.requests_without_agent), (0, 0));
    }

    #[test]
    fn tokens_that_were_asked_for_and_are_not_listed_are_counted_by_who_asked() {
        let mint = |who: &str, times| {
            Row::new(who, "create serviceaccounts/token@a/x", 5).with("X509SHA256=ab").times(times)
        };
        let mut world = log().row(mint("user:ana", 70)).row(mint("user:bob", 2));
        // Whose name is a node's, and who is in another group.
        let named = mint("user:system:node:n1", 4).groups(&["ops", "system:authenticated"]);
        let node = mint("user:system:node:n2", 8).groups(&["system:authenticated", "system:nodes"]);
        world = world.row(named).row(node);
        // Nothing came of these, and of one of them the account is not even there.
        world = world.row(mint("user:cyd", 5).implied(Implied::NoToken));
        world = world.row(mint("user:ana", 3).implied(Implied::NoToken));
        let gone = Row::new("user:cyd", "create serviceaccounts/token@a/gone", 5);
        world = world.row(gone.implied(Implied::NoToken));
        let issued = |by: &str, token: usize| {
            let issued = crate::model::Issued {
                account: Identity::service_account("a", "x"),
                credential: format!("JTI={by}{token}").into(),
                by: Identity::user(by),
                as_who: None,
            };
            (issued.into(), crate::model::Minted::new(day(5)))
        };
        let listed = (0..64).map(|n| issued("ana", n)).chain((0..2).map(|n| issued("bob", n)));
        world.activity.as_mut().unwrap().issued = listed.collect();
        for found in [
            inventory(&world.book()).credentials,
            super::super::of(&world.book(), &Identity::service_account("a", "x")),
        ] {
            let gone = Identity::service_account("a", "gone");
            assert!(found.iter().all(|one| one.identity != gone), "{found:#?}");
            let further: Vec<&Credential> =
                found.iter().filter(|one| one.kind == Kind::Further).collect();
            assert_eq!(further.len(), 1, "{further:#?}");
            assert_eq!(&*further[0].id, "10 tokens that were asked for and are not listed");
            let told = &further[0].notes[0];
            assert!(
                told.starts_with("asked for by user:ana (6), user:system:node:n1 (4);"),
                "{told}"
            );
        }
    }
}
