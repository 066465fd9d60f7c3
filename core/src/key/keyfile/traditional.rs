//! OpenSSL's traditional encrypted PEM: a `DEK-Info` header in front of the base64 text
//! ([RFC 1421 §4.6.1.3](https://www.rfc-editor.org/rfc/rfc1421#section-4.6.1.3)), and a key made from the password by
//! one round of MD5 (`EVP_BytesToKey`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::cipher::Cbc;
use super::{Block, PrivateKeyError};
use crate::secret::SecretBytes;

/// The content of such a block.
pub(super) struct Encrypted {
    cipher: Cbc,
    salt: [u8; 8],
    data: Vec<u8>,
}

/// `None` if the block has no headers.
pub(super) fn parse(block: Block<'_>) -> Result<Option<Encrypted>, PrivateKeyError> {
    let mut lines = block.text.lines().skip(1).map(str::trim_end).peekable();
    let mut headers = Vec::new();
    // Base64 has no colon.
    while let Some((name, value)) = lines.peek().and_then(|line| line.split_once(':')) {
        headers.push((name, value.trim()));
        lines.next();
    }
    if headers.is_empty() {
        return Ok(None);
    }
    let header = |wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if header("Proc-Type") != Some("4,ENCRYPTED") || lines.next() != Some("") {
        return Err(PrivateKeyError::Malformed);
    }
    let (name, iv) = header("DEK-Info").and_then(|v| v.split_once(',')).ok_or(PrivateKeyError::Malformed)?;
    let (cipher, salt) = parse_cipher(name, iv)?;
    let base64: String = lines.take_while(|line| !line.starts_with('-')).collect();
    let data = STANDARD.decode(base64).map_err(|_| PrivateKeyError::Malformed)?;
    Ok(Some(Encrypted { cipher, salt, data }))
}

impl Encrypted {
    pub(super) fn decrypt(&self, password: &SecretBytes) -> Result<SecretBytes, PrivateKeyError> {
        let key = bytes_to_key(password, self.salt, self.cipher.key_len());
        self.cipher.decrypt(&key, &self.data)
    }
}

/// The cipher, and the salt: the first eight bytes of the initialization vector.
fn parse_cipher(name: &str, iv: &str) -> Result<(Cbc, [u8; 8]), PrivateKeyError> {
    let iv = hex::decode(iv).map_err(|_| PrivateKeyError::Malformed)?;
    let salt = *iv.first_chunk().ok_or(PrivateKeyError::Malformed)?;
    let block = || iv.as_slice().try_into().map_err(|_| PrivateKeyError::Malformed);
    let cipher = match name {
        "AES-128-CBC" => Cbc::Aes128(block()?),
        "AES-192-CBC" => Cbc::Aes192(block()?),
        "AES-256-CBC" => Cbc::Aes256(block()?),
        "DES-EDE3-CBC" if iv.len() == salt.len() => Cbc::TripleDes(salt),
        "DES-EDE3-CBC" => return Err(PrivateKeyError::Malformed),
        other => {
            let name = other.chars().filter(char::is_ascii_graphic).take(MAX_SHOWN_NAME).collect();
            return Err(PrivateKeyError::UnsupportedEncryption { name });
        }
    };
    Ok((cipher, salt))
}

/// `EVP_BytesToKey` with MD5 and one round: each block is the hash of the one before, the password and the salt.
fn bytes_to_key(password: &SecretBytes, salt: [u8; 8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + MD5_LEN));
    let mut block = Zeroizing::new([0; MD5_LEN]);
    while key.len() < length {
        let mut hash = Md5::new();
        if !key.is_empty() {
            hash.update(*block);
        }
        hash.update(password.expose());
        hash.update(salt);
        *block = hash.finalize().into();
        key.extend_from_slice(&*block);
    }
    key.truncate(length);
    key
}

const MD5_LEN: usize = 16;
/// Longest part of a foreign cipher's name that an error repeats.
const MAX_SHOWN_NAME: usize = 32;
