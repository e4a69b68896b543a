//! What may not be read, and what becomes of it once it may.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use nix::unistd::{Uid, setfsuid};

use super::*;

/// Does something with the rights of nobody in particular: the rights of this thread alone change.
fn as_somebody<T>(work: impl FnOnce() -> T) -> T {
    let own = setfsuid(Uid::from_raw(65_534));
    let done = work();
    setfsuid(own);
    done
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder of which one folder and one file may not be read.
fn tree() -> World {
    let world = World::new();
    set_mode(world.folder.path(), 0o777);
    for folder in ["logs", "logs/closed", "logs/open"] {
        fs::create_dir(world.path(folder)).unwrap();
    }
    for (name, lines) in [("logs/a.log", 0..10), ("logs/closed/b.log", 10..20)] {
        set_mode(&world.put(name, &log(lines)), 0o644);
    }
    set_mode(&world.put("logs/open/c.log", &log(20..30)), 0);
    set_mode(&world.path("logs/closed"), 0);
    world
}

fn unreadable(activity: &Activity) -> u64 {
    activity.coverage().unreadable.values().map(|unread| unread.count).sum()
}

#[test]
fn the_rest_of_a_tree_is_read_however_it_is_named() {
    let world = tree();
    for named in ["logs", "logs/**/*.log"] {
        let specs = [SourceSpec::Path(world.path(named))];
        let read = as_somebody(|| audit::read(&specs, &world.options, &())).unwrap();
        assert_eq!((requests(&read), unreadable(&read)), (10, 2), "{named}");
        let reasons: Vec<&str> = read.coverage().unreadable.keys().map(|name| &**name).collect();
        assert_eq!(reasons, ["no permission to read it"], "{named}");
    }
}

#[test]
fn what_may_be_read_by_now_is_no_longer_missing() {
    let world = tree();
    let read = |named: &str| {
        let mut store = world.store();
        as_somebody(|| take(&mut store, &[&world.path(named)], &world.options)).unwrap();
        let activity = store.activity(&world.options).unwrap().unwrap();
        (requests(&activity), unreadable(&activity))
    };
    assert_eq!(read("logs"), (10, 2));
    set_mode(&world.path("logs/open/c.log"), 0o644);
    assert_eq!(read("logs"), (20, 1));
    set_mode(&world.path("logs/closed"), 0o755);
    // What was not looked at this time is missing still.
    assert_eq!(read("logs/a.log"), (20, 1));
    assert_eq!(read("logs"), (30, 0));
}
