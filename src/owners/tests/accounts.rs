//! Accounts that the controller manager makes again.

use super::*;

fn account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": name}})
}

/// A cluster whose controller manager runs as a pod with such a command and arguments.
fn running(command: &Value, args: &Value) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "kube-system", "name": "kube-controller-manager-cp1"},
        "spec": {"containers": [{"name": "kube-controller-manager", "command": command,
            "args": args}]}, "status": {"phase": "Running"}});
    snapshot.objects.insert(object(&pod));
    snapshot
}

fn told(snapshot: &Snapshot, of: &Value) -> Vec<(String, Soon, Soon)> {
    let owners = owners_in(snapshot, of);
    owners.iter().map(|owner| (owner.words(), owner.edit.soon, owner.deletion.soon)).collect()
}

#[test]
fn the_controllers_own_accounts_come_back() {
    let (never, minutes) = (Soon::Never, Soon::Minutes);
    let keeps = [("controller manager".to_owned(), never, minutes)];
    let may = [("maybe controller manager".to_owned(), never, minutes)];
    // As kubeadm starts it.
    let with = running(
        &json!([
            "kube-controller-manager",
            "--leader-elect=true",
            "--use-service-account-credentials=true"
        ]),
        &json!(null),
    );
    let not_seen = Snapshot::default();
    for name in [
        "clusterrole-aggregation-controller",
        "generic-garbage-collector",
        "namespace-controller",
        // Bound by roles of kube-system and kube-public alone.
        "bootstrap-signer",
        "token-cleaner",
        // Not bound by any policy, or by a newer one only.
        "storage-version-garbage-collector",
        "podcertificaterequestcleaner",
    ] {
        let of = account("kube-system", name);
        assert_eq!(told(&with, &of), keeps, "{name}");
        assert_eq!(told(&not_seen, &of), may, "{name}");
        assert_eq!(told(&with, &account("pay", name)), [], "{name}");
    }
    for other in ["coredns", "kube-proxy", "leader-election-controller", "kube-scheduler"] {
        assert_eq!(told(&with, &account("kube-system", other)), [], "{other}");
    }
    // A cloud's own manager is another program.
    for of_cloud in ["route-controller", "service-controller", "cloud-provider"] {
        assert_eq!(told(&with, &account("kube-system", of_cloud)), may, "{of_cloud}");
    }
}

#[test]
fn the_flag_is_read_as_go_reads_it() {
    const FLAG: &str = "--use-service-account-credentials";
    let of = account("kube-system", "job-controller");
    let certain = |command: Value, args: Value| {
        let owners = owners_in(&running(&command, &args), &of);
        owners.first().map(|owner| (owner.certain, owner.deletion.soon))
    };
    let (on, off) = (Some((true, Soon::Minutes)), None);
    let not_known = Some((false, Soon::Minutes));
    assert_eq!(certain(json!([]), json!([FLAG])), on);
    assert_eq!(certain(json!([]), json!([format!("{FLAG}=1")])), on);
    assert_eq!(certain(json!([]), json!([format!("{FLAG}=false")])), off);
    assert_eq!(certain(json!([format!("{FLAG}=false")]), json!([format!("{FLAG}=t")])), on);
    let shell = json!(["/bin/sh", "-c", format!("exec kube-controller-manager {FLAG}=true 1>>/l")]);
    assert_eq!(certain(shell, json!([])), on);
    assert_eq!(certain(json!(["kube-controller-manager"]), json!([])), not_known);
    assert_eq!(certain(json!([]), json!([format!("{FLAG}-too")])), not_known);
}

#[test]
fn of_a_command_line_only_the_flag_is_kept() {
    let pod =
        running(&json!(["x", "--use-service-account-credentials"]), &json!(["--token=hunter2"]));
    let pod = pod.objects.pods.values().next().unwrap();
    let container = &pod.spec.containers[0];
    assert_eq!(container.command, ["--use-service-account-credentials".into()]);
    assert_eq!(container.args, Vec::<Name>::new());
}
