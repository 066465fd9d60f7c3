//! A key from a password, and a key under that key.
//!
//! [RFC 7518 §4.8](https://www.rfc-editor.org/rfc/rfc7518#section-4.8), [RFC 3394](https://www.rfc-editor.org/rfc/rfc3394)

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{self, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// PBKDF2 and AES key wrap in the pairs that JOSE gives names to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pbes2 {
    Sha256Aes128,
    Sha384Aes192,
    Sha512Aes256,
}

impl Pbes2 {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256Aes128, Self::Sha384Aes192, Self::Sha512Aes256]
            .into_iter()
            .find(|one| one.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256Aes128 => "PBES2-HS256+A128KW",
            Self::Sha384Aes192 => "PBES2-HS384+A192KW",
            Self::Sha512Aes256 => "PBES2-HS512+A256KW",
        }
    }

    pub(super) fn key_octets(self) -> usize {
        match self {
            Self::Sha256Aes128 => 16,
            Self::Sha384Aes192 => 24,
            Self::Sha512Aes256 => 32,
        }
    }

    /// Fills `key` from the password.
    pub(super) fn derive(self, iterations: NonZeroU32, salt: &[u8], password: &SecretBytes, key: &mut [u8]) {
        let algorithm = match self {
            Self::Sha256Aes128 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384Aes192 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512Aes256 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        // RFC 7518 §4.8.1.1: the name keeps a key for one algorithm from being one for another.
        let salt = [self.name().as_bytes(), &[0], salt].concat();
        pbkdf2::derive(algorithm, iterations, &salt, password.expose(), key);
    }

    /// The key that was wrapped under `kek`, or `None` if it was not.
    pub(super) fn unwrap_key(self, kek: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let cipher = match self {
            Self::Sha256Aes128 => &AES_128,
            Self::Sha384Aes192 => return unwrap_192(kek, wrapped),
            Self::Sha512Aes256 => &AES_256,
        };
        let mut key = Zeroizing::new(vec![0; wrapped.len().checked_sub(BLOCK)?]);
        AesKek::new(cipher, kek).ok()?.unwrap(wrapped, &mut key).ok()?;
        Some(key)
    }
}

/// `key` under the 128 bit key `kek`.
pub(super) fn wrap_key(kek: &[u8; 16], key: &[u8]) -> Option<Vec<u8>> {
    let mut wrapped = vec![0; key.len().checked_add(BLOCK)?];
    AesKek::new(&AES_128, kek).ok()?.wrap(key, &mut wrapped).ok()?;
    Some(wrapped)
}

/// The half block that key wrap works in.
const BLOCK: usize = 8;

/// [RFC 3394 §2.2.3.1](https://www.rfc-editor.org/rfc/rfc3394#section-2.2.3.1)
const INTEGRITY_CHECK: [u8; BLOCK] = [0xa6; BLOCK];

/// The rounds of key wrap.
const ROUNDS: u64 = 6;

/// Longest key unwrapped here: the longest content key.
const MAX_WRAPPED_BLOCKS: usize = 8;

/// Unwraps under a 192 bit key, for which the library has the cipher but not the mode.
///
/// [RFC 3394 §2.2.2](https://www.rfc-editor.org/rfc/rfc3394#section-2.2.2)
fn unwrap_192(kek: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = DecryptingKey::ecb(UnboundCipherKey::new(&cipher::AES_192, kek).ok()?).ok()?;
    let (blocks, rest) = wrapped.as_chunks::<BLOCK>();
    let (first, blocks) = blocks.split_first()?;
    if !rest.is_empty() || !(2..=MAX_WRAPPED_BLOCKS).contains(&blocks.len()) {
        return None;
    }

    let mut check = *first;
    let mut blocks = Zeroizing::new(blocks.to_vec());
    let mut step = u64::try_from(blocks.len()).ok()?.checked_mul(ROUNDS)?;
    for _ in 0..ROUNDS {
        for block in blocks.iter_mut().rev() {
            let tweaked = u64::from_be_bytes(check) ^ step;
            let mut both = Zeroizing::new([tweaked.to_be_bytes(), *block].concat());
            let plain = cipher.decrypt(&mut both, DecryptionContext::None).ok()?;
            let (head, tail) = plain.split_first_chunk::<BLOCK>()?;
            check = *head;
            *block = tail.try_into().ok()?;
            step = step.checked_sub(1)?;
        }
    }
    bool::from(check.ct_eq(&INTEGRITY_CHECK)).then(|| Zeroizing::new(blocks.concat()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// [RFC 3394 §4](https://www.rfc-editor.org/rfc/rfc3394#section-4)
    #[rstest]
    #[case::section_4_1(Pbes2::Sha256Aes128, 16, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")]
    #[case::section_4_2(Pbes2::Sha384Aes192, 16, "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D")]
    #[case::section_4_3(Pbes2::Sha512Aes256, 16, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7")]
    #[case::section_4_4(
        Pbes2::Sha384Aes192,
        24,
        "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2"
    )]
    fn the_vectors_of_rfc_3394_are_unwrapped(
        #[case] pbes2: Pbes2,
        #[case] octets: usize,
        #[case] wrapped: &str,
    ) {
        let kek: Vec<u8> = (0..32).take(pbes2.key_octets()).collect();
        let data = hex::decode("00112233445566778899AABBCCDDEEFF0001020304050607").unwrap();
        let mut wrapped = hex::decode(wrapped).unwrap();

        assert_eq!(pbes2.unwrap_key(&kek, &wrapped).unwrap().as_slice(), &data[..octets]);
        if pbes2 == Pbes2::Sha256Aes128 {
            assert_eq!(wrap_key(kek.as_slice().try_into().unwrap(), &data[..octets]).unwrap(), wrapped);
        }

        wrapped[3] ^= 1;
        assert_eq!(pbes2.unwrap_key(&kek, &wrapped), None);
        for length in 0..wrapped.len() {
            assert_eq!(pbes2.unwrap_key(&kek, &wrapped[..length]), None);
        }
    }

    /// [RFC 7517 §C.4](https://www.rfc-editor.org/rfc/rfc7517#appendix-C.4)
    #[test]
    fn the_vector_of_rfc_7517_is_derived_and_unwrapped() {
        let password = SecretBytes::new(b"Thus from my lips, by yours, my sin is purged.".to_vec());
        let salt = crate::jose::base64url::decode("2WCTcJZ1Rvd_CJuJripQ1w").unwrap();
        let wrapped =
            crate::jose::base64url::decode("TrqXOwuNUfDV9VPTNbyGvEJ9JMjefAVn-TR1uIxR9p6hsRQh9Tk7BA").unwrap();

        let mut kek = [0; 16];
        Pbes2::Sha256Aes128.derive(NonZeroU32::new(4096).unwrap(), &salt, &password, &mut kek);

        assert_eq!(
            Pbes2::Sha256Aes128.unwrap_key(&kek, &wrapped).unwrap().as_slice(),
            [
                111, 27, 25, 52, 66, 29, 20, 78, 92, 176, 56, 240, 65, 208, 82, 112, 161, 131, 36, 55, 202,
                236, 185, 172, 129, 23, 153, 194, 195, 48, 253, 182
            ]
        );
    }
}
