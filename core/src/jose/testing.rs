//! Keys and tokens for the tests of this room.

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use super::{SigningAlgorithm, base64url};
use crate::key::{KeyKind, PublicKey};

/// [RFC 7515 §A.3.1](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3.1), with `use`, `kid` and `alg`.
pub(super) const P256_JWK: &str = r#"{"use":"sig","kty":"EC","kid":"p256","crv":"P-256","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// [RFC 8037 §A.2](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.2)
pub(super) const ED25519_JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// A file of `testdata`.
macro_rules! testdata {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/jose/testdata/", $name)).trim_end()
    };
}
pub(super) use testdata;

/// A fresh key of one kind that signs.
pub(super) struct TestKey {
    pair: Pair,
    pub(super) public: PublicKey,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl TestKey {
    /// A key that goes with `algorithm`.
    pub(super) fn for_algorithm(algorithm: SigningAlgorithm) -> Self {
        let ec = |algorithm, kind| {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            (PublicKey::from_bits(kind, pair.public_key().as_ref()).unwrap(), Pair::Ec(pair))
        };
        let (public, pair) = match algorithm {
            SigningAlgorithm::Es256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, KeyKind::P256),
            SigningAlgorithm::Es384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, KeyKind::P384),
            SigningAlgorithm::Es512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, KeyKind::P521),
            SigningAlgorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().unwrap();
                (PublicKey::from_bits(KeyKind::Ed25519, pair.public_key().as_ref()).unwrap(), Pair::Ed(pair))
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let bits = pair.public_key().as_ref().to_vec();
                (PublicKey::from_bits(KeyKind::Rsa { bits: 0 }, &bits).unwrap(), Pair::Rsa(Box::new(pair)))
            }
        };
        Self { pair, public }
    }

    /// The JOSE signature over `message`.
    pub(super) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&rng, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    SigningAlgorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    SigningAlgorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    SigningAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    SigningAlgorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    _ => &signature::RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &rng, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with this payload.
    pub(super) fn token(&self, algorithm: SigningAlgorithm, payload: &str) -> String {
        let signed = unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), payload);
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", base64url::encode(&signature))
    }
}

/// The shortest of a few runs: what the work costs when nothing else is running.
pub(super) fn fastest(mut work: impl FnMut()) -> Duration {
    let mut run = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(|_| run()).min().unwrap()
}

/// Header and payload as they are signed.
pub(super) fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()))
}
