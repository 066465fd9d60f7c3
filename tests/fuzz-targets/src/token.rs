//! Signed tokens: nothing that was not signed by a key verifies with it.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepless_core::clock::{SignedDuration, Timestamp};
use stepless_core::jose::{Jwk, Jwt};
use stepless_core::key::PublicKey;

/// [`Jwt`] from the compact form, or from its header and payload as two lines, and verification with each kind of key.
pub fn jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read(text);
    if let Some(lines) = text.split_once('\n') {
        read(&compact(lines, &[0x5a; 64]));
    }
}

/// The compact form of a token with this header and payload.
pub(crate) fn compact(lines: (&str, &str), signature: &[u8]) -> String {
    format!("{}.{}", signed_part(lines), URL_SAFE_NO_PAD.encode(signature))
}

/// What the signature of [`compact`] covers.
pub(crate) fn signed_part((header, payload): (&str, &str)) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

fn read(text: &str) {
    let Ok(token) = Jwt::parse(text) else { return };
    let _ = format!("{token:?} {:?}", token.header());
    let claims = token.unverified_claims();
    let _ = (claims.expiry(), claims.not_before(), claims.issued_at(), claims.id(), claims.subject());
    let _ =
        (claims.audience(), claims.sans(), claims.ssh(), claims.ra(), claims.confirmation(), claims.user());
    for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let _ = claims.validate_time(at, SignedDuration::from_mins(1));
    }
    for key in KEYS.iter() {
        let _ = token.clone().verify(key);
    }
}

/// One of each kind.
static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    [
        include_str!("../../../core/src/jose/testdata/p256.jwk"),
        include_str!("../../../core/src/jose/testdata/p384.jwk"),
        include_str!("../../../core/src/jose/testdata/p521.jwk"),
        include_str!("../../../core/src/jose/testdata/ed25519.jwk"),
        include_str!("../../../core/src/jose/testdata/rsa.jwk"),
    ]
    .into_iter()
    .map(|jwk| Jwk::parse(jwk.as_bytes()).expect("test data").public_key().clone())
    .collect()
});
