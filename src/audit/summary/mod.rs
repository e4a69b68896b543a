//! The activity summary: what a query elsewhere makes of a log, a row for all equal requests of a
//! day. Its columns are what an event says, as the event says it, so that everything that is read
//! out of them is read here, by the same code as a line of a log.

mod row;

pub use row::{Kind, Row};

/// The column that tells a summary from everything else; its value is the version.
pub const MARK: &str = "keybook_summary";
/// The version that is read and asked for.
pub const VERSION: &str = "1";

#[cfg(test)]
/// All columns, in the order in which queries print them.
pub const COLUMNS: [&str; 35] = [
    MARK,
    "kind",
    "lacks",
    "day",
    "requests",
    "lines",
    "first_seen",
    "last_seen",
    "level",
    "stage",
    "code",
    "message",
    "decision",
    "reason",
    "legacy_token",
    "legacy_secret",
    "verb",
    "api_group",
    "resource",
    "subresource",
    "namespace",
    "name",
    "path",
    "user_name",
    "user_groups",
    "credential_id",
    "pod_name",
    "pod_uid",
    "impersonated_user",
    "impersonated_groups",
    "impersonated_uid",
    "impersonated_extra",
    "impersonation_constraint",
    "user_agent",
    "source_ip",
];
