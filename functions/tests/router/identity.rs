//! Who a client is: the platform says it, never a header.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use rstest::rstest;
use serde_json::json;
use stepless_core::peer::PeerCertificates;

use crate::world::{World, csr, new_key, request};

fn percent_encoded(pem: &str) -> String {
    pem.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
async fn l1_a_certificate_in_a_header_is_no_credential() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let pem = identity.certificate.to_pem();
    let one_line = pem.replace('\n', "");
    let encoded = percent_encoded(&pem);
    let serial = identity.certificate.serial().to_string();
    let rekey = json!({ "csr": csr("a.example", &new_key()) }).to_string();
    let revoke = json!({ "serial": serial, "passive": true }).to_string();

    for name in [
        "x-amzn-mtls-clientcert",
        "X-Amzn-Mtls-Clientcert",
        "X-AMZN-MTLS-CLIENTCERT",
        "x_amzn_mtls_clientcert",
        "x-amzn-mtls-clientcert-leaf",
        "x-amzn-mtls-clientcert-serial-number",
        "x-amzn-mtls-clientcert-subject",
        "x-forwarded-client-cert",
        "x-client-cert",
        "x-ssl-cert",
        "ssl-client-cert",
        "client-cert",
    ] {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        for value in [&encoded, &one_line, &serial, &format!(":{}:", encoded)] {
            for (path, body) in
                [("/renew", ""), ("/1.0/re-sign", ""), ("/rekey", &rekey), ("/revoke", &revoke)]
            {
                let mut request = request(Method::POST, path, Body::from(body.to_owned()));
                let value = HeaderValue::from_str(value).unwrap();
                request.headers_mut().append(name.clone(), value.clone());
                request.headers_mut().append(name.clone(), value);

                let message = world.send(request).await.error(400);
                assert!(message.contains("client certificate"), "{name} {path}: {message}");
            }
        }
    }
    assert_eq!(world.send(identity.request("/renew", Body::empty())).await.status, 201);
}

#[tokio::test]
async fn l1_a_header_does_not_displace_the_certificate_of_the_connection() {
    let world = World::new().await;
    let (mine, other) = (world.identity("a.example").await, world.identity("b.example").await);

    let mut request = mine.request("/renew", Body::empty());
    let encoded = percent_encoded(&other.certificate.to_pem());
    request.headers_mut().insert("x-amzn-mtls-clientcert", encoded.parse().unwrap());
    let bearer = format!("Bearer {}", world.renew_token(&other));
    request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());

    let renewed = world.send(request).await.certificate();
    assert_eq!(renewed.subject().common_name(), Some("a.example"));
}

/// The transport's evidence is judged again: it may be older than the request, or forged in a handshake that nobody
/// checked.
#[rstest]
#[case::nothing(&[], 400)]
#[case::no_certificate(&[b"no certificate".as_slice()], 401)]
#[case::empty(&[b"".as_slice()], 401)]
#[tokio::test]
async fn l3_evidence_that_does_not_hold_is_refused(#[case] chain: &[&[u8]], #[case] status: u16) {
    let world = World::new().await;

    let mut request = request(Method::POST, "/renew", Body::empty());
    let chain: Arc<[Vec<u8>]> = chain.iter().map(|der| der.to_vec()).collect();
    request.extensions_mut().insert(PeerCertificates(chain));

    world.send(request).await.error(status);
}

#[tokio::test]
async fn l3_a_strangers_or_an_expired_certificate_is_refused() {
    let world = World::new().await;
    let stranger = World::new().await.identity("a.example").await;
    let mine = world.identity("a.example").await;

    world.send(stranger.request("/renew", Body::empty())).await.error(401);
    world.clock.advance(25 * 60 * 60);
    let message = world.send(mine.request("/renew", Body::empty())).await.error(401);
    assert_eq!(
        message,
        "The request lacked necessary authorization to be completed: certificate expired on 2026-06-02 00:00:00 +0000 UTC"
    );
}

#[rstest]
#[case::missing(None, 400)]
#[case::empty(Some(""), 400)]
#[case::another_scheme(Some("Basic YTpi"), 400)]
#[case::bare(Some("TOKEN"), 400)]
#[case::lower_case(Some("bearer TOKEN"), 400)]
#[case::no_token(Some("Bearer "), 401)]
#[case::two_spaces(Some("Bearer  TOKEN"), 401)]
#[case::good(Some("Bearer TOKEN"), 201)]
#[tokio::test]
async fn a_bearer_token_is_the_scheme_a_space_and_the_token(
    #[case] value: Option<&str>,
    #[case] status: u16,
) {
    let world = World::new().await;
    let identity = world.identity("a.example").await;

    let mut request: Request<Body> = request(Method::POST, "/renew", Body::empty());
    if let Some(value) = value {
        let value = value.replace("TOKEN", &world.renew_token(&identity));
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
    }

    assert_eq!(world.send(request).await.status, status);
}
