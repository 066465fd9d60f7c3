//! `renew` and `rekey`: a new certificate for the holder of an old one.

use super::client::{ClientCertificate, ClientCredential};
use super::credential::OneTimeCredential;
use super::issuance::{Application, IssueError};
use super::names::recorded;
use super::validity::renewed;
use super::{Authority, AuthorityError, InternalError, InvalidRequest, IssuedCertificate, Refusal};
use crate::clock::Timestamp;
use crate::key::PublicKey;
use crate::x509::{Certificate, CertificateBody, CertificateRequest, SubjectAltNames};

impl Authority {
    /// Issues a certificate like the client's own: same key, names, extensions and length, beginning now. Two table
    /// calls, one signature. That the old one is not revoked is a condition of the first call.
    ///
    /// # Errors
    /// [`AuthorityError`] as [`Authority::sign`].
    pub async fn renew(&self, credential: &ClientCredential) -> Result<IssuedCertificate, AuthorityError> {
        let begun = self.clock.now();
        let client = self.authorize_client(credential, None).await?;
        self.follow(begun, client, None).await
    }

    /// As [`Authority::renew`], with the key of a certificate request in PEM; of that request only the key counts.
    ///
    /// # Errors
    /// [`AuthorityError`] as [`Authority::sign`].
    pub async fn rekey(
        &self,
        credential: &ClientCredential,
        csr: &str,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let begun = self.clock.now();
        if csr.is_empty() {
            return Err(InvalidRequest::MissingCsr.into());
        }
        let csr = CertificateRequest::from_pem(csr).map_err(InvalidRequest::Csr)?;
        let client = self.authorize_client(credential, Some(csr.public_key())).await?;
        // 2. verify the request.
        self.verify_request(&csr)?;
        self.follow(begun, client, Some(csr.public_key())).await
    }

    /// Steps 5 to 10 for the certificate that follows the client's.
    async fn follow(
        &self,
        begun: Timestamp,
        client: ClientCertificate<'_>,
        new_key: Option<&PublicKey>,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let old = &client.certificate;
        let validity = renewed(old, self.clock.now(), self.backdate, self.issuers.issuer())?;
        let issuance = self.issuance(validity)?;
        let body = match new_key {
            None => {
                self.check_key(old.public_key())?;
                CertificateBody::renewal(issuance, old)
            }
            Some(key) => CertificateBody::rekey(issuance, old, key.clone()),
        }
        .map_err(InternalError::Body)?;
        let sans = self.names_of(old)?;
        self.issue(Application {
            begun,
            body,
            names: recorded(old.subject(), &sans),
            provisioner: Some(client.provisioner.reference()),
            credential: client.credential.map(|token| Box::new(token) as Box<dyn OneTimeCredential>),
            acme: None,
            renews: Some(old.serial().clone()),
        })
        .await
        .map_err(IssueError::without_companions)
    }

    /// The names of a certificate, if this issuer may still vouch for them: its constraints may have changed.
    fn names_of(&self, certificate: &Certificate) -> Result<SubjectAltNames, AuthorityError> {
        let sans = certificate.sans().map_err(Refusal::Name)?;
        self.issuers.permits(certificate.subject(), &sans).map_err(Refusal::NameConstraint)?;
        Ok(sans)
    }
}
