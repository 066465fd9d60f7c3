//! A key of the double: what AWS says of it, and how it signs.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaSignatureEncoding,
};
use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use stepless_core::key::{KeyKind, ParameterSet, PublicKey};
use thiserror::Error;

use super::{Description, Refused, refused};

pub(super) struct Key {
    pub(super) description: Description,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(Box<dyn SignMu>),
}

/// No key of this kind is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("KMS makes no {0} keys")]
pub struct MakeKeyError(KeyKind);

/// The specs of signing keys, what they are to us, and what they sign with.
const SPECS: [(&str, KeyKind, &[&str]); 10] = [
    ("ECC_NIST_P256", KeyKind::P256, &["ECDSA_SHA_256"]),
    ("ECC_NIST_P384", KeyKind::P384, &["ECDSA_SHA_384"]),
    ("ECC_NIST_P521", KeyKind::P521, &["ECDSA_SHA_512"]),
    ("RSA_2048", KeyKind::Rsa { bits: 2048 }, RSA_ALGORITHMS),
    ("RSA_3072", KeyKind::Rsa { bits: 3072 }, RSA_ALGORITHMS),
    ("RSA_4096", KeyKind::Rsa { bits: 4096 }, RSA_ALGORITHMS),
    ("ECC_NIST_EDWARDS25519", KeyKind::Ed25519, &["ED25519_SHA_512", "ED25519_PH_SHA_512"]),
    ("ML_DSA_44", KeyKind::MlDsa(ParameterSet::MlDsa44), &["ML_DSA_SHAKE_256"]),
    ("ML_DSA_65", KeyKind::MlDsa(ParameterSet::MlDsa65), &["ML_DSA_SHAKE_256"]),
    ("ML_DSA_87", KeyKind::MlDsa(ParameterSet::MlDsa87), &["ML_DSA_SHAKE_256"]),
];

const RSA_ALGORITHMS: &[&str] = &[
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
];

pub(super) fn from_spec(spec: &str) -> Option<KeyKind> {
    SPECS.into_iter().find(|(name, ..)| *name == spec).map(|(_, kind, _)| kind)
}

