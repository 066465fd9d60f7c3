//! Private keys in PEM files, plain and encrypted, as `step`, step-ca and OpenSSL write them.
//!
//! Read: PKCS #8, SEC 1 and PKCS #1, each of them plain, in OpenSSL's traditional encryption (`DEK-Info`; the form
//! that `step ca init` gives the keys of an authority), or as PKCS #8 `ENCRYPTED PRIVATE KEY`.
//!
//! Written, encrypted: PKCS #8 with PBES2, that is PBKDF2-HMAC-SHA256 with 600,000 rounds and a salt of 16 bytes, and
//! AES-256-CBC. It is the strongest form that `step` and step-ca 0.30 read: the traditional form derives its key by one
//! round of MD5, and of PBES2 they know no other hash above SHA-1, no scrypt and no authenticated cipher. It is also
//! what `step` writes itself when it is asked for PKCS #8.

mod cipher;
mod pbes2;
mod traditional;

use std::fmt::Write as _;

use const_oid::ObjectIdentifier;
use pem_rfc7468::LineEnding;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{PrivateKey, WeakKey};
use crate::random::{Random, RandomError};
use crate::secret::SecretBytes;

impl PrivateKey {
    /// Reads a file with one private key. Text around the PEM block and an `EC PARAMETERS` block in front of it are
    /// passed over. The password is not looked at when the key is not encrypted.
    ///
    /// An encrypted key may cost some seconds: deriving the key from a password is slow on purpose.
    ///
    /// # Errors
    /// [`PrivateKeyError`]; a wrong password is always [`PrivateKeyError::WrongPassword`], also when it decrypts to
    /// something that looks well padded.
    pub fn from_pem(pem: &[u8], password: Option<&SecretBytes>) -> Result<Self, PrivateKeyError> {
        let block = only_key_block(pem)?;
        let encoding = Encoding::of(block.label)?;
        if let Some(encrypted) = traditional::parse(block)? {
            let password = password.ok_or(PrivateKeyError::PasswordNeeded)?;
            return encoding.read(encrypted.decrypt(password)?.expose()).map_err(after_decryption);
        }
        let der = decode(block)?;
        match encoding {
            Encoding::EncryptedPkcs8 => {
                let encrypted = pbes2::parse(der.expose())?;
                let password = password.ok_or(PrivateKeyError::PasswordNeeded)?;
                Self::from_pkcs8_der(encrypted.decrypt(password)?.expose()).map_err(after_decryption)
            }
            plain => plain.read(der.expose()),
        }
    }

    /// The key as a PKCS #8 PEM block, not encrypted.
    ///
    /// # Errors
    /// [`WriteKeyError::Library`] if the library cannot encode it.
    pub fn to_pem(&self) -> Result<SecretBytes, WriteKeyError> {
        let der = self.to_pkcs8_der().map_err(|_| WriteKeyError::Library)?;
        let pem = pem_rfc7468::encode_string(PKCS8, LineEnding::LF, der.expose());
        Ok(SecretBytes::new(pem.map_err(|_| WriteKeyError::Library)?.into_bytes()))
    }

    /// The key as an encrypted PKCS #8 PEM block; see the module for the form.
    ///
    /// # Errors
    /// [`WriteKeyError::Random`] when there is no salt to be had.
    pub fn to_encrypted_pem(
        &self,
        password: &SecretBytes,
        random: &dyn Random,
    ) -> Result<String, WriteKeyError> {
        let der = self.to_pkcs8_der().map_err(|_| WriteKeyError::Library)?;
        let encrypted = pbes2::encrypt(&der, password, random)?;
        pem_rfc7468::encode_string(ENCRYPTED_PKCS8, LineEnding::LF, &encrypted)
            .map_err(|_| WriteKeyError::Library)
    }
}

/// Why a file or encoding is not a private key for us.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PrivateKeyError {
    /// There is no PEM block.
    #[error("there is no PEM block; a private key file starts with -----BEGIN")]
    NotPem,
    /// The PEM block is something else.
    #[error(
        "the PEM block is a {label}, not a private key; PRIVATE KEY, ENCRYPTED PRIVATE KEY, EC PRIVATE KEY and RSA \
         PRIVATE KEY are read"
    )]
    NotAPrivateKey {
        /// What the block says it is.
        label: String,
    },
    /// There is more than the key in the file, so that it is not clear what is meant.
    #[error("there is more than one PEM block; leave only the private key")]
    MoreThanOneBlock,
    /// The PEM block or the key in it is not well-formed, or its parts do not belong together.
    #[error("the private key is malformed")]
    Malformed,
    /// The key is encrypted, and no password was given.
    #[error("the private key is encrypted; a password is needed")]
    PasswordNeeded,
    /// The password is not the one of the key.
    #[error("the password does not decrypt the key")]
    WrongPassword,
    /// The key is encrypted in a way that is not read here.
    #[error(
        "the private key is encrypted with {name}, which is not supported; PBES2 with PBKDF2 and AES-CBC is, as \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc` writes it"
    )]
    UnsupportedEncryption {
        /// The algorithm in the way.
        name: String,
    },
    /// Deriving the key from the password would take unreasonably long.
    #[error(
        "the private key asks for {iterations} rounds of PBKDF2; from 1 to {} are accepted",
        pbes2::MAX_ITERATIONS
    )]
    Iterations {
        /// Number of rounds found.
        iterations: u32,
    },
    /// A kind of key that is not offered.
    #[error(
        "private keys of algorithm {0} are not supported; use RSA, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    UnsupportedAlgorithm(ObjectIdentifier),
    /// A curve that is not offered, or explicit curve parameters.
    #[error("the elliptic curve of the private key is not supported; use P-256, P-384 or P-521")]
    UnsupportedCurve,
    /// An RSA key shorter than 2048 bits.
    #[error("the RSA private key has {bits} bits; at least {} are needed", super::strength::MIN_RSA_BITS)]
    TooShort {
        /// Bit length found.
        bits: usize,
    },
    /// An RSA key that is too weak in another way.
    #[error("the private key is too weak")]
    Weak(#[source] WeakKey),
}

