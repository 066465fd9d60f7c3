//! Certificate requests at `/sign` and `/rekey`: what they prove, what they ask for, and what they get.

mod keys;
mod names;

use serde_json::json;

use super::bench::{HandmadeRequest, P256, Token, World, base64url, octets, request, sequence, sign, value};
use crate::authority::{Authority, AuthorityError, InvalidRequest, Refusal};
use crate::key::{PrivateKey, SignatureAlgorithm};
use crate::x509::{Certificate, CertificateRequest, RequestError};

/// An authority, and a client with a certificate and a key.
struct Scene {
    world: World,
    authority: Authority,
    key: PrivateKey,
    certificate: Certificate,
}

impl Scene {
    async fn new() -> Self {
        Self::of(World::new()).await
    }

    async fn of(world: World) -> Self {
        let key = PrivateKey::generate(P256).unwrap();
        let certificate = world.certificate("host.example", &key).await;
        Self { authority: world.authority().await, world, key, certificate }
    }

    async fn sign(&self, csr: &str) -> Result<Certificate, AuthorityError> {
        self.sign_with(csr, &Token::new(&self.world, "host.example")).await
    }

    async fn sign_with(&self, csr: &str, token: &Token) -> Result<Certificate, AuthorityError> {
        let issued = sign(&self.authority, csr, &token.mint(&self.world.admin)).await?;
        Ok(issued.certificate().clone())
    }

    async fn rekey(&self, csr: &str) -> Result<Certificate, AuthorityError> {
        let client = self.world.by_tls(&self.certificate);
        Ok(self.authority.rekey(&client, csr).await?.certificate().clone())
    }

    /// Both ways in refuse the request, and nothing was read, written or signed.
    async fn refusals(&self, csr: &str) -> [AuthorityError; 2] {
        let work = async { [self.sign(csr).await.unwrap_err(), self.rekey(csr).await.unwrap_err()] };
        let (refusals, calls) = self.world.calls_of(work).await;
        assert_eq!(calls, []);
        refusals
    }
}

#[tokio::test]
async fn x1_a_request_without_proof_of_possession_is_refused() {
    let scene = Scene::new().await;
    let algorithm = SignatureAlgorithm::default_for(P256);
    let other = PrivateKey::generate(P256).unwrap();
    let handmade = HandmadeRequest::new(scene.key.public_key(), "host.example");
    let good = CertificateRequest::from_pem(&handmade.signed_by(&scene.key)).unwrap();

    let by_another = handmade.signed_by(&other);
    let of_another_message = handmade.der(algorithm, |_| scene.key.sign(algorithm, b"another").unwrap());
    let mut flipped = good.as_der().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let pem = |der: &[u8]| CertificateRequest::from_der(der).unwrap().to_pem();

    for csr in [by_another, pem(&of_another_message), pem(&flipped)] {
        for refusal in scene.refusals(&csr).await {
            assert!(
                matches!(refusal, AuthorityError::Invalid(InvalidRequest::Csr(RequestError::BadSignature))),
                "{refusal:?}"
            );
        }
    }
    scene.sign(&good.to_pem()).await.unwrap();
}

/// basicConstraints CA, keyCertSign, any purpose, name constraints, AIA, the poison of precertificates, ocsp-nocheck,
/// an authority key id, a policy and the extension that names a provisioner.
#[tokio::test]
async fn x4_a_request_that_asks_for_powers_gets_the_leaf_of_a_plain_one() {
    let scene = Scene::new().await;
    let mut greedy = HandmadeRequest::new(scene.key.public_key(), "host.example");
    let truth: &[u8] = &[0x01, 0x01, 0xff];
    let dns = sequence(&[&value(0x82, b"host.example")]);
    greedy.extensions = vec![
        (&[0x55, 0x1d, 0x11], dns),
        (&[0x55, 0x1d, 0x13], sequence(&[truth])),
        (&[0x55, 0x1d, 0x0f], vec![0x03, 0x02, 0x01, 0x06]),
        (&[0x55, 0x1d, 0x25], sequence(&[&value(0x06, &[0x55, 0x1d, 0x25, 0x00])])),
        (&[0x55, 0x1d, 0x1e], sequence(&[&value(0xa0, &sequence(&[&value(0x82, b"evil.example")]))])),
        (&[0x2b, 6, 1, 5, 5, 7, 1, 1], sequence(&[])),
        (&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3], vec![0x05, 0x00]),
        (&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5], vec![0x05, 0x00]),
        (&[0x55, 0x1d, 0x23], sequence(&[&value(0x80, &[7; 20])])),
        (&[0x55, 0x1d, 0x20], sequence(&[&sequence(&[&value(0x06, &[0x2a, 3])])])),
        (
            &[0x2b, 6, 1, 4, 1, 0x82, 0xa4, 0x64, 0xc6, 0x28, 0x40, 1],
            sequence(&[&[0x02, 0x01, 0x01], &octets(b"other"), &octets(b"kid")]),
        ),
    ];

    let plain = scene.sign(&request(&scene.key, "host.example", &["host.example"])).await.unwrap();
    let got = scene.sign(&greedy.signed_by(&scene.key)).await.unwrap();
    let rekeyed = scene.rekey(&greedy.signed_by(&scene.key)).await.unwrap();

    assert_eq!(got.subject(), plain.subject());
    assert_eq!(got.validity(), plain.validity());
    assert_eq!(got.extensions(), plain.extensions());
    assert!(!got.is_ca());
    let sorted = |certificate: &Certificate| {
        let mut extensions: Vec<_> =
            certificate.extensions().iter().map(|one| (one.oid.to_string(), one.clone())).collect();
        extensions.sort_by(|one, two| one.0.cmp(&two.0));
        extensions
    };
    assert_eq!(sorted(&rekeyed), sorted(&plain), "a rekey takes the key alone");
}

#[tokio::test]
async fn a_request_that_is_not_whole_is_told_so() {
    let scene = Scene::new().await;
    let csr = request(&scene.key, "host.example", &[]);
    let token = Token::new(&scene.world, "host.example").mint(&scene.world.admin);

    let no_csr = sign(&scene.authority, "", &token).await;
    let no_token = sign(&scene.authority, &csr, "").await;

    assert!(matches!(no_csr, Err(AuthorityError::Invalid(InvalidRequest::MissingCsr))));
    assert!(matches!(no_token, Err(AuthorityError::Invalid(InvalidRequest::MissingToken))));
}

#[tokio::test]
async fn a_token_for_one_request_is_good_for_no_other() {
    let scene = Scene::new().await;
    let csr = request(&scene.key, "host.example", &["host.example"]);
    let other = request(&scene.key, "", &["host.example"]);
    let hash = CertificateRequest::from_pem(&csr).unwrap().sha256();
    let confirmation = json!({ "x5rt#S256": base64url(&hash) });
    let token = Token::new(&scene.world, "host.example").with("cnf", confirmation);

    let refused = scene.sign_with(&other, &token).await.unwrap_err();

    assert!(matches!(refused, AuthorityError::Refused(Refusal::OtherRequest { .. })));
    scene.sign_with(&csr, &token).await.unwrap();
}
