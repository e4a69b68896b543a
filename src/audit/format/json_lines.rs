//! The API server's own log backend: one event a line.

use super::object::Object;
use super::scan::{self, Broken};

/// The values of an event that are read, each as its JSON text, as found. Bodies of requests and
/// answers are passed over unread, but for those of a `TokenRequest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    pub kind: Option<&'a str>,
    pub level: Option<&'a str>,
    /// The level, where OpenShift's forwarder put another's in its place.
    pub audit_level: Option<&'a str>,
    pub audit_id: Option<&'a str>,
    pub stage: Option<&'a str>,
    pub request_uri: Option<&'a str>,
    pub verb: Option<&'a str>,
    pub user: Option<&'a str>,
    pub impersonated_user: Option<&'a str>,
    pub authentication_metadata: Option<&'a str>,
    pub source_ips: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub object_ref: Option<&'a str>,
    pub response_status: Option<&'a str>,
    pub received: Option<&'a str>,
    pub staged: Option<&'a str>,
    pub timestamp: Option<&'a str>,
    pub metadata: Option<&'a str>,
    pub annotations: Option<&'a str>,
    pub request_object: Option<&'a str>,
    pub response_object: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Where a value of this key is kept; None for keys that are not read.
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<&'a str>> {
        Some(match key {
            b"kind" => &mut self.kind,
            b"level" => &mut self.level,
            b"k8s_audit_level" | b"openshift_audit_level" => &mut self.audit_level,
            b"auditID" => &mut self.audit_id,
            b"stage" => &mut self.stage,
            b"requestURI" => &mut self.request_uri,
            b"verb" => &mut self.verb,
            b"user" => &mut self.user,
            b"impersonatedUser" => &mut self.impersonated_user,
            b"authenticationMetadata" => &mut self.authentication_metadata,
            b"sourceIPs" => &mut self.source_ips,
            b"userAgent" => &mut self.user_agent,
            b"objectRef" => &mut self.object_ref,
            b"responseStatus" => &mut self.response_status,
            b"requestReceivedTimestamp" => &mut self.received,
            b"stageTimestamp" => &mut self.staged,
            b"timestamp" => &mut self.timestamp,
            b"metadata" => &mut self.metadata,
            b"annotations" => &mut self.annotations,
            b"requestObject" => &mut self.request_object,
            b"responseObject" => &mut self.response_object,
            _ => return None,
        })
    }
}

/// Knows how long some values are without looking for their ends.
pub trait Known {
    /// The length of the value of `key` at the beginning of `rest`, if it is known.
    fn length(&mut self, key: &[u8], rest: &str) -> Option<usize>;
}

/// Nothing is known.
impl Known for () {
    fn length(&mut self, _: &[u8], _: &str) -> Option<usize> {
        None
    }
}

/// Takes one line apart. Of a key that comes twice the last value counts, as for the server's own
/// readers.
pub fn fields<'a>(line: &'a str, known: &mut impl Known) -> Result<Fields<'a>, Broken> {
    let json = line.as_bytes();
    let mut fields = Fields::default();
    let mut at = scan::skip_space(json, 0);
    expect(json, at, b'{')?;
    at = scan::skip_space(json, at + 1);
    if json.get(at) == Some(&b'}') {
        return end(json, at + 1).map(|()| fields);
    }
    loop {
        expect(json, at, b'"')?;
        let key_end = scan::string_end(json, at + 1)?;
        let key = &json[at + 1..key_end];
        at = scan::skip_space(json, key_end + 1);
        expect(json, at, b':')?;
        let from = scan::skip_space(json, at + 1);
        let to = match line.get(from..).and_then(|rest| known.length(key, rest)) {
            Some(length) => from + length,
            None => scan::value_end(json, from)?,
        };
        if let Some(slot) = fields.slot(key) {
            *slot = Some(&line[from..to]);
        }
        at = scan::skip_space(json, to);
        match json.get(at).ok_or(Broken::CutOff)? {
            b',' => at = scan::skip_space(json, at + 1),
            b'}' => return end(json, at + 1).map(|()| fields),
            _ => return Err(Broken::Malformed),
        }
    }
}

