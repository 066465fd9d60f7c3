//! A connection that has asked for nothing for too long is closed, whatever else its client says or leaves unread.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What is under way on a connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    under_way: usize,
    /// When the last request was answered, or the connection began.
    quiet_since: Instant,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { under_way: 0, quiet_since: Instant::now() })))
    }

    /// A request begins; it ends when the answer is dropped.
    pub(super) fn begin(&self) -> UnderWay {
        self.with(|state| state.under_way += 1);
        UnderWay(self.clone())
    }

    /// Since when nothing is under way; `None` while something is.
    fn quiet_since(&self) -> Option<Instant> {
        self.with(|state| (state.under_way == 0).then_some(state.quiet_since))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request that is being answered.
pub(super) struct UnderWay(Activity);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            state.quiet_since = Instant::now();
        });
    }
}

/// A stream that fails once its connection has been quiet for `limit`.
pub(super) struct IdleTimeout<S> {
    inner: S,
    activity: Activity,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<S> IdleTimeout<S> {
    pub(super) fn new(inner: S, activity: Activity, limit: Duration) -> Self {
        Self { inner, activity, limit, timer: Box::pin(tokio::time::sleep(limit)) }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let end = self.activity.quiet_since().unwrap_or(now) + self.limit;
            if end <= now {
                return Err(io::Error::new(io::ErrorKind::TimedOut, Idle));
            }
            self.timer.as_mut().reset(end);
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A connection that is being closed is not kept from it.
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[derive(Debug, Error)]
#[error("the connection asked for nothing for too long")]
struct Idle;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn l19_a_client_that_talks_without_asking_loses_its_connection() {
        let (near, mut far) = duplex(16);
        let mut stream = IdleTimeout::new(near, Activity::new(), LIMIT);
        let talk = tokio::spawn(async move {
            while far.write_all(b"ping").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });

        let began = Instant::now();
        let mut octets = Vec::new();
        let ended = stream.read_to_end(&mut octets).await.unwrap_err();
        drop(stream);

        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        assert!((LIMIT..LIMIT + Duration::from_secs(2)).contains(&began.elapsed()), "{:?}", began.elapsed());
        talk.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn l19_a_client_that_reads_nothing_loses_its_connection() {
        let (near, _far) = duplex(16);
        let mut stream = IdleTimeout::new(near, Activity::new(), LIMIT);

        let ended = stream.write_all(&[0; 64]).await.unwrap_err();

        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_keeps_its_connection() {
        let (near, mut far) = duplex(16);
        let activity = Activity::new();
        let mut stream = IdleTimeout::new(near, activity.clone(), LIMIT);
        let request = activity.begin();

        let answer = tokio::spawn(async move {
            tokio::time::sleep(LIMIT * 3).await;
            drop(request);
            far.write_all(b"more").await.unwrap();
            far
        });
        let mut octets = [0; 4];
        stream.read_exact(&mut octets).await.unwrap();

        assert_eq!(&octets, b"more");
        drop(answer.await.unwrap());
    }
}
