//! What tests of ACME need: a client that says any JWS, right or wrong, and follows nothing by itself, and the other end of
//! every challenge: web servers, TLS servers and a name server that do as they are told.

pub mod account;
pub mod answer;
pub mod client;
pub mod dns;
pub mod dns_message;
pub mod http01;
pub mod jws;
pub mod loopback;
pub mod renewal_id;
pub mod tls_alpn;
pub mod validation_certificate;

pub use account::Account;
pub use answer::Answer;
pub use client::{Acme, Directory};
pub use dns::{DnsAnswer, DnsServer};
pub use http01::{HttpAnswer, HttpServer};
pub use jws::{Jws, Signed};
pub use renewal_id::renewal_id;
pub use tls_alpn::{TlsAnswer, TlsServer};
pub use validation_certificate::ValidationCertificate;