/// Why a key was not written.
#[derive(Debug, Error)]
pub enum WriteKeyError {
    /// No random bytes for the salt.
    #[error("the private key could not be encrypted")]
    Random(#[from] RandomError),
    /// The cryptographic library failed.
    #[error("the cryptographic library could not write the private key")]
    Library,
}

/// What a label says about the content of its block.
#[derive(Clone, Copy)]
enum Encoding {
    Pkcs8,
    EncryptedPkcs8,
    Sec1,
    Pkcs1,
}

impl Encoding {
    fn of(label: &str) -> Result<Self, PrivateKeyError> {
        match label {
            PKCS8 => Ok(Self::Pkcs8),
            ENCRYPTED_PKCS8 => Ok(Self::EncryptedPkcs8),
            SEC1 => Ok(Self::Sec1),
            PKCS1 => Ok(Self::Pkcs1),
            other => {
                let mut label = String::new();
                for character in other.chars().take(MAX_SHOWN_LABEL) {
                    let _ = write!(label, "{}", character.escape_debug());
                }
                Err(PrivateKeyError::NotAPrivateKey { label })
            }
        }
    }

    fn read(self, der: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
        match self {
            Self::Pkcs8 => PrivateKey::from_pkcs8_der(der),
            Self::Sec1 => PrivateKey::from_sec1_der(der),
            Self::Pkcs1 => PrivateKey::from_pkcs1_der(der),
            Self::EncryptedPkcs8 => Err(PrivateKeyError::Malformed),
        }
    }
}

/// A PEM block: its label, and its text with both boundaries.
#[derive(Clone, Copy)]
struct Block<'a> {
    label: &'a str,
    text: &'a str,
}

/// The one block of a key file, whatever its label.
fn only_key_block(pem: &[u8]) -> Result<Block<'_>, PrivateKeyError> {
    let pem = std::str::from_utf8(pem).map_err(|_| PrivateKeyError::NotPem)?;
    let (mut block, mut rest) = next_block(pem)?.ok_or(PrivateKeyError::NotPem)?;
    if block.label == EC_PARAMETERS {
        // `openssl ecparam -genkey` puts the curve in front; the key that follows names it again.
        (block, rest) =
            next_block(rest)?.ok_or(PrivateKeyError::NotAPrivateKey { label: EC_PARAMETERS.into() })?;
    }
    match next_block(rest)? {
        None => Ok(block),
        Some(_) => Err(PrivateKeyError::MoreThanOneBlock),
    }
}

/// The first block of `pem`, and what follows it.
fn next_block(pem: &str) -> Result<Option<(Block<'_>, &str)>, PrivateKeyError> {
    let begin = if pem.starts_with(BEGIN) {
        0
    } else {
        match pem.find(&format!("\n{BEGIN}")) {
            Some(newline) => newline + 1,
            None => return Ok(None),
        }
    };
    let block = pem.get(begin..).ok_or(PrivateKeyError::Malformed)?;
    let (label, body) = block
        .strip_prefix(BEGIN)
        .and_then(|after| after.split_once("-----"))
        .filter(|(label, _)| !label.contains('\n'))
        .ok_or(PrivateKeyError::Malformed)?;
    let end = format!("\n-----END {label}-----");
    let (_, rest) = body.split_once(&end).ok_or(PrivateKeyError::Malformed)?;
    let text = block.strip_suffix(rest).ok_or(PrivateKeyError::Malformed)?;
    Ok(Some((Block { label, text }, rest)))
}

/// The content of a block without headers, in time that does not depend on it.
fn decode(block: Block<'_>) -> Result<SecretBytes, PrivateKeyError> {
    let malformed = |_| PrivateKeyError::Malformed;
    let mut decoder = pem_rfc7468::Decoder::new_detect_wrap(block.text.as_bytes()).map_err(malformed)?;
    // Reserved at once, so that no copy of a part is left behind by growing.
    let mut der = Zeroizing::new(Vec::with_capacity(block.text.len()));
    decoder.decode_to_end(&mut der).map_err(malformed)?;
    Ok(SecretBytes::new(std::mem::take(&mut der)))
}

/// A wrong password may by chance leave bytes that look padded; they are no key, and then the password is what to
/// look at.
fn after_decryption(error: PrivateKeyError) -> PrivateKeyError {
    match error {
        PrivateKeyError::Malformed => PrivateKeyError::WrongPassword,
        other => other,
    }
}

const BEGIN: &str = "-----BEGIN ";
const PKCS8: &str = "PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const EC_PARAMETERS: &str = "EC PARAMETERS";
/// Longest part of a foreign label that an error repeats, in characters.
const MAX_SHOWN_LABEL: usize = 64;

#[cfg(test)]
mod tests;
