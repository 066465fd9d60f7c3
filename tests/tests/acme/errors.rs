//! The table of errors of [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7): each type is tested somewhere in this suite.

use std::{fs, path::Path};

/// The registry of RFC 8555, RFC 9773 §7.4 and the profiles draft.
#[test]
fn rfc8555_6_7_every_type_of_problem_has_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acme");
    let mut suite = String::new();
    for file in fs::read_dir(&folder).expect("the suite is there") {
        let path = file.expect("the suite is readable").path();
        if path.file_name().is_some_and(|name| name != "errors.rs") {
            suite.push_str(&fs::read_to_string(&path).expect("the suite is text"));
        }
    }

    let missing: Vec<&str> =
        TYPES.into_iter().filter(|kind| !suite.contains(&format!("\"{kind}\""))).collect();

    assert_eq!(missing, UNCAUSED);
}

/// Every type that a server of ours can answer with.
const TYPES: [&str; 26] = [
    "accountDoesNotExist",
    "alreadyReplaced",
    "alreadyRevoked",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "caa",
    "compound",
    "connection",
    "dns",
    "externalAccountRequired",
    "incorrectResponse",
    "invalidContact",
    "invalidProfile",
    "malformed",
    "orderNotReady",
    "rateLimited",
    "rejectedIdentifier",
    "serverInternal",
    "tls",
    "unauthorized",
    "unsupportedContact",
    "unsupportedIdentifier",
    "userActionRequired",
];

/// What no request can cause: `compound` has no use of its own, and `serverInternal` wants a broken server.
const UNCAUSED: [&str; 2] = ["compound", "serverInternal"];
