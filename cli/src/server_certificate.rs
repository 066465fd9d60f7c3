//! The certificate that the server shows: issued by its own authority, replaced in memory before it ends.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use stepless_core::authority::{Authority, IssuedCertificate};
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::key::{KeyKind, PrivateKey};
use stepless_core::secret::SecretBytes;
use stepless_net::ServerCertificate;
use tracing::{error, info};

use crate::error::{CliError, Context};

/// The server's own certificate for as long as the server runs.
pub(crate) struct OwnCertificate {
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    shown: ServerCertificate,
    fresh: Range<Timestamp>,
}

impl OwnCertificate {
    /// Issues the first one; `clock` is the one that the authority dates it by.
    pub(crate) async fn issue(authority: Arc<Authority>, clock: Arc<dyn Clock>) -> Result<Self, CliError> {
        let issued = Issued::by(&authority).await?;
        let shown = ServerCertificate::new(issued.chain, &issued.key).context(UNUSABLE)?;
        Ok(Self { authority, clock, shown, fresh: issued.fresh })
    }

    /// What a listener shows; it changes with this.
    pub(crate) fn shown(&self) -> ServerCertificate {
        self.shown.clone()
    }

    /// Replaces it whenever it is no longer fresh; never returns.
    ///
    /// The wall clock is asked again and again, for a machine may sleep longer than a timer knows.
    pub(crate) async fn keep_fresh(mut self) {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if self.fresh.contains(&self.clock.now()) {
                continue;
            }
            match self.replace().await {
                Ok(()) => info!(due = %self.fresh.end, "the server's own certificate was renewed"),
                // The next round tries again; a third of the certificate's life is left for that.
                Err(error) => error!(
                    error = &error as &dyn Error,
                    "the server's own certificate was not renewed, the old one stays"
                ),
            }
        }
    }

    async fn replace(&mut self) -> Result<(), CliError> {
        let next = Issued::by(&self.authority).await?;
        self.shown.set(next.chain, &next.key).context(UNUSABLE)?;
        self.fresh = next.fresh;
        Ok(())
    }
}

/// A certificate with its issuers, the key that was made for it, and while it needs no successor.
struct Issued {
    chain: Vec<Vec<u8>>,
    key: SecretBytes,
    fresh: Range<Timestamp>,
}

impl Issued {
    async fn by(authority: &Authority) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let issued = authority
            .issue_server_certificate(key.public_key(), LIFETIME)
            .await
            .context("the server's own certificate cannot be issued")?;
        let leaf = issued.certificate().as_der().to_vec();
        let issuers = authority.issuers().iter().map(|issuer| issuer.as_der().to_vec());
        Ok(Self {
            chain: std::iter::once(leaf).chain(issuers).collect(),
            key: key.to_pkcs8_der().context("a key cannot be written")?,
            fresh: first_two_thirds(&issued),
        })
    }
}

/// From its beginning, for a clock that was set back finds it not yet valid, until two thirds of its life are over.
fn first_two_thirds(issued: &IssuedCertificate) -> Range<Timestamp> {
    let certificate = issued.certificate();
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    let two_thirds = SignedDuration::from_secs(begin.duration_until(end).as_secs() / 3 * 2);
    begin..begin.saturating_add(two_thirds).unwrap_or(end)
}

const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
const UNUSABLE: &str = "the server's own certificate cannot be used";

#[cfg(test)]
mod tests;
