//! A client certificate for any name: a certificate request for the signer
//! `kubernetes.io/kube-apiserver-client`, approved, is signed by the controller manager as it was
//! asked for. Approving takes `update` or `patch` of the request's `approval` and `approve` on the
//! signer, of one and the same who approves (`plugin/pkg/admission/certificates/approval`), and what
//! comes back holds the certificate. The group `system:masters` is refused
//! (`plugin/pkg/admission/certificates/subjectrestriction`).

use crate::model::CLIENT_SIGNER;
use crate::reach::ask::{On, Verb, has};
use crate::reach::moves::{Out, Part};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown};

pub(crate) const ABOUT: About = About {
    id: "certificate",
    does: "has a client certificate made that says it is",
    seen: Seen {
        how: Shown::Yes,
        what: "the request and its approval; what the certificate then does as somebody else's \
               requests",
    },
    modelled: None,
};

const SIGNER: &str = CLIENT_SIGNER;
const DOMAIN: &str = "kubernetes.io/*";

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    for made in makes(rights, On::Requests) {
        out.part(Part::Request { names: made.names, used: made.used });
    }
    let signers = rights.of(On::Signers, Verb::Approve);
    for signer in
        signers.iter().filter(|right| has(&right.names, SIGNER) || has(&right.names, DOMAIN))
    {
        for approval in changes(rights, On::Approval) {
            let mut used = approval.used;
            used.push(signer.clone());
            out.part(Part::Approve { names: approval.names, used });
        }
    }
}
