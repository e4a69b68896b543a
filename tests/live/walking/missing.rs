//! Accounts that bindings name and that are not there, made and taken over.

use super::case::Case;
use super::rights::{Right, account, bound};
use super::site::Site;

fn on(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, "", resource)
}

/// An account that may do everything is not there.
fn case(name: &'static str, step: &'static str) -> Case {
    let binding = format!("{name}-gone");
    let gone = account(name, "gone");
    Case::to_role(name, &[step])
        .object(bound(&binding, None, ("ClusterRole", "cluster-admin"), &gone))
        .stands_on(binding, usize::MAX)
}

#[test]
fn an_account_that_is_not_there_is_made_and_a_token_for_it() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let mint = || on("create", "serviceaccounts/token").named("gone");
    case("missing-token", "mint-token")
        .right(on("create", "serviceaccounts"), 0)
        .right(mint(), 1)
        .near("no making", 0, &[mint(), on("patch", "serviceaccounts")])
        .near("no token", 1, &[on("create", "serviceaccounts")])
        .near("making elsewhere", 0, &[on("create", "serviceaccounts").elsewhere(), mint()])
        .near(
            "a name, which a plain create does not carry",
            0,
            &[on("create", "serviceaccounts").named("gone"), mint()],
        )
        .run(site);
    let own = |verb| on(verb, "serviceaccounts").named("gone");
    case("missing-by-apply", "mint-token")
        .right(own("create"), 0)
        .right(own("patch"), 0)
        .right(mint(), 1)
        .near("by PUT, which makes none", 0, &[own("create"), own("update"), mint()])
        .run(site);
    case("missing-secret", "make-token-secret")
        .right(on("create", "serviceaccounts"), 0)
        .right(on("create", "secrets"), 1)
        .right(on("get", "secrets"), 2)
        .near("no making", 0, &[on("create", "secrets"), on("get", "secrets")])
        .run(site);
}

#[test]
fn an_account_that_is_not_there_is_made_and_a_pod_runs_as_it() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    case("missing-pod", "run-pod")
        .right(on("create", "serviceaccounts"), 0)
        .right(on("create", "pods"), 1)
        .near("no making", 0, &[on("create", "pods")])
        .near("no pod", 1, &[on("create", "serviceaccounts")])
        .run(site);
}
