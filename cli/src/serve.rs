//! `stepless serve`: the authority of a `ca.json` behind a TLS listener.

use std::future::Future;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use stepless_core::authority::Authority;
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, ProvisionerDetails, TlsVersion};
use stepless_core::x509::Certificate;
use stepless_functions::{AcmeServer, TraceHeader};
use stepless_net::{CipherSuite, Limits, ProberSettings, SystemClock, TlsSettings, TlsVersions};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::args::ServeArguments;
use crate::authority::{self, LoadedConfig, Strictness};
use crate::error::{CliError, Context};
use crate::logging;
use crate::server_certificate::OwnCertificate;
use crate::validation::{self, Worker};

/// Serves until the process is told to end.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), CliError> {
    let place = authority::config_place(arguments.config.as_ref())?;
    let strictness = Strictness::of(arguments.strict);
    let runtime = runtime()?;
    runtime.block_on(async {
        let loaded = authority::load_config(&place, strictness).await?;
        logging::start(loaded.config.logger.format);
        warn_of_flags(arguments);
        let prober = validation::settings(arguments)?;
        let server = Server::open(&loaded, arguments.password_file.as_deref(), prober).await?;
        info!(
            address = %server.address()?,
            root = server.authority.roots().first().map(Certificate::fingerprint_sha256),
            config = %place,
            "serving"
        );
        server.run(end_of_process(Hangup::IsIgnored)?).await
    })
}

/// The runtime that everything runs on.
pub(crate) fn runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot start")
}

/// An authority with its socket bound and its own certificate issued.
pub(crate) struct Server {
    pub(crate) authority: Arc<Authority>,
    listener: TcpListener,
    tls: TlsSettings,
    trace_header: TraceHeader,
    certificate: OwnCertificate,
    acme: Option<(AcmeServer, Worker)>,
}

impl Server {
    /// Binds the socket, opens the authority and issues the server certificate. `prober` says where the challenges of
    /// ACME are looked for.
    pub(crate) async fn open(
        loaded: &LoadedConfig,
        password_file: Option<&Path>,
        prober: ProberSettings,
    ) -> Result<Self, CliError> {
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        let listener = bind(&loaded.config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let authority = authority::open(&loaded.config, password_file, Arc::clone(&clock)).await?;
        Self::of(&loaded.config, listener, authority, clock, prober).await
    }

    /// As [`Server::open`], from its parts; the authority was opened with the same clock.
    pub(crate) async fn of(
        config: &CaConfig,
        listener: TcpListener,
        authority: Authority,
        clock: Arc<dyn Clock>,
        prober: ProberSettings,
    ) -> Result<Self, CliError> {
        let authority = Arc::new(authority);
        let certificate = OwnCertificate::issue(Arc::clone(&authority), clock).await?;
        let tls = tls_settings(config, &authority, &certificate)?;
        let name = &config.logger.trace_header;
        let trace_header = TraceHeader::new(name)
            .ok_or_else(|| CliError::new(format!("logger.traceHeader: {name:?} cannot be a header")))?;
        let acme = match has_acme(config) {
            true => Some(validation::open(Arc::clone(&authority), prober).await?),
            false => None,
        };
        Ok(Self { authority, listener, tls, trace_header, certificate, acme })
    }

    /// The address that it listens at.
    pub(crate) fn address(&self) -> Result<std::net::SocketAddr, CliError> {
        self.listener.local_addr().context("the socket has no address")
    }

    /// Serves until `shutdown` ends, and the requests under way after it.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), CliError> {
        let mut beside = JoinSet::new();
        beside.spawn(self.certificate.keep_fresh());
        let acme = self.acme.map(|(server, worker)| {
            beside.spawn(worker.run(Arc::clone(&server.acme), server.validator.clone()));
            server
        });
        let router = stepless_functions::all(Arc::clone(&self.authority), acme, self.trace_header);
        let served = stepless_net::serve(router, self.listener, &self.tls, &Limits::STANDARD, shutdown).await;
        beside.abort_all();
        served.context("the server ended")?;
        info!("ended");
        Ok(())
    }
}

/// What SIGHUP means to a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The terminal is gone, and with it who asked for the server.
    Ends,
    /// An operator asks for the configuration to be read anew, which is not built: the server goes on.
    IsIgnored,
}

/// Ends when the process is asked to: by SIGTERM or SIGINT, or by SIGHUP where that is meant so.
pub(crate) fn end_of_process(on_hangup: Hangup) -> Result<impl Future<Output = ()> + Send, CliError> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let mut hangup = signal(SignalKind::hangup()).context("signals cannot be heard")?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => match on_hangup {
                    Hangup::Ends => break,
                    Hangup::IsIgnored => warn!(
                        "SIGHUP: the configuration cannot be read anew while serving; restart to change it"
                    ),
                },
            }
        }
        info!("ending; requests under way are finished");
    })
}

pub(crate) fn bind(config: &CaConfig) -> Result<TcpListener, CliError> {
    let address = &config.address;
    // An empty host means every address of the machine, IPv4 among them.
    let host = if address.host().is_empty() { "::" } else { address.host() };
    let bound = TcpListener::bind((host, address.port())).or_else(|error| match address.host() {
        "" => TcpListener::bind(("0.0.0.0", address.port())),
        _ => Err(error),
    });
    bound.context(format_args!("address: cannot listen at {address}"))
}

fn tls_settings(
    config: &CaConfig,
    authority: &Authority,
    certificate: &OwnCertificate,
) -> Result<TlsSettings, CliError> {
    let suites = config.tls.cipher_suites.iter();
    let tls12_suites = suites
        .filter(|suite| suite.is_offered() && suite.is_for_tls_1_2())
        .map(|suite| suite.registered_name().parse::<CipherSuite>())
        .collect::<Result<Vec<_>, _>>()
        .context("tls.cipherSuites cannot be used")?;
    // A list without a suite for TLS 1.2 asks for no TLS 1.2; the listener would take an empty list as all suites.
    let tls12 = config.tls.min_version <= TlsVersion::V1_2
        && (config.tls.cipher_suites.is_empty() || !tls12_suites.is_empty());
    let versions = match (tls12, config.tls.max_version == TlsVersion::V1_3) {
        (true, true) => TlsVersions::Tls12AndTls13,
        (true, false) => TlsVersions::Tls12,
        (false, true) => TlsVersions::Tls13,
        (false, false) => {
            return Err(CliError::new("tls: no version of TLS is left that has a cipher suite"));
        }
    };
    let anchors = authority.roots().iter().chain(authority.issuers());
    Ok(TlsSettings {
        certificate: certificate.shown(),
        client_trust: anchors.map(|anchor| anchor.as_der().to_vec()).collect(),
        versions,
        tls12_suites,
    })
}

fn has_acme(config: &CaConfig) -> bool {
    let mut provisioners = config.authority.provisioners.iter();
    provisioners.any(|provisioner| matches!(provisioner.details, ProvisionerDetails::Acme(_)))
}

fn warn_of_flags(arguments: &ServeArguments) {
    let ssh = arguments.ssh_host_password_file.is_some() || arguments.ssh_user_password_file.is_some();
    if ssh {
        warn!("SSH is not served yet: the password files of its keys are not read");
    }
    if arguments.insecure {
        warn!("--insecure: challenges of ACME may lead to this machine");
    }
}
