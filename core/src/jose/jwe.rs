//! Encrypted private keys: a compact JWE under a password, as `encryptedKey` in a provisioner.
//!
//! Written is PBES2-HS256+A128KW with A256GCM, as `step` writes it. Read are all three PBES2 algorithms with A128GCM
//! and A256GCM. Nothing else: no key agreement, no direct keys, no compression.
//!
//! [RFC 7516](https://www.rfc-editor.org/rfc/rfc7516), [RFC 7518 §4.8](https://www.rfc-editor.org/rfc/rfc7518#section-4.8)

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use self::pbes2::Pbes2;
use super::jws::TokenPart;
use super::strict_json::{self, JsonError};
use super::{MAX_TOKEN_OCTETS, base64url};
use crate::random::{Random, RandomError, random_bytes};
use crate::secret::SecretBytes;

mod pbes2;

/// Opens a compact JWE with `password`.
///
/// Size and work factor are checked before any key is derived: what the attacker wrote does not decide what it costs.
///
/// # Errors
/// [`JweError::WrongPassword`] when the password, or the text, is not the one it was closed with; the others when it
/// is not such a JWE.
pub fn decrypt(compact: &str, password: &SecretBytes) -> Result<SecretBytes, JweError> {
    let jwe = CompactJwe::parse(compact)?;
    let mut kek = Zeroizing::new([0; MAX_KEY_OCTETS]);
    let kek = kek.get_mut(..jwe.pbes2.key_octets()).ok_or(JweError::Failed)?;
    jwe.pbes2.derive(jwe.iterations, &jwe.salt, password, kek);
    let key = jwe.pbes2.unwrap_key(kek, &jwe.encrypted_key).ok_or(JweError::WrongPassword)?;
    // A wrapped key of another length would have been wrapped for another cipher.
    let key = UnboundKey::new(jwe.content.algorithm(), &key).map_err(|_| JweError::WrongPassword)?;

    let mut text = Zeroizing::new([jwe.ciphertext.as_slice(), &jwe.tag].concat());
    let plaintext = LessSafeKey::new(key)
        .open_in_place(Nonce::assume_unique_for_key(jwe.iv), Aad::from(jwe.protected.as_bytes()), &mut text)
        .map_err(|_| JweError::WrongPassword)?;
    Ok(SecretBytes::new(plaintext.to_vec()))
}

/// Closes a private JWK with `password`, as `step` does.
///
/// # Errors
/// [`JweError::Random`] when there is no randomness; [`JweError::Failed`] does not happen.
pub fn encrypt_jwk(
    jwk: &SecretBytes,
    password: &SecretBytes,
    random: &dyn Random,
) -> Result<String, JweError> {
    encrypt(jwk, password, DEFAULT_ITERATIONS, random)
}

/// Why a JWE is refused.
#[derive(Debug, Error)]
pub enum JweError {
    /// Longer than any encrypted key.
    #[error("the encrypted key has {octets} bytes; at most {MAX_TOKEN_OCTETS} are accepted")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// Not the five parts of a compact JWE.
    #[error("the encrypted key is not a compact JWE of five parts")]
    NotFiveParts,
    /// A part is not base64url without padding.
    #[error("the {part} of the encrypted key is not base64url without padding")]
    NotBase64url {
        /// Which one.
        part: TokenPart,
    },
    /// A part has the wrong length.
    #[error("the {part} of the encrypted key has the wrong length")]
    Length {
        /// Which one.
        part: TokenPart,
    },
    /// The header is not a JSON object without duplicates.
    #[error("the header of the encrypted key is refused")]
    Json(#[from] JsonError),
    /// A header member is missing or of the wrong type.
    #[error("the header of the encrypted key needs {member} as {expected}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An `alg` or `enc` that is not read.
    #[error("the encrypted key has {member} {found:?}; use PBES2-HS256+A128KW with A256GCM")]
    Unsupported {
        /// `alg` or `enc`.
        member: &'static str,
        /// The beginning of what was found.
        found: String,
    },
    /// It is compressed, or lists critical extensions.
    #[error("the header of the encrypted key has {member}, which is not supported")]
    Forbidden {
        /// `zip` or `crit`.
        member: &'static str,
    },
    /// The work factor is out of bounds.
    #[error("the encrypted key asks for more than {MAX_ITERATIONS} iterations (p2c), or for none")]
    Iterations,
    /// The password is not the one, or the text was changed; which of the two, nobody can tell.
    #[error("the password does not open the encrypted key")]
    WrongPassword,
    /// No randomness for a new key.
    #[error("the key was not encrypted")]
    Random(#[from] RandomError),
    /// The cryptographic library refused sizes that are right.
    #[error("the cryptographic library failed")]
    Failed,
}

/// A compact JWE under a password, well-formed and within bounds.
struct CompactJwe<'a> {
    protected: &'a str,
    pbes2: Pbes2,
    content: ContentEncryption,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    encrypted_key: Vec<u8>,
    iv: [u8; aead::NONCE_LEN],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_OCTETS],
}

