//! Certificates: what was read is kept, and a certificate that follows it can be read too.

use std::sync::LazyLock;

use stepless_core::clock::Timestamp;
use stepless_core::key::{KeyKind, PrivateKey, SignatureAlgorithm};
use stepless_core::x509::{
    Certificate, CertificateBody, Issuance, IssuerChain, NameConstraints, verify_client_chain,
};

use crate::request::survive;

/// [`Certificate`] from DER or PEM, all that it is asked for, and the certificates that follow it.
pub fn certificate(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(data) {
        assert_eq!(certificate.as_der(), data);
        look_at(&certificate);
        succeed(&certificate);
        judge(&certificate);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        for certificate in Certificate::parse_pem_bundle(text).unwrap_or_default() {
            look_at(&certificate);
        }
        let _ = IssuerChain::from_pem(text);
    }
}

fn look_at(certificate: &Certificate) {
    let again = Certificate::from_pem(&certificate.to_pem()).expect("what it prints, it parses");
    assert_eq!(&again, certificate);

    let serial = certificate.serial();
    assert_eq!(serial.to_string().parse().as_ref(), Ok(serial));
    let _ = format!("{certificate:?} {:?}", certificate.subject().common_name());
    let _ = (certificate.subject().fields(), certificate.subject().check_text());
    let _ = (certificate.issuer().fields(), certificate.validity().duration());
    let _ = (certificate.key_usage(), certificate.extended_key_usage(), certificate.basic_constraints());
    let _ = (certificate.subject_key_id(), certificate.authority_key_id());
    let _ = certificate.public_key().check_strength();
    if let Ok(sans) = certificate.sans() {
        survive(&sans);
    }
    if let Ok(Some(extension)) = certificate.provisioner_extension() {
        let _ = extension.to_extension();
    }
    for extension in certificate.extensions() {
        let _ = NameConstraints::from_extension(extension);
    }
}

/// What `/renew` and `/rekey` would sign after this certificate is a certificate again.
fn succeed(old: &Certificate) {
    static KEY: LazyLock<PrivateKey> =
        LazyLock::new(|| PrivateKey::generate(KeyKind::Ed25519).expect("keys can be made"));
    let algorithm = SignatureAlgorithm::default_for(KeyKind::Ed25519);
    let issuance =
        || Issuance { serial: old.serial().clone(), algorithm, issuer: old, validity: old.validity() };
    let bodies = [
        CertificateBody::renewal(issuance(), old),
        CertificateBody::rekey(issuance(), old, KEY.public_key().clone()),
    ];
    for body in bodies.into_iter().flatten() {
        let to_be_signed = body.to_be_signed();
        let signature = KEY.sign(algorithm, &to_be_signed).expect("the key signs");
        let new = Certificate::assemble(&to_be_signed, algorithm, &signature).expect("it can be read");
        assert_eq!(new.check_issued(&to_be_signed, KEY.public_key()), Ok(()));
        assert_eq!(new.subject(), old.subject());
    }
}

/// The certificate as a client's and as an issuer's.
fn judge(certificate: &Certificate) {
    let anchors = [certificate.clone()];
    for at in [certificate.not_before(), certificate.not_after(), Timestamp::UNIX_EPOCH] {
        let _ = verify_client_chain(certificate, &anchors, &anchors, at);
    }
    let _ = certificate.verify_signature(certificate.public_key());
    if let Ok(chain) = IssuerChain::new(anchors.to_vec()) {
        let sans = certificate.sans().unwrap_or_default();
        let _ = chain.permits(certificate.subject(), &sans);
        let _ = chain.permits_path(certificate.basic_constraints());
    }
}
