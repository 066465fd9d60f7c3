//! Step 1 for those who act for an existing certificate: over mutual TLS, or by a token that its key signed.

use aws_lc_rs::digest;

use super::credential::SpendableToken;
use super::validity::subtract;
use super::{Authority, AuthorityError};
use crate::clock::{SignedDuration, Timestamp};
use crate::jose::Jwt;
use crate::key::PublicKey;
use crate::peer::{MAX_CHAIN, PeerCertificates};
use crate::provisioner::{
    Operation, Provisioner, Service, TokenError, check_claims, refuse_own_key, spent_mark,
};
use crate::store::table::{self, CertificateRecord, CertificateState};
use crate::x509::{Certificate, ChainError, verify_client_chain};

/// How a client proves that it holds the key of a certificate.
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// It used it in the TLS handshake.
    Certificates(PeerCertificates),
    /// It signed a token with it, and sent the chain in the token's `x5cInsecure` header.
    RenewToken(RenewToken),
}

/// A renewal token. Its text is a credential, so it has no `Debug`.
#[derive(Clone)]
pub struct RenewToken(String);

impl RenewToken {
    /// The token as it came in the `Authorization` header.
    pub fn new(token: String) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for RenewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RenewToken(..)")
    }
}

/// A certificate that its holder may renew.
pub(super) struct ClientCertificate<'a> {
    pub(super) certificate: Certificate,
    pub(super) provisioner: &'a Provisioner,
    pub(super) credential: Option<SpendableToken>,
}

impl Authority {
    /// Verifies a client's credential for renewal, or for rekeying to `new_key`. Nothing is written; that the
    /// certificate is not revoked is left to the commit.
    pub(super) async fn authorize_client(
        &self,
        credential: &ClientCredential,
        new_key: Option<&PublicKey>,
    ) -> Result<ClientCertificate<'_>, AuthorityError> {
        let now = self.clock.now();
        let client = match credential {
            ClientCredential::Certificates(peer) => {
                let chain = parse_chain(&peer.0)?;
                let (certificate, provisioner) = self.verify_client(chain, now).await?;
                ClientCertificate { certificate, provisioner, credential: None }
            }
            ClientCredential::RenewToken(token) => self.authorize_renew_token(&token.0, new_key, now).await?,
        };
        authorize_renewal(&client, now)?;
        Ok(client)
    }

    /// Verifies the chain of a client for another purpose than renewal: who it is, at this moment.
    pub(super) async fn authenticate_peer(
        &self,
        peer: &PeerCertificates,
    ) -> Result<(Certificate, &Provisioner), AuthorityError> {
        let now = self.clock.now();
        let (certificate, provisioner) = self.verify_client(parse_chain(&peer.0)?, now).await?;
        check_window(&certificate, now)?;
        Ok((certificate, provisioner))
    }

    async fn authorize_renew_token(
        &self,
        token: &str,
        new_key: Option<&PublicKey>,
        now: Timestamp,
    ) -> Result<ClientCertificate<'_>, AuthorityError> {
        let token = Jwt::parse(token).map_err(TokenError::Malformed)?;
        refuse_own_key(token.header())?;
        let chain = token.header().x5c_insecure.as_deref().ok_or(TokenError::NoChain)?;
        let chain = parse_chain(chain)?;
        let leaf = chain.first().ok_or(TokenError::NoChain)?;
        let verified = token.verify(leaf.public_key()).map_err(TokenError::Signature)?;
        let (certificate, provisioner) = self.verify_client(chain, now).await?;

        let claims = verified.claims();
        let issuers = [RENEW_ISSUER, &provisioner.name];
        let operation = if new_key.is_some() { Operation::Rekey } else { Operation::Renew };
        let expires = check_claims(claims, &issuers, self.provisioners.audiences(), operation, now)?;
        let subject = claims.subject().unwrap_or_default();
        if let Some(expected) = certificate.subject().common_name().filter(|name| *name != subject) {
            let (found, expected) = (subject.to_owned(), expected.to_owned());
            return Err(TokenError::Subject { found, expected }.into());
        }
        self.check_issued_at(claims)?;

        // Whoever signs the token chooses its id, so the id counts among this certificate's tokens alone.
        let mark = spent_mark(&certificate.fingerprint_sha256(), claims.id(), verified.signed_part());
        let key = new_key.unwrap_or(certificate.public_key()).spki_der();
        let credential = SpendableToken {
            key: table::spent("renew", &mark),
            request: request_hash(&[certificate.as_der(), key]),
            expires,
        };
        Ok(ClientCertificate { certificate, provisioner, credential: Some(credential) })
    }

    /// Who stands behind a chain. A certificate of our issuer that names one of our provisioners needs no
    /// read; any other must be in the store byte for byte, so that a stranger under the same root renews nothing.
    async fn verify_client(
        &self,
        chain: Vec<Certificate>,
        now: Timestamp,
    ) -> Result<(Certificate, &Provisioner), AuthorityError> {
        let mut chain = chain.into_iter();
        let leaf = chain.next().ok_or(AuthorityError::UnknownCertificate)?;
        let intermediates: Vec<_> = chain.collect();
        // A certificate that is over may still be renewed where its provisioner allows it; its issuer may not be over.
        let at = now.min(subtract(leaf.not_after(), MARGIN)).max(leaf.not_before());
        let issuer = self.issuers.issuer();
        let ours = issuer.is_valid_at(now)
            && verify_client_chain(&leaf, &[], std::slice::from_ref(issuer), at).is_ok();
        if !ours {
            check_not_over(&leaf, now)?;
            verify_client_chain(&leaf, &intermediates, &self.anchors, at)?;
        }
        let extension = leaf.provisioner_extension().map_err(|_| AuthorityError::UnknownCertificate)?;
        let provisioner = match extension {
            Some(extension) if ours => self
                .provisioners
                .by_name(&extension.name)
                .filter(|provisioner| provisioner.kind == extension.kind)
                .ok_or(AuthorityError::UnknownCertificate)?,
            _ => self.provisioner_by_record(&leaf).await?,
        };
        Ok((leaf, provisioner))
    }

    async fn provisioner_by_record(&self, leaf: &Certificate) -> Result<&Provisioner, AuthorityError> {
        let found = self.store.get(&table::certificate(leaf.serial())).await?;
        let record: CertificateRecord = table::decode(&found.ok_or(AuthorityError::UnknownCertificate)?)?;
        match (record.state, record.provisioner) {
            (CertificateState::Issued { certificate }, Some(provisioner))
                if certificate.0 == leaf.as_der() =>
            {
                self.provisioners.by_id(&provisioner.id).ok_or(AuthorityError::UnknownCertificate)
            }
            _ => Err(AuthorityError::UnknownCertificate),
        }
    }
}

