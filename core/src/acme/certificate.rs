//! Where a certificate is had, with its issuers.

use tracing::warn;

use super::request::check_post_as_get;
use super::{Acme, AcmeError, Answer, Endpoint};
use crate::store::StoreError;
use crate::store::table::{self, CertificateRecord, CertificateState, Der};
use crate::x509::{Certificate, SerialNumber};

impl Acme {
    /// A certificate and its issuers, in PEM: chain 0 ends below the root, chain 1 with it.
    ///
    /// # Errors
    /// [`AcmeError`]; the certificate of another account does not exist.
    pub async fn certificate(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        serial: &SerialNumber,
        alternate: usize,
    ) -> Result<Answer<String>, AcmeError> {
        let key = table::certificate(serial);
        let mut request = self.account_request(endpoint, body, |_, _| vec![key]).await?;
        check_post_as_get(&request.payload)?;
        let absent = || AcmeError::not_found("certificate");
        let found = request.also.pop().flatten().ok_or_else(absent)?;
        let record: CertificateRecord = table::decode(&found)?;
        let is_own = record.acme.as_ref().is_some_and(|acme| acme.account == request.account.id.as_str())
            && record.provisioner.as_ref().is_some_and(|by| by.id == endpoint.provisioner.id);
        let CertificateState::Issued { certificate: Der(leaf) } = record.state else {
            return Err(absent());
        };
        if !is_own {
            return Err(absent());
        }
        let leaf = Certificate::from_der(&leaf).map_err(|error| StoreError::Failed(Box::new(error)))?;
        let mut chains = self.chains(&leaf);
        if alternate >= chains.len() {
            return Err(absent());
        }
        self.spend(request.nonce).await?;
        let links = endpoint.links();
        let others = (0..chains.len()).filter(|other| *other != alternate);
        Ok(Answer {
            alternates: others.map(|other| links.certificate(serial, other)).collect(),
            ..Answer::new(chains.swap_remove(alternate))
        })
    }

    /// The chains that a certificate is offered with.
    fn chains(&self, leaf: &Certificate) -> Vec<String> {
        let issuers = self.authority.issuers();
        let is_known = issuers.first().is_some_and(|issuer| leaf.issuer() == issuer.subject());
        if !is_known {
            warn!(serial = %leaf.serial(), "the issuer of the certificate is not configured any more");
            return vec![leaf.to_pem()];
        }
        let mut chain = leaf.to_pem();
        for issuer in issuers.iter().filter(|issuer| issuer.issuer() != issuer.subject()) {
            chain.push_str(&issuer.to_pem());
        }
        let top = issuers.last().map(Certificate::issuer);
        let root = self.authority.roots().iter().find(|root| Some(root.subject()) == top);
        let with_root = root.map(|root| format!("{chain}{}", root.to_pem()));
        std::iter::once(chain).chain(with_root).collect()
    }
}
