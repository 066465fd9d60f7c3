//! The table map: every kind of record, where it lies, what it says, how long it stays, and how it is found.
//!
//! | record | partition | sort | stays | found by |
//! | --- | --- | --- | --- | --- |
//! | [`CertificateRecord`] | `cert#<serial>` | `x509` | for ever once issued, or without a database until its end; before for [`INTENT_RETENTION`] | key; `History` by day, `Provisioner` by month, both in [`INDEX_SHARDS`] parts, `Name` by its first name |
//! | a further name of it | `cert#<serial>` | `name#<n>` | as long as the certificate's | `Name` |
//! | [`SpentRecord`] | `once#<kind>#<hash>` | `-` | as long as the credential could be used, and [`SPENT_MARGIN`] | key |
//! | [`RevocationRecord`] | `revoked#<shard>` | `<serial>` | for ever | key; its shard, in the order of serials |
//! | a blocked public key | `blocked#<hash>` | `-` | for ever | key |
//! | [`AuthorityRecord`] | `meta` | `authority` | for ever | key |
//! | [`EndpointCertificateRecord`] | `endpoint-certificate` | `-` | for ever | key |
//! | the configuration, as the text of `ca.json` | `meta` | `config` | for ever | key |
//!
//! Of ACME, with the id of the provisioner in the partition:
//!
//! | record | partition | sort | stays | found by |
//! | --- | --- | --- | --- | --- |
//! | [`AccountRecord`](crate::acme::record::AccountRecord) | `account#<provisioner>#<id>` | `-` | for ever | key |
//! | [`AccountKeyRecord`](crate::acme::record::AccountKeyRecord) | `account-key#<provisioner>#<thumbprint>` | `-` | as long as the account has that key | key |
//! | [`ExternalAccountKeyRecord`](crate::acme::record::ExternalAccountKeyRecord) | `eab#<provisioner>` | `<key id>` | until it is removed | key; its partition |
//! | [`OrderRecord`](crate::acme::record::OrderRecord), authorizations and challenges inside | `order#<provisioner>#<id>` | `-` | [`acme::ORDER_RETENTION`] after its end | key |
//! | its place in the account's list | `orders#<provisioner>#<account>` | `<time>#<id>` | as the order | its partition, in the order of time |
//! | [`ProofRecord`](crate::acme::record::ProofRecord) | `proven#<provisioner>#<account>` | `<type>#<identifier>` | as long as the proof counts | key |
//! | [`ReplacementRecord`](crate::acme::record::ReplacementRecord) | `replaced#<serial>` | `-` | as the order, and the certificate | key |
//! | [`SpentNonceRecord`](crate::acme::record::SpentNonceRecord) | `once#nonce#<hash>` | `-` | as long as the nonce could be used, and [`SPENT_MARGIN`] | key |
//! | [`NonceKeyRecord`](crate::acme::record::NonceKeyRecord) | `acme-nonce-key` | `-` | for ever | key |
//! | [`EarlyRenewal`](crate::acme::EarlyRenewal)s, all in one record | `meta` | `early-renewal` | for ever | key |
//!
//! Every access is one read by key, by partition or by index partition; none is a scan.
//!
//! DynamoDB holds all of it in one table with the key attributes `pk` and `sk`, the time to live `expires`, and a global
//! secondary index of keys alone for each [`Index`]: `history`, `name`, `provisioner`.

pub mod acme;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{number, serial as serial_part, time};
use super::{Index, IndexEntry, Key, Record, StoreError};
use crate::clock::{SignedDuration, Timestamp};
use crate::x509::SerialNumber;

/// What is kept of an X.509 certificate, from the moment it was intended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// Whether it is out.
    #[serde(flatten)]
    pub state: CertificateState,
    /// Key identifier of the issuer, in hex.
    pub issuer: String,
    /// Id of the provisioner that allowed it; `None` for the authority's own server certificate.
    pub provisioner: Option<ProvisionerReference>,
    /// The serial number of the certificate that it renews.
    pub renews: Option<SerialNumber>,
    /// The ACME account and order that it was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeReference>,
    /// Its subject alternative names as text, or its common name if it has none.
    pub names: Vec<String>,
    /// Its notAfter.
    pub not_after: Timestamp,
    /// When the intent was committed.
    pub created: Timestamp,
}

