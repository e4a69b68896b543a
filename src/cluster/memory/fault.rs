//! What can go wrong between keybook and an API server.

use std::time::Duration;

use crate::cluster::{Error, Extent, Source};
use crate::model::{ListKind, Name};

/// Which calls a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `info`.
    Info,
    /// `discovery`.
    Discovery,
    /// `list`.
    List,
    /// `watch`, as it is opened.
    Watch,
    /// `get`.
    Get,
    /// `review`.
    Review,
    /// Any write.
    Write,
}

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 401.
    Unauthenticated,
    /// 403, in these words.
    Forbidden(String),
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 429, or a 5xx.
    Busy {
        /// The status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The connection is reset.
    Reset,
    /// The answer is no JSON.
    Nonsense,
    /// The answer takes this long; if that is too long, it is a timeout.
    Slow(Duration),
}

impl Trouble {
    pub(super) fn error(self, tried: &str) -> Error {
        let tried = tried.to_owned();
        match self {
            Self::Unauthenticated => {
                Error::Unauthenticated { tried, cause: "Unauthorized (401)".to_owned() }
            }
            Self::Forbidden(cause) => Error::Forbidden { tried, cause },
            Self::NotFound => Error::NotFound { tried },
            Self::Gone => Error::Gone { tried, cause: "Expired".to_owned() },
            Self::Busy { status, retry_after } => {
                let cause = format!("the API server is busy ({status})");
                Error::Busy { tried, cause, status, retry_after }
            }
            Self::Reset => {
                Error::Unreachable { tried, cause: "the connection was reset".to_owned() }
            }
            Self::Nonsense => Error::Failed {
                tried,
                cause: "the answer is not JSON; is this an API server?".to_owned(),
                status: Some(200),
            },
            Self::Slow(pause) => timed_out(&tried, pause),
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The calls that it strikes.
    pub call: Call,
    /// Only calls for this list.
    pub list: Option<ListKind>,
    /// Only calls for this resource.
    pub resource: Option<&'static str>,
    /// Only calls for this namespace (`Some(None)`: only calls for all namespaces).
    pub namespace: Option<Option<Name>>,
    /// How it strikes.
    pub trouble: Trouble,
    /// How many calls pass before it strikes.
    pub after: u32,
    /// How often; None for ever.
    pub times: Option<u32>,
}

impl Fault {
    /// Every such call, for ever.
    pub fn always(call: Call, trouble: Trouble) -> Self {
        Self { call, list: None, resource: None, namespace: None, trouble, after: 0, times: None }
    }

    /// Only on this list.
    #[must_use]
    pub fn on(self, list: ListKind) -> Self {
        Self { list: Some(list), ..self }
    }

    /// Only on this resource, where a list has several.
    #[must_use]
    pub fn on_resource(self, resource: &'static str) -> Self {
        Self { resource: Some(resource), ..self }
    }

    /// Only in this namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(Some(namespace.into())), ..self }
    }

    /// Only where all namespaces are asked for at once.
    #[must_use]
    pub fn everywhere(self) -> Self {
        Self { namespace: Some(None), ..self }
    }

    /// Only so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only after so many calls.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    fn strikes(&self, call: Call, source: Option<&Source>, extent: Option<&Extent>) -> bool {
        self.call == call
            && self.list.is_none_or(|list| source.is_some_and(|source| source.list == list))
            && self
                .resource
                .is_none_or(|resource| source.is_some_and(|source| source.resource == resource))
            && self
                .namespace
                .as_ref()
                .is_none_or(|want| extent.is_some_and(|extent| extent.namespace() == want.as_ref()))
    }
}

/// The trouble of the first fault that strikes a call, which uses it up by one.
pub(super) fn next(
    faults: &mut Vec<Fault>,
    call: Call,
    source: Option<&Source>,
    extent: Option<&Extent>,
) -> Option<Trouble> {
    for at in 0..faults.len() {
        let fault = &mut faults[at];
        if !fault.strikes(call, source, extent) {
            continue;
        }
        if fault.after > 0 {
            fault.after -= 1;
            continue;
        }
        let trouble = fault.trouble.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                faults.remove(at);
            }
        }
        return Some(trouble);
    }
    None
}

pub(super) fn refused(tried: &str) -> Error {
    Error::Unreachable { tried: tried.to_owned(), cause: "connection refused".to_owned() }
}

pub(super) fn timed_out(tried: &str, limit: Duration) -> Error {
    Error::Unreachable { tried: tried.to_owned(), cause: format!("no answer within {limit:?}") }
}
