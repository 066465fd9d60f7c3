//! `sign`: a certificate for whoever holds a token and a key.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::issuance::{Application, OneTimeCredential};
use super::names::{TokenNames, recorded};
use super::validity::ValidityRules;
use super::{Authority, AuthorityError, InternalError, InvalidRequest, IssuedCertificate, Refusal};
use crate::config::TimeDuration;
use crate::key::PublicKey;
use crate::provisioner::{AuthorizedToken, Operation, Provisioner, Service};
use crate::store::table::ProvisionerReference;
use crate::x509::{
    CertificateBody, CertificateRequest, Issuance, Profile, ProvisionerExtension, SerialNumber, Validity,
};

/// What `/sign` is asked.
#[derive(Debug)]
pub struct SignRequest<'a> {
    /// A certificate request in PEM; empty when the client sent none.
    pub csr: &'a str,
    /// A one-time token; empty when the client sent none.
    pub token: &'a str,
    /// When the certificate is to begin; counted from now where it is a duration.
    pub not_before: TimeDuration,
    /// When it is to end; counted from its beginning where it is a duration.
    pub not_after: TimeDuration,
}

impl Authority {
    /// Issues a certificate for a request and a one-time token: two table calls, one signature.
    ///
    /// The names come from the token. Of the request count its key, and its common name and names where it has any:
    /// those must be the token's. Whatever else a request asks for is not looked at.
    ///
    /// # Errors
    /// [`AuthorityError`]; unless it is [`AuthorityError::Unfinished`] or [`AuthorityError::Internal`], nothing was stored
    /// and the token can still be used.
    pub async fn sign(&self, request: SignRequest<'_>) -> Result<IssuedCertificate, AuthorityError> {
        if request.csr.is_empty() {
            return Err(InvalidRequest::MissingCsr.into());
        }
        let csr = CertificateRequest::from_pem(request.csr).map_err(InvalidRequest::Csr)?;
        if request.token.is_empty() {
            return Err(InvalidRequest::MissingToken.into());
        }

        // 1. verify the credential.
        let (provisioner, token) = self.authorize_token(request.token, Operation::Sign)?;

        // 2. verify the request.
        self.verify_request(&csr)?;

        // 3. and 4., webhooks and templates, are refused in the configuration; the default leaf is what remains.
        // 5. defaults, extension, validity.
        let names = TokenNames::new(&token)?;
        let validity = ValidityRules {
            now: self.clock.now(),
            backdate: self.backdate,
            lifetimes: &provisioner.claims.tls,
            issuer: self.issuers.issuer(),
        }
        .decide(request.not_before, request.not_after)?;
        let subject = self.subject_template.name_for(token.subject()).map_err(Refusal::Subject)?;
        let mut profile = Profile::leaf(csr.public_key(), names.sans().clone());
        if !provisioner.claims.disable_smallstep_extensions {
            profile.extra.push(extension(provisioner).to_extension());
        }

        // 6. check.
        check_confirmation(&token, &csr)?;
        names.check(&csr)?;
        self.issuers.permits(&subject, names.sans()).map_err(Refusal::NameConstraint)?;

        let recorded = recorded(&subject, names.sans());
        let body = CertificateBody::new(self.issuance(validity)?, subject, csr.public_key().clone(), profile)
            .map_err(InternalError::Body)?;
        self.issue(Application {
            body,
            names: recorded,
            provisioner: Some(reference(provisioner)),
            credential: Some(OneTimeCredential {
                key: token.spent_key(),
                request: hex::encode(csr.sha256()),
                expires: token.expires(),
            }),
            renews: None,
        })
        .await
    }

    /// 1. verify the credential: the token's signature, then its claims. Nothing is written.
    pub(super) fn authorize_token(
        &self,
        token: &str,
        operation: Operation,
    ) -> Result<(&Provisioner, AuthorizedToken), AuthorityError> {
        let (provisioner, token) = self.provisioners.authorize(token, operation, self.clock.now())?;
        self.check_issued_at(token.claims())?;
        Ok((provisioner, token))
    }

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

    /// What this issuer puts into every certificate.
    pub(super) fn issuance(&self, validity: Validity) -> Result<Issuance<'_>, AuthorityError> {
        Ok(Issuance {
            serial: SerialNumber::random(&*self.random).map_err(InternalError::Random)?,
            algorithm: self.signer.algorithm(),
            issuer: self.issuers.issuer(),
            validity,
        })
    }
}

/// A provisioner as records name it.
pub(super) fn reference(provisioner: &Provisioner) -> ProvisionerReference {
    ProvisionerReference { id: provisioner.id.clone(), name: provisioner.name.clone() }
}

/// SHA-256 of what a credential is used for, in hex.
pub(super) fn request_hash(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    hex::encode(context.finish())
}

/// Whether the token is for this request, where it says for which.
fn check_confirmation(token: &AuthorizedToken, csr: &CertificateRequest) -> Result<(), Refusal> {
    match token.claims().confirmation() {
        Some(fingerprint) if *fingerprint != csr.sha256() => {
            Err(Refusal::OtherRequest { fingerprint: URL_SAFE_NO_PAD.encode(fingerprint) })
        }
        _ => Ok(()),
    }
}

fn extension(provisioner: &Provisioner) -> ProvisionerExtension {
    let credential_id = match &provisioner.service {
        Service::Jwk(jwk) => jwk.key_id.clone(),
        Service::WithoutTokens | Service::Disabled(_) => String::new(),
    };
    ProvisionerExtension {
        kind: provisioner.kind,
        name: provisioner.name.clone(),
        credential_id,
        key_value_pairs: Vec::new(),
    }
}
