//! `sign`: a certificate for whoever holds a token and a key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::credential::SpendableToken;
use super::issuance::{Application, IssueError};
use super::names::{TokenNames, recorded};
use super::validity::ValidityRules;
use super::{Authority, AuthorityError, InternalError, InvalidRequest, IssuedCertificate, Refusal};
use crate::config::TimeDuration;
use crate::provisioner::{AuthorizedToken, Operation};
use crate::x509::{CertificateBody, CertificateRequest, Profile};

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
        let begun = self.clock.now();
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
            profile.extra.push(provisioner.extension().to_extension());
        }

        // 6. check.
        check_confirmation(&token, &csr)?;
        names.check(&csr)?;
        self.issuers.permits(&subject, names.sans()).map_err(Refusal::NameConstraint)?;

        let recorded = recorded(&subject, names.sans());
        let body = CertificateBody::new(self.issuance(validity)?, subject, csr.public_key().clone(), profile)
            .map_err(InternalError::Body)?;
        self.issue(Application {
            begun,
            body,
            names: recorded,
            provisioner: Some(provisioner.reference()),
            credential: Some(Box::new(SpendableToken {
                key: token.spent_key(),
                request: hex::encode(csr.sha256()),
                expires: token.expires(),
            })),
            acme: None,
            renews: None,
        })
        .await
        .map_err(IssueError::without_companions)
    }
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
