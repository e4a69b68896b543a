//! What is gone, what is only in no file, and what there is left to revoke.

use super::*;

/// Uses of an account of a by a pod's and a Secret's token, of which lists have nothing.
fn used(lists: Health) -> World {
    let mut world = World::new()
        .account("a", "x")
        .log(0, 10)
        .row(Row::new("sa:a/x", "get pods@a/p", 5).with("pod:a/p"))
        .row(Row::new("sa:a/x", "get pods@a/p", 5).with("legacy:a/x/t"))
        .row(Row::new("sa:b/y", "get pods@a/p", 5).with("JTI=1"));
    for list in [ListKind::ServiceAccounts, ListKind::Pods, ListKind::TokenSecrets] {
        let mut state = ListState::because(lists, "why");
        // Where only some namespaces were allowed to be listed.
        state.namespaces = vec!["kube-system".into()];
        world.snapshot.lists.insert(list, state);
    }
    world
}

fn told(world: &World) -> Vec<(String, Standing, String)> {
    let told = |one: Credential| (one.id.to_string(), one.standing, one.revoke.to_string());
    let mut all: Vec<_> = all(world).into_iter().map(told).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn what_no_file_has_of_a_namespace_is_not_gone() {
    let words = |lists| {
        let all = told(&used(lists));
        let revoke = &all[1..].iter().map(|one| one.2.clone()).collect::<Vec<_>>();
        assert_eq!(revoke, &["delete the pod", "delete its Secret"]);
        all.into_iter().map(|(id, standing, _)| (id, standing)).collect::<Vec<_>>()
    };
    let not_known = |id: &str, why| (id.to_owned(), Standing::NotKnown(why));
    assert_eq!(
        words(Health::Unverifiable),
        [
            not_known("JTI=1", "until when it is good, and what it ends with, is not seen"),
            not_known("pod a/p", "the files have no pod of its namespace"),
            not_known("secret a/t", "the files have no token Secret of its namespace"),
        ]
    );
    assert_eq!(
        words(Health::Partial)[1..],
        [
            not_known("pod a/p", "pods were not read whole"),
            not_known("secret a/t", "token Secrets were not read whole"),
        ]
    );
}

#[test]
fn what_files_have_of_a_namespace_says_what_is_gone_there() {
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "q"}});
    let world = used(Health::Unverifiable).object(&pod).object(&secret("a", "u", "x", &json!({})));
    let all = told(&world);
    let of = |id: &str| all.iter().find(|one| one.0 == id).unwrap();
    assert_eq!(of("pod a/p").1, Standing::Refused("its pod is gone".into()));
    assert_eq!(of("secret a/t").1, Standing::Refused("its Secret is gone".into()));
    assert_eq!(of("JTI=1").1.as_str(), "not known");
}

#[test]
fn of_what_has_ended_nothing_is_to_be_revoked() {
    let revoke = |world: &World, id: &str| {
        let all = told(world);
        all.into_iter().find(|one| one.0 == id).unwrap().2
    };
    let gone = used(Health::Complete);
    assert_eq!(revoke(&gone, "JTI=1"), "nothing: it has ended: its account does not exist");
    assert_eq!(revoke(&gone, "pod a/p"), "nothing: it has ended: its pod is gone");
    assert_eq!(revoke(&gone, "secret a/t"), "nothing: it has ended: its Secret is gone");
    let held_back = world(&json!({"labels":
        {"kubernetes.io/legacy-token-invalid-since": "2025-10-01"}}));
    assert_eq!(
        revoke(&held_back, "secret a/t"),
        "nothing now: it is refused; later delete the Secret, so that it stays so"
    );
}
