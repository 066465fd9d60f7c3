//! The certificates that clients ask the authority for: each is written as PEM once.

use super::Authority;
use crate::x509::Certificate;

/// What an authority shows everybody.
#[derive(Debug)]
pub(super) struct PublishedCertificates {
    roots: Bundle,
    /// The roots, and those of other authorities.
    federation: Bundle,
    /// The issuing certificate first.
    issuers: Bundle,
}

impl PublishedCertificates {
    /// None is shown twice in the federation.
    pub(super) fn new(
        issuers: Vec<Certificate>,
        roots: Vec<Certificate>,
        federated: Vec<Certificate>,
    ) -> Self {
        let mut federation = roots.clone();
        for root in federated {
            if !federation.contains(&root) {
                federation.push(root);
            }
        }
        Self { roots: roots.into(), federation: federation.into(), issuers: issuers.into() }
    }
}

/// Certificates, and the PEM of each.
#[derive(Debug)]
struct Bundle {
    certificates: Vec<Certificate>,
    pem: Vec<String>,
}

impl From<Vec<Certificate>> for Bundle {
    fn from(certificates: Vec<Certificate>) -> Self {
        Self { pem: certificates.iter().map(Certificate::to_pem).collect(), certificates }
    }
}

impl Authority {
    /// The roots that clients trust.
    pub fn roots(&self) -> &[Certificate] {
        &self.published.roots.certificates
    }

    /// The roots, each as PEM.
    pub fn roots_pem(&self) -> &[String] {
        &self.published.roots.pem
    }

    /// The root, own or federated, whose DER has this SHA-256 in lower-case hex.
    pub fn root_pem(&self, fingerprint: &str) -> Option<&str> {
        let Bundle { certificates, pem } = &self.published.federation;
        let found = certificates.iter().zip(pem).find(|(root, _)| root.fingerprint_sha256() == fingerprint);
        found.map(|(_, pem)| pem.as_str())
    }

    /// The roots and the federated roots, each as PEM, none twice.
    pub fn federation_pem(&self) -> &[String] {
        &self.published.federation.pem
    }

    /// The issuing certificate and those between it and the root, issuer first.
    pub fn issuers(&self) -> &[Certificate] {
        &self.published.issuers.certificates
    }

    /// The issuers, each as PEM, issuer first.
    pub fn intermediates_pem(&self) -> &[String] {
        &self.published.issuers.pem
    }
}