/// Members in the order in which the server writes them.
const ORDER: [&str; 21] = [
    "kind",
    "apiVersion",
    "metadata",
    "level",
    "timestamp",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "authenticationMetadata",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
    "requestObject",
    "responseObject",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "annotations",
];

/// The place of `responseStatus` in [`ORDER`].
const STATUS: usize = 15;

/// Takes apart a line that ends early. None unless it ends behind everything that says who did
/// what, in the server's order: before that, what is not there cannot be told from what is missing.
pub fn head(line: &str) -> Option<Fields<'_>> {
    let (object, _) = Object::read(line).ok()?;
    let mut fields = Fields::default();
    let mut places = Vec::new();
    for (key, value) in object.members() {
        places.push(ORDER.iter().position(|known| *known == key)?);
        if let Some(slot) = fields.slot(key.as_bytes()) {
            *slot = Some(value);
        }
    }
    let torn = object.torn.and_then(|(key, _)| ORDER.iter().position(|known| *known == key));
    places.extend(torn);
    let ordered = places.is_sorted() && places.last().is_some_and(|last| *last >= STATUS);
    let known = fields.user.is_some() && fields.verb.is_some() && fields.request_uri.is_some();
    (ordered && known).then_some(fields)
}

fn expect(json: &[u8], at: usize, byte: u8) -> Result<(), Broken> {
    match json.get(at) {
        Some(found) if *found == byte => Ok(()),
        Some(_) => Err(Broken::Malformed),
        None => Err(Broken::CutOff),
    }
}

fn end(json: &[u8], at: usize) -> Result<(), Broken> {
    if scan::skip_space(json, at) == json.len() { Ok(()) } else { Err(Broken::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_come_as_they_stand() {
        let line = r#" { "kind" : "Event" , "other":[{"level":"no"}],"level":"Metadata",
            "user":{"username":"a\"}"} ,"verb":"get","verb":"list"} "#;
        let fields = fields(line, &mut ()).unwrap();
        assert_eq!(fields.kind, Some(r#""Event""#));
        assert_eq!(fields.level, Some(r#""Metadata""#));
        assert_eq!(fields.user, Some(r#"{"username":"a\"}"}"#));
        assert_eq!(fields.verb, Some(r#""list""#));
        assert_eq!(fields.annotations, None);
        assert_eq!(super::fields("{}", &mut ()), Ok(Fields::default()));
    }

    #[test]
    fn what_is_cut_off_is_told_from_what_is_no_json() {
        let whole = r#"{"kind":"Event","user":{"username":"ana"},"annotations":null}"#;
        assert!(fields(whole, &mut ()).is_ok());
        for end in 0..whole.len() {
            assert_eq!(fields(&whole[..end], &mut ()), Err(Broken::CutOff), "{}", &whole[..end]);
        }
        for line in [
            "I0504 09:10:11 log.go:1] x",
            "[]",
            "{}{}",
            "{]",
            "{\"a\" 1}",
            "{\"a\":1;}",
            "{a:1}",
            "{,}",
        ] {
            assert_eq!(fields(line, &mut ()), Err(Broken::Malformed), "{line}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn taken_apart_as_serde_json_does(user in value(), uri in value(), other in value(), pretty: bool) {
            let event = serde_json::json!({
                "user": user, "requestURI": uri, "requestObject": other, "annotations": other,
            });
            let line = if pretty { format!("{event:#}") } else { event.to_string() };
            let fields = fields(&line, &mut ()).unwrap();
            let read = |json: Option<&str>| serde_json::from_str::<Value>(json.unwrap()).unwrap();
            prop_assert_eq!(read(fields.user), user);
            prop_assert_eq!(read(fields.request_uri), uri);
            prop_assert_eq!(read(fields.annotations), other);
        }

        #[test]
        fn no_bytes_make_it_panic(line in ".{0,60}", at in 0usize..40) {
            let _ = fields(&line, &mut ());
            let mut event = r#"{"kind":"Event","level":"x","user":{"a":["b"]}}"#.to_owned();
            event.insert_str(at, &line);
            let _ = fields(&event, &mut ());
        }
    }
}
