//! Work that goes on when the client has gone.

use std::future::Future;
use std::panic::resume_unwind;

/// Does `work` to its end even if nobody waits for it any more: a client that hangs up between two steps leaves no
/// intent open behind it. A panic of the work is the caller's.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is going down, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it() {
        let (go, gone) = oneshot::channel::<()>();
        let (finish, finished) = oneshot::channel::<()>();

        let mut waiting = Box::pin(to_the_end(async move {
            gone.await.unwrap();
            finish.send(()).unwrap();
        }));
        assert!(futures_are_pending(&mut waiting).await);
        drop(waiting);
        go.send(()).unwrap();

        finished.await.unwrap();
    }

    /// Polls once, so that the work begins.
    async fn futures_are_pending(future: &mut (impl Future + Unpin)) -> bool {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())
        })
        .await
    }
}
