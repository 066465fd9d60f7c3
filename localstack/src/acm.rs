//! ACM as a gateway sees it: with the private key of what is imported.
//!
//! ACM never gives a key back, and neither does its emulator; API Gateway, which serves TLS with it, has it all the
//! same. So the functions reach ACM through here, and what they import is kept for the gateway.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::endpoint::{CallError, Endpoint};

/// A certificate as it was imported, in PEM.
#[derive(Clone)]
pub struct Imported {
    /// The leaf, followed by the chain.
    pub chain: Vec<u8>,
    /// The leaf's private key in PKCS#8.
    pub key: Vec<u8>,
}

/// ACM in front of an emulator's.
#[derive(Debug)]
pub struct Acm {
    url: String,
    last: Arc<Mutex<Option<Imported>>>,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Imported(..)")
    }
}

#[derive(Clone)]
struct Tap {
    upstream: Endpoint,
    last: Arc<Mutex<Option<Imported>>>,
}

impl Acm {
    /// Listens on a free loopback port, and passes everything on to `upstream`.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(upstream: Endpoint) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let last = Arc::new(Mutex::new(None));
        let router = Router::new().fallback(pass_on).with_state(Tap { upstream, last: Arc::clone(&last) });
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the ACM endpoint failed");
            }
        });
        Ok(Self { url, last, serving })
    }

    /// For `AWS_ENDPOINT_URL_ACM`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was imported last.
    pub fn last_import(&self) -> Option<Imported> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Acm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State(tap): State<Tap>, headers: HeaderMap, body: Bytes) -> Response {
    let target =
        headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let input: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let upstream = tap.upstream;
    let called = {
        let (target, input) = (target.clone(), input.clone());
        tokio::task::spawn_blocking(move || upstream.call(&target, &input)).await
    };
    let answer = match called {
        Ok(Ok(answer)) => answer,
        Ok(Err(CallError::Refused { status, kind, message, .. })) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            return reply(status, &json!({"__type": kind, "message": message}));
        }
        Ok(Err(CallError::Unreachable { .. })) | Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    if target == "CertificateManager.ImportCertificate" {
        let octets = |name: &str| STANDARD.decode(input.get(name)?.as_str()?).ok();
        if let (Some(mut chain), Some(key)) = (octets("Certificate"), octets("PrivateKey")) {
            chain.push(b'\n');
            chain.extend(octets("CertificateChain").unwrap_or_default());
            *tap.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Imported { chain, key });
        }
    }
    reply(StatusCode::OK, &answer)
}

fn reply(status: StatusCode, answer: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string()).into_response()
}
