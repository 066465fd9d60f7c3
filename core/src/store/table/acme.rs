//! Where the records of ACME lie; `crate::acme::record` says what they hold.

use super::super::Key;
use super::super::key::{serial as serial_part, time};
use super::spent;
use crate::acme::{Id, Identifier};
use crate::clock::{SignedDuration, Timestamp};
use crate::jose::Thumbprint;
use crate::x509::SerialNumber;

/// How long an order can be looked at after it has ended.
pub const ORDER_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Where an account of a provisioner lies.
pub fn account(provisioner: &str, id: &Id) -> Key {
    Key::new(&["account", provisioner, id.as_str()], &["-"])
}

/// Where the account of a key is named.
pub fn account_key(provisioner: &str, key: &Thumbprint) -> Key {
    Key::new(&["account-key", provisioner, &key.to_string()], &["-"])
}

/// Where a key for external account binding lies.
pub fn external_account_key(provisioner: &str, key_id: &str) -> Key {
    Key::new(&["eab", provisioner], &[key_id])
}

/// The partition of all keys for external account binding of a provisioner, in the order of their ids.
pub fn external_account_keys(provisioner: &str) -> String {
    external_account_key(provisioner, "").partition
}

/// Where an order, or a pre-authorization, lies.
pub fn order(provisioner: &str, id: &Id) -> Key {
    Key::new(&["order", provisioner, id.as_str()], &["-"])
}

/// Where an account's list of orders names one. The record says nothing itself.
pub fn order_of_account(provisioner: &str, account: &Id, created: Timestamp, order: &Id) -> Key {
    Key::new(&["orders", provisioner, account.as_str()], &[&time(created), order.as_str()])
}

/// The partition of an account's list of orders, in the order of time.
pub fn orders_of_account(provisioner: &str, account: &Id) -> String {
    Key::new(&["orders", provisioner, account.as_str()], &["-"]).partition
}

/// The order that a place in an account's list names.
pub fn listed_order(place: &Key) -> Option<Id> {
    place.sort.rsplit_once('#').and_then(|(_, id)| id.parse().ok())
}

/// Where it lies that an account has proven an identifier. The base name of a wildcard and the wildcard are two.
pub fn proof(provisioner: &str, account: &Id, identifier: &Identifier) -> Key {
    Key::new(&["proven", provisioner, account.as_str()], &[identifier.kind(), &identifier.to_string()])
}

/// Where it lies that an order replaces the certificate of this serial number.
pub fn replacement(serial: &SerialNumber) -> Key {
    Key::new(&["replaced", &serial_part(serial.as_bytes())], &["-"])
}

/// Where a nonce is marked as spent.
pub fn spent_nonce(mark: &[u8; 32]) -> Key {
    spent("nonce", mark)
}

/// Where the count of an account's new orders of a time span lies.
pub fn new_orders(provisioner: &str, account: &Id, span: i64) -> Key {
    Key::new(&["limit", provisioner, account.as_str()], &[&format!("new-order-{span}")])
}

/// Where the secret lies that nonces are made with. It has a partition of its own: whoever may make it may not write the
/// configuration.
pub fn nonce_key() -> Key {
    Key::new(&["acme-nonce-key"], &["-"])
}

/// Where it lies which certificates are to be renewed early.
pub fn early_renewal() -> Key {
    Key::new(&["meta"], &["early-renewal"])
}
