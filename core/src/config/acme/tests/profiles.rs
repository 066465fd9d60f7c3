//! Profiles: what one may say, what it inherits, and what its leaves are like.

use rstest::rstest;
use serde_json::{Value, json};

use super::{hours, options, parse, refused};
use crate::config::{GoDuration, Lifetimes};
use crate::key::{KeyKind, ParameterSet, PrivateKey};
use crate::x509::{ExtendedKeyUsage, KeyUsage, Profile, SubjectAltNames};

#[rstest]
#[case::no_description(json!({"p": {}}), "profiles.p.description is missing: a text that describes the profile, or its URL, is required")]
#[case::escape_sequence(json!({"p": {"description": "a\u{1b}[2J"}}), "profiles.p.description: found the string \"a\\u{1b}[2J\", allowed is a text without control characters such as line breaks")]
#[case::text(json!({"p": "d"}), "profiles.p: found the string \"d\", allowed is an object")]
#[case::list(json!(["p"]), "profiles: found an array, allowed is an object, each member an object")]
#[case::space(json!({"a b": {"description": "d"}}), "profiles[\"a b\"]: found this name, allowed is 1 to 64 letters, digits, hyphens and underscores")]
#[case::no_name(json!({"": {"description": "d"}}), "profiles[\"\"]: found this name, allowed is 1 to 64 letters, digits, hyphens and underscores")]
#[case::letters(json!({"é": {"description": "d"}}), "profiles[\"é\"]: found this name, allowed is 1 to 64 letters, digits, hyphens and underscores")]
#[case::below_the_claims(json!({"p": {"description": "d", "minTLSCertDuration": "1m"}}), "profiles.p.minTLSCertDuration: found the string \"1m0s\", allowed is a duration from 5m0s to 24h0m0s")]
#[case::above_the_claims(json!({"p": {"description": "d", "maxTLSCertDuration": "25h"}}), "profiles.p.maxTLSCertDuration: found the string \"25h0m0s\", allowed is a duration from 5m0s to 24h0m0s")]
#[case::crossed(json!({"p": {"description": "d", "minTLSCertDuration": "2h", "maxTLSCertDuration": "1h"}}), "profiles.p.maxTLSCertDuration: found the string \"1h0m0s\", allowed is a duration from 2h0m0s to 24h0m0s")]
#[case::default_outside(json!({"p": {"description": "d", "maxTLSCertDuration": "1h", "defaultTLSCertDuration": "2h"}}), "profiles.p.defaultTLSCertDuration: found the string \"2h0m0s\", allowed is a duration from 5m0s to 1h0m0s")]
#[case::no_signature(json!({"p": {"description": "d", "keyUsages": ["keyEncipherment"]}}), "profiles.p.keyUsages: found an array, allowed is an array with digitalSignature in it, for most keys have no other use")]
#[case::certificates(json!({"p": {"description": "d", "keyUsages": ["digitalSignature", "keyCertSign"]}}), "profiles.p.keyUsages[1]: found the string \"keyCertSign\", allowed is one of digitalSignature, contentCommitment, keyEncipherment, dataEncipherment, keyAgreement")]
#[case::ocsp(json!({"p": {"description": "d", "extKeyUsages": ["OCSPSigning"]}}), "profiles.p.extKeyUsages[0]: found the string \"OCSPSigning\", allowed is one of serverAuth, clientAuth, eapOverLAN, ipsecIKE")]
#[case::any(json!({"p": {"description": "d", "extKeyUsages": ["anyExtendedKeyUsage"]}}), "profiles.p.extKeyUsages[0]: found the string \"anyExtendedKeyUsage\", allowed is one of serverAuth, clientAuth, eapOverLAN, ipsecIKE")]
fn x4_a_profile_that_cannot_be_is_refused_with_its_place(#[case] profiles: Value, #[case] expected: &str) {
    assert_eq!(refused(json!({ "profiles": profiles })), expected);
}

#[test]
fn a_name_of_64_characters_is_one_and_of_65_is_none() {
    let named = |length: usize| json!({ "profiles": { "x".repeat(length): { "description": "d" } } });

    assert_eq!(options(named(64)).profiles.iter().count(), 1);
    assert!(refused(named(65)).contains("1 to 64 letters"));
}

