//! Private key files: a key that was read signs, and written it is read again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use stepless_core::key::{PrivateKey, SignatureAlgorithm};
use stepless_core::secret::SecretBytes;

use crate::{MESSAGE, PASSWORD};

/// [`PrivateKey::from_pem`], without and with the password.
pub fn key_file(data: &[u8]) {
    let _ = PrivateKey::from_pem(data, None);
    if asks_for_much_work(data) {
        return;
    }
    let Ok(key) = PrivateKey::from_pem(data, Some(&SecretBytes::new(PASSWORD.to_vec()))) else { return };

    let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
    let signature = key.sign(algorithm, MESSAGE).expect("a key that was read signs");
    assert_eq!(key.public_key().verify(algorithm, MESSAGE, &signature), Ok(()));
    let written = key.to_pem().expect("a key that was read can be written");
    let again = PrivateKey::from_pem(written.expose(), None).expect("what it writes, it reads");
    assert_eq!(again.public_key(), key.public_key());
}

/// Whether a PKCS #8 encryption may ask for more than some thousand rounds of PBKDF2: ten million are allowed, but
/// they are slow to no purpose. Any INTEGER in it may be the number.
fn asks_for_much_work(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    text.split("-----BEGIN ENCRYPTED PRIVATE KEY-----").skip(1).any(|block| {
        let base64: String = block.chars().take_while(|c| *c != '-').filter(|c| !c.is_whitespace()).collect();
        let der = STANDARD.decode(base64).unwrap_or_default();
        der.windows(3).any(|window| match window {
            [INTEGER, 2, high] => *high >= 0x10,
            [INTEGER, 3 | 4, _] => true,
            _ => false,
        })
    })
}

const INTEGER: u8 = 2;
