//! A large world from objects in memory to a whole Book.

use std::sync::Arc;
use std::time::Instant;

use keybook::audit::{self, Input, Options};
use keybook::book::{Book, Inputs, LogState};
use keybook::model::Policy;

use super::measure::{part, run};
use super::{Section, world};

/// Building the Book of both large worlds, and what the demo shows first.
pub fn section() -> Section {
    let mut section = Section::new("objects in memory to a whole Book");
    lines_of("build", &mut section);
    lines_of("demo", &mut section);
    section
}

fn lines_of(name: &str, section: &mut Section) {
    let measured = run(part(&[name.as_ref()]));
    for line in String::from_utf8_lossy(&measured.stdout).lines() {
        let (seconds, what) = line.split_once(' ').expect("seconds and what");
        section.add(what, seconds.parse().expect("seconds"), String::new(), None);
    }
}

/// Prints how long the parts of the demo's start take.
pub fn demo() {
    let timed = |what: &str, did: &dyn Fn() -> usize| {
        let began = Instant::now();
        let count = did();
        println!("{} {what}: {count}", began.elapsed().as_secs_f64());
    };
    timed("demo, objects", &|| keybook::demo::objects(world::now()).len());
    timed("demo, bytes of log written", &|| {
        let bytes =
            std::io::copy(&mut keybook::demo::log_lines(world::now()), &mut std::io::sink());
        usize::try_from(bytes.expect("it can be read")).expect("not that many")
    });
    let log = keybook::demo::log(world::now());
    timed("demo, requests read from it", &|| {
        let name = keybook::demo::LOG_NAME.into();
        let input = Input { name, bytes: Box::new(std::io::Cursor::new(log.clone())) };
        let options = Options::new(world::now());
        let activity = audit::read_inputs(vec![input], &options, &()).expect("it can be read");
        usize::try_from(activity.coverage().events).expect("not that many")
    });
}

/// Prints how long each took.
pub fn build() {
    for (name, size) in [("large", world::LARGE), ("crowd", world::CROWD)] {
        let snapshot = world::snapshot(&size);
        let objects = world::objects(&size).len();
        let inputs = Inputs {
            snapshot: Arc::new(snapshot),
            activity: None,
            log: LogState::None,
            policy: Arc::new(Policy::default()),
            now: world::now(),
        };
        let began = Instant::now();
        let book = Book::build(inputs);
        let seconds = began.elapsed().as_secs_f64();
        println!("{seconds} {name}: {objects} objects, {} identities", book.counts().identities);
    }
}
