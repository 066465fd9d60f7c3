//! The body of a certificate request: what a client signs with its own key.

use super::extension::oid;
use super::request::EXTENSION_REQUEST;
use super::write::{self, id};
use super::{CertificateRequest, DistinguishedName, Extension, RequestError, SubjectAltNames};
use crate::key::{PublicKey, SignatureAlgorithm};

/// A `CertificationRequestInfo` ([RFC 2986 §4.1](https://www.rfc-editor.org/rfc/rfc2986#section-4.1)) that asks for
/// names and nothing else.
#[derive(Clone, Debug)]
pub struct RequestBody {
    /// Who asks.
    pub subject: DistinguishedName,
    /// The key to certify.
    pub public_key: PublicKey,
    /// The names to certify.
    pub sans: SubjectAltNames,
}

impl RequestBody {
    /// The DER that is signed.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let attributes = if self.sans.is_empty() { Vec::new() } else { self.extension_request() };
        write::sequence(&[
            write::small(VERSION_1).as_slice(),
            self.subject.as_der(),
            self.public_key.spki_der(),
            &write::value(id::context_constructed(0), &attributes),
        ])
    }

    /// The request that `signature` makes of it.
    ///
    /// # Errors
    /// [`RequestError`] when it is no request that this authority would take.
    pub fn assemble(
        &self,
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<CertificateRequest, RequestError> {
        let parts =
            [self.to_be_signed(), super::certificate::algorithm_der(algorithm), write::bit_string(signature)];
        CertificateRequest::from_der(&write::sequence(&parts))
    }

    fn extension_request(&self) -> Vec<u8> {
        let names = Extension { oid: oid::SUBJECT_ALT_NAME, critical: false, value: self.sans.to_der() };
        let extensions = write::sequence(&[names.to_der()]);
        write::sequence(&[write::oid(EXTENSION_REQUEST), write::constructed(id::SET, &[extensions])])
    }
}

/// `v1`, the only one.
const VERSION_1: u32 = 0;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::key::{KeyKind, ParameterSet, PrivateKey};
    use crate::x509::SubjectAltName;

    #[rstest]
    #[case::p256(KeyKind::P256)]
    #[case::ml_dsa(KeyKind::MlDsa(ParameterSet::MlDsa87))]
    fn a_signed_body_is_a_request_that_proves_possession(#[case] kind: KeyKind) {
        let key = PrivateKey::generate(kind).unwrap();
        let name = SubjectAltName::classify("host.example").unwrap();
        let body = RequestBody {
            subject: DistinguishedName::from_common_name("host.example").unwrap(),
            public_key: key.public_key().clone(),
            sans: SubjectAltNames { names: vec![name.clone()], others: Vec::new() },
        };
        let algorithm = SignatureAlgorithm::default_for(kind);

        let request = body.assemble(algorithm, &key.sign(algorithm, &body.to_be_signed()).unwrap()).unwrap();

        request.verify_proof_of_possession().unwrap();
        let mut signature = key.sign(algorithm, &body.to_be_signed()).unwrap();
        *signature.last_mut().unwrap() ^= 1;
        let changed = body.assemble(algorithm, &signature).unwrap();
        assert_eq!(changed.verify_proof_of_possession(), Err(RequestError::BadSignature));
        assert_eq!(request.common_name(), Some("host.example"));
        assert_eq!(request.sans().names, [name]);
    }
}
