//! Redirects, from server to server.

use rstest::rstest;
use stepless_core::acme::{MAX_REDIRECTS, ProbeErrorKind, Prober};

use super::dns_server::{DnsServer, Records, Role, address};
use super::tls::TlsServer;
use super::web_server::{WebServer, ok, redirect};
use super::{PATH, host, limits, local, prober};
use crate::NetProber;
use crate::fixtures::STRANGER;

/// A resolver that knows a.example at 127.0.0.2 and b.example at 127.0.0.3, and a prober that asks it.
async fn network(web: &WebServer) -> (DnsServer, NetProber) {
    let records = Records::new([address("a.example", local(2)), address("b.example", local(3))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, web.address.port());
    (resolver, prober)
}

#[rstest]
#[tokio::test]
async fn n4_a_redirect_is_followed_to_the_file(#[values(301, 302, 307, 308)] status: u16) {
    let file = WebServer::start(local(3), 0, |_| ok("body")).await;
    let port = file.address.port();
    let location = format!("http://b.example:{port}/elsewhere?x=y");
    let sent = location.clone();
    let web = WebServer::start(local(2), port, move |_| redirect(status, &sent)).await;
    let (_resolver, prober) = network(&web).await;

    let answer = prober.http(&host("a.example"), PATH, &limits()).await.unwrap();

    assert_eq!((answer.url, answer.address, answer.body), (location, file.address, b"body".to_vec()));
    let request = file.requests()[0].to_lowercase();
    assert!(request.starts_with("get /elsewhere?x=y http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: b.example:{port}\r\n")), "{request}");
}

#[tokio::test]
async fn n4_a_redirect_to_https_is_followed_whoever_signed_the_certificate() {
    let file = TlsServer::start(local(3), 0, &STRANGER, &["http/1.1"], Some(ok("body"))).await;
    let port = file.address.port();
    let location = format!("https://b.example:{port}/x");
    let web = WebServer::start(local(2), port, move |_| redirect(301, &location)).await;
    let (_resolver, prober) = network(&web).await;

    let answer = prober.http(&host("a.example"), PATH, &limits()).await.unwrap();

    assert_eq!((answer.status, answer.body), (200, b"body".to_vec()));
    assert_eq!(file.server_names(), [Some("b.example".to_owned())]);
}

#[rstest]
#[case::see_other(303, "/x", "answered with status 303, which is not followed")]
#[case::scheme(302, "ftp://b.example/", "a redirect to the scheme ftp; only http and https are followed")]
#[case::user(302, "http://u:p@b.example/", "a redirect to an address with a user name or a password")]
#[case::address(302, "http://127.0.0.3/", "a redirect to port 80; http is followed on port")]
#[tokio::test]
async fn n4_a_redirect_that_is_not_followed_is_an_error_that_says_why(
    #[case] status: u16,
    #[case] location: &'static str,
    #[case] reason: &str,
) {
    let web = WebServer::start(local(2), 0, move |_| redirect(status, location)).await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Http, false));
    assert!(error.detail().contains(reason), "{error}");
    assert_eq!(web.requests().len(), 1);
}

#[rstest]
#[case::none(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")]
#[case::two(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")]
#[tokio::test]
async fn n4_a_redirect_without_exactly_one_location_is_refused(#[case] sent: &'static [u8]) {
    let web = WebServer::start(local(2), 0, move |_| sent.to_vec()).await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();

    assert!(error.detail().ends_with("a redirect without exactly one Location"), "{error}");
}

/// Redirects from `/0` to `/1` and so on; the file lies under `/last`.
async fn stairs(last: usize) -> WebServer {
    WebServer::start(local(2), 0, move |head| {
        let path = head.split(' ').nth(1).unwrap();
        let step: usize = path.trim_start_matches('/').parse().unwrap();
        if step == last { ok("the end") } else { redirect(302, &format!("/{}", step + 1)) }
    })
    .await
}

#[tokio::test]
async fn n4_ten_redirects_are_followed_and_eleven_are_not() {
    let web = stairs(MAX_REDIRECTS).await;
    let (_resolver, prober) = network(&web).await;
    assert_eq!(prober.http(&host("a.example"), "/0", &limits()).await.unwrap().body, b"the end");

    let web = stairs(MAX_REDIRECTS + 1).await;
    let (_resolver, prober) = network(&web).await;
    let error = prober.http(&host("a.example"), "/0", &limits()).await.unwrap_err();

    assert!(error.detail().ends_with("more than 10 redirects"), "{error}");
    assert_eq!(web.requests().len(), MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn n4_a_redirect_in_a_circle_ends_at_once() {
    let web = WebServer::start(local(2), 0, |head| {
        redirect(302, if head.starts_with("GET /one ") { "/two" } else { "/one" })
    })
    .await;
    let (_resolver, prober) = network(&web).await;

    let error = prober.http(&host("a.example"), "/one", &limits()).await.unwrap_err();

    assert!(error.detail().ends_with("a redirect to where another one came from"), "{error}");
    assert_eq!(web.requests().len(), 2);
}
