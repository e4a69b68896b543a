//! A run has its journal to itself, and without a journal there is none.

use super::faults::{Act, Faulty};
use super::{Desk, cluster, world};

#[test]
fn two_keybooks_do_not_apply_at_once() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    let world = world(&cluster, "alone");
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let before = world.state(&cluster);
    let all = world.all();
    let plan = desk.plan(&[&all[0], &all[1]]);
    faulty.next(&[Act::Pass, Act::Gate]);
    let mut first = desk.start(&["apply", &plan, "--yes", "faulty"]);
    faulty.await_held();
    for words in [&["apply", &plan, "--yes", "faulty"][..], &["undo", "1", "--yes", "faulty"]] {
        desk.keybook(words).ends_with(5).says("another keybook is applying changes");
    }
    // Looking is possible meanwhile.
    desk.keybook(&["journal"]).ends_with(0);
    faulty.release();
    assert_eq!(first.wait().expect("it ends").code(), Some(0));
    assert_eq!(world.state(&cluster), world.revoked(&before));
    // From another machine, with a journal of its own, the objects are not what the plan expects.
    let mut other = Desk::new(cluster.kubeconfig());
    other.by(&faulty.kubeconfig());
    let refused = other.keybook(&["apply", &plan, "--yes", "faulty"]).ends_with(5);
    refused.says("nothing was written").says("RoleBinding alone/both: that is how it is already");
}

#[test]
fn without_a_journal_nothing_is_written() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "unwritten");
    let desk = Desk::new(cluster.kubeconfig());
    let before = world.state(&cluster);
    let plan = desk.plan(&[&world.all()[0]]);
    let place = desk.folder.path().join("data");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::write(&place, "no folder").expect("write");
    let words = ["apply", &plan, "--yes", "tests"];
    desk.keybook(&words).ends_with(5).says("nothing is changed without it");
    desk.keybook(&[&words[..], &["--no-store"]].concat()).ends_with(2).says("--no-store");
    assert_eq!(world.state(&cluster), before);
}
