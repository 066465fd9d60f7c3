use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::provisioner::{Denied, Operation};
use crate::x509::ProvisionerKind;

const KEY: &str = include_str!("../jose/testdata/provisioner.jwk");
const TOKEN: &str = include_str!("../jose/testdata/sign.jwt");
const ISSUED: i64 = 1_795_453_249;

fn from_config(provisioners: Value) -> Result<Provisioners, ProvisionerConfigError> {
    let config = json!({
        "root": "root.crt",
        "crt": "intermediate.crt",
        "key": "intermediate.key",
        "address": ":9000",
        "dnsNames": ["localhost"],
        "authority": { "provisioners": provisioners },
    });
    let (config, _) = CaConfig::parse(&config.to_string()).unwrap();
    Provisioners::from_config(&config)
}

fn key() -> Value {
    serde_json::from_str(KEY).unwrap()
}

fn jwk(name: &str, claims: Value) -> Value {
    json!({ "type": "JWK", "name": name, "key": key(), "encryptedKey": "a.b.c", "claims": claims })
}

fn judge(provisioners: &Provisioners) -> Result<(), Denied> {
    let now = crate::clock::Timestamp::from_second(ISSUED).unwrap();
    provisioners.authorize(TOKEN.trim(), Operation::Sign, now).map(drop)
}

#[test]
fn a_provisioner_of_the_configuration_judges_tokens() {
    let provisioners = from_config(json!([jwk("admin", json!({ "disableRenewal": true }))])).unwrap();

    judge(&provisioners).unwrap();

    let admin = provisioners.by_name("admin").unwrap();
    assert_eq!(admin.kind, ProvisionerKind::Jwk);
    assert!(admin.claims.disable_renewal);
    assert_eq!(provisioners.encrypted_key(key()["kid"].as_str().unwrap()), Some("a.b.c"));
}

/// Whatever is wrong with one of five provisioners, it alone refuses, and its tokens reach no other.
#[test]
fn o1_a_provisioner_that_cannot_serve_refuses_alone() {
    let contradiction = json!({ "minTLSCertDuration": "2h", "maxTLSCertDuration": "1h" });
    let others = || {
        vec![
            jwk("one", json!({})),
            json!({ "type": "ACME", "name": "acme" }),
            json!({ "type": "SCEP", "name": "scep" }),
            json!({ "type": "OIDC", "name": "oidc", "clientID": "client", "configurationEndpoint": "https://x.example" }),
        ]
    };
    let with = |claims| {
        let mut list = others();
        list.push(jwk("admin", claims));
        from_config(json!(list)).unwrap()
    };

    let good = with(json!({}));
    let broken = with(contradiction);

    judge(&good).unwrap();
    assert!(matches!(judge(&broken), Err(Denied::Disabled { name }) if name == "admin"));
    assert_eq!(broken.iter().count(), 5);
    let disabled: Vec<&str> = broken
        .iter()
        .filter(|provisioner| matches!(provisioner.service, Service::Disabled(_)))
        .map(|provisioner| provisioner.name.as_str())
        .collect();
    assert_eq!(disabled, ["scep", "oidc", "admin"], "and those that this version cannot serve");
    assert!(matches!(broken.by_name("acme").unwrap().service, Service::Acme(_)));
    assert!(matches!(broken.by_name("one").unwrap().service, Service::Jwk(_)));
    let (listed, _) = broken.page("", 0);
    assert!(listed[4].get().contains("\"state\":\"Uninitialized\""), "{}", listed[4].get());
    assert!(!listed[0].get().contains("stateReason"));
}

/// As step-ca writes it into certificates: kind 6, the name, and no credential.
#[test]
fn an_acme_provisioner_has_its_options_and_names_itself_in_certificates_as_step_ca_does() {
    let acme = json!({ "type": "acme", "name": "acme", "forceCN": true, "maxIdentifiers": 5 });

    let provisioners = from_config(json!([jwk("admin", json!({})), acme])).unwrap();

    let acme = provisioners.by_id("acme/acme").unwrap();
    let Service::Acme(options) = &acme.service else { panic!("{:?}", acme.service) };
    assert_eq!((options.force_cn, options.max_identifiers, acme.kind), (true, 5, ProvisionerKind::Acme));
    assert_eq!(acme.encrypted_key, None);
    assert_eq!(hex::encode(acme.extension().to_extension().value), "300b020106040461636d650400");
    let admin = provisioners.by_name("admin").unwrap();
    assert_eq!(admin.extension().credential_id, key()["kid"].as_str().unwrap());
}

/// Neither the token of a stranger nor that of another provisioner, whatever it says of its audience.
#[test]
fn t1_an_acme_provisioner_of_the_configuration_takes_no_token() {
    let provisioners =
        from_config(json!([jwk("admin", json!({})), { "type": "ACME", "name": "acme" }])).unwrap();
    let now = crate::clock::Timestamp::from_second(ISSUED).unwrap();
    let claims = json!({ "iss": "acme", "sub": "host.example", "aud": "https://localhost/1.0/sign#acme/acme",
        "iat": ISSUED, "nbf": ISSUED, "exp": ISSUED + 300 });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.AAAA", part(&json!({ "alg": "ES256", "kid": "acme" })), part(&claims));

    for operation in [Operation::Sign, Operation::Renew, Operation::Revoke] {
        let answer = provisioners.authorize(&token, operation, now);

        assert!(matches!(answer, Err(Denied::TokenFlowNotSupported)), "{operation:?}: {answer:?}");
    }
}

#[test]
fn a_key_that_verifies_nothing_is_refused_with_its_place() {
    let broken = json!({ "type": "JWK", "name": "admin", "key": { "kty": "EC", "kid": "k", "crv": "P-256", "x": "eA", "y": "eQ" } });

    let refused = from_config(json!([broken])).unwrap_err();

    assert_eq!(refused.to_string(), "authority.provisioners[0].key: not a public key that can verify tokens");
}

/// Whoever factors such a key mints tokens for any name.
#[rstest]
#[case::short(vec![0xff; 128], "an RSA key of 1024 bits; at least 2048 are needed")]
#[case::roca(testdata(include_str!("../key/testdata/roca2048.hex")), "not a key to trust tokens of")]
#[case::close_primes(testdata(include_str!("../key/testdata/close-primes2048.hex")), "not a key to trust tokens of")]
fn x7_x8_a_provisioner_with_a_weak_key_is_refused_with_its_place(
    #[case] modulus: Vec<u8>,
    #[case] reason: &str,
) {
    let weak = json!({ "kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" });
    let weak = json!({ "type": "JWK", "name": "weak", "key": weak });

    let refused = from_config(json!([jwk("admin", json!({})), weak])).unwrap_err();

    assert_eq!(refused.to_string(), format!("authority.provisioners[1].key: {reason}"));
}

fn testdata(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal.trim()).unwrap()
}
