//! What is told once, and what is said of what gives no credential.

use super::*;

fn asked(name: &str, conditions: &[&str], certificate: Option<&str>) -> Value {
    let mut all = csr(name, CLIENT, certificate.unwrap_or_default());
    if certificate.is_none() {
        all["status"] = json!({});
    }
    let conditions = conditions.iter().map(|type_| json!({"type": type_, "status": "True"}));
    all["status"]["conditions"] = conditions.collect();
    all
}

#[test]
fn one_certificate_in_several_requests_is_one_credential() {
    let (pem, der) = certificate("ana", &["ops"], 3000);
    let fingerprint = format!("X509SHA256={:x}", Sha256::digest(&der));
    let world = ["a", "b", "c"]
        .iter()
        .fold(World::new(), |world, name| world.object(&asked(name, &["Approved"], Some(&pem))));
    let world = world.log(0, 10).row(Row::new("user:ana", "get pods@a/p", 3).with(&fingerprint));
    let found = only(&world);
    assert_eq!(&*found.id, fingerprint);
    assert_eq!(
        found.notes,
        ["csr a, asked for by root", "csr b, asked for by root", "csr c, asked for by root"]
    );
    assert!(matches!(found.last_use, LastUse::Log { requests: 1, .. }));
    let of_ana = of(&world.book(), &Identity::user("ana"));
    assert_eq!(of_ana, [found]);
    // A second certificate of hers is another one.
    let (other, _) = certificate("ana", &["ops"], 3000);
    assert_eq!(all(&world.object(&asked("d", &["Approved"], Some(&other)))).len(), 2);
}

#[test]
fn requests_that_gave_no_certificate_are_said() {
    let world = World::new()
        .object(&asked("no", &["Denied"], None))
        .object(&asked("bad", &["Approved", "Failed"], None))
        .object(&asked("late", &["Approved"], None));
    let world = ["w", "x", "y", "z"]
        .iter()
        .fold(world, |world, name| world.object(&asked(name, &[], None)));
    let mut serving = asked("node", &[], None);
    serving["spec"]["signerName"] = json!("kubernetes.io/kubelet-serving");
    let found = inventory(&world.object(&serving).book());
    assert_eq!(found.credentials, []);
    let said: Vec<&str> = found.remarks.iter().map(|(_, text)| &**text).collect();
    assert_eq!(
        said,
        [
            "without a certificate, being approved, and not signed so far: late (asked for by root)",
            "without a certificate, being denied: no (asked for by root)",
            "without a certificate, being failed: bad (asked for by root)",
            "without a certificate, being neither approved nor denied so far: w (asked for by \
             root), x (asked for by root), y (asked for by root) and 1 more",
        ]
    );
    assert!(found.remarks.iter().all(|(place, _)| &**place == "CertificateSigningRequests"));
}

#[test]
fn what_eks_passes_over_in_aws_auth_is_said() {
    let role = "- rolearn: arn:aws:iam::111122223333:role/admin\n  username: admin\n";
    let map = |data: Value| {
        let world = World::new().object(&json!({"apiVersion": "v1", "kind": "ConfigMap",
            "data": data, "metadata": {"namespace": "kube-system", "name": "aws-auth"}}));
        let found = inventory(&world.book());
        assert_eq!(found.unreadable, []);
        (found.credentials.len(), found.remarks)
    };
    let said = |place: &str, text: &str| {
        (Name::from(format!("ConfigMap kube-system/aws-auth, {place}")), text.to_owned())
    };
    assert_eq!(
        map(json!({"maproles": role, "notes": "x"})),
        (
            0,
            vec![
                said(
                    "\"maproles\"",
                    "EKS reads mapRoles, in these letters, and not this: nobody in it gets in"
                ),
                said(
                    "\"notes\"",
                    "EKS reads mapRoles, mapUsers, mapAccounts, and not this: it is passed over"
                ),
            ]
        )
    );
    // Of an entry the letters may be large or small, but the words have to be these.
    assert_eq!(
        map(json!({"mapRoles": format!("{role}  user: x\n  GROUPS: [ops]\n")})),
        (
            1,
            vec![said(
                "mapRoles[0].\"user\"",
                "EKS reads rolearn, sso, username, groups of an entry, and not this: it is passed \
                 over"
            )]
        )
    );
    assert_eq!(map(json!({"mapRoles": role})), (1, Vec::new()));
}

#[test]
fn where_the_log_names_no_credential_none_is_said_not_to_be_used() {
    let why = LastUse::NotKnown("the log does not name the credential of each of its requests");
    let (pem, _) = certificate("ana", &["ops"], 3000);
    let row = |who: &str| Row::new(who, "get pods@a/p", 3);
    let of = |world: World| {
        let found = all(&world.log(0, 10).row(row("user:ana")).row(row("sa:a/x")));
        let of = |kind| found.iter().find(|one| one.kind == kind).unwrap().last_use.clone();
        [of(Kind::Certificate), of(Kind::TokenSecret)]
    };
    let both = || world(&json!({})).object(&csr("c", CLIENT, &pem));
    assert_eq!(of(both()), [why.clone(), why.clone()]);
    // The API server's own tracking tells what the log does not.
    let [_, token] = of(both().object(&tracking("2025-12-01")));
    assert!(matches!(token, LastUse::NotSince(_)), "{token:?}");
    // Of who is named each time, and of who did not come at all, it is so.
    let named = both().log(0, 10).row(row("user:ana").with("X509SHA256=other"));
    for one in all(&named).iter().filter(|one| one.id.starts_with("secret") || one.issued.is_some())
    {
        assert_eq!(one.last_use, LastUse::NotInLog(10), "{}", one.id);
    }
}

#[test]
fn what_the_api_server_presents_to_itself_comes_last_and_nobody_has_it() {
    let row = |from: &str| {
        Row::new("user:system:apiserver", "get pods", 4)
            .groups(&["system:authenticated", "system:masters"])
            .from(from)
    };
    let other = Row::new("user:root", "get pods", 4).groups(&["system:masters"]);
    let world = |row: Row| World::new().log(0, 10).row(row).row(other.clone());
    let found = all(&world(row("::1")));
    let names: Vec<&str> = found.iter().map(|one| &*one.identity.name).collect();
    assert_eq!(names, ["root", "system:apiserver"]);
    assert!(found[1].revoke.starts_with("nothing: "), "{}", found[1].revoke);
    // From elsewhere it is somebody who calls themselves so.
    let found = all(&world(row("198.51.100.7")));
    assert!(found.iter().all(|one| one.revoke.starts_with("find out where it was issued")));
}
