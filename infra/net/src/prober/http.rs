//! HTTP as http-01 needs it: one GET over one connection to one address, and what it leads to.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use http::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use stepless_core::acme::{
    HttpAnswer, MAX_BODY, MAX_REDIRECTS, ProbeError, ProbeErrorKind, ProbeHost, excerpt,
};

use super::dial::dial;
use super::dns::Resolver;
use super::journey::Journey;
use super::redirect::{RedirectError, Scheme, WebPorts, WebTarget};
use super::tls::TlsClients;

/// The answer to `GET http://host/path` and to what it redirects to.
///
/// # Errors
/// [`ProbeError`] when there is none, or none that is accepted.
pub(super) async fn get(
    journey: &Journey,
    resolver: &Resolver,
    tls: &TlsClients,
    ports: WebPorts,
    host: &ProbeHost,
    path: &str,
) -> Result<HttpAnswer, ProbeError> {
    journey.begins(ProbeErrorKind::Http, format_args!("GET http://{host}{path}"));
    let mut target = WebTarget::first(host, path, ports).map_err(|error| journey.fails(error))?;
    let mut visited = vec![target.clone()];
    loop {
        journey.begins(ProbeErrorKind::Connection, format_args!("GET {}", shown(&target)));
        let (stream, address) = dial(journey, resolver, target.host(), target.port(ports)).await?;
        let found = match target.scheme() {
            Scheme::Http => exchange(journey, TokioIo::new(stream), &target, address).await?,
            Scheme::Https => {
                let stream = tls.web(journey, stream, target.host()).await?;
                exchange(journey, TokioIo::new(stream), &target, address).await?
            }
        };
        target = match found {
            Found::Answer(answer) => return Ok(answer),
            Found::Redirect(location) => {
                target.redirected(&location, ports).map_err(|error| journey.fails(error))?
            }
        };
        if visited.contains(&target) {
            return Err(journey.fails("a redirect to where another one came from"));
        }
        if visited.len() > MAX_REDIRECTS {
            return Err(journey.fails(format_args!("more than {MAX_REDIRECTS} redirects")));
        }
        visited.push(target.clone());
    }
}

enum Found {
    Answer(HttpAnswer),
    Redirect(Vec<u8>),
}

async fn exchange<I: Read + Write + Unpin>(
    journey: &Journey,
    stream: I,
    target: &WebTarget,
    address: SocketAddr,
) -> Result<Found, ProbeError> {
    journey.goes_on(ProbeErrorKind::Http);
    let failed = |error: hyper::Error| failure(journey, address, &error);
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake(stream).await.map_err(failed)?;
    let request = Request::get(target.origin_form())
        .header(HOST, target.host_field())
        .header(USER_AGENT, "stepless")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_error| journey.fails("these make no request"))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        found(journey, response, target, address).await
    };
    tokio::pin!(connection, answer);
    let ended = tokio::select! {
        found = &mut answer => return found,
        ended = &mut connection => ended,
    };
    match (answer.await, ended) {
        // What went wrong on the connection is the cause of what the request ended with.
        (Err(_consequence), Err(cause)) => Err(failure(journey, address, &cause)),
        (found, _) => found,
    }
}

async fn found(
    journey: &Journey,
    response: Response<Incoming>,
    target: &WebTarget,
    address: SocketAddr,
) -> Result<Found, ProbeError> {
    match response.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let mut locations = response.headers().get_all(LOCATION).iter();
            match (locations.next(), locations.next()) {
                (Some(location), None) => Ok(Found::Redirect(location.as_bytes().to_vec())),
                _ => Err(journey.fails(RedirectError::Location)),
            }
        }
        StatusCode::SEE_OTHER => {
            // It says that the answer to the request is elsewhere, not the resource (RFC 9110 §15.4.4).
            Err(journey.fails(format_args!("{address} answered with status 303, which is not followed")))
        }
        status => {
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    return journey
                        .fails(format_args!("{address} answered with more than {MAX_BODY} octets"));
                }
                let what = format_args!("the answer of {address} with status {} broke off", status.as_u16());
                journey.fails_as(ProbeErrorKind::Connection, what).that_may_heal()
            })?;
            Ok(Found::Answer(HttpAnswer {
                status: status.as_u16(),
                body: body.to_bytes().to_vec(),
                url: target.as_str().to_owned(),
                address,
            }))
        }
    }
}

fn failure(journey: &Journey, address: SocketAddr, error: &hyper::Error) -> ProbeError {
    // A request that is cancelled because of what came before it carries that as its source.
    let error = error.source().and_then(|source| source.downcast_ref::<hyper::Error>()).unwrap_or(error);
    let broken = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    if broken.is_some() || error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
        let why = broken.map(|kind| format!(" ({kind})")).unwrap_or_default();
        let what = format_args!("{address} closed the connection before the end of its answer{why}");
        return journey.fails_as(ProbeErrorKind::Connection, what).that_may_heal();
    }
    let what = excerpt(error.to_string().as_bytes());
    journey.fails_as(ProbeErrorKind::Http, format_args!("{address} does not answer in HTTP: {what}"))
}

/// An address that somebody else chose is cut, and the first one is not worth more.
fn shown(target: &WebTarget) -> String {
    let text = target.as_str();
    if text.len() > MAX_SHOWN {
        format!("{}...", text.chars().take(MAX_SHOWN).collect::<String>())
    } else {
        text.to_owned()
    }
}

/// The longest head of an answer that is read, in octets.
const MAX_HEAD: usize = 16 * 1024;
/// The longest address that is shown whole: a name of the longest kind does not fit, a usual one with its token does.
const MAX_SHOWN: usize = 160;
