//! A prober that fails or stops at a chosen call.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    CaaRecord, HttpAnswer, ProbeError, ProbeErrorKind, ProbeHost, ProbeLimits, Prober, TlsAnswer, TxtAnswer,
};
use crate::fault::{Call, Faults};
use crate::x509::DnsName;

/// A [`Prober`] in front of another one, in which [`Faults`] go wrong. A failed call is
/// [`ProbeErrorKind::Connection`], and may heal.
#[derive(Debug)]
pub struct FaultyProber<P: ?Sized> {
    faults: Arc<Faults>,
    inner: Arc<P>,
}

impl<P: Prober + ?Sized> FaultyProber<P> {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<P>, faults: Arc<Faults>) -> Self {
        Self { faults, inner }
    }

    async fn around<T>(&self, made: impl Future<Output = Result<T, ProbeError>>) -> Result<T, ProbeError> {
        let made = self.faults.around(Call::Probe, made).await;
        made.map_err(|injected| ProbeError::new(ProbeErrorKind::Connection, injected).that_may_heal())?
    }
}

#[async_trait]
impl<P: Prober + ?Sized> Prober for FaultyProber<P> {
    async fn http(
        &self,
        host: &ProbeHost,
        path: &str,
        limits: &ProbeLimits,
    ) -> Result<HttpAnswer, ProbeError> {
        self.around(self.inner.http(host, path, limits)).await
    }

    async fn txt(&self, name: &DnsName, limits: &ProbeLimits) -> Result<TxtAnswer, ProbeError> {
        self.around(self.inner.txt(name, limits)).await
    }

    async fn tls_alpn(&self, host: &ProbeHost, limits: &ProbeLimits) -> Result<TlsAnswer, ProbeError> {
        self.around(self.inner.tls_alpn(host, limits)).await
    }

    async fn caa(&self, name: &DnsName, limits: &ProbeLimits) -> Result<Vec<CaaRecord>, ProbeError> {
        self.around(self.inner.caa(name, limits)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::acme::AllowedTargets;
    use crate::acme::fake::FakeProber;
    use crate::fault::Fault;

    #[tokio::test]
    async fn the_call_with_the_number_fails_and_the_others_are_made() {
        let name: DnsName = "a.example".parse().unwrap();
        let limits = ProbeLimits { deadline: Duration::from_secs(1), targets: AllowedTargets::none() };
        let faults = Arc::new(Faults::at(2, Fault::FailBefore));
        let inner = Arc::new(FakeProber::new());
        let prober = FaultyProber::new(Arc::clone(&inner), Arc::clone(&faults));

        assert_eq!(prober.caa(&name, &limits).await, Ok(Vec::new()));
        let error = prober.txt(&name, &limits).await.unwrap_err();
        assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Connection, true));
        assert!(prober.txt(&name, &limits).await.is_ok());

        assert_eq!(faults.calls(), [Call::Probe; 3]);
        assert_eq!(inner.calls().len(), 2);
    }
}
