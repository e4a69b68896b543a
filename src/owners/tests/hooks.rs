//! Hooks of Helm's, on which it writes no release.

use super::*;

fn hook(annotations: &Value, more: &Value) -> Vec<Owner> {
    let mut metadata = json!({ "annotations": annotations,
        "labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "pay"}});
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    owners(&role_binding(&metadata))
}

/// What the API server has of an object that Helm made.
fn by_helm() -> Value {
    json!({ "managedFields": written_by("helm") })
}

fn told(of: &[Owner]) -> Vec<(String, Soon, Soon)> {
    of.iter().map(|owner| (owner.words(), owner.edit.soon, owner.deletion.soon)).collect()
}

#[test]
fn a_hook_is_made_anew_by_helm_when_it_runs() {
    let (upgrade, not_known) = (Soon::NextUpgrade, Soon::NotKnown);
    for (events, soon, when) in [
        ("pre-install,pre-upgrade", upgrade, "at its release's next upgrade, whose hook it is"),
        (" Post-Upgrade ", upgrade, "at its release's next upgrade, whose hook it is"),
        ("post-rollback", upgrade, "at its release's next rollback, whose hook it is"),
        (
            "post-upgrade, post-rollback",
            upgrade,
            "at its release's next upgrade or rollback, whose hook it is",
        ),
        (
            "post-install",
            not_known,
            "when its release is installed anew, whose hook it is; upgrades leave it",
        ),
        ("test", not_known, "when its release is next tested, whose hook it is"),
        ("pre-delete", not_known, "when its release is uninstalled, whose hook it is"),
    ] {
        let found = hook(&json!({"helm.sh/hook": events}), &by_helm());
        assert_eq!(told(&found), [("Helm hook pay".to_owned(), soon, soon)], "{events}");
        assert_eq!((found[0].edit.when, found[0].label.when), (when, when), "{events}");
        assert_eq!(&*found[0].evidence, format!("annotation helm.sh/hook: {events}"));
    }
    // Helm leaves out what it does not know.
    let unknown = hook(&json!({"helm.sh/hook": "pre-instal"}), &by_helm());
    let label = "maybe managed-by label Helm".to_owned();
    assert_eq!(told(&unknown), [(label, not_known, not_known)]);
}

#[test]
fn a_hook_that_helm_does_not_delete_first_stays_as_it_is() {
    let (never, upgrade) = (Soon::Never, Soon::NextUpgrade);
    for (policy, edit) in [
        ("before-hook-creation", upgrade),
        ("hook-succeeded, Before-Hook-Creation", upgrade),
        ("no-such-policy", never),
        ("", never),
        ("hook-succeeded", never),
        ("hook-failed,hook-succeeded", never),
    ] {
        let annotations =
            json!({"helm.sh/hook": "pre-upgrade", "helm.sh/hook-delete-policy": policy});
        let found = hook(&annotations, &by_helm());
        assert_eq!(told(&found), [("Helm hook pay".to_owned(), edit, upgrade)], "{policy}");
    }
}

#[test]
fn who_runs_a_hook_is_told_by_what_others_wrote() {
    let (upgrade, next) = (Soon::NextUpgrade, Soon::NextSync);
    let annotations = json!({"helm.sh/hook": "pre-upgrade"});
    let helm = ("Helm hook pay".to_owned(), upgrade, upgrade);
    let maybe = ("maybe Helm hook pay".to_owned(), upgrade, upgrade);
    let argo = ("Argo CD pay".to_owned(), next, next);
    let written =
        |client: &str| told(&hook(&annotations, &json!({"managedFields": written_by(client)})));
    assert_eq!(written("helm"), std::slice::from_ref(&helm));
    assert_eq!(written("helm-controller"), std::slice::from_ref(&helm));
    assert_eq!(written("terraform-provider-helm_v2.17.0_x5"), [helm]);
    assert_eq!(written("argocd-controller"), [argo.clone(), maybe.clone()]);
    // `helm template | kubectl apply`.
    assert_eq!(written("kubectl"), std::slice::from_ref(&maybe));
    let mut tracked = annotations.clone();
    tracked["argocd.argoproj.io/tracking-id"] =
        json!("pay:rbac.authorization.k8s.io/RoleBinding:pay/batch");
    assert_eq!(told(&hook(&tracked, &json!({}))), [argo, maybe.clone()]);
    // Nothing says who rendered it: kubectl prints no managedFields unless it is asked to. A chart's
    // label is there whoever does.
    let labels = json!({"labels": {"app.kubernetes.io/instance": "pay"}});
    let either = ("maybe Argo CD pay".to_owned(), next, next);
    for more in [labels, json!({}), json!({"managedFields": []})] {
        let found = told(&hook(&annotations, &more));
        assert_eq!(found, [either.clone(), maybe.clone()], "{more}");
    }
    // A release that is noted all the same is the better name.
    let mut noted = annotations.clone();
    noted["meta.helm.sh/release-name"] = json!("payroll");
    noted["meta.helm.sh/release-namespace"] = json!("n");
    let release = |word: &str| (format!("{word}Helm hook n/payroll"), upgrade, upgrade);
    assert_eq!(told(&hook(&noted, &by_helm())), [release("")]);
    assert_eq!(told(&hook(&noted, &json!({}))), [release("maybe ")]);
}
