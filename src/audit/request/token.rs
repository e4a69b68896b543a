//! What was asked of a token, and given: the bodies of a `TokenRequest`. The token itself stands
//! in the answer's body; it is passed over unread and nothing of it is kept.

use serde::Deserialize;

use super::clip::name;
use super::micros;
use crate::model::{Asked, BoundTo, Name};

/// `authentication.k8s.io` `TokenRequest`, as far as it is read: no `status.token`.
#[derive(Deserialize)]
struct TokenRequest {
    kind: Option<String>,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    bound_object_ref: Option<Reference>,
    expiration_seconds: Option<u64>,
    audiences: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Reference {
    kind: Option<String>,
    name: Option<String>,
    uid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
}

/// So many audiences of a token are kept.
const AUDIENCES: usize = 8;

/// What the bodies say; None where there is neither, or neither is a `TokenRequest`'s. The answer
/// counts before what was asked: the API server may give less.
pub fn token_asked(request: Option<&str>, answer: Option<&str>) -> Option<Asked> {
    let (request, answer) = (read(request), read(answer));
    let until = answer.as_ref().and_then(|answer| answer.status.as_ref());
    let until = until.and_then(|status| micros(status.expiration_timestamp.as_deref()?));
    // The answer has the API server's own where none was asked for.
    let by_default = |spec: &Spec| spec.audiences.as_ref().is_none_or(Vec::is_empty);
    let asked = request.as_ref().and_then(|body| body.spec.as_ref()).filter(|of| !by_default(of));
    let mut audiences: Vec<Name> = asked
        .and_then(|of| of.audiences.as_ref())
        .into_iter()
        .flatten()
        .take(AUDIENCES)
        .map(|one| name(one))
        .collect();
    audiences.sort_unstable();
    audiences.dedup();
    let spec = answer.and_then(|body| body.spec).or_else(|| request.and_then(|body| body.spec))?;
    Some(Asked {
        bound: spec.bound_object_ref.map_or(BoundTo::Nothing, bound),
        seconds: spec.expiration_seconds,
        until: until.and_then(chrono::DateTime::from_timestamp_micros),
        audiences,
    })
}

fn read(body: Option<&str>) -> Option<TokenRequest> {
    let body: TokenRequest = serde_json::from_str(body?).ok()?;
    body.kind.as_deref().is_none_or(|kind| kind == "TokenRequest").then_some(body)
}

fn bound(to: Reference) -> BoundTo {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| name(&text));
    BoundTo::Object {
        kind: some(to.kind).unwrap_or_else(|| Name::from("")),
        name: some(to.name),
        uid: some(to.uid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = r#"{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1",
        "metadata":{"creationTimestamp":null},"spec":{"audiences":null,"expirationSeconds":7200,
        "boundObjectRef":{"kind":"Secret","apiVersion":"v1","name":"tie","uid":"u-1"}},
        "status":{"token":"","expirationTimestamp":null}}"#;
    const GIVEN: &str = r#"{"kind":"TokenRequest","spec":{"audiences":["api"],
        "expirationSeconds":3600,"boundObjectRef":{"kind":"Secret","name":"tie","uid":"u-1"}},
        "status":{"token":"eyJh.secret.part","expirationTimestamp":"2026-05-04T10:10:11Z"}}"#;

    fn tie() -> BoundTo {
        BoundTo::Object { kind: "Secret".into(), name: Some("tie".into()), uid: Some("u-1".into()) }
    }

    #[test]
    fn the_answer_counts_before_what_was_asked() {
        let asked = Asked { bound: tie(), seconds: Some(7200), until: None, audiences: Vec::new() };
        assert_eq!(token_asked(Some(ASKED), None), Some(asked));
        let until = Some("2026-05-04T10:10:11Z".parse().unwrap());
        let given = Asked { bound: tie(), seconds: Some(3600), until, audiences: Vec::new() };
        assert_eq!(token_asked(Some(ASKED), Some(GIVEN)), Some(given.clone()));
        assert!(!format!("{given:?}").contains("secret.part"));
    }

    #[test]
    fn what_is_no_token_request_tells_nothing() {
        assert_eq!(token_asked(None, None), None);
        assert_eq!(token_asked(Some("null"), Some("7")), None);
        assert_eq!(token_asked(None, Some(r#"{"kind":"Status","spec":{}}"#)), None);
        assert_eq!(token_asked(Some(r#"{"kind":"TokenRequest"}"#), None), None);
        let free =
            Asked { bound: BoundTo::Nothing, seconds: None, until: None, audiences: Vec::new() };
        assert_eq!(token_asked(Some(r#"{"spec":{}}"#), None), Some(free));
    }

    #[test]
    fn for_whom_it_is_says_what_was_asked() {
        let audiences = |asked: &str| {
            let asked = ASKED.replace(r#""audiences":null"#, &format!(r#""audiences":{asked}"#));
            token_asked(Some(&asked), Some(GIVEN)).unwrap().audiences
        };
        // The answer's are the API server's own then.
        assert_eq!((audiences("null"), audiences("[]")), (vec![], vec![]));
        assert_eq!(audiences(r#"["vault","api","vault"]"#), ["api", "vault"].map(Name::from));
    }
}
