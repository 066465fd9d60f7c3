//! The certificate that the server shows: issued by its own authority, replaced in memory before it ends.

use std::sync::Arc;
use std::time::Duration;

use stepless_core::authority::{Authority, IssuedCertificate};
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::key::{KeyKind, PrivateKey};
use stepless_core::secret::SecretBytes;
use stepless_net::{ServerCertificate, SystemClock};
use tracing::{error, info};

use crate::error::{CliError, Context};

/// A server certificate that has been issued, and when the next one is due.
pub(crate) struct OwnCertificate {
    chain: Vec<Vec<u8>>,
    key: SecretBytes,
    due: Timestamp,
}

impl OwnCertificate {
    /// Issues one, with a key of its own.
    pub(crate) async fn issue(authority: &Authority) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let issued = authority
            .issue_server_certificate(key.public_key())
            .await
            .context("the server's own certificate cannot be issued")?;
        let leaf = issued.certificate().as_der().to_vec();
        let issuers = authority.issuers().iter().map(|issuer| issuer.as_der().to_vec());
        Ok(Self {
            chain: std::iter::once(leaf).chain(issuers).collect(),
            key: key.to_pkcs8_der().context("a key cannot be written")?,
            due: renewal_due(&issued),
        })
    }

    /// What the listener shows.
    pub(crate) fn serve(&self) -> Result<ServerCertificate, CliError> {
        ServerCertificate::new(self.chain.clone(), &self.key)
            .context("the server's own certificate cannot be used")
    }
}

/// Replaces the certificate whenever two thirds of its life are over; never returns.
///
/// The wall clock is asked again and again, for a machine may sleep longer than a timer knows.
pub(crate) async fn keep_fresh(authority: Arc<Authority>, shown: ServerCertificate, mut due: Timestamp) {
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        if SystemClock.now() < due {
            continue;
        }
        match OwnCertificate::issue(&authority).await {
            Ok(next) => match shown.set(next.chain, &next.key) {
                Ok(()) => {
                    info!(due = %next.due, "the server's own certificate was renewed");
                    due = next.due;
                }
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, "the new certificate cannot be used")
                }
            },
            // The next round tries again; a third of the certificate's life is left for that.
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "the server's certificate was not renewed")
            }
        }
    }
}

impl OwnCertificate {
    /// When the next one is due.
    pub(crate) fn due(&self) -> Timestamp {
        self.due
    }
}

const CHECK_INTERVAL: Duration = Duration::from_secs(30);

fn renewal_due(issued: &IssuedCertificate) -> Timestamp {
    let certificate = issued.certificate();
    let life = certificate.not_before().duration_until(certificate.not_after());
    let two_thirds = SignedDuration::from_secs(life.as_secs() / 3 * 2);
    certificate.not_before().saturating_add(two_thirds).unwrap_or(certificate.not_after())
}
