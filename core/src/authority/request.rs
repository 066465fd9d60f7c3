//! Step 2: whether the key of a request may be certified, and whether whoever asks holds it.

use super::{Authority, AuthorityError, InvalidRequest, Refusal};
use crate::key::PublicKey;
use crate::x509::CertificateRequest;

impl Authority {
    /// 2. verify the request: proof of possession, and a key that may be certified.
    pub(super) fn verify_request(&self, csr: &CertificateRequest) -> Result<(), AuthorityError> {
        let key = csr.public_key();
        // Before the signature: what is too weak is not verified at all.
        key.check_strength().map_err(Refusal::WeakKey)?;
        csr.verify_proof_of_possession().map_err(InvalidRequest::Csr)?;
        self.check_not_issuer(key)
    }

    /// Whether a key that is certified already may be certified again.
    pub(super) fn check_key(&self, key: &PublicKey) -> Result<(), AuthorityError> {
        key.check_strength().map_err(Refusal::WeakKey)?;
        self.check_not_issuer(key)
    }

    fn check_not_issuer(&self, key: &PublicKey) -> Result<(), AuthorityError> {
        if key == self.signer.public_key() {
            return Err(Refusal::IssuerKey.into());
        }
        Ok(())
    }
}
