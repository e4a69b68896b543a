//! Elastic's own integration: the event under `kubernetes.audit`, with dots in the names of
//! annotations replaced.

use std::borrow::Cow;

use super::object::Object;
use super::{Carried, Carrier, Translated, shippers};

/// What Elastic's pipeline makes of names that are looked for.
const RENAMED: [(&str, &str); 4] = [
    ("\"authorization_k8s_io/", "\"authorization.k8s.io/"),
    ("\"authentication_k8s_io/", "\"authentication.k8s.io/"),
    ("\"authentication_kubernetes_io/", "\"authentication.kubernetes.io/"),
    ("\"pod-security_kubernetes_io/", "\"pod-security.kubernetes.io/"),
];

/// `{"@timestamp":…,"kubernetes":{"audit":{…}}}`.
pub fn entry<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let kubernetes = object.any_object("kubernetes")?;
    let audit = kubernetes.any("audit").filter(|value| value.starts_with('{'))?;
    let mut text = Cow::Borrowed(audit);
    for (from, to) in RENAMED {
        if text.contains(from) {
            text = text.replace(from, to).into();
        }
    }
    let mut carried = Carried::new(text, Carrier::Elastic);
    carried.time = object.get("@timestamp").and_then(shippers::time);
    Some(Translated::Carried(carried))
}
