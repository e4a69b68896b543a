//! The real binary in a real pseudo terminal: it opens, resizes, stops and goes on, and gives the
//! terminal back whatever ends it. Everything is waited for; nothing sleeps.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

mod fault;
mod manners;
mod pty;
