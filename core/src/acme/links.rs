//! The URLs of one ACME server, under the name by which the client reached it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::id::{AuthorizationId, Id};
use crate::config::ChallengeType;
use crate::x509::SerialNumber;

/// The URLs of the ACME server of one provisioner.
///
/// They stand under the host that the client named, so that it finds everything where it found the directory. The
/// paths are step-ca's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    base: String,
    /// The path of `base`.
    path: String,
}

impl Links {
    /// The URLs under `https://<authority>/acme/<provisioner>`; `authority` is a host, with a port where it is not 443.
    pub(super) fn new(authority: &str, base_path: &str, provisioner: &str) -> Self {
        let path = format!("{base_path}/acme/{}", utf8_percent_encode(provisioner, ESCAPED));
        Self { base: format!("https://{authority}{path}"), path }
    }

    /// The directory.
    pub fn directory(&self) -> String {
        self.at("directory")
    }

    /// Where a nonce is had without anything else.
    pub fn new_nonce(&self) -> String {
        self.at("new-nonce")
    }

    /// Where accounts are made.
    pub fn new_account(&self) -> String {
        self.at("new-account")
    }

    /// Where orders are made.
    pub fn new_order(&self) -> String {
        self.at("new-order")
    }

    /// Where authorizations are made that belong to no order yet.
    pub fn new_authz(&self) -> String {
        self.at("new-authz")
    }

    /// Where certificates are revoked.
    pub fn revoke_cert(&self) -> String {
        self.at("revoke-cert")
    }

    /// Where an account changes its key.
    pub fn key_change(&self) -> String {
        self.at("key-change")
    }

    /// Where clients ask when to renew; a certificate's id follows it.
    pub fn renewal_info(&self) -> String {
        self.at("renewal-info")
    }

    /// An account: its key id.
    pub fn account(&self, id: &Id) -> String {
        self.at(&format!("account/{id}"))
    }

    /// The orders of an account; the page after `cursor`, or the first one.
    ///
    /// The cursor is in base64url, which no platform on the way spells in another way: a client signs the whole URL.
    pub fn orders(&self, account: &Id, cursor: Option<&str>) -> String {
        let orders = self.at(&format!("account/{account}/orders"));
        match cursor {
            Some(cursor) => format!("{orders}?cursor={}", URL_SAFE_NO_PAD.encode(cursor)),
            None => orders,
        }
    }

    /// An order.
    pub fn order(&self, id: &Id) -> String {
        self.at(&format!("order/{id}"))
    }

    /// Where an order is finalized.
    pub fn finalize(&self, id: &Id) -> String {
        self.at(&format!("order/{id}/finalize"))
    }

    /// An authorization.
    pub fn authorization(&self, id: &AuthorizationId) -> String {
        self.at(&format!("authz/{id}"))
    }

    /// A challenge of an authorization.
    pub fn challenge(&self, authorization: &AuthorizationId, challenge: ChallengeType) -> String {
        self.at(&format!("challenge/{authorization}/{challenge}"))
    }

    /// A certificate and its issuers; with `alternate` above 0 another chain of it.
    pub fn certificate(&self, serial: &SerialNumber, alternate: usize) -> String {
        let certificate = self.at(&format!("certificate/{}", hex::encode(serial.as_bytes())));
        if alternate == 0 { certificate } else { format!("{certificate}/{alternate}") }
    }

    /// The account of a key id, which must stand under this server; under which of its names counts for nothing.
    ///
    /// An account keeps its URL when the authority gets another name, and is none of another provisioner.
    pub(super) fn account_of(&self, key_id: &str) -> Option<Id> {
        let url = Url::parse(key_id).ok().filter(|url| url.scheme() == "https" && url.query().is_none())?;
        let path = url.path();
        let path = path.strip_prefix("/2.0").unwrap_or(path);
        path.strip_prefix(&self.path)?.strip_prefix("/account/")?.parse().ok()
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

/// Everything but the unreserved characters of RFC 3986, as Go escapes a part of a path that might mean something.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+');

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn links() -> Links {
        Links::new("ca.example:8443", "", "acme")
    }

    #[test]
    fn urls_stand_under_the_host_that_the_client_named() {
        assert_eq!(links().directory(), "https://ca.example:8443/acme/acme/directory");
        assert_eq!(
            Links::new("ca.example", "/base", "my acme").new_order(),
            "https://ca.example/base/acme/my%20acme/new-order"
        );
    }

    #[rstest]
    #[case::ours("https://ca.example:8443/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA", true)]
    #[case::another_name("https://old.example/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA", true)]
    #[case::the_other_prefix("https://ca.example/2.0/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA", true)]
    #[case::another_provisioner("https://ca.example:8443/acme/other/account/AAAAAAAAAAAAAAAAAAAAAA", false)]
    #[case::plain_http("http://ca.example:8443/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA", false)]
    #[case::not_an_account("https://ca.example:8443/acme/acme/order/AAAAAAAAAAAAAAAAAAAAAA", false)]
    #[case::more_behind_it("https://ca.example:8443/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA/orders", false)]
    #[case::no_id("https://ca.example:8443/acme/acme/account/1", false)]
    #[case::no_url("AAAAAAAAAAAAAAAAAAAAAA", false)]
    fn a3_a_key_id_is_an_account_of_this_server(#[case] key_id: &str, #[case] known: bool) {
        assert_eq!(links().account_of(key_id).is_some(), known);
    }
}
