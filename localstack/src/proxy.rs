//! Bad weather between a client and an emulator: an HTTP proxy that counts calls and lets chosen ones go wrong.
//!
//! It speaks for the JSON APIs of AWS, which name their operation in `X-Amz-Target`. Point a client's endpoint at
//! [`Proxy::url`], say what is to go wrong with [`Proxy::add`], and ask afterwards which calls were made:
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use stepless_localstack::proxy::{Fault, Proxy, Rule};
//!
//! let proxy = Proxy::start("http://127.0.0.1:8000").await?;
//! // The first commit is applied, and nobody learns of it.
//! proxy.add(Rule::first("TransactWriteItems", Fault::DropAfter));
//! // ... let the client work ...
//! assert_eq!(proxy.operations(), ["TransactWriteItems", "TransactWriteItems"]);
//! # Ok(())
//! # }
//! ```

mod rule;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub use rule::{AwsError, Call, Fault, Gate, Rule, When};

/// A proxy in front of one emulator, on a free loopback port; it ends when this value is dropped.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy that hands every call on to `upstream`, such as `http://127.0.0.1:8000`. It has no rules yet.
    ///
    /// # Errors
    /// If no loopback port is free, or `upstream` is no URL of scheme `http`.
    pub async fn start(upstream: &str) -> io::Result<Self> {
        let upstream: Uri = upstream.trim_end_matches('/').parse().map_err(io::Error::other)?;
        if upstream.scheme_str() != Some("http") || upstream.authority().is_none() {
            return Err(io::Error::other(format!("{upstream} is not the URL of a server over plain HTTP")));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared { upstream, client, state: Mutex::default() });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { url, shared, server })
    }

    /// Where clients find the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a rule. Of several that speak of a call, the one added first strikes; each counts every call it speaks of.
    pub fn add(&self, rule: Rule) {
        self.shared.state().rules.push((rule, 0));
    }

    /// Fair weather from now on: no rule is left. Calls that are held stay held until their [`Gate`] opens.
    pub fn clear_rules(&self) {
        self.shared.state().rules.clear();
    }

    /// Every call so far, in the order in which they arrived, with its JSON.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The operations of [`Proxy::calls`].
    pub fn operations(&self) -> Vec<String> {
        self.shared.state().calls.iter().map(|call| call.operation.clone()).collect()
    }

    /// How many calls of `operation` arrived.
    pub fn count(&self, operation: &str) -> usize {
        self.shared.state().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// Forgets the calls so far, and with them the answers that [`Fault::Stale`] would give. Rules keep their counts.
    pub fn forget_calls(&self) {
        let mut state = self.shared.state();
        state.calls.clear();
        state.answers.clear();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("url", &self.url).field("upstream", &self.shared.upstream).finish()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    upstream: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one push or one insert, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call, and what is to go wrong with it.
    fn arrived(&self, call: &Call) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(call.clone());
        let mut fault = None;
        for (rule, seen) in state.rules.iter_mut().filter(|(rule, _)| rule.speaks_of(call)) {
            *seen += 1;
            if fault.is_none() && rule.strikes(*seen) {
                fault = Some(rule.fault.clone());
            }
        }
        fault
    }

    /// The answer before this one to the very same request.
    fn exchange(&self, call: &Call, answer: &Answer) -> Option<Answer> {
        self.state().answers.insert((call.operation.clone(), call.body.clone()), answer.clone())
    }

    async fn forward(&self, asked: &Asked) -> Result<Answer, Dropped> {
        let mut parts = self.upstream.clone().into_parts();
        parts.path_and_query = asked.uri.path_and_query().cloned();
        let mut request = Request::new(Full::new(asked.body.clone()));
        *request.uri_mut() = Uri::from_parts(parts).map_err(|error| Dropped::upstream(&error))?;
        *request.method_mut() = asked.method.clone();
        *request.headers_mut() = end_to_end(asked.headers.clone());
        let response = self.client.request(request).await.map_err(|error| Dropped::upstream(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Dropped::upstream(&error))?.to_bytes();
        Ok(Answer { status: head.status, headers: end_to_end(head.headers), body })
    }
}

#[derive(Default)]
struct State {
    /// Each with the number of calls it spoke of.
    rules: Vec<(Rule, usize)>,
    calls: Vec<Call>,
    /// The last answer to each request.
    answers: HashMap<(String, Bytes), Answer>,
}

struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn operation(&self) -> String {
        let target = self.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        match target {
            // `DynamoDB_20120810.PutItem`
            Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
            None => format!("{} {}", self.method, self.uri.path()),
        }
    }
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn of_error(error: &AwsError) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-amz-json-1.0"));
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: error.body() }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Why a connection ends without an answer. hyper closes it when a service fails.
#[derive(Debug, Error)]
enum Dropped {
    #[error("a rule asked for it")]
    Rule,
    #[error("the emulator did not answer: {0}")]
    Upstream(String),
}

impl Dropped {
    fn upstream(error: &dyn std::error::Error) -> Self {
        Self::Upstream(error.to_string())
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // They end with the server.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            Err(error) => tracing::warn!(%error, "the proxy did not take a connection"),
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) -> Result<(), Infallible> {
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection of the proxy ended early");
    }
    Ok(())
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_gone| Dropped::Rule)?.to_bytes();
    let asked = Asked { method: head.method, uri: head.uri, headers: head.headers, body };
    let call = Call { operation: asked.operation(), body: asked.body.clone() };
    let fault = shared.arrived(&call);
    // A client that gives up must not keep the emulator from finishing: that is what "applied but lost" means.
    let weathered = tokio::spawn(async move { weather(&shared, asked, &call, fault).await });
    let answer = weathered.await.map_err(|error| Dropped::upstream(&error))??;
    Ok(answer.into_response())
}

async fn weather(
    shared: &Shared,
    mut asked: Asked,
    call: &Call,
    fault: Option<Fault>,
) -> Result<Answer, Dropped> {
    match &fault {
        Some(Fault::Answer(error)) => return Ok(Answer::of_error(error)),
        Some(Fault::DropBefore) => return Err(Dropped::Rule),
        Some(Fault::DelayBefore(delay)) => tokio::time::sleep(*delay).await,
        Some(Fault::HoldBefore(gate)) => gate.pass().await,
        Some(Fault::Rewrite(rewrite)) => asked.body = rewrite(&asked.body),
        _ => {}
    }
    let fresh = shared.forward(&asked).await?;
    let previous = shared.exchange(call, &fresh);
    match fault {
        Some(Fault::AnswerAfter(error)) => Ok(Answer::of_error(&error)),
        Some(Fault::DropAfter) => Err(Dropped::Rule),
        Some(Fault::DelayAfter(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(fresh)
        }
        Some(Fault::HoldAfter(gate)) => {
            gate.pass().await;
            Ok(fresh)
        }
        Some(Fault::Replace(replace)) => {
            // The checksum is of the body as it was.
            let mut headers = fresh.headers;
            headers.remove("x-amz-crc32");
            Ok(Answer { status: fresh.status, headers, body: replace(&fresh.body) })
        }
        Some(Fault::Stale) => Ok(previous.unwrap_or(fresh)),
        _ => Ok(fresh),
    }
}

/// Without the headers that speak of one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for header in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(header);
    }
    headers
}

#[cfg(test)]
mod tests;