/// A provisioner as records name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionerReference {
    /// Its id, which survives a change of name.
    pub id: String,
    /// Its name when the certificate was issued.
    pub name: String,
}

/// The ACME account and order behind a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeReference {
    /// Id of the account.
    pub account: String,
    /// Id of the order.
    pub order: String,
}

/// How far a certificate has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum CertificateState {
    /// It is about to be signed. Nobody else signs it before the lease ends.
    Intent {
        /// The end of the lease.
        lease_until: Timestamp,
        /// The DER of the `TBSCertificate`.
        to_be_signed: Der,
    },
    /// Signing it failed, and nobody tries again. A remote key may have signed it all the same.
    Abandoned {
        /// The DER of the `TBSCertificate`.
        to_be_signed: Der,
    },
    /// It is signed, and may have left.
    Issued {
        /// The certificate.
        certificate: Der,
    },
}

/// DER that stands in JSON as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Der(pub Vec<u8>);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

/// The mark of a one-time credential, and of the request that it was spent on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentRecord {
    /// SHA-256 of the request, in hex; only the same request may go on after the lease.
    pub request: String,
    /// The certificate that it was spent on; `None` when it was spent on something else.
    pub serial: Option<SerialNumber>,
    /// Until then the function that spent it may still be at work.
    pub lease_until: Timestamp,
}

/// The revocation of a certificate, whether or not this authority knows the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationRecord {
    /// Which certificate.
    pub serial: SerialNumber,
    /// `CRLReason` ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
    pub reason_code: u8,
    /// What the caller said of it.
    pub reason: String,
    /// When.
    pub revoked_at: Timestamp,
    /// The certificate's notAfter, where it was known without a read.
    pub not_after: Option<Timestamp>,
    /// Id of the provisioner whose credential was used; `None` when the certificate itself was.
    pub provisioner: Option<String>,
}

/// A public key that is not certified any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedKeyRecord {
    /// The certificate whose revocation said that the key is compromised.
    pub serial: SerialNumber,
    /// When.
    pub blocked_at: Timestamp,
}

/// What is kept of the authority itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityRecord {
    /// When it first started on this store: tokens from before are refused.
    pub created: Timestamp,
}

/// Which certificate of a gateway this authority keeps fresh. It lies in a partition of its own, so that whoever may
/// write it need not be able to write the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCertificateRecord {
    /// The ARN that it is imported under.
    pub arn: String,
}

/// How long an intent that came to nothing is kept, for whoever reconciles signatures with records.
pub const INTENT_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the mark of a spent credential outlives the credential: a clock that ran ahead has it removed early, and
/// when that clock is set right the credential is good again.
pub const SPENT_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// Into so many partitions a day's certificates, and a month's of one provisioner, are spread: a table takes only so
/// many writes a second to one partition, and often all certificates come from one provisioner. Whoever reads a day or
/// a month reads them all.
pub const INDEX_SHARDS: u8 = 4;

/// When the mark of a credential that ends at `expires` may be forgotten.
pub fn spent_until(expires: Timestamp) -> Timestamp {
    expires.saturating_add(SPENT_MARGIN).unwrap_or(Timestamp::MAX)
}

/// Where the certificate of this serial number lies.
pub fn certificate(serial: &SerialNumber) -> Key {
    Key::new(&["cert", &serial_part(serial.as_bytes())], &["x509"])
}

/// Where a one-time credential of this kind is marked as spent. `mark` is the SHA-256 of what makes it one.
pub fn spent(kind: &str, mark: &[u8; 32]) -> Key {
    Key::new(&["once", kind, &hex::encode(mark)], &["-"])
}

