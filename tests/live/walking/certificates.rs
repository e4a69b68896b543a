//! A client certificate that one has made for the name of another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use super::case::Case;
use super::rights::{Right, bound};
use super::site::{Credential, Site, content_type, request};
use super::steps::{name_by_all, needed};
use super::walk::{How, Refused, Walk};
use crate::support::process::await_some;

const GROUP: &str = "certificates.k8s.io";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// Somebody who may do everything, by a binding to the name.
pub const BOSS: &str = "boss@walk.example";

/// Asks for it, approves that, and takes what the answer to a second approval holds.
pub fn take(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let key = KeyPair::generate().expect("a key");
    let create =
        needed(hop, |verb, resource| verb == "create" && resource == "certificatesigningrequests");
    let create = create.expect("making requests");
    let approval = needed(hop, |_, resource| resource.ends_with("/approval")).expect("approving");
    let name = name_by_all(&[create, approval]).unwrap_or_else(|| walk.name.clone());
    let (user, groups) = walk.certified();
    let object = object(user, groups, &name, &key);
    let who = walk.from(hop, 0);
    let mut made = if create["resourceNames"].is_null() {
        walk.create(&who, REQUESTS, &object)?
    } else {
        walk.change(&who, &format!("{REQUESTS}/{name}"), How::Apply(&object))?
    };
    let yes = json!([{"type": "Approved", "status": "True", "reason": "Walk", "message": "walk"}]);
    let uri = format!("{REQUESTS}/{name}/approval");
    for again in [false, true] {
        if again {
            await_some("the certificate to be signed", || {
                let there = walk.site.get(&format!("{REQUESTS}/{name}"))?;
                there["status"]["certificate"].is_string().then_some(())
            });
        }
        let sent = if approval["verb"] == "patch" {
            let change = json!({"status": {"conditions": yes}});
            let mut sent = request("PATCH", &uri, Some(&change));
            content_type(&mut sent, "application/merge-patch+json");
            sent
        } else {
            made["status"]["conditions"] = yes.clone();
            // Who asked twice has the version that the first answer told, and the signing since.
            made["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
            request("PUT", &uri, Some(&made))
        };
        made = walk.ask(&who, &sent)?;
    }
    let certificate = made["status"]["certificate"].as_str().expect("a certificate");
    let certificate = STANDARD.decode(certificate).expect("base64");
    let certificate = String::from_utf8(certificate).expect("PEM");
    Ok(walk.site.certified(&certificate, &key.serialize_pem()))
}

/// What asks for a certificate that says it is `user`.
pub fn request_for(user: &str, name: &str) -> Value {
    object(user, &[], name, &KeyPair::generate().expect("a key"))
}

fn object(user: &str, groups: &[String], name: &str, key: &KeyPair) -> Value {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    for group in groups {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    let pem = params.serialize_request(key).expect("sign it").pem().expect("PEM");
    json!({"apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": STANDARD.encode(pem), "signerName": SIGNER, "usages": ["client auth"]}})
}

/// Two may do everything: where there was one, their own grant would be a cut, too.
fn case(name: &'static str) -> Case {
    let boss = |who: &str, called: &str| {
        let user = json!({"kind": "User", "name": called, "apiGroup": "rbac.authorization.k8s.io"});
        bound(&format!("{name}-{who}"), None, ("ClusterRole", "cluster-admin"), &user)
    };
    let other = boss("other", "other-boss@walk.example");
    Case::to_role(name, &["certificate"]).object(boss("boss", BOSS)).object(other)
}

fn create() -> Right {
    Right::new("create", GROUP, "certificatesigningrequests").everywhere()
}

fn approval(verb: &'static str) -> Right {
    Right::new(verb, GROUP, "certificatesigningrequests/approval").everywhere()
}

fn approve(signer: &str) -> Right {
    Right::new("approve", GROUP, "signers").named(signer).everywhere()
}

#[test]
fn certificates_are_made_for_any_name() {
    let Some(site) = Site::shared() else { return };
    case("certificate")
        .right(create(), 0)
        .right(approval("patch"), 1)
        .right(approve(SIGNER), 1)
        .near("no approval", 1, &[create(), approve(SIGNER)])
        .near(
            "the status in place of the approval",
            1,
            &[
                create(),
                Right::new("patch", GROUP, "certificatesigningrequests/status").everywhere(),
                approve(SIGNER),
            ],
        )
        .near(
            "another signer",
            1,
            &[create(), approval("patch"), approve("kubernetes.io/kubelet-serving")],
        )
        .near(
            "sign in place of approve",
            1,
            &[
                create(),
                approval("patch"),
                Right::new("sign", GROUP, "signers").named(SIGNER).everywhere(),
            ],
        )
        .near("no request", 0, &[approval("patch"), approve(SIGNER)])
        .near(
            "a request under a name only, which a plain create does not carry",
            0,
            &[create().named("any"), approval("patch"), approve(SIGNER)],
        )
        .run(site);
    case("certificate-by-update")
        .right(create(), 0)
        .right(approval("update"), 1)
        .right(approve("kubernetes.io/*"), 1)
        .run(site);
    case("certificate-by-apply")
        .right(create().named("walk-applied"), 0)
        .right(
            Right::new("patch", GROUP, "certificatesigningrequests")
                .named("walk-applied")
                .everywhere(),
            0,
        )
        .right(approval("patch").named("walk-applied"), 1)
        .right(approve(SIGNER), 1)
        .run(site);
}
