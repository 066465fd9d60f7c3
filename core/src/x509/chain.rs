//! Chains: the issuer's own, and those that clients present.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{EndEntityCert, anchor_from_trusted_cert};

use super::extension::oid;
use super::{
    BasicConstraints, Certificate, CertificateError, DistinguishedName, KeyUsage, NameConstraintError,
    NameConstraints, NameConstraintsError, SubjectAltNames,
};
use crate::clock::Timestamp;
use crate::peer::MAX_CHAIN;

/// The issuing certificate and those above it, issuer first. It may end below the root.
#[derive(Clone, Debug)]
pub struct IssuerChain {
    issuer: Certificate,
    above: Vec<Certificate>,
    root: Option<Certificate>,
    /// Those of all of them.
    constraints: Vec<NameConstraints>,
}

impl IssuerChain {
    /// A chain of CAs in which each certificate is signed by the next.
    ///
    /// # Errors
    /// [`IssuerChainError`] says which certificate breaks it.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, IssuerChainError> {
        let mut constraints = Vec::new();
        for (index, certificate) in certificates.iter().enumerate() {
            if !certificate.is_ca() {
                return Err(IssuerChainError::NotCa { index });
            }
            constraints.extend(constraints_of(certificate, index)?);
            if let Some(next) = certificates.get(index + 1) {
                is_issued_by(certificate, next)
                    .map_err(|source| IssuerChainError::NotIssued { index, source })?;
            }
        }
        let mut certificates = certificates.into_iter();
        let issuer = certificates.next().ok_or(IssuerChainError::Empty)?;
        Ok(Self { issuer, above: certificates.collect(), root: None, constraints })
    }

    /// Reads a PEM bundle, issuer first.
    ///
    /// # Errors
    /// [`IssuerChainError`] as [`IssuerChain::new`], and for the PEM.
    pub fn from_pem(text: &str) -> Result<Self, IssuerChainError> {
        Self::new(Certificate::parse_pem_bundle(text).map_err(IssuerChainError::Unreadable)?)
    }

    /// The same chain, tied to that of the roots which issued its last certificate or is its last certificate. The
    /// root's constraints bind from then on too.
    ///
    /// # Errors
    /// [`IssuerChainError::NoRoot`] when none of them did; [`IssuerChainError::Constraints`] for those of the root.
    pub fn under(mut self, roots: &[Certificate]) -> Result<Self, IssuerChainError> {
        let last = self.above.last().unwrap_or(&self.issuer);
        if roots.contains(last) {
            return Ok(self);
        }
        let root = roots.iter().find(|root| is_issued_by(last, root).is_ok()).cloned();
        let root = root.ok_or(IssuerChainError::NoRoot)?;
        self.constraints.extend(constraints_of(&root, self.above.len() + 1)?);
        self.root = Some(root);
        Ok(self)
    }

    /// The certificate whose key signs.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// The chain that goes out behind a leaf: the issuer and those above it, without the root of
    /// [`IssuerChain::under`].
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.issuer).chain(&self.above)
    }

    /// Whether the name constraints of every certificate of the chain allow this subject and these names. It is asked
    /// before signing; without constraints everything passes.
    ///
    /// # Errors
    /// [`NameConstraintError`] for the first name that is not allowed.
    pub fn permits(
        &self,
        subject: &DistinguishedName,
        sans: &SubjectAltNames,
    ) -> Result<(), NameConstraintError> {
        self.constraints.iter().try_for_each(|constraints| constraints.check(subject, sans))
    }

    /// Whether the path lengths of the chain leave room for a certificate with these basic constraints.
    ///
    /// # Errors
    /// [`PathLengthExceeded`] when it is a CA where only leaves are allowed, or claims a longer path than there is.
    pub fn permits_path(&self, constraints: Option<BasicConstraints>) -> Result<(), PathLengthExceeded> {
        let Some(BasicConstraints::Ca { path_len: claimed }) = constraints else { return Ok(()) };
        for (below, certificate) in (0_u32..).zip(self.with_root()) {
            let Some(BasicConstraints::Ca { path_len: Some(allowed) }) = certificate.basic_constraints()
            else {
                continue;
            };
            // The new CA and those of the chain below this one each use up one step.
            let left = allowed.checked_sub(below + 1).ok_or(PathLengthExceeded { allowed, below })?;
            if claimed.is_some_and(|claimed| claimed > left) {
                return Err(PathLengthExceeded { allowed, below });
            }
        }
        Ok(())
    }

    fn with_root(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates().chain(&self.root)
    }
}

