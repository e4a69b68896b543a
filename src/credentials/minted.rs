//! What the log tells of a token that somebody had made: what it ends with, and when.

use chrono::{DateTime, TimeDelta, Utc};

use super::standing::{self, Standing, Tie};
use super::{Bound, Credential, Expires, Kind, LastUse, Made};
use crate::book::Book;
use crate::model::{Asked, BoundTo, Identity, Maker, Minted, Name};

/// What kubelets ask for: with the server's defaults a pod's token with exactly this lifetime is good
/// for a year, whatever the answer says (`plugin/pkg/admission/serviceaccount`,
/// `pkg/registry/core/serviceaccount/storage/token.go`).
const EXTENDED: u64 = 3607;

/// Why it is not known how long a pod's token is good for at most.
const OF_A_POD: &str = "it ends with its pod; how long it was asked for is in no body of the log";

/// Whether a token's end is not known since the log has no body of the request for it. Asked for
/// without a time it is good for an hour (`pkg/apis/authentication/v1/defaults.go`), and what was made
/// long ago most likely has ended.
pub(crate) fn has_untold_end(of: &Credential) -> bool {
    let words = [OF_A_POD, super::seen::HOW_LONG];
    of.kind == Kind::IssuedToken
        && matches!(of.expires, Expires::NotKnown(why) if words.contains(&why))
}

/// Why it is not known whether a token is taken that was made for somebody else than the API server.
pub(super) const ANOTHER_AUDIENCE: &str = "it is for another audience: whether the API server takes that is not known, and the log has \
     no use of it";

/// Whether a token was made for somebody else than the API server, and not used with it.
pub(crate) fn is_for_another(of: &Credential) -> bool {
    of.standing == Standing::NotKnown(ANOTHER_AUDIENCE)
}

/// The audiences that a token was asked for, where nothing tells that the API server takes one of
/// them: which it takes is a setting (`--api-audiences`, by default its issuer).
fn foreign(book: &Book, minted: &Minted) -> Option<String> {
    let asked = minted.asked.as_ref()?;
    let server = book.snapshot.cluster.server.trim_end_matches('/');
    let is_own = |one: &Name| {
        let one = one.trim_end_matches('/');
        let host = one.strip_prefix("https://").unwrap_or(one);
        // What it is called inside the cluster, which is the usual issuer.
        (host == "kubernetes.default" || host.starts_with("kubernetes.default.svc"))
            || (!server.is_empty() && one == server)
    };
    let are_foreign = !asked.audiences.is_empty() && !asked.audiences.iter().any(is_own);
    are_foreign.then(|| asked.audiences.join(", "))
}

const NO_BODIES: &str = "the log has no body of the request for it, which would tell";

/// What a token that was made is bound to.
pub(super) fn bound(identity: &Identity, minted: &Minted) -> Bound {
    match minted.bound() {
        None => Bound::NotKnown(NO_BODIES),
        Some(BoundTo::Nothing) => Bound::Nothing,
        Some(BoundTo::Object { kind, name, uid }) => Bound::Object {
            kind: kind.clone(),
            namespace: identity.namespace.clone().filter(|_| &**kind != "Node"),
            name: name.clone(),
            uid: uid.clone(),
        },
    }
}

/// Notes what is known of its making.
pub(super) fn tell(book: &Book, credential: &mut Credential, by: &Maker, minted: &Minted) {
    credential.issued = Some(minted.at);
    credential.made = Some(Made::By(by.clone()));
    credential.notes.push(format!("made by {by}, by the log"));
    let bound = bound(&credential.identity, minted);
    let (expires, note) = expires(&bound, minted);
    credential.notes.extend(note.map(str::to_owned));
    if let Some(revoke) = revoke(&bound) {
        credential.revoke = revoke;
    }
    let used = match &credential.last_use {
        LastUse::Log { at, .. } => Some(*at),
        _ => None,
    };
    let standing = standing(book, &credential.identity, &bound, (&expires, minted, used));
    credential.standing = standing;
    if let Some(audiences) = foreign(book, minted).filter(|_| used.is_none()) {
        credential.notes.push(format!("it was asked for another audience: {audiences}"));
        if credential.standing.is_taken() {
            credential.standing = Standing::NotKnown(ANOTHER_AUDIENCE);
        }
    }
    credential.expires = expires;
    credential.bound = Some(bound);
}

