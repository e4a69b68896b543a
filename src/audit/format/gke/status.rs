//! What came of a request: gRPC's codes for HTTP's.

use crate::audit::format::entry::{Writer, loose, loose_object, loose_text};
use crate::audit::format::object::Object;

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// HTTP's code; 0 where the entry does not say it.
    pub code: u16,
    message: Option<String>,
}

impl Status {
    /// `responseStatus`.
    pub fn json(&self) -> String {
        let mut status = Writer::object();
        if self.code > 0 {
            status.json("code", Some(&self.code.to_string()));
        }
        status.text("message", self.message.as_deref());
        status.finish()
    }
}

/// The answer of an entry. A status that is there without a code is a success, as a code of 0 is
/// left out; where there is none at all, what was granted is taken to be no more than granted.
pub fn of(payload: &Object<'_>, granted: Option<bool>) -> Status {
    let Some(status) = loose_object(payload, "status") else {
        return Status { code: if granted == Some(true) { 200 } else { 0 }, message: None };
    };
    let status = status.object();
    let number = |json: &str| json.trim_matches('"').parse::<u16>().ok();
    let code = loose(&status, "code").and_then(number).unwrap_or(0);
    let message = loose_text(&status, "message").map(Into::into);
    Status { code: of_body(payload, code).unwrap_or_else(|| http(code)), message }
}

/// An error's body has the very code.
fn of_body(payload: &Object<'_>, code: u16) -> Option<u16> {
    let body = loose_object(payload, "response").filter(|_| code != 0)?;
    let body = body.object();
    body.text("kind").filter(|kind| kind == "Status")?;
    body.get("code")?.parse().ok().filter(|code| (400..600).contains(code))
}

/// `google.rpc.Code` as HTTP has it.
fn http(code: u16) -> u16 {
    match code {
        0 => 200,
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        // HTTP's own, from other writers.
        100..600 => code,
        // 2 is what has no twin, as the 101 of a connection that was upgraded: of it no more is
        // known than that there was an answer.
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(payload: &str) -> u16 {
        of(&Object::read(payload).unwrap().0, None).code
    }

    #[test]
    fn codes_are_those_of_http() {
        for (grpc, http) in [(0, 200), (5, 404), (6, 409), (7, 403), (10, 409), (16, 401), (2, 500)]
        {
            assert_eq!(code(&format!(r#"{{"status":{{"code":{grpc}}}}}"#)), http, "{grpc}");
        }
        assert_eq!(code(r#"{"status":{}}"#), 200);
        assert_eq!(code(r#"{"status":{"code":"7"}}"#), 403);
        assert_eq!(code("{}"), 0);
        let body = r#"{"status":{"code":3},"response":{"kind":"Status","code":422}}"#;
        assert_eq!(code(body), 422);
        let granted = of(&Object::default(), Some(true));
        assert_eq!(granted.json(), r#"{"code":200}"#);
    }
}
