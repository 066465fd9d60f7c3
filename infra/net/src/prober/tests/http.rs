//! One request and its answer.

use std::process::Command;
use std::time::Instant;

use rstest::rstest;
use stepless_core::acme::{MAX_BODY, ProbeErrorKind, ProbeHost, Prober};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::dns_server::{DnsServer, Records, Role, address};
use super::web_server::{WebServer, ok, read_head};
use super::{PATH, host, limits, local, prober, soon};
use crate::NetProber;

/// A resolver that knows a.example at 127.0.0.2, and a prober that looks for web servers on this one's port.
async fn network(web: &WebServer) -> (DnsServer, NetProber) {
    let records = Records::new([address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, web.address.port());
    (resolver, prober)
}

#[tokio::test]
async fn a_file_is_fetched() {
    let web = WebServer::start(local(2), 0, |_| ok("key authorization")).await;
    let (_resolver, prober) = network(&web).await;

    let answer = prober.http(&host("A.example"), PATH, &limits()).await.unwrap();

    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"key authorization"[..]));
    assert_eq!(
        (answer.url, answer.address),
        (format!("http://a.example:{}{PATH}", web.address.port()), web.address)
    );
    let request = &web.requests()[0];
    assert!(request.starts_with(&format!("GET {PATH} HTTP/1.1\r\n")), "{request}");
    let field = |line: &str| request.to_lowercase().contains(&format!("\r\n{line}\r\n"));
    assert!(field(&format!("host: a.example:{}", web.address.port())), "{request}");
    assert!(field("user-agent: stepless") && field("connection: close"), "{request}");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let web = WebServer::start(local(2), 0, |_| b"HTTP/1.1 404 No\r\n\r\nnot here".to_vec()).await;
    let (_resolver, prober) = network(&web).await;

    let answer = prober.http(&host("a.example"), PATH, &limits()).await.unwrap();

    assert_eq!((answer.status, answer.body.as_slice()), (404, &b"not here"[..]));
}

