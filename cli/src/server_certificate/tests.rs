use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustls::client::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConnection, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use stepless_aws::configuration::ConfigurationPlace;
use stepless_core::clock::FixedClock;
use stepless_core::fault::{Call, Fault, Faults};
use stepless_core::key::fault::FaultySigner;
use stepless_core::store::MemoryStore;
use stepless_core::x509::Certificate;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::authority::{Strictness, load_config, parts};
use crate::init::{Folder, Plan, make};
use crate::serve::{Server, bind};

// The runtime's time stands still but for sleeping, when it leaps: a day of checks takes no time. Blocking tasks hold
// the leaps up, so the handshakes have theirs.

#[tokio::test(start_paused = true)]
async fn o4_after_two_thirds_of_its_life_new_connections_see_a_new_certificate() {
    let running = Running::start(SignedDuration::ZERO, Faults::none()).await;
    let first = running.shown().await;

    running.pass(16 * HOUR - 60).await;
    let still_first = running.shown().await;
    running.pass(120).await;
    let second = running.shown().await;

    assert_eq!(first.not_after().as_second() - running.begin, 24 * HOUR);
    assert_eq!(still_first, first);
    assert_ne!(second.serial(), first.serial());
    assert_ne!(second.public_key(), first.public_key());
    assert_eq!(second.not_after().as_second() - first.not_after().as_second(), 16 * HOUR + 60);
    assert_eq!(running.faults.calls(), [Call::Sign; 2]);
}

#[tokio::test(start_paused = true)]
async fn o4_a_renewal_that_fails_is_logged_and_tried_again_while_the_old_certificate_stays() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish(),
    );
    let faults = Faults::at(2, Fault::FailBefore);
    faults.add(3, Fault::FailBefore);
    let running = Running::start(SignedDuration::ZERO, faults).await;
    let first = running.shown().await;

    running.pass(17 * HOUR).await;
    let after_one_failure = running.shown().await;
    running.pass(30).await;
    let after_two_failures = running.shown().await;
    running.pass(30).await;
    let second = running.shown().await;

    assert_eq!([&after_one_failure, &after_two_failures], [&first; 2]);
    assert_ne!(second.serial(), first.serial());
    let log = log.text();
    let failures: Vec<_> = log.lines().filter(|line| line.contains("was not renewed")).collect();
    assert_eq!(failures.len(), 2, "{log}");
    assert!(failures.iter().all(|line| line.contains("ERROR") && line.contains("made to fail")), "{log}");
    assert_eq!(running.faults.calls(), [Call::Sign; 4]);
}

#[tokio::test(start_paused = true)]
async fn o4_near_the_issuers_end_the_certificate_is_shorter_and_still_renewed() {
    let almost_ten_years = SignedDuration::from_hours(10 * 365 * 24 - 3);
    let running = Running::start(almost_ten_years, Faults::none()).await;
    let first = running.shown().await;

    running.pass(2 * HOUR).await;
    let second = running.shown().await;

    assert_eq!(first.not_after(), running.issuer_end);
    assert_ne!(second.serial(), first.serial());
    assert_eq!(second.not_after(), running.issuer_end);
}

#[tokio::test(start_paused = true)]
async fn o6_a_clock_that_is_set_back_gets_a_certificate_that_is_valid_already() {
    let running = Running::start(SignedDuration::from_hours(48), Faults::none()).await;
    let ahead = running.shown().await;

    running.pass(-24 * HOUR).await;
    let right = running.shown().await;

    assert_ne!(right.serial(), ahead.serial());
    assert_eq!(right.not_before().as_second(), running.begin - 24 * HOUR - 60);
}

const HOUR: i64 = 3600;

/// `stepless serve` on a new folder, with its store in memory and a clock of the test's.
struct Running {
    clock: Arc<FixedClock>,
    begin: i64,
    faults: Arc<Faults>,
    issuer_end: Timestamp,
    address: SocketAddr,
    roots: RootCertStore,
    _folder: TempDir,
    _end: oneshot::Sender<()>,
}

impl Running {
    /// Starts it `ahead` of the time at which its folder was made.
    async fn start(ahead: SignedDuration, faults: Faults) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            load_config(&new_authority(folder.path()).await, Strictness::Strict).await.unwrap().config;
        let clock = Arc::new(FixedClock::new(Timestamp::now() + ahead));
        let faults = Arc::new(faults);
        let password = folder.path().join("password");

        let mut parts = parts(&config, Some(&password), clock.clone()).await.unwrap();
        parts.store = Arc::new(MemoryStore::new(clock.clone()));
        parts.signer = Arc::new(FaultySigner::new(parts.signer, Arc::clone(&faults)));
        let authority = Authority::open(parts).await.unwrap();
        let issuer_end = authority.issuers()[0].not_after();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.roots()[0].as_der().to_vec())).unwrap();

        let prober = stepless_net::ProberSettings::standard();
        let server =
            Server::of(&config, bind(&config).unwrap(), authority, clock.clone(), prober).await.unwrap();
        let address = server.address().unwrap();
        let (end, ended) = oneshot::channel();
        tokio::spawn(server.run(async {
            let _ = ended.await;
        }));
        let begin = clock.now().as_second();
        Self { clock, begin, faults, issuer_end, address, roots, _folder: folder, _end: end }
    }

    /// Sets the clock forward, and waits until the server has looked at it once.
    async fn pass(&self, seconds: i64) {
        self.clock.advance(seconds);
        tokio::time::sleep(CHECK_INTERVAL + Duration::from_millis(1)).await;
    }

    /// The certificate that a new connection is shown and accepts at the time of the clock.
    async fn shown(&self) -> Certificate {
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs(self.clock.now().as_second().unsigned_abs()));
        let config = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(At(now)))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let address = self.address;
        tokio::task::spawn_blocking(move || handshake(address, config)).await.unwrap()
    }
}

/// A folder as `stepless init` makes it; its `ca.json`.
async fn new_authority(folder: &Path) -> ConfigurationPlace {
    std::fs::write(folder.join("password"), "a password").unwrap();
    let folder = Folder::new(folder).unwrap();
    let plan = Plan {
        name: "Test",
        dns_names: &["localhost".to_owned()],
        address: "127.0.0.1:0",
        provisioner: "admin",
        acme_provisioner: None,
    };
    make(&folder, &plan, &SecretBytes::new(b"a password".to_vec())).await.unwrap();
    ConfigurationPlace::File(folder.config())
}

fn handshake(address: SocketAddr, config: ClientConfig) -> Certificate {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).unwrap();
    }
    Certificate::from_der(connection.peer_certificates().unwrap()[0].as_ref()).unwrap()
}

/// The time at which a client judges a certificate.
#[derive(Debug)]
struct At(UnixTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
