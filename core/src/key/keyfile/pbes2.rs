//! PKCS #8 `EncryptedPrivateKeyInfo` with PBES2 ([RFC 8018 §6.2](https://www.rfc-editor.org/rfc/rfc8018#section-6.2)).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use const_oid::ObjectIdentifier;
use const_oid::db::{DB, rfc5911, rfc6268};
use der::asn1::OctetString;
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::cipher::{self, Cbc};
use super::{PrivateKeyError, WriteKeyError};
use crate::random::{Random, random_bytes};
use crate::secret::SecretBytes;

/// Most rounds of PBKDF2 that a file may ask for: some seconds of work.
pub(super) const MAX_ITERATIONS: u32 = 10_000_000;

/// An encrypted key whose algorithms are known and within bounds.
pub(super) struct Encrypted {
    hash: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: OctetString,
    cipher: Cbc,
    data: OctetString,
}

/// Reads the encoding and checks everything that can be checked without the password.
pub(super) fn parse(der: &[u8]) -> Result<Encrypted, PrivateKeyError> {
    let malformed = |_| PrivateKeyError::Malformed;
    let info = EncryptedPrivateKeyInfo::from_der(der).map_err(malformed)?;
    if info.algorithm.oid != PBES2 {
        return Err(unsupported(info.algorithm.oid));
    }
    let scheme: Pbes2Parameters = parameters(&info.algorithm)?;
    if scheme.derivation.oid != rfc5911::ID_PBKDF_2 {
        return Err(unsupported(scheme.derivation.oid));
    }
    let derivation: Pbkdf2Parameters = parameters(&scheme.derivation)?;
    let hash = match &derivation.hash {
        // The default of RFC 8018 §A.2.
        None => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(hash) => hash_algorithm(hash.oid)?,
    };
    let cipher = parse_cipher(&scheme.encryption)?;
    if derivation.key_length.is_some_and(|length| usize::from(length) != cipher.key_len()) {
        return Err(PrivateKeyError::Malformed);
    }
    let iterations = NonZeroU32::new(derivation.iterations)
        .filter(|iterations| iterations.get() <= MAX_ITERATIONS)
        .ok_or(PrivateKeyError::Iterations { iterations: derivation.iterations })?;
    Ok(Encrypted { hash, iterations, salt: derivation.salt, cipher, data: info.data })
}

impl Encrypted {
    pub(super) fn decrypt(&self, password: &SecretBytes) -> Result<SecretBytes, PrivateKeyError> {
        let mut key = Zeroizing::new(vec![0; self.cipher.key_len()]);
        pbkdf2::derive(self.hash, self.iterations, self.salt.as_bytes(), password.expose(), &mut key);
        self.cipher.decrypt(&key, self.data.as_bytes())
    }
}

/// Encrypts a `PrivateKeyInfo` into an `EncryptedPrivateKeyInfo`, both in DER.
pub(super) fn encrypt(
    der: &SecretBytes,
    password: &SecretBytes,
    random: &dyn Random,
) -> Result<Vec<u8>, WriteKeyError> {
    let library = |_| WriteKeyError::Library;
    let salt: [u8; SALT_LEN] = random_bytes(random)?;
    let iv: [u8; 16] = random_bytes(random)?;
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, &salt, password.expose(), &mut *key);
    let data = cipher::encrypt_aes256(&*key, iv, der)?;

    let derivation = Pbkdf2Parameters {
        salt: OctetString::new(salt).map_err(library)?,
        iterations: ITERATIONS.get(),
        key_length: None,
        hash: Some(AlgorithmIdentifierOwned {
            oid: rfc6268::ID_HMAC_WITH_SHA_256,
            parameters: Some(Any::null()),
        }),
    };
    let iv = OctetString::new(iv).map_err(library)?;
    let scheme = Pbes2Parameters {
        derivation: identifier(rfc5911::ID_PBKDF_2, &derivation).map_err(library)?,
        encryption: identifier(rfc5911::ID_AES_256_CBC, &iv).map_err(library)?,
    };
    let info = EncryptedPrivateKeyInfo {
        algorithm: identifier(PBES2, &scheme).map_err(library)?,
        data: OctetString::new(data).map_err(library)?,
    };
    info.to_der().map_err(library)
}

