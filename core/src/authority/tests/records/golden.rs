//! The format of records and of their keys. A store outlives every version of this program: what once was written is
//! read for ever, so a line of `testdata/records.txt` never changes; new formats get new lines.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::store::table::{
    self, AuthorityRecord, BlockedKeyRecord, CertificateRecord, CertificateState, Der, ProvisionerReference,
    RevocationRecord, SpentRecord,
};
use crate::store::{Index, IndexEntry, Key, Record};
use crate::x509::SerialNumber;

const GOLDEN: &str = include_str!("../testdata/records.txt");

fn serial(text: &str) -> SerialNumber {
    text.parse().unwrap()
}

fn certificate(state: CertificateState) -> CertificateRecord {
    CertificateRecord {
        state,
        issuer: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        provisioner: Some(ProvisionerReference { id: "admin:kid".to_owned(), name: "admin".to_owned() }),
        renews: Some(serial("4660")),
        acme: None,
        names: vec!["host.example".to_owned(), "10.0.0.5".to_owned()],
        not_after: "2026-06-02T12:00:00Z".parse().unwrap(),
        created: "2026-06-01T12:00:00.123456789Z".parse().unwrap(),
    }
}

/// Neither a day nor a provisioner is one partition, so that neither becomes hot.
#[test]
fn the_certificates_of_one_day_and_one_provisioner_are_spread_evenly() {
    let record = certificate(CertificateState::Issued { certificate: Der(Vec::new()) });
    let mut counts = std::collections::BTreeMap::new();
    for number in 1..=4000 {
        for entry in table::certificate_indexes(&serial(&number.to_string()), &record) {
            *counts.entry((entry.index, entry.key.partition)).or_insert(0) += 1;
        }
    }

    for index in [Index::History, Index::Provisioner] {
        let shards: Vec<u32> =
            counts.iter().filter(|((found, _), _)| *found == index).map(|(_, count)| *count).collect();
        assert_eq!(shards.len(), usize::from(table::INDEX_SHARDS), "{index:?}");
        assert!(shards.iter().all(|count| (900..1100).contains(count)), "{index:?}: {shards:?}");
    }
}

/// The line of this name: key and value are as written there, and read as `expected`.
#[track_caller]
fn assert_golden<T>(name: &str, key: &Key, expected: &T)
where
    T: Serialize + for<'de> Deserialize<'de> + Debug + PartialEq,
{
    let line = GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let written = format!(
        "{} {} {}",
        key.partition,
        key.sort,
        String::from_utf8(table::encode(expected).unwrap()).unwrap()
    );
    assert_eq!(line, Some(written.as_str()), "{name}");
    let value = line.unwrap().splitn(3, ' ').nth(2).unwrap().as_bytes().to_vec();
    let record = Record { key: key.clone(), version: 1, expires: None, value };
    assert_eq!(&table::decode::<T>(&record).unwrap(), expected, "{name}");
}

#[test]
fn o5_certificates_are_kept_in_the_golden_format() {
    let lease_until = "2026-06-01T12:00:30.123456789Z".parse().unwrap();
    let to_be_signed = Der(vec![0x30, 0x03, 0x02, 0x01, 0xff]);
    let intent = CertificateState::Intent { lease_until, to_be_signed: to_be_signed.clone() };
    // Serial numbers of 128 and of 159 bits (D11).
    let long = serial("340282366920938463463374607431768211455");
    let longest = serial("730750818665451459101842416358141509827966271487");
    let server = CertificateRecord {
        provisioner: None,
        renews: None,
        acme: None,
        ..certificate(CertificateState::Issued { certificate: to_be_signed.clone() })
    };

    assert_golden("intent", &table::certificate(&long), &certificate(intent));
    let abandoned = CertificateState::Abandoned { to_be_signed: to_be_signed.clone() };
    assert_golden("abandoned", &table::certificate(&serial("1")), &certificate(abandoned));
    let issued = CertificateState::Issued { certificate: to_be_signed };
    assert_golden("issued", &table::certificate(&longest), &certificate(issued));
    assert_golden("server", &table::certificate(&serial("2")), &server);
}

#[test]
fn o5_what_is_spent_revoked_and_blocked_is_kept_in_the_golden_format() {
    let lease_until = "2026-06-01T12:00:30Z".parse().unwrap();
    let on_a_certificate =
        SpentRecord { request: "ab".repeat(32), serial: Some(serial("4660")), lease_until };
    let on_a_revocation = SpentRecord { request: "4660".to_owned(), serial: None, lease_until };
    let by_token = RevocationRecord {
        serial: serial("4660"),
        reason_code: 1,
        reason: "it was \"lost\"".to_owned(),
        revoked_at: lease_until,
        not_after: None,
        provisioner: Some("admin:kid".to_owned()),
    };
    let by_itself = RevocationRecord {
        serial: serial("4661"),
        not_after: Some(lease_until),
        provisioner: None,
        ..by_token.clone()
    };
    let blocked = BlockedKeyRecord { serial: serial("4660"), blocked_at: lease_until };

    assert_golden("spent", &table::spent("token", &[7; 32]), &on_a_certificate);
    assert_golden("spent-on-revocation", &table::spent("token", &[8; 32]), &on_a_revocation);
    assert_golden("revoked", &table::revocation(&serial("4660")), &by_token);
    assert_golden("revoked-by-itself", &table::revocation(&serial("4661")), &by_itself);
    assert_golden("blocked", &table::blocked_key(b"a key"), &blocked);
    assert_golden("authority", &table::authority(), &AuthorityRecord { created: lease_until });
}

#[test]
fn certificates_are_found_by_day_by_provisioner_and_by_each_name() {
    let record = certificate(CertificateState::Issued { certificate: Der(Vec::new()) });
    let place = "2026-06-01T12:00:00.123456789Z#0000000000000000000000000000000000001234";
    let entry = |index, partition: &str| IndexEntry {
        index,
        key: Key { partition: partition.to_owned(), sort: place.to_owned() },
    };

    let indexes = table::certificate_indexes(&serial("4660"), &record);
    let further = table::further_names(&serial("4660"), &record);

    assert_eq!(
        indexes,
        [
            entry(Index::History, "2026-06-01#2"),
            entry(Index::Provisioner, "admin:kid#2026-06#2"),
            entry(Index::Name, "host.example"),
        ]
    );
    let pointer = Key {
        partition: "cert#0000000000000000000000000000000000001234".to_owned(),
        sort: "name#00000000000000000001".to_owned(),
    };
    assert_eq!(further, [(pointer, entry(Index::Name, "10.0.0.5"))]);
}
