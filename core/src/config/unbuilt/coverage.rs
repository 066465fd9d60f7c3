//! No key of the schema is taken without a word by accident: it is read, or in the table, or here with its reason.

use std::collections::BTreeSet;

use super::documentation::collect;
use super::*;
use crate::config::schema::{CA, CLAIMS, provisioner_fields};
use crate::x509::ProvisionerKind;

/// Keys that something of this version reads.
const READ: &[&str] = &[
    "root",
    "federatedRoots",
    "crt",
    "key",
    "address",
    "dnsNames",
    "commonName",
    "password",
    "logger.format",
    "logger.traceHeader",
    "db.type",
    "db.dataSource",
    "tls.cipherSuites",
    "tls.minVersion",
    "tls.maxVersion",
    "crl.cacheDuration",
    "crl.renewPeriod",
    "authority.provisioners",
    "authority.template",
    "authority.claims",
    "authority.disableIssuedAtCheck",
    "authority.backdate",
];

/// Keys that have no effect, where a warning would tell an operator nothing.
const HARMLESS: &[&str] = &[
    // They open or place keys elsewhere, and a configuration with such keys does not start.
    "kms.credentialsFile",
    "kms.pin",
    "kms.managementKey",
    "kms.region",
    "kms.profile",
    "kms.storageDirectory",
    // A choice between speed and memory for badger, and a name for databases that do not start.
    "db.badgerFileLoadingMode",
    "db.database",
    // Lists that are not made have no shape; one that asks for lists does not start.
    "crl.generateOnRevoke",
    "crl.idpURL",
    // A name for the authority that only a service which manages it would ask for.
    "authority.authorityId",
];

#[test]
fn every_key_is_read_or_in_the_table_or_harmless() {
    let mut keys = Vec::new();
    collect(CA, "", &mut keys);
    let leaves: BTreeSet<_> = keys
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| !keys.iter().any(|(other, _)| is_below(other, path)))
        .collect();
    let rows = ROWS.iter().map(|row| row.path);
    let known: Vec<_> = READ.iter().chain(HARMLESS).copied().chain(rows).collect();

    let forgotten: Vec<_> = leaves
        .iter()
        .filter(|leaf| !known.iter().any(|path| path == *leaf || is_below(leaf, path)))
        .collect();

    assert_eq!(forgotten, Vec::<&&str>::new());
}

#[test]
fn the_lists_name_no_strangers() {
    let mut keys = Vec::new();
    collect(CA, "", &mut keys);

    for path in READ.iter().chain(HARMLESS) {
        assert!(keys.iter().any(|(key, _)| key == path), "{path}");
    }
    for path in HARMLESS {
        assert!(!ROWS.iter().any(|row| row.path == *path), "{path} is in the table too");
    }
}

/// JWK and ACME provisioners are the kinds that serve: all that they may hold is accounted for.
#[test]
fn every_key_of_a_provisioner_that_serves_is_read_or_in_the_table() {
    let read_of_any = ["type", "name", "claims"];
    let read_of_jwk = ["key", "encryptedKey"];
    let read_of_acme = [
        "forceCN",
        "requireEAB",
        "challenges",
        "termsOfService",
        "website",
        "caaIdentities",
        "orderLifetime",
        "authorizationLifetime",
        "reuseAuthorizations",
        "maxIdentifiers",
        "validation",
        "allowedTargets",
        "checkCAA",
        "profiles",
        "defaultProfile",
        "newOrderLimit",
        "testing",
    ];
    let in_the_table = ["options"];
    // They shape device attestation, which is in the table.
    let harmless = ["attestationFormats", "attestationRoots"];

    for (kind, read) in [
        (ProvisionerKind::Jwk, &read_of_jwk[..]),
        (ProvisionerKind::Acme, &[&read_of_acme[..], &harmless].concat()),
    ] {
        for field in provisioner_fields(kind) {
            let lists = [&read_of_any[..], read, &in_the_table];
            assert!(lists.iter().any(|list| list.contains(&field.name)), "{kind}: {}", field.name);
        }
    }
    // SSH lifetimes stand beside enableSSHCA, which warns; the rest is read.
    assert_eq!(CLAIMS.len(), 13, "a new claim is read or gets a row");
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}
