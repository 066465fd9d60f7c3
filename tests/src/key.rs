//! Keys of every kind a client may have, which sign certificates, requests and tokens alike.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use der::{Decode, asn1::Uint};
use serde_json::{Value, json};

use crate::asn1::{bits, null, oid, sequence};

/// The kinds of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A private key.
#[derive(Debug)]
pub struct Key {
    kind: KeyKind,
    pkcs8: Vec<u8>,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Ecdsa { asn1: EcdsaKeyPair, fixed: EcdsaKeyPair },
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A fresh key.
    pub fn generate(kind: KeyKind) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = match kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
                EcdsaKeyPair::generate_pkcs8(curve(kind).asn1, &random).expect("a key").as_ref().to_vec()
            }
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random).expect("a key").as_ref().to_vec(),
            KeyKind::Rsa2048 => rsa_pkcs8(KeySize::Rsa2048),
            KeyKind::Rsa4096 => rsa_pkcs8(KeySize::Rsa4096),
        };
        Self::of_kind(kind, pkcs8)
    }

    /// A key from PKCS#8 in DER.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Self {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
            if EcdsaKeyPair::from_pkcs8(curve(kind).asn1, pkcs8).is_ok() {
                return Self::of_kind(kind, pkcs8.to_vec());
            }
        }
        if Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).is_ok() {
            return Self::of_kind(KeyKind::Ed25519, pkcs8.to_vec());
        }
        Self::of_kind(KeyKind::Rsa2048, pkcs8.to_vec())
    }

    /// A P-256 key from a private JWK.
    pub fn from_jwk(jwk: &Value) -> Self {
        let part = |name: &str| {
            let text = jwk[name].as_str().unwrap_or_else(|| panic!("the JWK has no {name}"));
            BASE64_URL_SAFE_NO_PAD.decode(text).expect("a JWK holds base64url")
        };
        assert_eq!(jwk["crv"], "P-256", "the provisioner step makes has a P-256 key");
        let point = [&[4][..], &part("x"), &part("y")].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &part("d"),
            &point,
        )
        .expect("the parts of the JWK belong together");
        let pkcs8 = pair.to_pkcs8v1().expect("a key can be written").as_ref().to_vec();
        Self::of_kind(KeyKind::P256, pkcs8)
    }

    /// The private key in PKCS#8 DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> Vec<u8> {
        let algorithm = match self.kind {
            KeyKind::Ed25519 => sequence(&[&oid("1.3.101.112")]),
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => sequence(&[&oid("1.2.840.113549.1.1.1"), &null()]),
            kind => sequence(&[&oid("1.2.840.10045.2.1"), &oid(curve(kind).oid)]),
        };
        sequence(&[&algorithm, &bits(&self.public())])
    }

    /// The public key in PEM.
    pub fn public_pem(&self) -> String {
        crate::asn1::pem("PUBLIC KEY", &self.spki())
    }

    /// The AlgorithmIdentifier of [`Key::sign`].
    pub fn signature_algorithm(&self) -> Vec<u8> {
        match self.kind {
            KeyKind::P256 => sequence(&[&oid("1.2.840.10045.4.3.2")]),
            KeyKind::P384 => sequence(&[&oid("1.2.840.10045.4.3.3")]),
            KeyKind::P521 => sequence(&[&oid("1.2.840.10045.4.3.4")]),
            KeyKind::Ed25519 => sequence(&[&oid("1.3.101.112")]),
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => sequence(&[&oid("1.2.840.113549.1.1.11"), &null()]),
        }
    }

    /// A signature as X.509 wants it.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa { asn1, .. } => {
                asn1.sign(&SystemRandom::new(), message).expect("a key signs").as_ref().to_vec()
            }
            Pair::Ed25519(_) | Pair::Rsa(_) => self.sign_jws(message),
        }
    }

    /// A signature as JWS wants it.
    pub fn sign_jws(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa { fixed, .. } => fixed.sign(&random, message).expect("a key signs").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a key signs");
                signature
            }
        }
    }

    /// The `alg` of [`Key::sign_jws`].
    pub fn jws_algorithm(&self) -> &'static str {
        match self.kind {
            KeyKind::P256 => "ES256",
            KeyKind::P384 => "ES384",
            KeyKind::P521 => "ES512",
            KeyKind::Ed25519 => "EdDSA",
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => "RS256",
        }
    }

    /// The members of the public JWK that RFC 7638 hashes.
    pub fn bare_jwk(&self) -> Value {
        let public = self.public();
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match self.kind {
            KeyKind::Ed25519 => json!({"crv": "Ed25519", "kty": "OKP", "x": text(&public)}),
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => {
                let numbers = Vec::<Uint>::from_der(&public).expect("an RSA key is two numbers");
                json!({"e": text(numbers[1].as_bytes()), "kty": "RSA", "n": text(numbers[0].as_bytes())})
            }
            kind => {
                let (x, y) = public[1..].split_at(public.len() / 2);
                json!({"crv": curve(kind).name, "kty": "EC", "x": text(x), "y": text(y)})
            }
        }
    }

    /// The RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> String {
        let canonical = self.bare_jwk().to_string();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref())
    }

    /// The public JWK as `step` writes it into `ca.json`.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.bare_jwk();
        jwk["use"] = "sig".into();
        jwk["kid"] = self.thumbprint().into();
        jwk["alg"] = self.jws_algorithm().into();
        jwk
    }

    fn of_kind(kind: KeyKind, pkcs8: Vec<u8>) -> Self {
        let pair = match kind {
            KeyKind::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).expect("an Ed25519 key"))
            }
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => {
                Pair::Rsa(RsaKeyPair::from_pkcs8(&pkcs8).expect("an RSA key"))
            }
            kind => Pair::Ecdsa {
                asn1: EcdsaKeyPair::from_pkcs8(curve(kind).asn1, &pkcs8).expect("a key of that curve"),
                fixed: EcdsaKeyPair::from_pkcs8(curve(kind).fixed, &pkcs8).expect("a key of that curve"),
            },
        };
        Self { kind, pkcs8, pair }
    }

    fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa { asn1, .. } => asn1.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

struct Curve {
    name: &'static str,
    oid: &'static str,
    asn1: &'static EcdsaSigningAlgorithm,
    fixed: &'static EcdsaSigningAlgorithm,
}

fn curve(kind: KeyKind) -> Curve {
    match kind {
        KeyKind::P384 => Curve {
            name: "P-384",
            oid: "1.3.132.0.34",
            asn1: &ECDSA_P384_SHA384_ASN1_SIGNING,
            fixed: &ECDSA_P384_SHA384_FIXED_SIGNING,
        },
        KeyKind::P521 => Curve {
            name: "P-521",
            oid: "1.3.132.0.35",
            asn1: &ECDSA_P521_SHA512_ASN1_SIGNING,
            fixed: &ECDSA_P521_SHA512_FIXED_SIGNING,
        },
        KeyKind::P256 | KeyKind::Ed25519 | KeyKind::Rsa2048 | KeyKind::Rsa4096 => Curve {
            name: "P-256",
            oid: "1.2.840.10045.3.1.7",
            asn1: &ECDSA_P256_SHA256_ASN1_SIGNING,
            fixed: &ECDSA_P256_SHA256_FIXED_SIGNING,
        },
    }
}

fn rsa_pkcs8(size: KeySize) -> Vec<u8> {
    let pair = RsaKeyPair::generate(size).expect("a key");
    AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)
        .expect("a key can be written")
        .as_ref()
        .to_vec()
}