impl Key {
    pub(super) fn generate(kind: KeyKind) -> Result<Self, MakeKeyError> {
        let (spec, _, algorithms) =
            SPECS.into_iter().find(|(_, candidate, _)| *candidate == kind).ok_or(MakeKeyError(kind))?;
        let made = match kind {
            KeyKind::P256 => ec(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyKind::P384 => ec(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyKind::P521 => ec(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyKind::Rsa { bits: 2048 } => rsa(rsa::KeySize::Rsa2048),
            KeyKind::Rsa { bits: 3072 } => rsa(rsa::KeySize::Rsa3072),
            KeyKind::Rsa { .. } => rsa(rsa::KeySize::Rsa4096),
            KeyKind::Ed25519 => Ed25519KeyPair::generate()
                .map(|pair| (pair.public_key().as_ref().to_vec(), Pair::Ed25519(pair))),
            KeyKind::MlDsa(ParameterSet::MlDsa44) => ml_dsa::<MlDsa44>(),
            KeyKind::MlDsa(ParameterSet::MlDsa65) => ml_dsa::<MlDsa65>(),
            KeyKind::MlDsa(ParameterSet::MlDsa87) => ml_dsa::<MlDsa87>(),
        };
        let (bits, pair) = made.map_err(|_| MakeKeyError(kind))?;
        let public = PublicKey::from_bits(kind, &bits).map_err(|_| MakeKeyError(kind))?;
        let description = Description {
            spec: spec.to_owned(),
            usage: SIGN_VERIFY.to_owned(),
            state: "Enabled".to_owned(),
            algorithms: algorithms.iter().map(|&name| name.to_owned()).collect(),
            public_key: public.spki_der().to_vec(),
        };
        Ok(Self { description, pair })
    }

    pub(super) fn sign(&self, algorithm: &str, form: &str, message: &[u8]) -> Result<Vec<u8>, Refused> {
        if form == "RAW" && message.len() > MAX_RAW {
            return Err(refused("ValidationException", "Message must be at most 4096 bytes for RAW"));
        }
        let signature = match (&self.pair, form) {
            (Pair::Ed25519(pair), "RAW") => pair.try_sign(message).ok().map(|made| made.as_ref().to_vec()),
            (Pair::MlDsa(pair), "RAW") => pair.sign(message),
            (Pair::MlDsa(pair), "EXTERNAL_MU") => pair.sign_mu(message),
            (Pair::Ec(pair), "RAW" | "DIGEST") => hashed(algorithm, form, message)
                .and_then(|digest| pair.sign_digest(&digest).ok())
                .map(|made| made.as_ref().to_vec()),
            (Pair::Rsa(pair), "RAW" | "DIGEST") => {
                hashed(algorithm, form, message).zip(padding(algorithm)).and_then(|(digest, padding)| {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign_digest(padding, &digest, &mut signature).ok().map(|()| signature)
                })
            }
            _ => None,
        };
        signature.ok_or_else(|| {
            let what = format!("{} octets as {form} cannot be signed with {algorithm}", message.len());
            refused("ValidationException", &what)
        })
    }
}

type Made = Result<(Vec<u8>, Pair), aws_lc_rs::error::Unspecified>;

fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> Made {
    let pair = EcdsaKeyPair::generate(algorithm)?;
    Ok((pair.public_key().as_ref().to_vec(), Pair::Ec(pair)))
}

fn rsa(size: rsa::KeySize) -> Made {
    let pair = rsa::KeyPair::generate(size)?;
    Ok((pair.public_key().as_ref().to_vec(), Pair::Rsa(pair)))
}

fn ml_dsa<P: MlDsaParams + Send + 'static>() -> Made
where
    ExpandedSigningKey<P>: Send,
{
    let mut seed = ml_dsa::Seed::default();
    aws_lc_rs::rand::SecureRandom::fill(&SystemRandom::new(), &mut seed)?;
    let key = ExpandedSigningKey::<P>::from_seed(&seed);
    Ok((key.verifying_key().encode().to_vec(), Pair::MlDsa(Box::new(key))))
}

/// ML-DSA with an empty context. The cryptographic library of the product signs no message representatives; this one
/// does, and is a second opinion.
trait SignMu: Send {
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>>;
    fn sign_mu(&self, mu: &[u8]) -> Option<Vec<u8>>;
}

impl<P: MlDsaParams> SignMu for ExpandedSigningKey<P>
where
    Self: Send,
{
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.sign_deterministic(message, &[]).ok().map(|made| made.encode().to_vec())
    }

    fn sign_mu(&self, mu: &[u8]) -> Option<Vec<u8>> {
        Some(self.sign_mu_deterministic(mu.try_into().ok()?).encode().to_vec())
    }
}

/// A message or its digest as what is signed; `None` for a digest of another length.
fn hashed(algorithm: &str, form: &str, message: &[u8]) -> Option<digest::Digest> {
    let hash = match algorithm.rsplit('_').next()? {
        "256" => &digest::SHA256,
        "384" => &digest::SHA384,
        "512" => &digest::SHA512,
        _ => return None,
    };
    if form == "RAW" {
        return Some(digest::digest(hash, message));
    }
    digest::Digest::import_less_safe(message, hash).ok()
}

fn padding(algorithm: &str) -> Option<&'static RsaSignatureEncoding> {
    Some(match algorithm {
        "RSASSA_PKCS1_V1_5_SHA_256" => &signature::RSA_PKCS1_SHA256,
        "RSASSA_PKCS1_V1_5_SHA_384" => &signature::RSA_PKCS1_SHA384,
        "RSASSA_PKCS1_V1_5_SHA_512" => &signature::RSA_PKCS1_SHA512,
        "RSASSA_PSS_SHA_256" => &signature::RSA_PSS_SHA256,
        "RSASSA_PSS_SHA_384" => &signature::RSA_PSS_SHA384,
        "RSASSA_PSS_SHA_512" => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

pub(super) const SIGN_VERIFY: &str = "SIGN_VERIFY";

/// [`Message`](https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-Message) as RAW.
const MAX_RAW: usize = 4096;
