//! The block ciphers of encrypted key files, all of them in CBC mode.

use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use zeroize::Zeroizing;

use super::{PrivateKeyError, WriteKeyError};
use crate::secret::SecretBytes;

/// A cipher and its initialization vector.
#[derive(Clone, Copy)]
pub(super) enum Cbc {
    Aes128([u8; 16]),
    Aes192([u8; 16]),
    Aes256([u8; 16]),
    /// Only read: old tools wrote it.
    TripleDes([u8; 8]),
}

impl Cbc {
    pub(super) fn key_len(self) -> usize {
        self.algorithm().0
    }

    /// Decrypts `data` and takes its padding off. A wrong key shows in the padding, but for about one in 256.
    pub(super) fn decrypt(self, key: &[u8], data: &[u8]) -> Result<SecretBytes, PrivateKeyError> {
        let (_, block_len, algorithm) = self.algorithm();
        if data.is_empty() || !data.len().is_multiple_of(block_len) {
            return Err(PrivateKeyError::Malformed);
        }
        let wrong = |_| PrivateKeyError::WrongPassword;
        let key = UnboundCipherKey::new(algorithm, key).map_err(wrong)?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(wrong)?;
        let mut buffer = Zeroizing::new(data.to_vec());
        let length = key.decrypt(&mut buffer, self.decryption()).map_err(wrong)?.len();
        buffer.truncate(length);
        Ok(SecretBytes::new(std::mem::take(&mut buffer)))
    }

    fn decryption(self) -> DecryptionContext {
        match self {
            Self::Aes128(iv) | Self::Aes192(iv) | Self::Aes256(iv) => DecryptionContext::Iv128(iv.into()),
            Self::TripleDes(iv) => DecryptionContext::Iv64(iv.into()),
        }
    }

    #[expect(deprecated, reason = "OpenSSL used to write keys with triple DES; they are read, never written")]
    fn algorithm(self) -> (usize, usize, &'static cipher::Algorithm) {
        match self {
            Self::Aes128(_) => (cipher::AES_128_KEY_LEN, 16, &cipher::AES_128),
            Self::Aes192(_) => (cipher::AES_192_KEY_LEN, 16, &cipher::AES_192),
            Self::Aes256(_) => (cipher::AES_256_KEY_LEN, 16, &cipher::AES_256),
            Self::TripleDes(_) => (cipher::DES_EDE3_KEY_LEN, 8, &cipher::DES_EDE3_FOR_LEGACY_USE_ONLY),
        }
    }
}

/// Pads `data` and encrypts it with AES-256-CBC.
pub(super) fn encrypt_aes256(key: &[u8], iv: [u8; 16], data: &SecretBytes) -> Result<Vec<u8>, WriteKeyError> {
    let library = |_| WriteKeyError::Library;
    let key = UnboundCipherKey::new(&cipher::AES_256, key).map_err(library)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(library)?;
    // Room for the padding, so that the plaintext is encrypted where it lies and never moved.
    let mut buffer = Vec::with_capacity(data.expose().len() + 16);
    buffer.extend_from_slice(data.expose());
    key.less_safe_encrypt(&mut buffer, EncryptionContext::Iv128(iv.into())).map_err(library)?;
    Ok(buffer)
}
