//! Private keys as JSON: what is inside a provisioner's `encryptedKey`.

use std::fmt;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use spki::ObjectIdentifier;

use super::jwk::{ED25519_OCTETS, RawJwk, SecretMember};
use super::{Jwk, JwkError, base64url};
use crate::key::{KeyKind, PublicKey};
use crate::secret::SecretBytes;

/// A private key with its [`Jwk`]: EC, RSA or Ed25519. The private values belong to the public ones; that was checked.
///
/// It has no `Serialize`: the one way to write it is [`PrivateJwk::to_json`], whose result is wiped.
pub struct PrivateJwk {
    public: Jwk,
    private: Private,
    pkcs8: SecretBytes,
}

impl PrivateJwk {
    /// Reads a private JWK.
    ///
    /// # Errors
    /// [`JwkError`] when it is no key for signatures, has no private part, or one that belongs to another key.
    pub fn parse(json: &SecretBytes) -> Result<Self, JwkError> {
        let raw: RawJwk = serde_json::from_slice(json.expose()).map_err(|error| JwkError::json(&error))?;
        let public = Jwk::public_part(&raw)?;
        let private = match public.public_key().kind() {
            KeyKind::Rsa { .. } => Private::Rsa(Box::new(RsaPrivate {
                d: secret(&raw, SecretMember::D)?,
                p: secret(&raw, SecretMember::P)?,
                q: secret(&raw, SecretMember::Q)?,
                dp: secret(&raw, SecretMember::Dp)?,
                dq: secret(&raw, SecretMember::Dq)?,
                qi: secret(&raw, SecretMember::Qi)?,
            })),
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 => {
                Private::Scalar(secret(&raw, SecretMember::D)?)
            }
            key @ KeyKind::MlDsa(_) => return Err(JwkError::NoSuchKey { key }),
        };
        Self::new(public, private)
    }

    /// The JWK of a private key in PKCS #8, named as [`Jwk::from_public_key`] does.
    ///
    /// # Errors
    /// [`JwkError::Inconsistent`] when it is no key of a kind that is offered.
    pub fn from_pkcs8_der(der: &SecretBytes) -> Result<Self, JwkError> {
        let info = PrivateKeyInfoRef::from_der(der.expose()).map_err(|_| JwkError::Inconsistent)?;
        let curve = info.algorithm.parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let (key, private) = match (info.algorithm.oid, curve) {
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_256_R_1)) => ec_parts(KeyKind::P256, der)?,
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_384_R_1)) => ec_parts(KeyKind::P384, der)?,
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_521_R_1)) => ec_parts(KeyKind::P521, der)?,
            (rfc8410::ID_ED_25519, None) => ed25519_parts(der)?,
            (rfc5912::RSA_ENCRYPTION, _) => rsa_parts(info.private_key.as_bytes())?,
            _ => return Err(JwkError::Inconsistent),
        };
        Self::new(Jwk::from_public_key(key)?, private)
    }

    /// The public half.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The scalar of an elliptic curve key, as long as the order of its curve, or the seed of an Ed25519 key; `None`
    /// for RSA.
    pub fn private_scalar(&self) -> Option<&SecretBytes> {
        match &self.private {
            Private::Scalar(scalar) => Some(scalar),
            Private::Rsa(_) => None,
        }
    }

    /// The key in PKCS #8.
    pub fn pkcs8_der(&self) -> &SecretBytes {
        &self.pkcs8
    }

    /// The JSON, in the members and their order that `step` writes.
    pub fn to_json(&self) -> SecretBytes {
        // The whole text fits, so that no copy of a part of it is left behind by a growing buffer.
        let mut json = Vec::with_capacity(self.pkcs8.expose().len().saturating_mul(2).saturating_add(1024));
        match serde_json::to_writer(&mut json, &Plain(self)) {
            Ok(()) => SecretBytes::new(json),
            // Writing strings to memory does not fail.
            Err(_) => SecretBytes::new(Vec::new()),
        }
    }

    fn new(public: Jwk, private: Private) -> Result<Self, JwkError> {
        let pkcs8 = private.to_pkcs8(public.public_key())?;
        Ok(Self { public, private, pkcs8 })
    }
}

impl fmt::Debug for PrivateJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateJwk").field("public", &self.public).finish_non_exhaustive()
    }
}

enum Private {
    Scalar(SecretBytes),
    Rsa(Box<RsaPrivate>),
}

struct RsaPrivate {
    d: SecretBytes,
    p: SecretBytes,
    q: SecretBytes,
    dp: SecretBytes,
    dq: SecretBytes,
    qi: SecretBytes,
}

