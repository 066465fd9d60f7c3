//! Encrypted keys of provisioners.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepless_core::jose::{PrivateJwk, jwe};
use stepless_core::secret::SecretBytes;

use crate::PASSWORD;

/// [`jwe::decrypt`] of the compact form, or of its header as a line with the other four parts behind it, and the key
/// inside it.
pub fn jwe(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    open(text);
    if let Some((header, rest)) = text.split_once('\n') {
        open(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), rest.trim_end()));
    }
    // The plaintext, as if the password had been right.
    let _ = PrivateJwk::parse(&SecretBytes::new(data.to_vec()));
}

fn open(compact: &str) {
    let header = compact.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    if header.is_some_and(|header| asks_for_much_work(&header)) {
        return;
    }
    if let Ok(plaintext) = jwe::decrypt(compact, &SecretBytes::new(PASSWORD.to_vec())) {
        let _ = PrivateJwk::parse(&plaintext);
    }
}

/// Whether a number in the header has five digits: as many rounds are allowed, but they are slow to no purpose.
fn asks_for_much_work(header: &[u8]) -> bool {
    header.windows(5).any(|window| window.iter().all(u8::is_ascii_digit))
}