/// Until when a token that was made for an account is good, UTC; None unless all that it goes by was looked
/// at, and speaks for it.
pub(crate) fn good_until(
    book: &Book,
    account: &Identity,
    minted: &Minted,
) -> Option<DateTime<Utc>> {
    let bound = bound(account, minted);
    let (Expires::At(until), _) = expires(&bound, minted) else { return None };
    let standing = standing(book, account, &bound, (&Expires::At(until), minted, None));
    (standing == Standing::Good && foreign(book, minted).is_none()).then_some(until)
}

fn expires(bound: &Bound, minted: &Minted) -> (Expires, Option<&'static str>) {
    let of_pod = bound.is_a("Pod");
    match &minted.asked {
        Some(Asked { seconds: Some(EXTENDED), .. }) if of_pod => (
            Expires::NotKnown(
                "it ends with its pod; by default what asks for 3607 seconds gets a year",
            ),
            None,
        ),
        Some(Asked { until: Some(until), .. }) => (Expires::At(*until), None),
        Some(Asked { seconds: Some(seconds), .. }) => match after(minted.at, *seconds) {
            Some(latest) => (
                Expires::At(latest),
                Some(
                    "it ends then at the latest: so long was asked for, and the API server may \
                      have given less",
                ),
            ),
            None => (Expires::NotKnown("it was asked for without an end in sight"), None),
        },
        _ if of_pod => (Expires::NotKnown(OF_A_POD), None),
        _ => (Expires::NotKnown(super::seen::HOW_LONG), None),
    }
}

fn after(at: DateTime<Utc>, seconds: u64) -> Option<DateTime<Utc>> {
    at.checked_add_signed(TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?)
}

/// What would revoke a token that is bound so, where that is known.
pub(super) fn revoke(bound: &Bound) -> Option<Name> {
    Some(match bound {
        Bound::NotKnown(_) => return None,
        Bound::Nothing => {
            "delete the account and make it again, which ends all its tokens; else the token works \
             until it runs out"
                .into()
        }
        Bound::Object { .. } => format!("delete the {bound}, to which it is bound").into(),
    })
}

fn standing(
    book: &Book,
    identity: &Identity,
    bound: &Bound,
    (expires, minted, used): (&Expires, &Minted, Option<DateTime<Utc>>),
) -> Standing {
    if let Some(over) = standing::ran_out(book, expires) {
        return over;
    }
    let tie = |uid| Tie { uid, made: Some(minted.at), used };
    let object = match bound {
        Bound::Nothing => None,
        Bound::NotKnown(_) => Some(Standing::NotKnown("what it is bound to is not known")),
        Bound::Object { kind, namespace, name, uid } => {
            let object = (&**kind, namespace.as_ref(), name.as_ref());
            standing::of_object(book, object, tie(uid.as_ref()))
        }
    };
    let account = standing::of_account(book, identity, tie(None));
    standing::weigh([account, object], in_time(book, minted))
}

