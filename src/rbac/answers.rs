//! Which requests are answered with the object that they are about: who may send them reads it.

/// The verbs that read and do nothing else.
pub const READS: [&str; 3] = ["get", "list", "watch"];

/// The verbs that write and are answered with what is there: a patch, be it one of nothing
/// (`apiserver/pkg/endpoints/handlers/patch.go`); a delete that waits for something, as one with
/// `propagationPolicy=Foreground` does, be it a dry run, and one of a collection, which lists what is
/// gone (`apiserver/pkg/registry/generic/registry/store.go`, `Delete` and `DeleteCollection`). A PUT
/// is answered with what was sent.
pub const ANSWERED: [&str; 3] = ["patch", "delete", "deletecollection"];