#[tokio::test]
async fn n2_a_body_of_the_limit_is_read_and_one_octet_more_is_refused() {
    for (length, fits) in [(MAX_BODY, true), (MAX_BODY + 1, false)] {
        let web = WebServer::start(local(2), 0, move |_| ok(&"x".repeat(length))).await;
        let (_resolver, prober) = network(&web).await;

        let result = prober.http(&host("a.example"), PATH, &limits()).await;

        match result {
            Ok(answer) => assert!(fits && answer.body.len() == length),
            Err(error) => {
                assert!(!fits && !error.may_heal && error.kind == ProbeErrorKind::Http, "{error}");
                assert!(error.detail().ends_with("answered with more than 16384 octets"), "{error}");
                assert!(!error.detail().contains("xxx"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn n2_an_endless_body_is_not_read_on() {
    let web = WebServer::serve(local(2), 0, |mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
    })
    .await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!(error.kind, ProbeErrorKind::Http, "{error}");
}

/// Each stands still at another place.
#[rstest]
#[case::before_the_head(b"")]
#[case::in_the_head(b"HTTP/1.1 200 OK\r\nContent-")]
#[case::in_the_body(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow")]
#[tokio::test]
async fn n2_a_slow_server_ends_with_the_deadline(#[case] sent: &'static [u8]) {
    let web = WebServer::serve(local(2), 0, move |mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(sent).await;
        std::future::pending().await
    })
    .await;
    let (_resolver, prober) = network(&web).await;
    let begin = Instant::now();

    let error = prober.http(&host("a.example"), PATH, &soon()).await.unwrap_err();

    assert!(begin.elapsed() >= soon().deadline);
    assert!(error.may_heal && error.kind == ProbeErrorKind::Http, "{error}");
    assert!(error.detail().ends_with("no answer within 0.6 seconds"), "{error}");
    assert_eq!(error.tried, [web.address]);
}

#[rstest]
#[case::no_http(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", ProbeErrorKind::Http, false)]
#[case::hung_up(b"", ProbeErrorKind::Connection, true)]
#[case::broken_off(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive", ProbeErrorKind::Connection, true)]
#[tokio::test]
async fn what_is_no_whole_answer_is_an_error(
    #[case] sent: &'static [u8],
    #[case] kind: ProbeErrorKind,
    #[case] may_heal: bool,
) {
    let web = WebServer::start(local(2), 0, move |_| sent.to_vec()).await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (kind, may_heal), "{error}");
    assert!(error.detail().contains(&web.address.to_string()), "{error}");
}

#[tokio::test]
async fn a_server_that_talks_first_does_not_answer_in_http() {
    let web = WebServer::serve(local(2), 0, |mut stream, _| async move {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        read_head(&mut stream).await;
    })
    .await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Http, false), "{error}");
    assert!(error.detail().contains("does not answer in HTTP"), "{error}");
}

#[tokio::test]
async fn n2_a_head_without_end_is_refused() {
    let web = WebServer::serve(local(2), 0, |mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
    })
    .await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!(error.kind, ProbeErrorKind::Http, "{error}");
    assert!(!error.detail().contains("xxx"), "{error}");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_accepts_no_connection() {
    let web = WebServer::start(local(2), 0, |_| ok("x")).await;
    let records = Records::new([address("a.example", local(3)), address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let answer =
        prober(resolver.address, web.address.port()).http(&host("a.example"), PATH, &limits()).await.unwrap();

    assert_eq!(answer.address, web.address);
}

#[tokio::test]
async fn ipv6_comes_first_and_ipv4_when_it_fails() {
    let six: std::net::IpAddr = "::1".parse().unwrap();
    let four = WebServer::start(local(2), 0, |_| ok("four")).await;
    let records = Records::new([address("a.example", local(2)), address("a.example", six)]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, four.address.port());

    assert_eq!(prober.http(&host("a.example"), PATH, &limits()).await.unwrap().body, b"four");

    let six = WebServer::start(six, four.address.port(), |_| ok("six")).await;
    assert_eq!(prober.http(&host("a.example"), PATH, &limits()).await.unwrap().body, b"six");

    let by_address = prober.http(&ProbeHost::Ip(six.address.ip()), PATH, &limits()).await.unwrap();
    assert_eq!(by_address.body, b"six");
    let expected = format!("\r\nhost: [::1]:{}\r\n", six.address.port());
    assert!(six.requests()[1].to_lowercase().contains(&expected), "{:?}", six.requests());
}

#[tokio::test]
async fn an_address_nobody_listens_at_is_an_error_that_may_heal_and_names_it() {
    let closed = TcpListener::bind((local(2), 0)).await.unwrap().local_addr().unwrap();
    let records = Records::new([address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let error =
        prober(resolver.address, closed.port()).http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Connection, true));
    assert_eq!(error.tried, [closed]);
    let url = format!("http://a.example:{}{PATH}", closed.port());
    assert_eq!(error.detail(), format!("GET {url}: connecting to {closed}: connection refused"));
}

#[tokio::test]
async fn a_name_without_an_address_may_get_one() {
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, Records::default()).await;

    let error = prober(resolver.address, 1).http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Dns, true));
    assert_eq!(error.detail(), format!("GET http://a.example:1{PATH}: a.example has no address"));
}

#[tokio::test]
async fn nothing_is_remembered_from_one_request_to_the_next() {
    let number = Semaphore::new(0);
    let web = WebServer::start(local(2), 0, move |_| {
        number.add_permits(1);
        ok(&number.available_permits().to_string())
    })
    .await;
    let (resolver, prober) = network(&web).await;

    let first = prober.http(&host("a.example"), PATH, &limits()).await.unwrap();
    let second = prober.http(&host("a.example"), PATH, &limits()).await.unwrap();

    assert_eq!((first.body, second.body), (b"1".to_vec(), b"2".to_vec()));
    assert_eq!(resolver.asked().len(), 4);
}

/// The environment of this process cannot be changed while other tests run: another process runs
/// [`a_file_is_fetched`] with the variables set.
#[tokio::test]
async fn n6_proxy_variables_are_not_used() {
    let proxy = WebServer::counting(local(1), 0).await;
    let url = format!("http://{}", proxy.address);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "prober::tests::http::a_file_is_fetched"]);
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, &url);
    }

    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(proxy.requests().len(), 0);
}
