//! The RBAC answer. Pure.
//!
//! [`matching`] is one rule against one request, [`Authorizer`] the whole walk over grants,
//! [`escalation`] the check of those who would give rights away.

pub mod aggregation;
pub mod answers;
mod authorizer;
pub mod bootstrap;
pub mod effective;
pub mod escalation;
pub mod labels;
pub mod matching;
pub mod query;
mod reason;
pub mod review;

pub use authorizer::{Attributes, Authorizer, BindingKey, Decision, Held, RoleKey};
pub use matching::Action;
pub use reason::{Credit, quote};
