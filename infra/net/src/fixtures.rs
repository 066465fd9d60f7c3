//! The certificates of `testdata/` and a running listener, for the tests of this crate.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::Redirect;
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use stepless_core::peer::PeerCertificates;
use stepless_core::secret::SecretBytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{
    ClientIdentity, FetchLimits, HttpsClient, Limits, ServeError, ServerCertificate, TlsSettings,
    TlsVersions, serve,
};

/// A leaf of `testdata/` with its key.
pub(crate) struct Leaf {
    pub(crate) certificate: &'static [u8],
    pub(crate) key: &'static [u8],
}

macro_rules! leaf {
    ($name:literal) => {
        Leaf {
            certificate: include_bytes!(concat!("../testdata/", $name, ".crt.der")),
            key: include_bytes!(concat!("../testdata/", $name, ".key.der")),
        }
    };
}

pub(crate) const ROOT: &[u8] = include_bytes!("../testdata/root.crt.der");
pub(crate) const INTERMEDIATE: &[u8] = include_bytes!("../testdata/intermediate.crt.der");
pub(crate) const STRANGER_ROOT: &[u8] = include_bytes!("../testdata/stranger_root.crt.der");
pub(crate) const SERVER: Leaf = leaf!("server");
pub(crate) const SERVER2: Leaf = leaf!("server2");
pub(crate) const CLIENT: Leaf = leaf!("client");
pub(crate) const EXPIRED: Leaf = leaf!("expired");
pub(crate) const STRANGER: Leaf = leaf!("stranger");
pub(crate) const ACME: Leaf = leaf!("acme");

impl Leaf {
    pub(crate) fn key(&self) -> SecretBytes {
        SecretBytes::new(self.key.to_vec())
    }

    /// The leaf and the intermediate, as a server sends them.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        vec![self.certificate.to_vec(), INTERMEDIATE.to_vec()]
    }

    pub(crate) fn identity(&self) -> ClientIdentity {
        ClientIdentity { chain: vec![self.certificate.to_vec()], key: self.key() }
    }
}

pub(crate) fn settings() -> TlsSettings {
    TlsSettings {
        certificate: ServerCertificate::new(SERVER.chain(), &SERVER.key()).unwrap(),
        client_trust: vec![ROOT.to_vec(), INTERMEDIATE.to_vec()],
        versions: TlsVersions::Tls12AndTls13,
        tls12_suites: Vec::new(),
    }
}

/// A listener on a free port, which ends with the test.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: ServerCertificate,
    pub(crate) shutdown: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
}

impl Listening {
    pub(crate) fn new(router: Router, tls: TlsSettings, limits: Limits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let certificate = tls.certificate.clone();
        let (shutdown, signal) = oneshot::channel();
        let task = tokio::spawn(async move {
            serve(router, listener, &tls, &limits, async {
                let _ = signal.await;
            })
            .await
        });
        Self { address, certificate, shutdown, task }
    }

    pub(crate) fn standard() -> Self {
        Self::new(router(), settings(), Limits::STANDARD)
    }

    pub(crate) fn uri(&self, path: &str) -> Uri {
        format!("https://localhost:{}{path}", self.address.port()).parse().unwrap()
    }
}

/// `/health`; `/moved`, which leads to it; `/peer` with the client's leaf, or 404; `/echo`; `/slow`, which answers after 300 ms; `/stuck`, never.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/moved", get(|| async { Redirect::temporary("/health") }))
        .route("/peer", get(peer))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/slow", get(slow))
        .route("/stuck", get(std::future::pending::<()>))
}

async fn peer(request: axum::extract::Request) -> Result<Vec<u8>, StatusCode> {
    let peer = request.extensions().get::<PeerCertificates>().ok_or(StatusCode::NOT_FOUND)?;
    peer.leaf().map(<[u8]>::to_vec).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "at last"
}

pub(crate) fn client() -> HttpsClient {
    HttpsClient::new(&[ROOT.to_vec()], FetchLimits::STANDARD).unwrap()
}

pub(crate) fn client_with(leaf: &Leaf) -> HttpsClient {
    HttpsClient::with_identity(&[ROOT.to_vec()], &leaf.identity(), FetchLimits::STANDARD).unwrap()
}