/// Where a revocation lies. The shard depends on the serial number alone, so that it never moves; lists of
/// revocations are made of whole shards.
pub fn revocation(serial: &SerialNumber) -> Key {
    let shard = shard(serial);
    Key::new(&["revoked", &format!("{shard:02x}")], &[&serial_part(serial.as_bytes())])
}

/// Where the `SubjectPublicKeyInfo` of this DER is blocked.
pub fn blocked_key(spki_der: &[u8]) -> Key {
    let hash = digest::digest(&digest::SHA256, spki_der);
    Key::new(&["blocked", &hex::encode(hash)], &["-"])
}

/// Where the configuration lies, for a platform that keeps it beside the state.
pub fn configuration() -> Key {
    Key::new(&["meta"], &["config"])
}

/// Where the authority's own record lies.
pub fn authority() -> Key {
    Key::new(&["meta"], &["authority"])
}

/// Where it is recorded which certificate of a gateway is kept fresh.
pub fn endpoint_certificate() -> Key {
    Key::new(&["endpoint-certificate"], &["-"])
}

/// The places of an issued certificate in the indexes; `names` beyond the first need [`further_names`].
pub fn certificate_indexes(serial: &SerialNumber, record: &CertificateRecord) -> Vec<IndexEntry> {
    let created = time(record.created);
    let place = |partition: &[&str]| Key::new(partition, &[&created, &serial_part(serial.as_bytes())]);
    let (day, month) = (created.get(..10).unwrap_or_default(), created.get(..7).unwrap_or_default());
    let shard = (shard(serial) % INDEX_SHARDS).to_string();
    let mut entries = vec![IndexEntry { index: Index::History, key: place(&[day, &shard]) }];
    if let Some(provisioner) = &record.provisioner {
        entries.push(IndexEntry { index: Index::Provisioner, key: place(&[&provisioner.id, month, &shard]) });
    }
    entries.extend(record.names.first().map(|name| name_entry(name, place)));
    entries
}

/// The pointer records of a certificate with more than one name: key, and place in [`Index::Name`]. They say nothing
/// themselves.
pub fn further_names(serial: &SerialNumber, record: &CertificateRecord) -> Vec<(Key, IndexEntry)> {
    let created = time(record.created);
    let serial_part = serial_part(serial.as_bytes());
    let place = |partition: &[&str]| Key::new(partition, &[&created, &serial_part]);
    let pointers = record.names.iter().zip(0..).skip(1).map(|(name, position)| {
        (Key::new(&["cert", &serial_part], &["name", &number(position)]), name_entry(name, place))
    });
    pointers.collect()
}

/// The JSON of a record's value.
///
/// # Errors
/// [`StoreError::Failed`] when it cannot be written, which a record of ours never causes.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Failed(Box::new(error)))
}

/// What a record says.
///
/// # Errors
/// [`StoreError::Failed`] when the record is not one of this kind.
pub fn decode<T: for<'de> Deserialize<'de>>(record: &Record) -> Result<T, StoreError> {
    serde_json::from_slice(&record.value).map_err(|error| StoreError::Failed(Box::new(error)))
}

/// Serial numbers from elsewhere may count up; their hash is spread evenly.
fn shard(serial: &SerialNumber) -> u8 {
    digest::digest(&digest::SHA256, serial.as_bytes()).as_ref().first().copied().unwrap_or_default()
}

/// Names are found whatever their case.
fn name_entry(name: &str, place: impl Fn(&[&str]) -> Key) -> IndexEntry {
    IndexEntry { index: Index::Name, key: place(&[&name.to_lowercase()]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of revocations is a set of shards, and a certificate says at issuance which list speaks of it.
    #[test]
    fn x30_the_shard_of_a_serial_number_never_moves() {
        let place = |serial: &str| revocation(&serial.parse().unwrap());
        let golden = |shard: &str, serial: &str| {
            Key::new(&["revoked", shard], &[&serial_part(serial.parse::<SerialNumber>().unwrap().as_bytes())])
        };

        assert_eq!(place("1"), golden("4b", "1"));
        assert_eq!(
            place("340282366920938463463374607431768211455"),
            golden("5a", "340282366920938463463374607431768211455")
        );
    }
}