impl Private {
    /// The key in PKCS #8, once it is seen to belong to `public`.
    fn to_pkcs8(&self, public: &PublicKey) -> Result<SecretBytes, JwkError> {
        let der = match self {
            Self::Scalar(seed) if public.kind() == KeyKind::Ed25519 => {
                let seed = sized(seed, ED25519_OCTETS)?;
                Ed25519KeyPair::from_seed_and_public_key(seed, public.bits())
                    .ok()
                    .and_then(|pair| pair.to_pkcs8v1().ok())
                    .map(|document| document.as_ref().to_vec())
            }
            Self::Scalar(scalar) => {
                let (algorithm, octets) = signing(public.kind()).ok_or(JwkError::Inconsistent)?;
                // RFC 7518 §6.2.2.1: always the full length of the order.
                let scalar = sized(scalar, octets)?;
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public.bits())
                    .ok()
                    .and_then(|pair| pair.to_pkcs8v1().ok())
                    .map(|document| document.as_ref().to_vec())
            }
            Self::Rsa(rsa) => {
                let (n, e) = public.rsa_components().ok_or(JwkError::Inconsistent)?;
                let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents { n, e },
                    d: rsa.d.expose(),
                    p: rsa.p.expose(),
                    q: rsa.q.expose(),
                    dP: rsa.dp.expose(),
                    dQ: rsa.dq.expose(),
                    qInv: rsa.qi.expose(),
                });
                let der: Option<Pkcs8V1Der<'_>> = pair.ok().and_then(|pair| pair.as_der().ok());
                der.map(|der| der.as_ref().to_vec())
            }
        };
        der.map(SecretBytes::new).ok_or(JwkError::Inconsistent)
    }
}

/// The JSON object with the private members; only [`PrivateJwk::to_json`] makes one.
struct Plain<'a>(&'a PrivateJwk);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("PrivateJwk", MAX_PRIVATE_MEMBERS)?;
        self.0.public.write(&mut object)?;
        let mut member = |name, value: &SecretBytes| {
            object.serialize_field(name, base64url::encode_secret(value.expose()).as_str())
        };
        match &self.0.private {
            Private::Scalar(d) => member("d", d)?,
            Private::Rsa(rsa) => {
                member("d", &rsa.d)?;
                member("p", &rsa.p)?;
                member("q", &rsa.q)?;
                member("dp", &rsa.dp)?;
                member("dq", &rsa.dq)?;
                member("qi", &rsa.qi)?;
            }
        }
        object.end()
    }
}

/// `RSAPrivateKey` of two primes ([RFC 8017 §A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2)).
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    n: UintRef<'a>,
    e: UintRef<'a>,
    d: UintRef<'a>,
    p: UintRef<'a>,
    q: UintRef<'a>,
    dp: UintRef<'a>,
    dq: UintRef<'a>,
    qi: UintRef<'a>,
}

/// Members of the longest private key: those of a public RSA key and `d`, `p`, `q`, `dp`, `dq`, `qi`.
const MAX_PRIVATE_MEMBERS: usize = 12;

fn secret(raw: &RawJwk, member: SecretMember) -> Result<SecretBytes, JwkError> {
    let text = raw.secret(member).ok_or(JwkError::MissingMember { member: member.name() })?;
    base64url::decode(text.expose())
        .map(SecretBytes::new)
        .ok_or(JwkError::NotBase64url { member: member.name() })
}

fn sized(scalar: &SecretBytes, octets: usize) -> Result<&[u8], JwkError> {
    match scalar.expose() {
        bytes if bytes.len() == octets => Ok(bytes),
        _ => Err(JwkError::Length { member: "d", octets }),
    }
}

/// How a curve signs, and the length of its scalars.
fn signing(kind: KeyKind) -> Option<(&'static EcdsaSigningAlgorithm, usize)> {
    match kind {
        KeyKind::P256 => Some((&ECDSA_P256_SHA256_FIXED_SIGNING, 32)),
        KeyKind::P384 => Some((&ECDSA_P384_SHA384_FIXED_SIGNING, 48)),
        KeyKind::P521 => Some((&ECDSA_P521_SHA512_FIXED_SIGNING, 66)),
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::MlDsa(_) => None,
    }
}

fn ec_parts(kind: KeyKind, der: &SecretBytes) -> Result<(PublicKey, Private), JwkError> {
    let (algorithm, octets) = signing(kind).ok_or(JwkError::Inconsistent)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.expose()).map_err(|_| JwkError::Inconsistent)?;
    let bytes: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| JwkError::Inconsistent)?;
    let zeros = octets.saturating_sub(bytes.as_ref().len());
    let scalar = [vec![0; zeros].as_slice(), bytes.as_ref()].concat();
    Ok((PublicKey::from_bits(kind, pair.public_key().as_ref())?, Private::Scalar(SecretBytes::new(scalar))))
}

fn ed25519_parts(der: &SecretBytes) -> Result<(PublicKey, Private), JwkError> {
    let pair = Ed25519KeyPair::from_pkcs8(der.expose()).map_err(|_| JwkError::Inconsistent)?;
    let seed: Curve25519SeedBin<'_> =
        pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|_| JwkError::Inconsistent)?;
    let key = PublicKey::from_bits(KeyKind::Ed25519, pair.public_key().as_ref())?;
    Ok((key, Private::Scalar(SecretBytes::new(seed.as_ref().to_vec()))))
}

fn rsa_parts(der: &[u8]) -> Result<(PublicKey, Private), JwkError> {
    let key = RsaPrivateKey::from_der(der).map_err(|_| JwkError::Inconsistent)?;
    if key.version != 0 {
        return Err(JwkError::Inconsistent);
    }
    let number = |number: UintRef<'_>| SecretBytes::new(number.as_bytes().to_vec());
    let private = RsaPrivate {
        d: number(key.d),
        p: number(key.p),
        q: number(key.q),
        dp: number(key.dp),
        dq: number(key.dq),
        qi: number(key.qi),
    };
    let public = PublicKey::from_rsa_components(key.n.as_bytes(), key.e.as_bytes())?;
    Ok((public, Private::Rsa(Box::new(private))))
}

#[cfg(test)]
mod tests;
