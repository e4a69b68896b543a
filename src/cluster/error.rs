//! Why the API server did not give what was asked for.

use std::time::Duration;

/// Why the API server did not give what was asked for. Every one says what was tried, and on what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No kubeconfig, or one that does not say where and as whom; nothing was sent.
    #[error("{tried}: {cause}")]
    Config {
        /// What was tried, on what.
        tried: String,
        /// What is wrong, and what to do next.
        cause: String,
    },
    /// No connection, a timeout, TLS trouble, or an answer that is not an API server's.
    #[error("{tried}: {cause}")]
    Unreachable {
        /// What was tried, on what.
        tried: String,
        /// What happened, and what to do next where that is known.
        cause: String,
    },
    /// 401, or no credentials could be had (exec plugin failed).
    #[error("{tried}: not authenticated: {cause}")]
    Unauthenticated {
        /// What was tried, on what.
        tried: String,
        /// What happened.
        cause: String,
    },
    /// 403.
    #[error("{tried}: forbidden: {cause}")]
    Forbidden {
        /// What was tried, on what.
        tried: String,
        /// The API server's words.
        cause: String,
    },
    /// 404: the resource is not served, or the object is not there.
    #[error("{tried}: not found")]
    NotFound {
        /// What was tried, on what.
        tried: String,
    },
    /// 409: a precondition does not hold, or the name is taken.
    #[error("{tried}: conflict: {cause}")]
    Conflict {
        /// What was tried, on what.
        tried: String,
        /// The API server's words.
        cause: String,
    },
    /// 410: a continue token or `resourceVersion` is older than what the server remembers.
    #[error("{tried}: too old: {cause}")]
    Gone {
        /// What was tried, on what.
        tried: String,
        /// The API server's words.
        cause: String,
    },
    /// 400 or 422: the server will not store such an object.
    #[error("{tried}: invalid: {cause}")]
    Invalid {
        /// What was tried, on what.
        tried: String,
        /// The API server's words.
        cause: String,
    },
    /// 429 or 5xx: the same may succeed later.
    #[error("{tried}: {cause}")]
    Busy {
        /// What was tried, on what.
        tried: String,
        /// Status and words.
        cause: String,
        /// The HTTP status.
        status: u16,
        /// When the server would have it tried again.
        retry_after: Option<Duration>,
    },
    /// The answer is longer than any is read. A list may be asked for in shorter pages.
    #[error("{tried}: {cause}")]
    TooLong {
        /// What was tried, on what.
        tried: String,
        /// How long is too long.
        cause: String,
    },
    /// Any other status, or an answer that could not be read.
    #[error("{tried}: {cause}")]
    Failed {
        /// What was tried, on what.
        tried: String,
        /// Status and words.
        cause: String,
        /// The HTTP status, where there was one.
        status: Option<u16>,
    },
}

impl Error {
    /// Whether the same request may succeed if it is sent again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable { .. })
    }

    /// When the server would have the request tried again, where it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
