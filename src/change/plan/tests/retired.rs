//! Whoever plans to have their own account retired is told.

use serde_json::json;

use super::narrow::strict;
use super::split::{ops, row, split, splitting};
use super::user;
use crate::book::tests::world::{World as Logged, call};
use crate::change::plan::{Operator, Presents, Splitting};

#[test]
fn whoever_comes_in_as_the_whomthat_they_have_retired_is_warned() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "bot", "namespace": "a", "uid": "bot"}});
    let warned = |whom: &str, as_user: &str, behind: Option<&str>, days: Option<u32>| {
        let mut world = ops(&[("wide", user("ops"))], &[(0, "list pods@a")]).with(account.clone());
        let mut parts = Logged::new().log(0, 90).activity.expect("a log");
        row(whom, 0, call("list pods@a"), 9).put(&mut parts);
        world.log = Some(parts);
        let presents = Presents { behind: behind.map(Into::into), ..Presents::default() };
        world.operator = Some(Operator { user: as_user.into(), groups: Vec::new(), presents });
        let how =
            Splitting { actors: vec![], to: [].into(), retire_after: days, ..splitting(strict()) };
        let plan = split(&world, whom, how).expect("a plan");
        let mut own = plan.warnings.into_iter().filter(|line| line.contains("who makes this plan"));
        own.next()
    };
    let bot = "system:serviceaccount:a:bot";
    let days = Some(14);
    // Made on 2026-03-31.
    assert_eq!(
        warned("sa:a/bot", bot, None, days).as_deref(),
        Some(
            "system:serviceaccount:a:bot, who makes this plan, is the account that it retires: a token in \
             a Secret is refused from 2026-04-14 on, every one from 2026-04-28 on, and the stages are \
             refused to whoever comes by it. Have another way in by then"
        )
    );
    assert!(warned("sa:a/bot", "ann", Some(bot), days).is_some(), "under --as");
    assert!(warned("sa:a/bot", bot, Some("ann"), days).is_some(), "as whom they act goes");
    let user = warned("user:ops", "ops", None, days).expect("a warning");
    assert!(user.contains("it opens nothing from 2026-04-14 on but by its groups"), "{user}");
    assert_eq!(warned("sa:a/bot", "ann", None, days), None);
    assert_eq!(warned("sa:a/bot", bot, None, None), None, "it is not retired by that");
}
