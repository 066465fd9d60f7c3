//! How long a connection may take for what.

use super::*;

fn impatient() -> Limits {
    Limits {
        handshake: Duration::from_millis(500),
        first_request: Duration::from_millis(500),
        request_head: Duration::from_millis(500),
        request_body: Duration::from_millis(500),
        drain: Duration::from_millis(500),
        ..Limits::STANDARD
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l19_200_half_open_connections_leave_health_answering_and_are_closed() {
    let limits = Limits { handshake: Duration::from_secs(3), ..Limits::STANDARD };
    let server = Listening::new(router(), settings(), limits.clone());
    let started = Instant::now();
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        if number % 2 == 0 {
            // The first octets of a handshake record that never ends.
            socket.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).await.unwrap();
        }
        silent.push(socket);
    }

    let answer = client().get(&server.uri("/health")).await.unwrap();

    assert_eq!(answer.body.as_ref(), b"ok");
    assert!(started.elapsed() < limits.handshake, "it was answered only after the others were gone");
    for mut socket in silent {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut rest));
        assert!(ended.await.is_ok(), "the server keeps a half-open connection");
    }
}

#[rstest]
#[case::nothing_after_the_handshake(b"")]
#[case::half_a_head(b"GET /health HTTP/1.1\r\nHost: local")]
#[case::no_second_request(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")]
#[case::half_a_second_head(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")]
#[case::half_a_body(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")]
#[tokio::test(flavor = "multi_thread")]
async fn l19_a_slow_client_loses_its_connection(#[case] sent: &'static [u8]) {
    let server = Listening::new(router(), settings(), impatient());
    let started = Instant::now();

    let ended = raw(server.address, raw_config(&[&TLS13], &["http/1.1"]), move |stream| {
        stream.write_all(sent).unwrap();
        // Either a clean end or a cut one; a timeout of the client's own would take five seconds.
        let _ = stream.read_to_end(&mut Vec::new());
    });

    ended.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_body_is_an_error_of_its_own_kind() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handler = async move |body: axum::body::Body| {
        let error = axum::body::to_bytes(body, 1000).await.unwrap_err();
        let mut causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        tell.send(causes.find_map(|error| Some(error.downcast_ref::<std::io::Error>()?.kind()))).unwrap();
    };
    let router = axum::Router::new().route("/late", axum::routing::post(handler));
    let server = Listening::new(router, settings(), impatient());

    let sent = raw(server.address, raw_config(&[&TLS13], &["http/1.1"]), |stream| {
        stream.write_all(b"POST /late HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });

    sent.await.unwrap();
    assert_eq!(told.recv().await, Some(Some(std::io::ErrorKind::TimedOut)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_closed_and_its_place_comes_back() {
    let server = Listening::new(router(), settings(), Limits { connections: 1, ..Limits::STANDARD });
    let first = client();
    first.get(&server.uri("/health")).await.unwrap();

    let mut second = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let read = second.read(&mut [0]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");

    drop(first);
    let patience = Instant::now() + Duration::from_secs(5);
    while client().get(&server.uri("/health")).await.is_err() {
        assert!(Instant::now() < patience, "the place is lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_a_request_finish_and_takes_no_new_one() {
    let server = Listening::standard();
    let under_way = tokio::spawn({
        let uri = server.uri("/slow");
        async move { client().get(&uri).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;

    server.shutdown.send(()).unwrap();

    assert_eq!(under_way.await.unwrap().body.as_ref(), b"at last");
    server.task.await.unwrap().unwrap();
    tokio::net::TcpStream::connect(server.address).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_does_not_wait_for_ever() {
    let server = Listening::new(router(), settings(), impatient());
    let stuck = tokio::spawn({
        let uri = server.uri("/stuck");
        async move { client().get(&uri).await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let asked = Instant::now();

    server.shutdown.send(()).unwrap();
    server.task.await.unwrap().unwrap();

    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(matches!(stuck.await.unwrap(), Err(crate::FetchError::Unreachable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_does_not_wait_for_an_idle_connection() {
    let server = Listening::standard();
    let idle = client();
    idle.get(&server.uri("/health")).await.unwrap();
    let asked = Instant::now();

    server.shutdown.send(()).unwrap();
    server.task.await.unwrap().unwrap();

    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}
