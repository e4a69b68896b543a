//! What is kept of audit logs between one call and the next: a database a cluster, or a set of logs.
//!
//! A store takes logs in and answers with their activity as if all of them had been read at once.
//! It holds no line of a log: requests by a fingerprint and the time, so that a request counts once
//! however often its lines come; sums of them a day; and how far each source has been read.
//!
//! One transaction takes in what was read: the requests, the sums, and how far the sources are
//! read. Whatever ends the program, the store is what it was before or after it. One process writes
//! at a time, readers never wait.

mod asked;
mod cursor;
mod database;
mod days;
mod error;
mod home;
mod ingest;
mod journal;
mod prune;
mod read;
mod reading;
mod sources;
mod summed;
#[cfg(test)]
mod tests;

pub use database::{FORMAT, Store};
pub use error::Error;
pub use home::{Cluster, Home, Kept, Sizes};
pub use ingest::Ingested;
pub use journal::{Addition, Journal, JournalEntry, JournalError};
pub use prune::{INDEX_DAYS, Pruned};
