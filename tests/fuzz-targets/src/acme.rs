//! What ACME clients write: requests, account bindings, nonces and identifiers.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepless_core::acme::identifier::{Identifier, Identifiers};
use stepless_core::acme::nonce::NonceKey;
use stepless_core::clock::Timestamp;
use stepless_core::jose::{AcmeKey, FlattenedJws, Jwk, MacJws, Thumbprint};
use stepless_core::secret::SecretBytes;

use crate::PASSWORD;
use crate::request::survive;

/// [`FlattenedJws`] and [`MacJws`] from JSON, or from header and payload as two lines, and what lies inside of them. A
/// key that is read has one thumbprint and is strong; no nonce is taken for one that was issued.
pub fn acme_jws(data: &[u8]) {
    read(data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Some((header, payload)) = text.split_once('\n')
    {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        read(format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"WlpaWg"}}"#).as_bytes());
    }
}

/// [`Identifier`] and [`Identifiers`] from JSON, or a value alone: what is read has one spelling, and is a name that
/// certificates have.
pub fn acme_identifier(data: &[u8]) {
    if let Ok(identifier) = serde_json::from_slice::<Identifier>(data) {
        look_at(&identifier);
    }
    if let Ok(identifiers) = serde_json::from_slice::<Identifiers>(data) {
        identifiers.iter().for_each(look_at);
        survive(&identifiers.to_sans());
        let written = serde_json::to_vec(&identifiers).expect("it can be written");
        assert_eq!(serde_json::from_slice::<Identifiers>(&written).ok(), Some(identifiers));
    }
    if let Ok(value) = std::str::from_utf8(data) {
        for kind in ["dns", "ip"] {
            match Identifier::parse(kind, value) {
                Ok(identifier) => look_at(&identifier),
                Err(error) => assert!(!error.to_string().contains(char::is_control)),
            }
        }
    }
}

fn read(json: &[u8]) {
    if let Ok(binding) = MacJws::parse(json) {
        let _ = format!("{binding:?} {} {}", binding.key_id(), binding.url());
        let _ = binding.verify(&SecretBytes::new(PASSWORD.to_vec()));
    }
    match FlattenedJws::parse(json) {
        Ok(jws) => look_inside(&jws),
        Err(error) => {
            let _ = (error.to_string(), error.problem());
        }
    }
}

fn look_inside(jws: &FlattenedJws) {
    let header = jws.header();
    let _ = format!("{jws:?} {header:?}");
    if let Some(nonce) = &header.nonce {
        NONCES.check(nonce, Timestamp::UNIX_EPOCH).expect_err("nobody has the key");
    }
    if let AcmeKey::Jwk(jwk) = &header.key {
        let key = jwk.public_key();
        assert_eq!(key.check_strength(), Ok(()));
        let again = Jwk::parse(&serde_json::to_vec(jwk).expect("it can be written")).expect("it can be read");
        assert_eq!(Thumbprint::of(again.public_key()), Thumbprint::of(key));
        let _ = jws.verify(key);
        let _ = MacJws::parse(jws.unverified_payload())
            .map(|binding| binding.verify_account_key(&SecretBytes::new(PASSWORD.to_vec()), key));
    }
    // A key change carries a request inside of a request. Each is shorter than the one around it.
    read(jws.unverified_payload());
}

fn look_at(identifier: &Identifier) {
    assert_eq!(Identifier::parse(identifier.kind(), &identifier.to_string()).as_ref(), Ok(identifier));
    assert_eq!(Identifier::from_san(&identifier.to_san()).as_ref(), Some(identifier));
    assert!(identifier.authorized().read().is_ok());
}

/// A key with which nothing was ever issued.
static NONCES: LazyLock<NonceKey> =
    LazyLock::new(|| NonceKey::from_stored(&SecretBytes::new(vec![7; 32])).expect("it has the right length"));