#[test]
fn the_default_profile_is_one_of_the_profiles() {
    let profiles = json!({ "a": { "description": "d" } });

    let other = refused(json!({ "profiles": profiles, "defaultProfile": "b" }));
    let none = refused(json!({ "defaultProfile": "a" }));

    assert_eq!(other, "defaultProfile: found the string \"b\", allowed is the name of one of the profiles");
    assert_eq!(none, "defaultProfile: found the string \"a\", allowed is the name of one of the profiles");
}

/// As (min, default, max) in minutes, with claims of 5, 1440 and 1440.
#[rstest]
#[case::nothing(json!({}), (5, 1440, 1440))]
#[case::max(json!({"maxTLSCertDuration": "6h"}), (5, 360, 360))]
#[case::default(json!({"defaultTLSCertDuration": "6h"}), (5, 360, 1440))]
#[case::min(json!({"minTLSCertDuration": "1h"}), (60, 1440, 1440))]
#[case::all(json!({"minTLSCertDuration": "1h", "defaultTLSCertDuration": "2h", "maxTLSCertDuration": "3h"}), (60, 120, 180))]
fn a_profile_inherits_the_lifetimes_of_its_provisioner(
    #[case] lifetimes: Value,
    #[case] (min, default, max): (u16, u16, u16),
) {
    let mut profile = lifetimes;
    profile["description"] = json!("d");

    let options = options(json!({ "profiles": { "p": profile } }));

    let minutes = GoDuration::from_minutes;
    let expected = Lifetimes { min: minutes(min), default: minutes(default), max: minutes(max) };
    assert_eq!(options.profiles.get("p").unwrap().lifetimes, expected);
}

#[test]
fn the_claims_of_the_provisioner_bound_its_profiles() {
    let profile = json!({ "p": { "description": "d", "maxTLSCertDuration": "48h" } });

    let options = options(json!({ "claims": { "maxTLSCertDuration": "72h" }, "profiles": profile }));

    assert_eq!(options.profiles.get("p").unwrap().lifetimes.max, hours(48));
}

/// The provisioner refuses; that its profile fits no claims either must not cost the others the start.
#[test]
fn o1_claims_that_contradict_each_other_cost_only_their_provisioner_whatever_its_profiles_say() {
    let (config, warnings) = parse(json!({
        "claims": { "maxTLSCertDuration": "1m" },
        "profiles": { "p": { "description": "d", "maxTLSCertDuration": "48h" } },
    }));

    let refusal = config.authority.provisioners[0].refusal.as_ref().unwrap();
    assert_eq!(refusal.path.to_string(), "authority.provisioners[0].claims");
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_profile_shapes_its_leaves_as_far_as_their_keys_allow() {
    let options = options(json!({ "profiles": {
        "plain": { "description": "d", "keyUsages": [], "extKeyUsages": [] },
        "full": {
            "description": "d",
            "keyUsages": ["KeyAgreement", "digitalSignature", "keyEncipherment", "digitalsignature"],
            "extKeyUsages": ["ServerAuth", "serverAuth", "ipsecIKE"],
        },
    } }));
    let [plain, full] = ["plain", "full"].map(|name| options.profiles.get(name).unwrap());

    for (kind, expected) in [
        (KeyKind::P256, KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT),
        (KeyKind::Rsa { bits: 2048 }, KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT),
        (KeyKind::Ed25519, KeyUsage::DIGITAL_SIGNATURE),
        (KeyKind::MlDsa(ParameterSet::MlDsa44), KeyUsage::DIGITAL_SIGNATURE),
    ] {
        let key = PrivateKey::generate(kind).unwrap();

        let leaf = full.leaf(key.public_key(), SubjectAltNames::default());

        assert_eq!(leaf.key_usage, expected, "{kind:?}");
        let purposes: Vec<_> = leaf.extended_key_usage.0.iter().map(ToString::to_string).collect();
        assert_eq!(purposes, [ExtendedKeyUsage::SERVER_AUTH.to_string(), "1.3.6.1.5.5.7.3.17".to_owned()]);
        let usual = Profile::leaf(key.public_key(), SubjectAltNames::default());
        assert_eq!(plain.leaf(key.public_key(), SubjectAltNames::default()), usual);
    }
}