/// Whether it has not run out, by what was asked for and granted.
fn in_time(book: &Book, minted: &Minted) -> Standing {
    match &minted.asked {
        Some(Asked { until: Some(until), .. }) if *until > book.now => Standing::Good,
        Some(Asked { until: Some(_), .. }) => Standing::NotKnown(
            "whether what asks for 3607 seconds gets a year is a setting of the API server",
        ),
        Some(_) => {
            Standing::NotKnown("the API server may have made it for less time than was asked for")
        }
        None => Standing::NotKnown("until when it is good is not known"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::inventory;
    use super::*;
    use crate::book::world::{Row, World, day};
    use crate::model::Issued;

    const WEEK: u64 = 7 * 86_400;

    fn object(kind: &str, name: &str, uid: Option<&str>) -> BoundTo {
        BoundTo::Object { kind: kind.into(), name: Some(name.into()), uid: uid.map(Name::from) }
    }

    fn asked(bound: BoundTo, seconds: u64, until: Option<DateTime<Utc>>) -> Minted {
        let asked = Asked { bound, seconds: Some(seconds), until, audiences: vec![] };
        Minted { asked: Some(asked), ..Minted::new(day(1)) }
    }

    /// A token made on day 1, used or not.
    fn token(minted: Minted, with: &str, more: impl FnOnce(World) -> World) -> Vec<Credential> {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "a", "name": "x", "uid": "u", "creationTimestamp": day(0)}});
        let world = World::new().object(&account).log(0, 10);
        let world = world.row(Row::new("sa:a/x", "get pods@a/p", 5).with(with));
        let mut world = more(world);
        let (account, by) = (Identity::service_account("a", "x"), Identity::user("ana"));
        let issued = Arc::new(Issued { account, credential: "JTI=1".into(), by, as_who: None });
        world.activity.as_mut().unwrap().issued = vec![(issued, minted)];
        inventory(&world.book()).credentials
    }

    fn only(minted: Minted) -> Credential {
        let mut found = token(minted, "JTI=1", |world| world);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    #[test]
    fn a_token_ends_when_the_answer_says_and_at_the_latest_when_it_was_asked_to() {
        let until = |at| only(asked(BoundTo::Nothing, WEEK, Some(day(at))));
        let live = until(3000);
        assert_eq!(live.expires, Expires::At(day(3000)));
        assert_eq!((live.standing, live.bound), (Standing::Good, Some(Bound::Nothing)));
        assert!(live.revoke.starts_with("delete the account"), "{}", live.revoke);
        assert_eq!(live.notes, ["made by user:ana, by the log"]);
        assert_eq!(until(2).standing, Standing::Expired);

        let requested = only(asked(BoundTo::Nothing, 3000 * 86_400, None));
        assert_eq!(requested.expires, Expires::At(day(3001)));
        assert!(requested.notes[1].starts_with("it ends then at the latest"));
        let endless = only(asked(BoundTo::Nothing, u64::MAX, None));
        assert!(matches!(endless.expires, Expires::NotKnown(_)));

        let unknown = only(Minted::new(day(1)));
        assert!(matches!(unknown.expires, Expires::NotKnown(_)));
        assert!(matches!(unknown.bound, Some(Bound::NotKnown(_))));
        assert_eq!(unknown.standing.as_str(), "not known");
    }

    #[test]
    fn what_a_pod_is_given_for_an_hour_is_good_for_a_year() {
        let pod = || object("Pod", "p", Some("u-1"));
        let given = only(asked(pod(), 3607, Some(day(1) + TimeDelta::seconds(3607))));
        assert!(matches!(given.expires, Expires::NotKnown(why) if why.contains("a year")));
        // Any other lifetime is what it says, and so is this one without a pod.
        let hour = only(asked(pod(), 3600, Some(day(2))));
        assert_eq!((hour.expires, hour.standing), (Expires::At(day(2)), Standing::Expired));
        let free = only(asked(BoundTo::Nothing, 3607, Some(day(2))));
        assert_eq!(free.expires, Expires::At(day(2)));
    }

    #[test]
    fn it_ends_with_what_it_is_bound_to() {
        let secret = asked(object("Secret", "tie", Some("u-1")), WEEK, Some(day(3000)));
        let bound = only(secret.clone());
        assert_eq!(bound.bound.unwrap().to_string(), "Secret a/tie");
        assert_eq!(&*bound.revoke, "delete the Secret a/tie, to which it is bound");
        // Not all Secrets are listed.
        assert_eq!(bound.standing.as_str(), "not known");
        let renewed = token(secret, "JTI=1", |world| {
            world.object(&json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": {"namespace": "a", "name": "tie", "uid": "u-2"}}))
        });
        assert!(matches!(&renewed[0].standing, Standing::Refused(why) if why.contains("another")));
        let node = only(Minted { used_by: Some(object("Node", "n", None)), ..Minted::new(day(1)) });
        assert_eq!(node.bound.unwrap().to_string(), "Node n");
    }

    #[test]
    fn a_pods_token_that_somebody_had_made_is_told_beside_the_pod() {
        let used = Minted { used_by: Some(object("Pod", "p", None)), ..Minted::new(day(1)) };
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "a", "name": "p"}});
        let found = token(used, "pod:a/p", |world| world.object(&pod));
        assert_eq!(found.len(), 2, "{found:#?}");
        let of = |kind| found.iter().find(|one| one.kind == kind).unwrap();
        let (own, made) = (of(Kind::PodToken), of(Kind::IssuedToken));
        assert_eq!(own.notes, ["user:ana had a token of it made, by the log"]);
        assert_eq!(own.bound.as_ref().unwrap().to_string(), "Pod a/p");
        assert_eq!(made.bound, own.bound);
        assert_eq!(made.last_use, LastUse::NotKnown("its use is told as its pod's"));
    }

    #[test]
    fn a_token_of_an_earlier_account_is_refused() {
        let mut minted = asked(BoundTo::Nothing, WEEK, Some(day(3000)));
        minted.at = day(-1);
        assert!(matches!(only(minted).standing, Standing::Refused(_)));
    }

    #[test]
    fn a_token_for_another_audience_is_not_said_to_be_taken_until_it_is_used() {
        let made = |audiences: &[&str], with: &str| {
            let mut minted = asked(BoundTo::Nothing, WEEK, Some(day(3000)));
            minted.asked.as_mut().unwrap().audiences =
                audiences.iter().map(|one| Name::from(*one)).collect();
            let found = token(minted, with, |world| world);
            found.into_iter().find(|one| &*one.id == "JTI=1").unwrap()
        };
        let vault = made(&["vault"], "JTI=2");
        assert_eq!(vault.standing, Standing::NotKnown(ANOTHER_AUDIENCE));
        assert!(vault.notes.iter().any(|note| note.ends_with("another audience: vault")));
        for (audiences, with) in [
            (&[][..], "JTI=2"),
            (&["vault"][..], "JTI=1"),
            (&["vault", "https://kubernetes.default.svc.cluster.local"][..], "JTI=2"),
        ] {
            assert_eq!(made(audiences, with).standing, Standing::Good, "{audiences:?}");
        }
    }

    #[test]
    fn of_a_token_and_an_account_of_one_second_it_is_not_known_whether_they_belong_together() {
        // The account is of the first second of day 0.
        let made = |milliseconds: i64, with: &str| {
            let mut minted = asked(BoundTo::Nothing, WEEK, Some(day(3000)));
            minted.at = day(0) + TimeDelta::milliseconds(milliseconds);
            let found = token(minted, with, |world| world);
            found.into_iter().find(|one| &*one.id == "JTI=1").unwrap().standing
        };
        assert_eq!(made(-1, "JTI=2").as_str(), "refused");
        assert_eq!(made(0, "JTI=2"), Standing::NotKnown(standing::AT_ONCE));
        assert_eq!(made(999, "JTI=2"), Standing::NotKnown(standing::AT_ONCE));
        assert_eq!(made(1000, "JTI=2"), Standing::Good);
        // On day 5 it was taken for the account that there is.
        assert_eq!(made(999, "JTI=1"), Standing::Good);
    }
}
