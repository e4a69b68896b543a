//! Writes that are refused, throttled, failed or lost on the way.

use super::faults::{Act, Faulty};
use super::{Desk, cluster, world};

#[test]
fn whatever_happens_to_a_write_it_is_made_once_or_not_at_all() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    // What happens to the third write and to those after it; how often it is sent; whether the run
    // comes to its end by itself.
    let cases: [(&[Act], usize, bool); 9] = [
        (&[Act::Answer(429, Some(1))], 2, true),
        (&[Act::Answer(500, None), Act::Answer(503, Some(1))], 3, true),
        (&[Act::ResetBefore], 2, true),
        (&[Act::ResetBefore, Act::ResetAfter], 2, true),
        // It was made: it is not sent again.
        (&[Act::ResetAfter], 1, true),
        (&[Act::Answer(403, None)], 1, false),
        (&[Act::Answer(409, None)], 1, false),
        (&[Act::Answer(422, None)], 1, false),
        (&[Act::Answer(500, None); 5], 5, false),
    ];
    for (at, (trouble, sent, ends)) in cases.into_iter().enumerate() {
        let world = world(&cluster, &format!("trouble-{at}"));
        let mut desk = Desk::new(cluster.kubeconfig());
        desk.by(&faulty.kubeconfig());
        let before = world.state(&cluster);
        let all = world.all();
        let plan = desk.plan(&[&all[0], &all[1]]);
        faulty.next(&[&[Act::Pass, Act::Pass], trouble].concat());
        let ran = desk.keybook(&["apply", &plan, "--yes", "faulty"]);
        let third = faulty.writes()[2].clone();
        let times = faulty.writes().iter().filter(|write| **write == third).count();
        assert_eq!(times, sent, "{trouble:?}: {:?}\n{}", faulty.writes(), ran.err);
        faulty.next(&[]);
        if ends {
            ran.ends_with(0);
        } else {
            ran.ends_with(5).says("stopped at step 3");
            let made = world.state(&cluster);
            let revoked = world.revoked(&before);
            let is_made = |at: usize| made[at] == revoked[at];
            assert_eq!((0..4).filter(|at| is_made(*at)).count(), 2, "{trouble:?}");
            desk.keybook(&["apply", "--finish", "1", "--yes", "faulty"]).ends_with(0);
        }
        assert_eq!(world.state(&cluster), world.revoked(&before), "{trouble:?}");
        desk.keybook(&["undo", "1", "--yes", "faulty"]).ends_with(0);
        world.await_token(&cluster);
        assert_eq!(world.state(&cluster), before, "{trouble:?}");
    }
}
