//! Provisioners: who may ask for certificates. One file a kind of credential.
//!
//! A token is judged by one provisioner, found from what the token says of itself before anything is verified; so the
//! provisioner believes nothing of it until its own key has verified the signature.

mod audience;
mod collection;
mod configured;
mod jwk;
mod token;

pub use audience::{Audiences, Operation, fragment};
pub use collection::{Denied, DuplicateProvisioner, Provisioner, Provisioners, Service};
pub use configured::ProvisionerConfigError;
pub use jwk::JwkProvisioner;
pub use token::{AuthorizedToken, TokenError};
pub(crate) use token::{check_claims, refuse_own_key, spent_mark};