/// Whether a client's certificate leads to one of the anchors and may sign for a client at that time: signatures,
/// validity (the anchor's too), path lengths, name constraints, extKeyUsage clientAuth if there is an extKeyUsage,
/// and keyUsage digitalSignature if there is a keyUsage. An anchor may be an intermediate.
///
/// # Errors
/// [`ChainError`] says what does not hold.
pub fn verify_client_chain(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    at: Timestamp,
) -> Result<(), ChainError> {
    // Counted first: signatures cost time, and the chain is the client's.
    if intermediates.len() >= MAX_CHAIN {
        return Err(ChainError::TooLong { certificates: intermediates.len() + 1 });
    }
    if !leaf.is_valid_at(at) {
        return Err(ChainError::NotValidNow);
    }
    if leaf.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
        return Err(ChainError::WrongUsage);
    }
    let seconds = u64::try_from(at.as_second()).map_err(|_| ChainError::NotValidNow)?;
    let der = |certificate: &Certificate| CertificateDer::from(certificate.as_der().to_vec());
    // The validator trusts its anchors for ever.
    let anchor_ders: Vec<CertificateDer<'_>> =
        anchors.iter().filter(|anchor| anchor.is_ca() && anchor.is_valid_at(at)).map(der).collect();
    let trusted: Vec<TrustAnchor<'_>> =
        anchor_ders.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    let presented: Vec<CertificateDer<'_>> = intermediates.iter().map(der).collect();
    let leaf_der = der(leaf);
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(ChainError::from)?;
    end_entity
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &trusted,
            &presented,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )
        .map(drop)
        .map_err(ChainError::from)
}

/// Why certificates are not an issuer chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssuerChainError {
    /// No certificate.
    #[error("the issuer chain is empty")]
    Empty,
    /// The PEM or a certificate in it cannot be read.
    #[error("the issuer chain cannot be read")]
    Unreadable(#[source] CertificateError),
    /// A certificate that may not issue.
    #[error("certificate {index} of the issuer chain is not a CA")]
    NotCa {
        /// Counted from the issuer, which is 0.
        index: usize,
    },
    /// A certificate that the next one did not issue.
    #[error("certificate {index} of the issuer chain is not issued by the next")]
    NotIssued {
        /// Counted from the issuer, which is 0.
        index: usize,
        /// What does not fit.
        #[source]
        source: CertificateError,
    },
    /// A certificate with name constraints that cannot be read: nobody knows what it may certify.
    #[error("certificate {index} of the issuer chain has malformed name constraints")]
    Constraints {
        /// Counted from the issuer, which is 0; the root of [`IssuerChain::under`] comes last.
        index: usize,
        /// What is wrong with them.
        #[source]
        source: NameConstraintsError,
    },
    /// No root issued the last certificate.
    #[error("the issuer chain leads to none of the roots")]
    NoRoot,
}

/// A CA would stand where the chain has no room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a CA's path length of {allowed}, with {below} certificates of the chain below it, leaves no room for this one"
)]
pub struct PathLengthExceeded {
    /// What the CA allows.
    pub allowed: u32,
    /// How many certificates of the chain stand below that CA.
    pub below: u32,
}

/// Why a client's chain is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// More certificates than any client needs.
    #[error("the chain has {certificates} certificates; at most {MAX_CHAIN} are accepted")]
    TooLong {
        /// How many were presented.
        certificates: usize,
    },
    /// A certificate of the chain is expired or not yet valid.
    #[error("a certificate of the chain is not valid at this time")]
    NotValidNow,
    /// The leaf may not sign for a client, or is a CA.
    #[error("the certificate may not be used by a client")]
    WrongUsage,
    /// It leads to no anchor.
    #[error("the certificate was not issued by a trusted authority")]
    UnknownIssuer,
    /// Anything else that is wrong with the chain.
    #[error("the chain does not verify")]
    Invalid(#[source] webpki::Error),
}

impl From<webpki::Error> for ChainError {
    fn from(error: webpki::Error) -> Self {
        match error {
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => Self::NotValidNow,
            webpki::Error::CaUsedAsEndEntity | webpki::Error::RequiredEkuNotFoundContext(_) => {
                Self::WrongUsage
            }
            webpki::Error::UnknownIssuer => Self::UnknownIssuer,
            other => Self::Invalid(other),
        }
    }
}

fn constraints_of(
    certificate: &Certificate,
    index: usize,
) -> Result<Option<NameConstraints>, IssuerChainError> {
    let extension = certificate.extension(oid::NAME_CONSTRAINTS);
    let constraints = extension.map(NameConstraints::from_extension).transpose();
    constraints.map_err(|source| IssuerChainError::Constraints { index, source })
}

fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> Result<(), CertificateError> {
    if certificate.issuer() != issuer.subject() || !issuer.is_ca() {
        return Err(CertificateError::BadSignature);
    }
    certificate.verify_signature(issuer.public_key())
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
