//! The Lambda runtime API for one function: it hands out events one at a time and takes the time until the answer.
//!
//! [Lambda runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::wire::{Message, Wire};

/// The API, and the channels to the function that asks it. Its threads end with the process.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    events: Sender<Vec<u8>>,
    news: Receiver<News>,
}

/// What came of an event.
pub(super) struct Invocation {
    /// The function's answer.
    pub(super) answer: Vec<u8>,
    /// From the event's departure to the answer's arrival.
    pub(super) took: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The function said that it failed.
    Failed(String),
    /// It said nothing in time.
    Silent,
}

/// What the function did.
enum News {
    Polled(Instant),
    Answered(Invocation),
    Failed(String),
}

/// What the connections share.
struct Shared {
    events: Mutex<Receiver<Vec<u8>>>,
    news: Mutex<Sender<News>>,
    /// When the event under way was sent.
    sent: Mutex<Option<Instant>>,
}

impl RuntimeApi {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (events, receiver) = mpsc::channel();
        let (sender, news) = mpsc::channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(receiver),
            news: Mutex::new(sender),
            sent: Mutex::default(),
        });
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // The function has ended, or it sees the end of its connection.
                    let _ = shared.serve(stream);
                });
            }
        });
        Ok(Self { address, events, news })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the function asks for its next event, and says when it did.
    pub(super) fn wait_for_poll(&self) -> Result<Instant, NoAnswer> {
        loop {
            match self.next()? {
                News::Polled(at) => return Ok(at),
                News::Failed(reason) => return Err(NoAnswer::Failed(reason)),
                News::Answered(_) => {}
            }
        }
    }

    /// Hands out an event and waits for the answer.
    pub(super) fn invoke(&self, event: &[u8]) -> Result<Invocation, NoAnswer> {
        self.events.send(event.to_vec()).map_err(|_ended| NoAnswer::Silent)?;
        loop {
            match self.next()? {
                News::Answered(invocation) => return Ok(invocation),
                News::Failed(reason) => return Err(NoAnswer::Failed(reason)),
                News::Polled(_) => {}
            }
        }
    }

    fn next(&self) -> Result<News, NoAnswer> {
        self.news.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => NoAnswer::Silent,
        })
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut function = Wire::new(stream)?;
        while let Some(request) = function.read()? {
            let arrived = Instant::now();
            if request.start.contains("/invocation/next") {
                self.tell(News::Polled(arrived))?;
                let event = self.events.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let event = event.map_err(io::Error::other)?;
                let event = invocation(&event);
                *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                function.write(&event)?;
                continue;
            }
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).take();
            function.write(&Message::new("HTTP/1.1 202 Accepted", &[], b""))?;
            self.tell(match sent {
                Some(sent) if request.start.contains("/response") => {
                    News::Answered(Invocation { answer: request.body, took: arrived - sent })
                }
                _ => News::Failed(String::from_utf8_lossy(&request.body).into_owned()),
            })?;
        }
        Ok(())
    }

    fn tell(&self, news: News) -> io::Result<()> {
        let sender = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(news).map_err(|_| io::Error::other("the run is over"))
    }
}

fn invocation(event: &[u8]) -> Message {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + TIME_LIMIT).as_millis().to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("Lambda-Runtime-Deadline-Ms", deadline.as_str()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:bench"),
    ];
    Message::new("HTTP/1.1 200 OK", &headers, event)
}

/// The functions' own limit in template.yaml is below the gateway's 30 seconds.
const TIME_LIMIT: Duration = Duration::from_secs(29);

/// Whoever says nothing for longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
