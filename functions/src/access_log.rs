//! One line a request: who asked for what, what came of it, and why not. No token, key or body is in it.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use stepless_core::authority::IssuedCertificate;
use stepless_core::x509::SerialNumber;
use tracing::{error, info, warn};

use crate::error::Cause;
use crate::platform::PlatformRequestId;
use crate::request_id::RequestId;

/// What the log says of a certificate that leaves.
#[derive(Clone, Debug)]
pub(crate) struct LoggedCertificate {
    serial: SerialNumber,
    subject: Option<String>,
    provisioner: Option<String>,
}

impl LoggedCertificate {
    /// The certificate of an ACME order.
    pub(crate) fn of_order(serial: SerialNumber, provisioner: &str) -> Self {
        Self { serial, subject: None, provisioner: Some(plain(provisioner)) }
    }
}

impl From<&IssuedCertificate> for LoggedCertificate {
    fn from(issued: &IssuedCertificate) -> Self {
        let certificate = issued.certificate();
        Self {
            serial: certificate.serial().clone(),
            subject: Some(plain(certificate.subject().common_name().unwrap_or_default())),
            provisioner: issued.provisioner().map(plain),
        }
    }
}

/// The serial number of a certificate that was revoked.
#[derive(Clone, Debug)]
pub(crate) struct LoggedRevocation(pub(crate) SerialNumber);

/// Logs the request when its answer is ready.
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = plain(request.uri().path());
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.map(|agent| plain(&String::from_utf8_lossy(agent.as_bytes())));
    let id = request.extensions().get::<RequestId>().cloned();
    let platform_id = request.extensions().get::<PlatformRequestId>().map(|id| plain(&id.0));
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|remote| remote.0.to_string());

    let response = next.run(request).await;

    let status = response.status();
    let extensions = response.extensions();
    let certificate = extensions.get::<LoggedCertificate>();
    let revoked = extensions.get::<LoggedRevocation>();
    let cause = extensions.get::<Cause>().map(|cause| plain(&Chain(&*cause.0).to_string()));
    // Texts are recorded as texts: the subscriber quotes and escapes them in its own format.
    // The level is part of a callsite, so the event stands here three times, made by one macro.
    macro_rules! line {
        ($level:ident) => {
            $level!(
                target: "stepless::access",
                request_id = id.as_ref().map(RequestId::as_str),
                platform_request_id = platform_id,
                remote,
                method = method.as_str(),
                path,
                status = status.as_u16(),
                duration_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
                user_agent = agent,
                serial = certificate.map(|c| &c.serial).or(revoked.map(|r| &r.0)).map(tracing::field::display),
                subject = certificate.and_then(|c| c.subject.as_deref()),
                provisioner = certificate.and_then(|c| c.provisioner.as_deref()),
                error = cause,
            )
        };
    }
    match status.as_u16() {
        500.. => line!(error),
        400.. => line!(warn),
        _ => line!(info),
    }
    response
}

/// An error and its causes in one line.
struct Chain<'a>(&'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// What a client chooses neither fills the log nor ends a line of it, in whatever format and for whatever reader.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        if plain.len() >= MAX_LOGGED_OCTETS {
            break;
        }
        match character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            true => plain.extend(character.escape_unicode()),
            false => plain.push(character),
        }
    }
    plain
}

/// Longer paths, agents and causes are cut off.
const MAX_LOGGED_OCTETS: usize = 1024;
