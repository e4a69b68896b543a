//! Exit codes, and errors that end a command.

use std::fmt;

use crate::{audit, cluster, config};

/// What a command ends with. Where several hold, the first of 5, 3, 4, 1 counts; usage errors end
/// a command before it has anything else to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// 0: done, or yes.
    #[default]
    Done,
    /// 1: no, on whole lists; findings at `--fail-on`; a check that differs.
    No,
    /// 4: incomplete by a list that the answer reads, or the log covers too little.
    Incomplete,
    /// 3: a source cannot be reached, or does not accept the credentials.
    Unreachable,
    /// 5: a change failed or was refused.
    ChangeFailed,
    /// 130: the person interrupted it.
    Interrupted,
    /// 2: usage, an ambiguous resource, input that is not there.
    Usage,
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Incomplete => 4,
            Self::ChangeFailed => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to end with.
    pub code: Code,
    /// What was tried, on what, and what happened.
    pub message: String,
}

impl Failure {
    /// A mistake in how keybook was called.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: Code::Usage, message: message.into() }
    }

    /// A change that was refused or failed.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: Code::ChangeFailed, message: message.into() }
    }

    /// A source that cannot be had.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { code: Code::Unreachable, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<cluster::Error> for Failure {
    fn from(error: cluster::Error) -> Self {
        Self::unreachable(error.to_string())
    }
}

impl From<cluster::files::Error> for Failure {
    fn from(error: cluster::files::Error) -> Self {
        let code = match &error {
            cluster::files::Error::Io { .. } => Code::Unreachable,
            _ => Code::Usage,
        };
        Self { code, message: error.to_string() }
    }
}

impl From<audit::Error> for Failure {
    fn from(error: audit::Error) -> Self {
        let code = match &error {
            audit::Error::Source(audit::SourceError::Io { cause, .. })
                if cause.kind() != std::io::ErrorKind::NotFound =>
            {
                Code::Unreachable
            }
            audit::Error::Source(audit::SourceError::Engine(error)) => match error {
                audit::vlogs::EngineError::Address { .. }
                | audit::vlogs::EngineError::NotKept { .. } => Code::Usage,
                _ => Code::Unreachable,
            },
            audit::Error::Source(audit::SourceError::ApiServer { .. }) => Code::Unreachable,
            _ => Code::Usage,
        };
        Self { code, message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_5_3_4_1_counts() {
        use Code::{ChangeFailed, Done, Incomplete, No, Unreachable};
        for pair in [ChangeFailed, Unreachable, Incomplete, No, Done].windows(2) {
            assert!(pair[0] > pair[1]);
        }
        let numbers: Vec<u8> =
            [ChangeFailed, Unreachable, Incomplete, No, Done].map(Code::number).into();
        assert_eq!(numbers, [5, 3, 4, 1, 0]);
    }
}
