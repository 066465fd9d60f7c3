//! A prober whose network is a table: for tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

use super::{
    CaaRecord, DnsSource, HttpAnswer, ProbeError, ProbeErrorKind, ProbeHost, ProbeLimits, Prober, TlsAnswer,
    TlsVersion, TxtAnswer,
};
use crate::x509::DnsName;

/// A [`Prober`] that answers what it was told to, and counts its calls. Where it was told nothing, no web and TLS
/// server listens ([`ProbeErrorKind::Connection`], may heal) and no record exists. It keeps no deadline.
#[derive(Debug)]
pub struct FakeProber {
    network: Mutex<Network>,
    made: watch::Sender<usize>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Probe {
    /// [`Prober::http`].
    Http {
        /// Whom.
        host: ProbeHost,
        /// The path.
        path: String,
    },
    /// [`Prober::txt`].
    Txt(DnsName),
    /// [`Prober::tls_alpn`].
    TlsAlpn(ProbeHost),
    /// [`Prober::caa`].
    Caa(DnsName),
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Reply<T> {
    /// An answer.
    Answer(T),
    /// An error.
    Fail(ProbeError),
    /// Nothing, ever.
    Hang,
    /// Something, when the gate is opened: an answer that is late.
    Behind(Gate, Box<Reply<T>>),
}

/// What a late answer waits for. Clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets through all who wait and all who will come.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        // A semaphore without permits ends the wait only by being closed.
        let _closed = self.0.acquire().await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&if self.0.is_closed() { "open" } else { "closed" }).finish()
    }
}

#[derive(Debug, Default)]
struct Network {
    http: Script<HttpAnswer>,
    txt: Script<TxtAnswer>,
    tls_alpn: Script<TlsAnswer>,
    caa: Script<Vec<CaaRecord>>,
    calls: Vec<Probe>,
}

/// What comes back to each probe, call by call; the last one stays.
type Script<T> = BTreeMap<Probe, VecDeque<Reply<T>>>;

impl Default for FakeProber {
    fn default() -> Self {
        Self { network: Mutex::default(), made: watch::Sender::new(0) }
    }
}

impl FakeProber {
    /// An empty network.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on these replies to a GET of `path` from `host`, one a call; the last one stays.
    pub fn on_http(
        &self,
        host: &ProbeHost,
        path: &str,
        replies: impl IntoIterator<Item = Reply<HttpAnswer>>,
    ) {
        let probe = Probe::Http { host: lower_host(host), path: path.to_owned() };
        self.network().http.insert(probe, replies.into_iter().collect());
    }

    /// From now on these replies for the TXT records of `name`, one a call; the last one stays.
    pub fn on_txt(&self, name: &DnsName, replies: impl IntoIterator<Item = Reply<TxtAnswer>>) {
        self.network().txt.insert(Probe::Txt(lower(name)), replies.into_iter().collect());
    }

    /// From now on these replies to a handshake with `host`, one a call; the last one stays.
    pub fn on_tls_alpn(&self, host: &ProbeHost, replies: impl IntoIterator<Item = Reply<TlsAnswer>>) {
        self.network().tls_alpn.insert(Probe::TlsAlpn(lower_host(host)), replies.into_iter().collect());
    }

    /// From now on these replies for the CAA records of `name`, one a call; the last one stays.
    pub fn on_caa(&self, name: &DnsName, replies: impl IntoIterator<Item = Reply<Vec<CaaRecord>>>) {
        self.network().caa.insert(Probe::Caa(lower(name)), replies.into_iter().collect());
    }

    /// `host` serves `body` under `path`, with status 200.
    pub fn put_file(&self, host: &ProbeHost, path: &str, body: impl AsRef<[u8]>) {
        let answer = HttpAnswer {
            status: 200,
            body: body.as_ref().to_vec(),
            url: format!("http://{host}{path}"),
            address: ADDRESS,
        };
        self.on_http(host, path, [Reply::Answer(answer)]);
    }

