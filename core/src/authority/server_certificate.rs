//! The certificate that TLS is served with under the authority's own names, by the single binary or by a gateway: issued by the same numbered steps, with its record.

use super::issuance::{Application, IssueError};
use super::names::{classify, recorded};
use super::validity::{issuer_end, validity};
use super::{Authority, AuthorityError, InternalError, IssuedCertificate, Refusal};
use crate::clock::{SignedDuration, Timestamp};
use crate::key::PublicKey;
use crate::x509::{CertificateBody, DistinguishedName, Profile};

impl Authority {
    /// A certificate for the authority's own names and `key`, valid for `lifetime`, or as long as the issuer is.
    /// Two table calls, one signature.
    ///
    /// # Errors
    /// [`AuthorityError`] as [`Authority::sign`]; a name of the configuration that cannot be certified is a refusal.
    pub async fn issue_server_certificate(
        &self,
        key: &PublicKey,
        lifetime: SignedDuration,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let now = self.clock.now();
        let start = now.saturating_sub(BACKDATE).unwrap_or(now);
        let end = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let validity = validity(start, end.min(issuer_end(self.issuers.issuer(), now)?))?;
        let sans = classify(&self.dns_names)?;
        let subject = DistinguishedName::from_common_name(&self.common_name).map_err(Refusal::Subject)?;
        self.issuers.permits(&subject, &sans).map_err(Refusal::NameConstraint)?;
        let names = recorded(&subject, &sans);
        let body =
            CertificateBody::new(self.issuance(validity)?, subject, key.clone(), Profile::leaf(key, sans))
                .map_err(InternalError::Body)?;
        self.issue(Application {
            begun: now,
            body,
            names,
            provisioner: None,
            credential: None,
            acme: None,
            renews: None,
        })
        .await
        .map_err(IssueError::without_companions)
    }
}

/// Clients' clocks run behind ours; without this margin a fresh certificate is "not yet valid" for them.
const BACKDATE: SignedDuration = SignedDuration::from_mins(1);