/// The issuer of the tokens with which `step ca renew` stands in for mutual TLS.
const RENEW_ISSUER: &str = "step-ca-client/1.0";
/// The last instant of a certificate is checked from inside it.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// SHA-256 of what a credential is used for, in hex.
fn request_hash(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    hex::encode(context.finish())
}

fn parse_chain(chain: &[Vec<u8>]) -> Result<Vec<Certificate>, AuthorityError> {
    if chain.len() > MAX_CHAIN {
        return Err(ChainError::TooLong { certificates: chain.len() }.into());
    }
    // What cannot be read is none of ours.
    chain
        .iter()
        .map(|der| Certificate::from_der(der).map_err(|_| AuthorityError::UnknownCertificate))
        .collect()
}

/// Whether its provisioner lets a certificate be renewed at this moment.
fn authorize_renewal(client: &ClientCertificate<'_>, now: Timestamp) -> Result<(), AuthorityError> {
    let provisioner = client.provisioner;
    if let Service::Disabled(_) = provisioner.service {
        return Err(AuthorityError::ProvisionerDisabled { name: provisioner.name.clone() });
    }
    if provisioner.claims.disable_renewal {
        return Err(AuthorityError::RenewalDisabled { provisioner: provisioner.name.clone() });
    }
    match check_window(&client.certificate, now) {
        Err(AuthorityError::CertificateExpired { .. }) if provisioner.claims.allow_renewal_after_expiry => {
            Ok(())
        }
        other => other,
    }
}

fn check_window(certificate: &Certificate, now: Timestamp) -> Result<(), AuthorityError> {
    if now < certificate.not_before() {
        return Err(AuthorityError::NotYetValid);
    }
    check_not_over(certificate, now)
}

fn check_not_over(certificate: &Certificate, now: Timestamp) -> Result<(), AuthorityError> {
    let not_after = certificate.not_after();
    match now.as_second() > not_after.as_second() {
        true => Err(AuthorityError::CertificateExpired { not_after }),
        false => Ok(()),
    }
}
