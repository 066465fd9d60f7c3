//! /sign: keys of every kind, and keys no certificate should have.

use std::process::Command;

use serde_json::json;
use stepless_tests::{
    Csr, KeyKind,
    asn1::{bits, element, integer, null, oid, sequence},
    csr::{San, to_pem},
    programs,
};

use crate::{cases::Cases, world::WorldKind};

pub(crate) fn add(cases: &mut Cases) {
    let kinds = [
        ("P-256", KeyKind::P256),
        ("P-384", KeyKind::P384),
        ("P-521", KeyKind::P521),
        ("Ed25519", KeyKind::Ed25519),
        ("RSA 2048", KeyKind::Rsa2048),
        ("RSA 4096", KeyKind::Rsa4096),
    ];
    for (name, kind) in kinds {
        cases.add(format!("sign/key/{name}"), move |session| {
            session.issue_with("admin", NAME, kind, &json!({}))?;
            Ok(())
        });
        cases.add_in(WorldKind::Rsa, format!("sign/rsa/key/{name}"), move |session| {
            session.issue_with("admin", NAME, kind, &json!({}))?;
            Ok(())
        });
    }
    by_openssl(cases);
    by_hand(cases);
}

/// Kinds our own keys do not have; openssl makes the key and signs the request.
fn by_openssl(cases: &mut Cases) {
    let kinds: [(&str, &[&str]); 12] = [
        ("RSA 1024", &["-newkey", "rsa:1024"]),
        ("RSA 1536", &["-newkey", "rsa:1536"]),
        ("RSA 2047", &["-newkey", "rsa:2047"]),
        ("RSA 3072", &["-newkey", "rsa:3072"]),
        (
            "RSA exponent 3",
            &["-newkey", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
        ),
        ("RSA-PSS signature", &["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss"]),
        ("RSA SHA-1 signature", &["-newkey", "rsa:2048", "-sha1"]),
        ("RSA SHA-512 signature", &["-newkey", "rsa:2048", "-sha512"]),
        ("P-224", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-224"]),
        ("secp256k1", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
        ("Ed448", &["-newkey", "ed448"]),
        (
            "P-256 explicit parameters",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
        ),
    ];
    for (name, flags) in kinds {
        // Both servers get the very same request: its key is part of the certificate they must agree on.
        let csr = std::sync::LazyLock::new(move || {
            let out = programs::output(
                Command::new("openssl")
                    .args(["req", "-new", "-nodes", "-keyout", "/dev/null", "-subj", &format!("/CN={NAME}")])
                    .args(["-addext", &format!("subjectAltName=DNS:{NAME}")])
                    .args(flags),
            );
            String::from_utf8(out).expect("openssl writes PEM")
        });
        cases.add(format!("sign/key/{name}"), move |session| {
            session.sign(&json!({"csr": csr.as_str(), "ott": session.ott(NAME, &[NAME])}))?;
            Ok(())
        });
    }
}

/// Public keys that cannot be; the signature is a good key's, so the proof of possession fails too.
fn by_hand(cases: &mut Cases) {
    let ec = |point: Vec<u8>| {
        sequence(&[&sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]), &bits(&point)])
    };
    let rsa = |modulus: Vec<u8>, exponent: Vec<u8>| {
        let numbers = sequence(&[&modulus, &exponent]);
        sequence(&[&sequence(&[&oid("1.2.840.113549.1.1.1"), &null()]), &bits(&numbers)])
    };
    let f4 = || integer(&[1, 0, 1]);
    let modulus = || integer(&[0xc1; 256]);
    let spkis = [
        ("point at infinity", ec(vec![0])),
        ("point off the curve", ec([&[4][..], &[1; 64]].concat())),
        ("point too short", ec([&[4][..], &[1; 63]].concat())),
        ("coordinate over the prime", ec([&[4][..], &[0xff; 64]].concat())),
        ("RSA modulus even", rsa(integer(&[0xc0; 256]), f4())),
        ("RSA modulus negative", rsa(element(0x02, &[0xc1; 256]), f4())),
        ("RSA exponent 1", rsa(modulus(), integer(&[1]))),
        ("RSA exponent 2", rsa(modulus(), integer(&[2]))),
        ("RSA exponent over 64 bits", rsa(modulus(), integer(&[1, 0, 0, 0, 0, 0, 0, 0, 1]))),
        ("RSA 16384", rsa(integer(&[0xc1; 2048]), f4())),
        ("Ed25519 too short", sequence(&[&sequence(&[&oid("1.3.101.112")]), &bits(&[1; 31])])),
        ("Ed25519 small order", sequence(&[&sequence(&[&oid("1.3.101.112")]), &bits(&[0; 32])])),
        ("X25519", sequence(&[&sequence(&[&oid("1.3.101.110")]), &bits(&[9; 32])])),
        ("no key", sequence(&[])),
    ];
    for (name, spki) in spkis {
        cases.add(format!("sign/key/{name}"), move |session| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            csr.spki = Some(spki.clone());
            let pem = csr.pem(&session.key(KeyKind::P256));
            session.sign(&json!({"csr": pem, "ott": session.ott(NAME, &[NAME])}))?;
            Ok(())
        });
    }
    cases.add("sign/key/signature algorithm of another key", |session| {
        let key = session.key(KeyKind::P256);
        let der = Csr::new(NAME, &[San::Dns(NAME)]).sign(&key);
        // ecdsa-with-SHA256 becomes ecdsa-with-SHA384: the hash no longer fits.
        let from = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        let at = der.windows(from.len()).rposition(|window| window == from).expect("the algorithm is there");
        let mut changed = der;
        changed[at + from.len() - 1] = 0x03;
        session.sign(&json!({"csr": to_pem(&changed), "ott": session.ott(NAME, &[NAME])}))?;
        Ok(())
    });
    cases.add("sign/key/the issuer's own", |session| {
        let csr = Csr::new(NAME, &[San::Dns(NAME)]).pem(session.world.issuer_key());
        session.sign(&json!({"csr": csr, "ott": session.ott(NAME, &[NAME])}))?;
        Ok(())
    });
}

const NAME: &str = "leaf.example.com";
