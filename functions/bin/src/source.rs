//! Opens the authority that the configuration describes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use stepless_aws::authority::{OpenAuthorityError, open};
use stepless_aws::configuration::{
    ConfigurationPlace, ConfigurationSource, ConfigurationVersion, Found, ReadError,
};
use stepless_aws::sdk::NoRegion;
use stepless_core::acme::OpenAcmeError;
use stepless_core::authority::Authority;
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, ConfigError};
use stepless_functions::TraceHeader;
use stepless_net::SystemRandom;
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::{info, warn};

/// Where authorities come from: the configuration on AWS, or a test.
#[async_trait]
pub trait Opener: fmt::Debug + Send + Sync {
    /// Opens the authority of the present configuration; `None` if that is the `known` one.
    ///
    /// # Errors
    /// [`NotOpen`]; asking again may help.
    async fn open(&self, known: Option<&ConfigurationVersion>) -> Result<Option<Opened>, NotOpen>;
}

/// An authority, and what else its configuration says of a service.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The authority.
    pub authority: Arc<Authority>,
    /// The configuration that it was opened with.
    pub config: Arc<CaConfig>,
    /// Where requests have their ids.
    pub trace_header: TraceHeader,
    /// Which configuration it is.
    pub version: ConfigurationVersion,
}

/// The configuration at a place on AWS.
#[derive(Debug)]
pub struct Source {
    place: ConfigurationPlace,
    clock: Arc<dyn Clock>,
    /// Opened at the first use, and kept: with it, the connections.
    source: OnceCell<ConfigurationSource>,
}

impl Source {
    /// The configuration at `place`. Nothing is read yet.
    pub fn new(place: ConfigurationPlace, clock: Arc<dyn Clock>) -> Self {
        Self { place, clock, source: OnceCell::new() }
    }
}

#[async_trait]
impl Opener for Source {
    async fn open(&self, known: Option<&ConfigurationVersion>) -> Result<Option<Opened>, NotOpen> {
        let source = self
            .source
            .get_or_try_init(|| ConfigurationSource::open(&self.place, Arc::clone(&self.clock)))
            .await?;
        let configuration = match source.read(known).await? {
            Found::Unchanged => return Ok(None),
            Found::Absent => return Err(NotOpen::NoConfiguration { place: self.place.to_string() }),
            Found::Configuration(configuration) => configuration,
        };
        let version = configuration.version;
        let (config, warnings) = CaConfig::parse(&configuration.text)?;
        for warning in warnings {
            warn!(version = %version, "{warning}");
        }
        let name = &config.logger.trace_header;
        let trace_header =
            TraceHeader::new(name).ok_or_else(|| NotOpen::TraceHeader { found: name.clone() })?;
        let authority = open(&config, source, Arc::clone(&self.clock), Arc::new(SystemRandom)).await?;
        info!(
            place = %self.place,
            version = %version,
            root = authority.roots().first().map(stepless_core::x509::Certificate::fingerprint_sha256),
            "the authority is open"
        );
        let (authority, config) = (Arc::new(authority), Arc::new(config));
        Ok(Some(Opened { authority, config, trace_header, version }))
    }
}

/// Why there is no authority.
#[derive(Debug, Error)]
pub enum NotOpen {
    /// There is no configuration yet.
    #[error("there is no configuration at {place} yet; `stepless init` writes it")]
    NoConfiguration {
        /// Where it was looked for.
        place: String,
    },
    /// The configuration could not be read.
    #[error("the configuration cannot be read")]
    Read(#[from] ReadError),
    /// Nothing says where the place is.
    #[error("the configuration cannot be read")]
    Region(#[from] NoRegion),
    /// The configuration is wrong.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// No header can have such a name.
    #[error("logger.traceHeader: {found:?} cannot be a header")]
    TraceHeader {
        /// The name.
        found: String,
    },
    /// The authority of the configuration could not be opened.
    #[error("the authority cannot be opened")]
    Authority(#[from] OpenAuthorityError),
    /// The ACME servers of the authority could not be opened.
    #[error("the ACME servers cannot be opened")]
    Acme(#[from] OpenAcmeError),
    /// It is not open yet, and the request has no more time to wait.
    #[error("the authority takes too long to open")]
    Slow,
    /// It could not be opened a moment ago, and is not tried again yet.
    #[error("the authority could not be opened a moment ago")]
    Recently,
}
