//! Certificate requests: what was read is kept, and printed it is read again.

use stepless_core::x509::{CertificateRequest, SubjectAltNames};

/// [`CertificateRequest`] from DER or PEM, and all that it is asked for.
pub fn csr(data: &[u8]) {
    if let Ok(request) = CertificateRequest::from_der(data) {
        assert_eq!(request.as_der(), data);
        look_at(&request);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(request) = CertificateRequest::from_pem(text)
    {
        look_at(&request);
    }
}

fn look_at(request: &CertificateRequest) {
    let again = CertificateRequest::from_pem(&request.to_pem()).expect("what it prints, it parses");
    assert_eq!(again.sha256(), request.sha256());
    assert_eq!(again.sans(), request.sans());

    let _ = request.verify_proof_of_possession();
    let _ = request.public_key().check_strength();
    let _ = request.public_key().ec_coordinates();
    let _ = request.public_key().rsa_components();
    let _ = request.challenge_password();
    let _ = format!("{request:?} {:?}", request.common_name());
    survive(request.sans());
}

/// Names that were read can be written into a certificate: grouped by kind, and all of them.
pub(crate) fn survive(names: &SubjectAltNames) {
    if names.is_empty() {
        return;
    }
    let written = names.to_der();
    let again = SubjectAltNames::from_der(&written).expect("what it writes, it reads");
    assert_eq!(again.to_der(), written);
    assert_eq!((again.names.len(), again.others.len()), (names.names.len(), names.others.len()));
}
