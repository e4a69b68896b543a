//! A request without a credential is `system:anonymous` in `system:unauthenticated`, unless the API
//! server lets none in (`apiserver/pkg/authentication/request/anonymous`): anybody may send one.

use crate::reach::step::{About, Seen, Shown};

pub(crate) const ABOUT: About = About {
    id: "anonymous",
    does: "leaves its credential out, and so is",
    seen: Seen { how: Shown::Partly, what: "each request, as anonymous; not whose it was" },
    modelled: Some(
        "assumes that the API server lets requests without a credential in, as it does unless \
         --anonymous-auth=false or its AuthenticationConfiguration says otherwise",
    ),
};
