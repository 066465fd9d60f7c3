//! A web server that answers every request with the same wrong words.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

/// Answers at `address` until the process ends.
pub(super) fn answer_wrongly(address: SocketAddr) {
    let listener = TcpListener::bind(address).expect("the port was free a moment ago");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whoever is lied to may leave early.
            let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(ANSWER));
        }
    });
}

/// What everybody is told.
pub(super) const WRONG: &str = "nothing is proven here";

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\nnothing is proven here";
