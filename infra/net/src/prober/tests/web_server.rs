//! A server of bytes: what it sends is a function of what it has read.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A TCP server, which ends with the test.
pub(super) struct WebServer {
    pub(super) address: SocketAddr,
    connections: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl WebServer {
    /// A server on `ip`, on a free port when `port` is 0, that sends `answer` of the head of each request.
    pub(super) async fn start(
        ip: IpAddr,
        port: u16,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::serve(ip, port, move |mut stream, log| {
            let answer = Arc::clone(&answer);
            async move {
                let head = read_head(&mut stream).await;
                log.lock().unwrap().push(head.clone());
                // A client that has seen enough hangs up.
                let _ = stream.write_all(&answer(&head)).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// A server that does `handle` with every connection. Nothing is counted but what `handle` puts into the log.
    pub(super) async fn serve<F: Future<Output = ()> + Send + 'static>(
        ip: IpAddr,
        port: u16,
        handle: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(handle(stream, Arc::clone(&log)));
            }
        });
        Self { address, connections, task }
    }

    /// A server that counts connections the moment they are there.
    pub(super) async fn counting(ip: IpAddr, port: u16) -> Self {
        Self::serve(ip, port, |stream, log| {
            log.lock().unwrap().push("connected".to_owned());
            async move { drop(stream) }
        })
        .await
    }

    /// The heads of the requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.connections.lock().unwrap().clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut buffer).await.unwrap_or_default();
        if length == 0 {
            break;
        }
        head.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(head).unwrap()
}

/// A whole answer with this status and body.
pub(super) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub(super) fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}
