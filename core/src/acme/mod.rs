//! ACME: what clients ask for and how it is decided
//! ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555)).

pub mod identifier;
pub mod nonce;