    /// These are the TXT records of `name`, in a zone of its own.
    pub fn put_txt(&self, name: &DnsName, records: &[&str]) {
        let answer = TxtAnswer {
            records: records.iter().map(|record| record.as_bytes().to_vec()).collect(),
            name: name.to_string(),
            source: DnsSource::Authoritative { zone: name.to_string() },
            servers: vec![ADDRESS],
        };
        self.on_txt(name, [Reply::Answer(answer)]);
    }

    /// `host` shows `certificate` (DER) in TLS 1.3 and chooses the protocol that was offered.
    pub fn put_certificate(&self, host: &ProbeHost, certificate: &[u8]) {
        let answer = TlsAnswer {
            certificate: certificate.to_vec(),
            alpn: Some(super::ACME_TLS_ALPN.to_vec()),
            version: TlsVersion::Tls13,
            address: ADDRESS,
        };
        self.on_tls_alpn(host, [Reply::Answer(answer)]);
    }

    /// These are the CAA records of `name`: tag and value of each; none is critical.
    pub fn put_caa(&self, name: &DnsName, records: &[(&str, &str)]) {
        let record = |(tag, value): &(&str, &str)| CaaRecord {
            critical: false,
            tag: (*tag).to_owned(),
            value: value.as_bytes().to_vec(),
        };
        self.on_caa(name, [Reply::Answer(records.iter().map(record).collect())]);
    }

    /// The calls so far, in order, names in lower case.
    pub fn calls(&self) -> Vec<Probe> {
        self.network().calls.clone()
    }

    /// Returns when `count` calls have been made, answered or not.
    pub async fn called(&self, count: usize) {
        let mut made = self.made.subscribe();
        // The sender is a part of `self`, so the wait cannot end for want of one.
        let _made = made.wait_for(|made| *made >= count).await;
    }

    async fn answer<T: Clone>(
        &self,
        probe: Probe,
        script: impl Fn(&mut Network) -> &mut Script<T>,
        otherwise: impl Fn() -> Result<T, ProbeError>,
    ) -> Result<T, ProbeError> {
        let reply = {
            let mut network = self.network();
            network.calls.push(probe.clone());
            script(&mut network).get_mut(&probe).and_then(next)
        };
        self.made.send_modify(|made| *made = made.saturating_add(1));
        let mut reply = reply;
        loop {
            match reply {
                None => return otherwise(),
                Some(Reply::Answer(answer)) => return Ok(answer),
                Some(Reply::Fail(error)) => return Err(error),
                Some(Reply::Hang) => return std::future::pending().await,
                Some(Reply::Behind(gate, later)) => {
                    gate.pass().await;
                    reply = Some(*later);
                }
            }
        }
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Prober for FakeProber {
    async fn http(&self, host: &ProbeHost, path: &str, _: &ProbeLimits) -> Result<HttpAnswer, ProbeError> {
        let probe = Probe::Http { host: lower_host(host), path: path.to_owned() };
        self.answer(probe, |network| &mut network.http, || Err(nobody(host))).await
    }

    async fn txt(&self, name: &DnsName, _: &ProbeLimits) -> Result<TxtAnswer, ProbeError> {
        let nothing = || {
            let source = DnsSource::Resolver;
            Ok(TxtAnswer { records: Vec::new(), name: name.to_string(), source, servers: vec![ADDRESS] })
        };
        self.answer(Probe::Txt(lower(name)), |network| &mut network.txt, nothing).await
    }

    async fn tls_alpn(&self, host: &ProbeHost, _: &ProbeLimits) -> Result<TlsAnswer, ProbeError> {
        let probe = Probe::TlsAlpn(lower_host(host));
        self.answer(probe, |network| &mut network.tls_alpn, || Err(nobody(host))).await
    }

    async fn caa(&self, name: &DnsName, _: &ProbeLimits) -> Result<Vec<CaaRecord>, ProbeError> {
        self.answer(Probe::Caa(lower(name)), |network| &mut network.caa, || Ok(Vec::new())).await
    }
}

fn next<T: Clone>(replies: &mut VecDeque<Reply<T>>) -> Option<Reply<T>> {
    if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
}

fn nobody(host: &ProbeHost) -> ProbeError {
    ProbeError::new(ProbeErrorKind::Connection, format_args!("connecting to {host} at {ADDRESS}: refused"))
        .that_may_heal()
        .having_tried([ADDRESS])
}

fn lower_host(host: &ProbeHost) -> ProbeHost {
    match host {
        ProbeHost::Dns(name) => ProbeHost::Dns(lower(name)),
        ProbeHost::Ip(address) => ProbeHost::Ip(*address),
    }
}

fn lower(name: &DnsName) -> DnsName {
    // A name in lower case is a name; were it none, the one that was given would do.
    name.as_str().to_ascii_lowercase().parse().unwrap_or_else(|_impossible| name.clone())
}

/// Where everybody lives.
const ADDRESS: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 80);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::acme::AllowedTargets;

