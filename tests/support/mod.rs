//! What the integration tests share. Each takes what it needs, so that no test uses all of it.
#![allow(dead_code)]

pub mod canary;
pub mod cluster;
pub mod forms;
pub mod invented;
pub mod process;
pub mod reviews;
pub mod schemas;
pub mod shared;
pub mod stage;
pub mod world;
