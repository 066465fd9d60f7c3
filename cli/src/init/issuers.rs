//! The certificates of a new authority, signed by keys wherever they live.

use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::key::{PublicKey, Signer};
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, NameFields, Profile, SerialNumber, Validity,
};
use stepless_net::{SystemClock, SystemRandom};

use crate::error::{CliError, Context};

/// The certificates of a new authority.
pub(crate) struct Issuers {
    pub(crate) root: Certificate,
    pub(crate) intermediate: Certificate,
}

impl Issuers {
    /// Certifies the root by itself and the issuer by the root: two signatures of `root`. The issuer's key only has to
    /// be known by its public half.
    pub(crate) async fn certify(name: &str, root: &dyn Signer, issuer: &PublicKey) -> Result<Self, CliError> {
        refuse_one_key(root, issuer)?;
        let body = CertificateBody::root(
            serial()?,
            root.algorithm(),
            validity(Timestamp::MAX)?,
            root_subject(name)?,
            root.public_key().clone(),
            Profile::root(),
        )
        .context("the root certificate cannot be made")?;
        let certificate = sign(&body, root).await?;
        Self::under(name, certificate, root, issuer).await
    }

    /// Certifies the issuer by a root that is there already, whose key `root` is: one signature of it.
    pub(crate) async fn under(
        name: &str,
        certificate: Certificate,
        root: &dyn Signer,
        issuer: &PublicKey,
    ) -> Result<Self, CliError> {
        refuse_one_key(root, issuer)?;
        let issuance = Issuance {
            serial: serial()?,
            algorithm: root.algorithm(),
            issuer: &certificate,
            validity: validity(certificate.not_after())?,
        };
        let body =
            CertificateBody::new(issuance, issuer_subject(name)?, issuer.clone(), Profile::intermediate())
                .context("the intermediate certificate cannot be made")?;
        let intermediate = sign(&body, root).await?;
        Ok(Self { root: certificate, intermediate })
    }
}

fn refuse_one_key(root: &dyn Signer, issuer: &PublicKey) -> Result<(), CliError> {
    if root.public_key() == issuer {
        return Err(CliError::new(
            "root and issuer have the same key; give them different ones, so that the root's can stay offline",
        ));
    }
    Ok(())
}

/// The subject of the root of an authority of this name.
pub(crate) fn root_subject(name: &str) -> Result<DistinguishedName, CliError> {
    subject(name, "Root CA")
}

/// The subject of the issuer of an authority of this name.
pub(crate) fn issuer_subject(name: &str) -> Result<DistinguishedName, CliError> {
    subject(name, "Intermediate CA")
}

fn subject(name: &str, role: &str) -> Result<DistinguishedName, CliError> {
    if name.is_empty() {
        return Err(CliError::new("--name is empty; it becomes the name in the authority's certificates"));
    }
    DistinguishedName::from_fields(&NameFields {
        organization: vec![name.to_owned()],
        common_name: format!("{name} {role}"),
        ..NameFields::default()
    })
    .context(format_args!("--name {name:?}"))
}

fn serial() -> Result<SerialNumber, CliError> {
    SerialNumber::random(&SystemRandom).context("a serial number cannot be drawn")
}

/// From now on, and not longer than the one above.
fn validity(latest: Timestamp) -> Result<Validity, CliError> {
    let now = SystemClock.now();
    let end = now.saturating_add(ISSUER_LIFETIME).unwrap_or(Timestamp::MAX).min(latest);
    Validity::new(now, end).context("the clock shows a time that no certificate can have")
}

/// A key elsewhere may answer with anything: what does not verify is not handed on.
async fn sign(body: &CertificateBody, key: &dyn Signer) -> Result<Certificate, CliError> {
    let to_be_signed = body.to_be_signed();
    let signature = key.sign(&to_be_signed).await.context("the certificate cannot be signed")?;
    let certificate = Certificate::assemble(&to_be_signed, body.signature_algorithm, &signature)
        .context("the certificate cannot be put together")?;
    certificate
        .check_issued(&to_be_signed, key.public_key())
        .context("the root's key gave something other than its signature")?;
    Ok(certificate)
}

/// Root and intermediate live ten years, as those of `step ca init` do.
const ISSUER_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use stepless_core::key::{KeyKind, LocalSigner, PrivateKey, SignatureAlgorithm, SignerError};

    use super::*;

    fn signer(kind: KeyKind) -> LocalSigner {
        LocalSigner::new(PrivateKey::generate(kind).unwrap())
    }

    #[tokio::test]
    async fn k2_every_kind_of_root_certifies_every_kind_of_issuer() {
        let kinds =
            [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519, KeyKind::Rsa { bits: 2048 }];
        for kind in kinds {
            let (root, issuer) = (signer(kind), signer(KeyKind::P256));
            let there = Issuers::certify("Test", &root, issuer.public_key()).await.unwrap();
            let back = Issuers::certify("Test", &issuer, root.public_key()).await.unwrap();

            for (issuers, by) in [(there, &root), (back, &issuer)] {
                issuers.root.verify_signature(by.public_key()).unwrap();
                issuers.intermediate.verify_signature(by.public_key()).unwrap();
                assert_eq!(issuers.intermediate.issuer(), issuers.root.subject());
            }
        }
    }

    #[tokio::test]
    async fn k10_one_key_for_root_and_issuer_is_refused() {
        let root = signer(KeyKind::P256);

        let refused = Issuers::certify("Test", &root, root.public_key()).await;

        assert!(refused.is_err_and(|error| error.to_string().contains("different")));
    }

    /// Signs with another key than it shows.
    #[derive(Debug)]
    struct Moved(LocalSigner, LocalSigner);

    #[async_trait]
    impl Signer for Moved {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }

        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }

        async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
            self.1.sign(message).await
        }
    }

    #[tokio::test]
    async fn k3_a_signature_of_another_key_certifies_nothing() {
        let moved = Moved(signer(KeyKind::P256), signer(KeyKind::P256));

        let refused = Issuers::certify("Test", &moved, signer(KeyKind::P256).public_key()).await;

        assert!(refused.is_err_and(|error| error.to_string().contains("other than its signature")));
    }
}
