//! The terminal.
//!
//! `update(&mut State, Msg) -> Vec<Effect>` is the whole of what the program does, and pure;
//! `screens::draw(&State, …)` the whole of what it shows, and reads only. The runtime around them
//! turns keys, Books and finished work into messages, and effects into what happens outside. It
//! never waits for a network or a disk.
//!
//! * `action`, `actions`, `keymap`, `key`: the registry, the one source of keys, hints, help,
//!   completion and docs/keys.md
//! * `state`, `layers`, `marks`, `places`, `tabs`: what there is
//! * `update`, `effect`, `job`, `wizard`: what happens to it
//! * `layout`, `geometry`, `screens`, `widgets`, `words`, `text`, `time`, `theme`: what it looks
//!   like
//! * `runtime`, `terminal`, `worker`, `clipboard`, `wake`: the outside

pub mod action;
pub mod actions;
pub mod asked;
mod clipboard;
mod complete;
mod credential;
mod describe;
pub mod effect;
mod event;
pub mod geometry;
pub mod job;
pub mod key;
mod keyboard;
pub mod keymap;
pub mod layers;
mod layout;
mod marks;
pub mod matrix;
pub mod mend;
mod open;
mod options;
pub mod places;
mod planned;
mod runtime;
pub mod screens;
mod signals;
pub mod state;
pub mod tabs;
mod terminal;
mod terms;
mod text;
pub mod theme;
mod time;
pub mod update;
pub mod wake;
pub mod whole;
pub mod widgets;
pub mod wizard;
mod words;
mod worker;
mod yaml;

pub use open::{Error, run};
pub use options::{FeedSource, TuiOptions};
pub use runtime::Ended;
