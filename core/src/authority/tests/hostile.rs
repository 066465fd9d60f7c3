//! Whatever bytes come as token, request or chain: an answer, never a panic, and never a certificate.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::bench::{P256, Token, World, base64url, by_token, request, revoke, sign};
use crate::authority::{Authority, ClientCredential, RevokeCredential, RevokeRequest};
use crate::key::PrivateKey;
use crate::peer::PeerCertificates;
use crate::x509::{Certificate, CertificateRequest};

/// One world for all cases: what they try must leave no trace.
struct Scene {
    runtime: Runtime,
    world: World,
    authority: Authority,
    key: PrivateKey,
    certificate: Certificate,
    csr: String,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = runtime.block_on(world.certificate("host.example", &key));
    let authority = runtime.block_on(world.authority());
    let csr = request(&key, "host.example", &["host.example"]);
    Scene { runtime, world, authority, key, certificate, csr }
});

impl Scene {
    /// Shows a token wherever one is taken.
    fn show_token(&self, token: &str) -> bool {
        self.runtime.block_on(async {
            let renewal = by_token(token.to_owned());
            sign(&self.authority, &self.csr, token).await.is_ok()
                | self.authority.renew(&renewal).await.is_ok()
                | self.authority.rekey(&renewal, &self.csr).await.is_ok()
                | revoke(&self.authority, self.certificate.serial(), token.to_owned()).await.is_ok()
        })
    }

    fn show_request(&self, csr: &str) -> bool {
        let token = Token::new(&self.world, "host.example").mint(&self.world.admin);
        self.runtime.block_on(async {
            sign(&self.authority, csr, &token).await.is_ok()
                | self.authority.rekey(&self.world.by_tls(&self.certificate), csr).await.is_ok()
        })
    }

    fn show_chain(&self, chain: Vec<Vec<u8>>) -> bool {
        let peer = PeerCertificates(Arc::from(chain));
        self.runtime.block_on(async {
            let serial = self.certificate.serial().to_string();
            let request = RevokeRequest::parse(&serial, 0, String::new(), true).unwrap();
            let client = ClientCredential::Certificates(peer.clone());
            self.authority.renew(&client).await.is_ok()
                | self.authority.rekey(&client, &self.csr).await.is_ok()
                | self.authority.revoke(request, &RevokeCredential::Certificates(peer)).await.is_ok()
        })
    }
}

/// `bytes` with some of them changed, and perhaps cut.
fn damage(bytes: &[u8], changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, value) in changes {
        let place = place.index(bytes.len());
        bytes[place] ^= value;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

type Changes = Vec<(prop::sample::Index, u8)>;

fn any_changes() -> impl Strategy<Value = (Changes, Option<prop::sample::Index>)> {
    (
        prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        prop::option::weighted(0.2, any::<prop::sample::Index>()),
    )
}

proptest! {
    #[test]
    fn any_text_is_refused_everywhere(text in "\\PC*") {
        prop_assert!(!SCENE.show_token(&text));
        prop_assert!(!SCENE.show_request(&text));
    }

    #[test]
    fn any_bytes_are_refused_in_every_part_of_a_token(
        header in prop::collection::vec(any::<u8>(), 0..200),
        claims in prop::collection::vec(any::<u8>(), 0..200),
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let parts = [header, claims, signature].map(|part| base64url(&part));
        prop_assert!(!SCENE.show_token(&parts.join(".")));
    }

    /// The provisioner's own key signs claims of any shape: it may be let in, but nothing falls over.
    #[test]
    fn any_claims_get_an_answer(
        claim in prop::sample::select(vec!["sub", "sans", "aud", "exp", "nbf", "iat", "jti", "iss", "cnf", "step", "user"]),
        value in any_json(),
    ) {
        SCENE.show_token(&Token::new(&SCENE.world, "host.example").with(claim, value).mint(&SCENE.world.admin));
    }

    #[test]
    fn a_damaged_token_is_refused((changes, cut) in any_changes()) {
        for token in [
            Token::new(&SCENE.world, "host.example").mint(&SCENE.world.admin),
            Token::renewing(&SCENE.world, &SCENE.certificate).mint(&SCENE.key),
        ] {
            let damaged = damage(token.as_bytes(), &changes, cut);
            if damaged != token.as_bytes() {
                prop_assert!(!SCENE.show_token(&String::from_utf8_lossy(&damaged)));
            }
        }
    }

    #[test]
    fn a_damaged_request_is_refused((changes, cut) in any_changes()) {
        let good = CertificateRequest::from_pem(&SCENE.csr).unwrap();
        let damaged = damage(good.as_der(), &changes, cut);
        if damaged != good.as_der() {
            let body: String = STANDARD.encode(&damaged)
                .as_bytes()
                .chunks(64)
                .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
                .collect();
            let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n");
            prop_assert!(!SCENE.show_request(&pem));
        }
    }

    #[test]
    fn any_chain_is_refused(chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12)) {
        prop_assert!(!SCENE.show_chain(chain));
    }

    #[test]
    fn a_damaged_certificate_is_refused((changes, cut) in any_changes()) {
        let damaged = damage(SCENE.certificate.as_der(), &changes, cut);
        if damaged != SCENE.certificate.as_der() {
            let issuer = SCENE.world.issuer.certificate.as_der().to_vec();
            prop_assert!(!SCENE.show_chain(vec![damaged, issuer]));
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC*".prop_map(Value::from),
        "[a-z0-9.*@:/-]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            ("[a-z#]{0,8}", inner).prop_map(|(name, value)| json!({ name: value })),
        ]
    })
}