    const PATH: &str = "/.well-known/acme-challenge/t";

    fn host(name: &str) -> ProbeHost {
        ProbeHost::Dns(name.parse().unwrap())
    }

    fn limits() -> ProbeLimits {
        ProbeLimits { deadline: Duration::from_secs(5), targets: AllowedTargets::none() }
    }

    #[tokio::test]
    async fn what_was_put_is_found_whatever_the_letter_case_and_nothing_else() {
        let prober = FakeProber::new();
        let name: DnsName = "_acme-challenge.a.example".parse().unwrap();
        prober.put_file(&host("A.example"), PATH, "body");
        prober.put_txt(&name, &["one", "two"]);
        prober.put_certificate(&host("a.example"), b"der");
        prober.put_caa(&name, &[("issue", ";")]);

        assert_eq!(prober.http(&host("a.EXAMPLE"), PATH, &limits()).await.unwrap().body, b"body");
        assert_eq!(prober.txt(&name, &limits()).await.unwrap().records, [b"one", b"two"]);
        assert_eq!(prober.tls_alpn(&host("a.example"), &limits()).await.unwrap().certificate, b"der");
        assert_eq!(prober.caa(&name, &limits()).await.unwrap()[0].value, b";");

        let error = prober.http(&host("a.example"), "/", &limits()).await.unwrap_err();
        assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Connection, true));
        let other: DnsName = "b.example".parse().unwrap();
        assert!(prober.txt(&other, &limits()).await.unwrap().records.is_empty());
        assert!(prober.caa(&other, &limits()).await.unwrap().is_empty());
        assert_eq!(prober.tls_alpn(&host("b.example"), &limits()).await.unwrap_err().tried, [ADDRESS]);
        assert_eq!(prober.calls().len(), 8);
        assert_eq!(prober.calls()[0], Probe::Http { host: host("a.example"), path: PATH.to_owned() });
    }

    #[tokio::test]
    async fn replies_come_one_a_call_and_the_last_stays() {
        let prober = FakeProber::new();
        let name: DnsName = "a.example".parse().unwrap();
        let error = ProbeError::new(ProbeErrorKind::Dns, "SERVFAIL").that_may_heal();
        prober.on_caa(&name, [Reply::Fail(error.clone()), Reply::Answer(Vec::new())]);

        assert_eq!(prober.caa(&name, &limits()).await, Err(error));
        assert_eq!(prober.caa(&name, &limits()).await, Ok(Vec::new()));
        assert_eq!(prober.caa(&name, &limits()).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_late_answer_comes_when_the_gate_opens_and_a_hung_one_never() {
        let prober = Arc::new(FakeProber::new());
        let (late, hung): (DnsName, DnsName) =
            ("late.example".parse().unwrap(), "hung.example".parse().unwrap());
        let gate = Gate::closed();
        prober.on_caa(&late, [Reply::Behind(gate.clone(), Box::new(Reply::Answer(Vec::new())))]);
        prober.on_caa(&hung, [Reply::Hang]);

        let waiting = [late, hung].map(|name| {
            let prober = Arc::clone(&prober);
            tokio::spawn(async move { prober.caa(&name, &limits()).await })
        });
        prober.called(2).await;
        assert!(waiting.iter().all(|call| !call.is_finished()));
        gate.open();

        let [late, hung] = waiting;
        assert_eq!(late.await.unwrap(), Ok(Vec::new()));
        assert!(!hung.is_finished());
        hung.abort();
    }
}
