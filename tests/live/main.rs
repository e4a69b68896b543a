//! keybook's answers against a real API server, and against its authorizer in a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

#[path = "../support/mod.rs"]
mod support;

mod activity;
mod answers;
mod bootstrap;
mod builtin_table;
mod changes;
mod commands;
mod contract;
mod flooding;
mod following;
mod fresh;
mod inventory;
mod meaning;
mod minted;
mod nonsense;
mod pod_security;
mod reaching;
mod refused;
mod relay;
mod reviews;
mod served_log;
mod sharing;
mod states;
mod walking;
mod workloads;

/// Whether to run at the sizes that take minutes.
fn full() -> bool {
    std::env::var_os("KEYBOOK_TEST_FULL").is_some_and(|value| value == "1")
}
