//! A relay between the functions and the emulators that takes the time of every call.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::wire::{Message, Wire};

/// One call to an AWS service.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Such as `TrentService.Sign`.
    pub(crate) operation: String,
    /// When it arrived.
    pub(crate) began: Instant,
    /// When its answer left.
    pub(crate) ended: Instant,
}

/// How long at least one of the calls was under way.
pub(crate) fn under_way(calls: &[Call]) -> Duration {
    let mut spans: Vec<_> = calls.iter().map(|call| (call.began, call.ended)).collect();
    spans.sort_unstable();
    let mut covered: Option<Instant> = None;
    let mut sum = Duration::ZERO;
    for (began, ended) in spans {
        let new = covered.map_or(began, |covered| covered.max(began));
        sum += ended.saturating_duration_since(new);
        covered = Some(covered.map_or(ended, |covered| covered.max(ended)));
    }
    sum
}

/// The relay. Its threads end with the process.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    /// How long a call takes at least, in milliseconds.
    hold: AtomicU64,
}

impl Relay {
    /// Starts a relay to the emulators at `upstream`.
    pub(crate) fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&served);
                thread::spawn(move || {
                    // A caller whose connection breaks sees it, and tells.
                    let _ = relay(stream, upstream, &shared);
                });
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on a call takes so long at least. So calls that were made together are seen together, and those that
    /// waited for each other one after the other, however quick the emulator is.
    pub(crate) fn hold(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.shared.hold.store(milliseconds, Ordering::Relaxed);
    }

    /// The calls since the last look.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn relay(stream: TcpStream, upstream: SocketAddr, shared: &Shared) -> io::Result<()> {
    let mut caller = Wire::new(stream)?;
    let mut service = None;
    while let Some(request) = caller.read()? {
        let began = Instant::now();
        let (answer, connection) = exchange(service.take(), upstream, &request)?;
        let hold = Duration::from_millis(shared.hold.load(Ordering::Relaxed));
        thread::sleep(hold.saturating_sub(began.elapsed()));
        // As AWS does, the connection to the caller stays, whatever an emulator does with its own.
        service = (!answer.is_last()).then_some(connection);
        let operation = match request.header("x-amz-target") {
            Some(target) => target.to_owned(),
            None => request.start.split('?').next().unwrap_or_default().to_owned(),
        };
        // The call is on the list before its caller can go on.
        let call = Call { operation, began, ended: Instant::now() };
        shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        caller.write(&answer)?;
    }
    Ok(())
}

/// Sends a request over the connection that is there, or over a new one if it has gone stale.
fn exchange(
    connection: Option<Wire>,
    upstream: SocketAddr,
    request: &Message,
) -> io::Result<(Message, Wire)> {
    if let Some(mut connection) = connection
        && connection.write(request).is_ok()
        && let Ok(Some(answer)) = connection.read()
    {
        return Ok((answer, connection));
    }
    let mut connection = Wire::new(TcpStream::connect(upstream)?)?;
    connection.write(request)?;
    let answer = connection.read()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((answer, connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_overlap_are_counted_once() {
        let zero = Instant::now();
        let at = |milliseconds| zero + Duration::from_millis(milliseconds);
        let call = |began, ended| Call { operation: String::new(), began: at(began), ended: at(ended) };

        assert_eq!(under_way(&[]), Duration::ZERO);
        assert_eq!(under_way(&[call(0, 5), call(10, 12)]), Duration::from_millis(7));
        assert_eq!(under_way(&[call(3, 9), call(0, 5), call(1, 2)]), Duration::from_millis(9));
    }
}
