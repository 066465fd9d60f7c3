//! What validations see of the network: core's [`Prober`] port over sockets.
//!
//! Nothing is shared between two look-ups: no cache, no connection, no session. Proxies of the environment are not
//! used.

mod dial;
mod dns;
mod http;
mod journey;
mod redirect;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use stepless_core::acme::{
    AllowedTargets, CaaRecord, HttpAnswer, ProbeError, ProbeErrorKind, ProbeHost, ProbeLimits, Prober,
    TlsAnswer, TxtAnswer,
};
use stepless_core::x509::DnsName;
use thiserror::Error;

use self::dial::{absolute, dial};
use self::dns::{DNS_PORT, DnsFailure, Resolver, ResolverSource};
use self::journey::Journey;
use self::redirect::WebPorts;
use self::tls::TlsClients;

/// Where things are looked for. All of it is the operator's to say when the program starts, and none of it a part of
/// the stored configuration: whoever may write that one could send validations elsewhere.
#[derive(Clone, Debug)]
pub struct ProberSettings {
    /// The port of `http`; 80.
    pub http_port: u16,
    /// The port of `https`, to which redirects may lead; 443.
    pub https_port: u16,
    /// The port of tls-alpn-01; 443.
    pub tls_alpn_port: u16,
    /// The resolvers to ask, one after the other; none for those of `/etc/resolv.conf`. Name servers of zones are
    /// asked on the port of the first one.
    pub resolvers: Vec<SocketAddr>,
    /// What may be contacted in every look-up, besides what its limits allow.
    pub allowed: AllowedTargets,
}

impl ProberSettings {
    /// The ports that the protocols have, the system's resolver, and no address that is refused by default.
    pub fn standard() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            tls_alpn_port: 443,
            resolvers: Vec::new(),
            allowed: AllowedTargets::none(),
        }
    }
}

/// The prober cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetProberError {
    /// The TLS library has no version in common with itself: a fault of the build.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The [`Prober`] that opens sockets.
#[derive(Clone)]
pub struct NetProber {
    ports: WebPorts,
    tls_alpn_port: u16,
    resolvers: ResolverSource,
    allowed: AllowedTargets,
    tls: TlsClients,
}

impl NetProber {
    /// A prober with these settings. Nothing is contacted yet.
    ///
    /// # Errors
    /// [`NetProberError`] when TLS cannot be set up.
    pub fn new(settings: ProberSettings) -> Result<Self, NetProberError> {
        let resolvers = if settings.resolvers.is_empty() {
            ResolverSource::File { path: PathBuf::from("/etc/resolv.conf"), port: DNS_PORT }
        } else {
            ResolverSource::Given(settings.resolvers)
        };
        Ok(Self {
            ports: WebPorts { http: settings.http_port, https: settings.https_port },
            tls_alpn_port: settings.tls_alpn_port,
            resolvers,
            allowed: settings.allowed,
            tls: TlsClients::new().map_err(NetProberError::Tls)?,
        })
    }

    fn resolver(&self, journey: &Journey) -> Result<Resolver, ProbeError> {
        Resolver::new(&self.resolvers, journey.left()).map_err(|failure| dns_failure(journey, failure))
    }

    fn name(journey: &Journey, name: &DnsName) -> Result<Name, ProbeError> {
        absolute(name).map_err(|error| journey.fails(error))
    }
}

#[async_trait]
impl Prober for NetProber {
    async fn http(
        &self,
        host: &ProbeHost,
        path: &str,
        limits: &ProbeLimits,
    ) -> Result<HttpAnswer, ProbeError> {
        let journey = Journey::new(limits, &self.allowed);
        journey.begins(ProbeErrorKind::Dns, format_args!("GET http://{host}{path}"));
        let resolver = self.resolver(&journey)?;
        journey.within(http::get(&journey, &resolver, &self.tls, self.ports, host, path)).await
    }

    async fn txt(&self, name: &DnsName, limits: &ProbeLimits) -> Result<TxtAnswer, ProbeError> {
        let journey = Journey::new(limits, &self.allowed);
        journey.begins(ProbeErrorKind::Dns, format_args!("TXT {name}"));
        let resolver = self.resolver(&journey)?;
        let name = Self::name(&journey, name)?;
        journey.within(dns::txt(&journey, &resolver, &name)).await
    }

    async fn tls_alpn(&self, host: &ProbeHost, limits: &ProbeLimits) -> Result<TlsAnswer, ProbeError> {
        let journey = Journey::new(limits, &self.allowed);
        let port = self.tls_alpn_port;
        journey.begins(ProbeErrorKind::Dns, format_args!("acme-tls/1 with {host} on port {port}"));
        let resolver = self.resolver(&journey)?;
        let look_up = async {
            let (stream, address) = dial(&journey, &resolver, host, port).await?;
            self.tls.acme(&journey, stream, address, host).await
        };
        journey.within(look_up).await
    }

    async fn caa(&self, name: &DnsName, limits: &ProbeLimits) -> Result<Vec<CaaRecord>, ProbeError> {
        let journey = Journey::new(limits, &self.allowed);
        journey.begins(ProbeErrorKind::Dns, format_args!("CAA {name}"));
        let resolver = self.resolver(&journey)?;
        let name = Self::name(&journey, name)?;
        let look_up = async {
            let found = resolver.records(&name, RecordType::CAA).await;
            found.map_err(|failure| dns_failure(&journey, failure))
        };
        let found = journey.within(look_up).await?;
        Ok(found.records.iter().filter_map(caa_record).collect())
    }
}

impl fmt::Debug for NetProber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetProber")
            .field("ports", &self.ports)
            .field("tls_alpn_port", &self.tls_alpn_port)
            .field("resolvers", &self.resolvers)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

fn dns_failure(journey: &Journey, failure: DnsFailure) -> ProbeError {
    journey.fails(failure).that_may_heal()
}

fn caa_record(data: &RData) -> Option<CaaRecord> {
    match data {
        RData::CAA(record) => Some(CaaRecord {
            critical: record.issuer_critical,
            tag: record.tag.clone(),
            value: record.value.clone(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