impl<'a> CompactJwe<'a> {
    fn parse(compact: &'a str) -> Result<Self, JweError> {
        if compact.len() > MAX_TOKEN_OCTETS {
            return Err(JweError::TooLarge { octets: compact.len() });
        }
        let mut parts = compact.split('.');
        let mut next = || parts.next().ok_or(JweError::NotFiveParts);
        let (protected, encrypted_key, iv, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(JweError::NotFiveParts);
        }

        let header = strict_json::parse_object(&decode(protected, TokenPart::Header)?)?;
        if let Some(member) = ["zip", "crit"].into_iter().find(|member| header.contains_key(*member)) {
            return Err(JweError::Forbidden { member });
        }
        let text = |member: &'static str| {
            header
                .get(member)
                .and_then(Value::as_str)
                .ok_or(JweError::Member { member, expected: "a string" })
        };
        let alg = text("alg")?;
        let pbes2 = Pbes2::from_name(alg)
            .ok_or_else(|| JweError::Unsupported { member: "alg", found: super::clip(alg) })?;
        let enc = text("enc")?;
        let content = ContentEncryption::from_name(enc)
            .ok_or_else(|| JweError::Unsupported { member: "enc", found: super::clip(enc) })?;
        let salt = base64url::decode(text("p2s")?)
            .filter(|salt| salt.len() >= MIN_SALT_OCTETS)
            .ok_or(JweError::Member { member: "p2s", expected: "at least 8 bytes in base64url" })?;
        let count = header
            .get("p2c")
            .filter(|count| count.is_number())
            .ok_or(JweError::Member { member: "p2c", expected: "a number" })?;
        let iterations = count
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count <= MAX_ITERATIONS)
            .and_then(NonZeroU32::new)
            .ok_or(JweError::Iterations)?;

        Ok(Self {
            protected,
            pbes2,
            content,
            iterations,
            salt,
            encrypted_key: decode(encrypted_key, TokenPart::EncryptedKey)?,
            iv: sized(iv, TokenPart::InitializationVector)?,
            ciphertext: decode(ciphertext, TokenPart::Payload)?,
            tag: sized(tag, TokenPart::Tag)?,
        })
    }
}

/// The cipher of the content.
#[derive(Clone, Copy)]
enum ContentEncryption {
    A128Gcm,
    A256Gcm,
}

impl ContentEncryption {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "A128GCM" => Some(Self::A128Gcm),
            "A256GCM" => Some(Self::A256Gcm),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::A128Gcm => &aead::AES_128_GCM,
            Self::A256Gcm => &aead::AES_256_GCM,
        }
    }
}

impl fmt::Debug for CompactJwe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactJwe(..)")
    }
}

fn encrypt(
    plaintext: &SecretBytes,
    password: &SecretBytes,
    iterations: NonZeroU32,
    random: &dyn Random,
) -> Result<String, JweError> {
    let salt = random_bytes::<SALT_OCTETS>(random)?;
    let iv = random_bytes::<{ aead::NONCE_LEN }>(random)?;
    let content_key = Zeroizing::new(random_bytes::<MAX_KEY_OCTETS>(random)?);

    // The order of the members is that of their names, as step writes them.
    let header = format!(
        r#"{{"alg":"{}","cty":"jwk+json","enc":"A256GCM","p2c":{iterations},"p2s":"{}"}}"#,
        Pbes2::Sha256Aes128.name(),
        base64url::encode(&salt),
    );
    let protected = base64url::encode(header.as_bytes());

    let mut kek = Zeroizing::new([0; 16]);
    Pbes2::Sha256Aes128.derive(iterations, &salt, password, kek.as_mut_slice());
    let encrypted_key = pbes2::wrap_key(&kek, content_key.as_slice()).ok_or(JweError::Failed)?;

    let key = UnboundKey::new(&aead::AES_256_GCM, content_key.as_slice()).map_err(|_| JweError::Failed)?;
    let mut text = Zeroizing::new(plaintext.expose().to_vec());
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(protected.as_bytes()),
            text.as_mut_slice(),
        )
        .map_err(|_| JweError::Failed)?;

    Ok([
        protected,
        base64url::encode(&encrypted_key),
        base64url::encode(&iv),
        base64url::encode(&text),
        base64url::encode(tag.as_ref()),
    ]
    .join("."))
}

/// What `step` uses, after OWASP's advice for PBKDF2 with HMAC-SHA-256.
///
/// [Password Storage Cheat Sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#pbkdf2)
const DEFAULT_ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

/// Most iterations that a file may ask for. Three times today's default leaves room for its growth; more would let
/// whoever wrote the file decide how long we work.
const MAX_ITERATIONS: u32 = 2_000_000;

/// The salt that is written.
const SALT_OCTETS: usize = 16;

/// [RFC 7518 §4.8.1.1](https://www.rfc-editor.org/rfc/rfc7518#section-4.8.1.1)
const MIN_SALT_OCTETS: usize = 8;

/// The tag of AES-GCM ([RFC 7518 §5.3](https://www.rfc-editor.org/rfc/rfc7518#section-5.3)).
const TAG_OCTETS: usize = 16;

/// The longest key of AES.
const MAX_KEY_OCTETS: usize = 32;

fn decode(text: &str, part: TokenPart) -> Result<Vec<u8>, JweError> {
    base64url::decode(text).ok_or(JweError::NotBase64url { part })
}

fn sized<const N: usize>(text: &str, part: TokenPart) -> Result<[u8; N], JweError> {
    decode(text, part)?.try_into().map_err(|_| JweError::Length { part })
}

#[cfg(test)]
mod tests;