/// `EncryptedPrivateKeyInfo` ([RFC 5958 §3](https://www.rfc-editor.org/rfc/rfc5958#section-3)).
#[derive(Sequence)]
struct EncryptedPrivateKeyInfo {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

/// `PBES2-params` ([RFC 8018 §A.4](https://www.rfc-editor.org/rfc/rfc8018#appendix-A.4)).
#[derive(Sequence)]
struct Pbes2Parameters {
    derivation: AlgorithmIdentifierOwned,
    encryption: AlgorithmIdentifierOwned,
}

/// `PBKDF2-params` with a specified salt ([RFC 8018 §A.2](https://www.rfc-editor.org/rfc/rfc8018#appendix-A.2)).
#[derive(Sequence)]
struct Pbkdf2Parameters {
    salt: OctetString,
    iterations: u32,
    key_length: Option<u16>,
    hash: Option<AlgorithmIdentifierOwned>,
}

fn parameters<'a, T: Decode<'a> + der::FixedTag + der::DecodeValue<'a>>(
    algorithm: &'a AlgorithmIdentifierOwned,
) -> Result<T, PrivateKeyError> {
    let parameters = algorithm.parameters.as_ref().ok_or(PrivateKeyError::Malformed)?;
    parameters.decode_as::<T>().map_err(|_| PrivateKeyError::Malformed)
}

fn identifier<T: der::Tagged + der::EncodeValue>(
    oid: ObjectIdentifier,
    parameters: &T,
) -> der::Result<AlgorithmIdentifierOwned> {
    Ok(AlgorithmIdentifierOwned { oid, parameters: Some(Any::encode_from(parameters)?) })
}

fn hash_algorithm(oid: ObjectIdentifier) -> Result<pbkdf2::Algorithm, PrivateKeyError> {
    match oid {
        HMAC_SHA1 => Ok(pbkdf2::PBKDF2_HMAC_SHA1),
        rfc6268::ID_HMAC_WITH_SHA_256 => Ok(pbkdf2::PBKDF2_HMAC_SHA256),
        rfc6268::ID_HMAC_WITH_SHA_384 => Ok(pbkdf2::PBKDF2_HMAC_SHA384),
        rfc6268::ID_HMAC_WITH_SHA_512 => Ok(pbkdf2::PBKDF2_HMAC_SHA512),
        other => Err(unsupported(other)),
    }
}

fn parse_cipher(algorithm: &AlgorithmIdentifierOwned) -> Result<Cbc, PrivateKeyError> {
    let new = match algorithm.oid {
        rfc5911::ID_AES_128_CBC => Cbc::Aes128,
        rfc5911::ID_AES_192_CBC => Cbc::Aes192,
        rfc5911::ID_AES_256_CBC => Cbc::Aes256,
        DES_EDE3_CBC => return Ok(Cbc::TripleDes(initialization_vector(algorithm)?)),
        other => return Err(unsupported(other)),
    };
    Ok(new(initialization_vector(algorithm)?))
}

fn initialization_vector<const N: usize>(
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<[u8; N], PrivateKeyError> {
    let iv: OctetString = parameters(algorithm)?;
    iv.as_bytes().try_into().map_err(|_| PrivateKeyError::Malformed)
}

fn unsupported(oid: ObjectIdentifier) -> PrivateKeyError {
    let name = match oid {
        SCRYPT => "scrypt".to_owned(),
        oid => DB.by_oid(&oid).map_or_else(|| oid.to_string(), str::to_owned),
    };
    PrivateKeyError::UnsupportedEncryption { name }
}

/// Rounds of PBKDF2 in what is written: what OWASP recommends for HMAC-SHA256, and what `step` uses.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// At least 8 bytes in [RFC 8018 §4.1](https://www.rfc-editor.org/rfc/rfc8018#section-4.1), at least 16 at NIST.
const SALT_LEN: usize = 16;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
/// [RFC 7914 §7.1](https://www.rfc-editor.org/rfc/rfc7914#section-7.1).
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The encrypted key `der` with another number of rounds in it.
    pub(crate) fn with_iterations(der: &[u8], iterations: u32) -> Vec<u8> {
        let mut info = EncryptedPrivateKeyInfo::from_der(der).unwrap();
        let mut scheme: Pbes2Parameters = parameters(&info.algorithm).unwrap();
        let mut derivation: Pbkdf2Parameters = parameters(&scheme.derivation).unwrap();
        derivation.iterations = iterations;
        scheme.derivation.parameters = Some(Any::encode_from(&derivation).unwrap());
        info.algorithm.parameters = Some(Any::encode_from(&scheme).unwrap());
        info.to_der().unwrap()
    }
}
