//! What came of a request, by the decision that the server noted, else by its answer.

use super::refusal;
use crate::model::Call;

/// What the authorizer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, whatever came of it afterwards.
    Allowed,
    /// No.
    Denied,
    /// The impersonation was refused; the request itself was never authorized, for nobody. With
    /// what was asked instead, where the message says it.
    ImpersonationRefused(Option<Call>),
    /// Not known.
    Undecided,
    /// Nobody authenticated: it belongs to no identity.
    Nobody,
}

/// What a line says about the outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome<'a> {
    /// `user.username`.
    pub user: &'a str,
    /// `authorization.k8s.io/decision`.
    pub decision: Option<&'a str>,
    /// `responseStatus.code`; 0 for none.
    pub code: u16,
    /// `responseStatus.message`.
    pub message: &'a str,
    /// Whether the line is of the stage `RequestReceived`, which comes before any decision.
    pub received_only: bool,
}

impl Outcome<'_> {
    /// The table of what a line's answer means.
    pub fn verdict(&self) -> Verdict {
        if self.user.is_empty() {
            return Verdict::Nobody;
        }
        match self.decision {
            Some("allow") => return Verdict::Allowed,
            Some("forbid") => return Verdict::Denied,
            _ => {}
        }
        match self.code {
            _ if self.received_only => Verdict::Undecided,
            401 => Verdict::Nobody,
            403 => self.refusal(),
            101 | 200..=399 if !self.is_synthetic() => Verdict::Allowed,
            _ => Verdict::Undecided,
        }
    }

    /// 200 "Connection closed early" is what the server notes when it wrote no answer at all
    /// (`pkg/endpoints/filters/audit.go`).
    pub fn is_synthetic(&self) -> bool {
        self.code == 200 && self.message == "Connection closed early"
    }

    fn refusal(&self) -> Verdict {
        match refusal::refused(self.message) {
            Some(call) if refusal::is_impersonation(&call) => {
                Verdict::ImpersonationRefused(Some(call))
            }
            Some(_) => Verdict::Denied,
            None if self.message.contains("cannot impersonate") => {
                Verdict::ImpersonationRefused(None)
            }
            None => Verdict::Undecided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(decision: Option<&str>, code: u16, message: &str) -> Verdict {
        Outcome { user: "ana", decision, code, message, received_only: false }.verdict()
    }

    #[test]
    fn a_noted_decision_is_the_answer_whatever_came_of_the_request() {
        for code in [101, 200, 201, 403, 404, 409, 422, 429, 500, 503, 0] {
            assert_eq!(verdict(Some("allow"), code, ""), Verdict::Allowed, "{code}");
        }
        assert_eq!(verdict(Some("forbid"), 403, ""), Verdict::Denied);
    }

    #[test]
    fn without_a_decision_the_answer_is_read_by_its_code() {
        for (code, expected) in [
            (101, Verdict::Allowed),
            (200, Verdict::Allowed),
            (201, Verdict::Allowed),
            (304, Verdict::Allowed),
            (401, Verdict::Nobody),
            (429, Verdict::Undecided),
            (500, Verdict::Undecided),
            (503, Verdict::Undecided),
            (0, Verdict::Undecided),
        ] {
            assert_eq!(verdict(None, code, ""), expected, "{code}");
        }
        assert_eq!(verdict(None, 200, "Connection closed early"), Verdict::Undecided);
    }

    #[test]
    fn four_kinds_of_403_are_told_apart() {
        let forbid = r#"pods is forbidden: User "ana" cannot list resource "pods" in API group "" at the cluster scope"#;
        assert_eq!(verdict(None, 403, forbid), Verdict::Denied);
        let impersonate = r#"users "bob" is forbidden: User "ana" cannot impersonate resource "users" in API group "" at the cluster scope"#;
        assert!(matches!(
            verdict(None, 403, impersonate),
            Verdict::ImpersonationRefused(Some(call)) if &*call.verb == "impersonate"
        ));
        let odd = "ana cannot impersonate bob";
        assert_eq!(verdict(None, 403, odd), Verdict::ImpersonationRefused(None));
        assert_eq!(
            verdict(None, 403, r#"pods "x" is forbidden: exceeded quota"#),
            Verdict::Undecided
        );
        assert_eq!(verdict(Some("allow"), 403, "exceeded quota"), Verdict::Allowed);
    }

    #[test]
    fn nobody_and_not_yet() {
        let empty = Outcome { code: 401, ..Outcome::default() };
        assert_eq!(empty.verdict(), Verdict::Nobody);
        assert_eq!(Outcome { code: 200, ..Outcome::default() }.verdict(), Verdict::Nobody);
        let received = Outcome { user: "ana", received_only: true, ..Outcome::default() };
        assert_eq!(received.verdict(), Verdict::Undecided);
        assert_eq!(verdict(Some("allow"), 401, ""), Verdict::Allowed, "a backend's own 401");
    }
}
