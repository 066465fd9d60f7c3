//! Slips of the pen, two readings of one text, and input of any other shape.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case::top_level("/autority", "autority is not a known key and has no effect; did you mean authority?")]
#[case::claim(
    "/authority/provisioners/0/claim",
    "authority.provisioners[0].claim is not a known key and has no effect; did you mean claims?"
)]
#[case::claims_member(
    "/authority/provisioners/0/claims/maxTLSCertDurations",
    "authority.provisioners[0].claims.maxTLSCertDurations is not a known key and has no effect; did you mean maxTLSCertDuration?"
)]
#[case::unlike_anything("/authority/comment", "authority.comment is not a known key and has no effect")]
#[case::of_another_provisioner(
    "/authority/provisioners/0/requireEAB",
    "authority.provisioners[0].requireEAB is not a known key and has no effect"
)]
#[case::option(
    "/authority/provisioners/0/options/x509/templatefile2",
    "authority.provisioners[0].options.x509.templatefile2 is not a known key and has no effect; did you mean templateFile?"
)]
fn o2_an_unknown_key_warns_with_its_place(#[case] path: &str, #[case] expected: &str) {
    let config = with(path, json!("24h"));

    assert_eq!(accepted(&config).1, [expected]);
    let error = CaConfig::parse_strict(&config.to_string()).unwrap_err();
    assert_eq!(error.to_string(), format!("refused in strict mode: {expected}"));
}

#[test]
fn o2_a_misspelt_account_list_of_another_kind_is_named_too() {
    let config = with("/authority/provisioners/0", json!({ "type": "AWS", "name": "a", "acounts": ["1"] }));

    assert_eq!(
        accepted(&config).1[0],
        "authority.provisioners[0].acounts is not a known key and has no effect; did you mean accounts?"
    );
}

#[test]
fn o2_a_key_in_the_wrong_case_has_its_effect_and_a_warning() {
    let config = with("/authority/provisioners/0/Claims", json!({ "DISABLERENEWAL": true }));

    let (config, warnings) = accepted(&config);

    assert!(config.authority.provisioners[0].claims.disable_renewal);
    assert_eq!(
        warnings,
        [
            "authority.provisioners[0].Claims is read as claims, which is its right spelling",
            "authority.provisioners[0].Claims.DISABLERENEWAL is read as disableRenewal, which is its right spelling",
        ]
    );
}

// Go folds these two letters to ASCII, so a reader of the file sees another key than the program does.
#[test]
fn o2_a_key_with_letters_that_fold_to_ascii_is_the_key_go_reads() {
    let config = with("/authority/provisioner\u{17f}", json!([]));

    assert_eq!(
        refused(&config.to_string()),
        "authority[\"provisioner\u{17f}\"] and \"provisioners\" are the same key; keep provisioners"
    );
}

#[rstest]
#[case::top_level(r#"{"root": "a", "root": "b"}"#, "root is there twice; keep one")]
#[case::claims(
    r#"{"authority": {"provisioners": [{"type": "JWK", "claims": {}, "claims": {}}]}}"#,
    "authority.provisioners[0].claims is there twice; keep one"
)]
#[case::escaped(r#"{"crt": "a", "cr\u0074": "b"}"#, "crt is there twice; keep one")]
#[case::in_an_unknown_key(r#"{"x": [[{"y": 1, "y": 1}]]}"#, "x[0][0].y is there twice; keep one")]
#[case::in_template_data(
    r#"{"templates": {"data": {"y": 1, "y": 2}}}"#,
    "templates.data.y is there twice; keep one"
)]
#[case::by_case(r#"{"crt": "a", "CRT": "b"}"#, "CRT and \"crt\" are the same key; keep crt")]
fn o2_a_duplicate_member_is_refused_with_its_place(#[case] json: &str, #[case] expected: &str) {
    assert_eq!(refused(json), expected);
}

#[test]
fn an_unknown_type_of_provisioner_is_skipped_with_a_warning() {
    let config =
        json!([{ "type": "mystery\n", "name": 7 }, jwk("admin"), { "type": "x5c", "name": "later" }]);

    let (config, warnings) = accepted(&with("/authority/provisioners", config));

    let paths: Vec<_> = config.authority.provisioners.iter().map(|p| p.path.to_string()).collect();
    assert_eq!(paths, ["authority.provisioners[1]", "authority.provisioners[2]"]);
    assert_eq!(
        warnings,
        [
            "authority.provisioners[0].type: \"mystery\\n\" is not a known provisioner type, so this provisioner is not there",
            "provisioner \"later\" refuses service: authority.provisioners[2].type: the X5C provisioner is not there yet",
        ]
    );
}

#[test]
fn l17_a_hundred_thousand_nested_arrays_are_refused_without_recursion() {
    let text = "[".repeat(100_000);

    assert_eq!(refused(&text), "the configuration is not valid JSON (line 1, column 128)");
    let inside = format!("{{\"templates\": {{\"data\": {}", "{\"a\":".repeat(100_000));
    assert!(refused(&inside).starts_with("the configuration is not valid JSON"));
}

#[test]
fn l17_a_hundred_thousand_unknown_members_do_not_flood_the_log() {
    let mut config = minimal();
    for index in 0..100_000 {
        config[format!("key{index}")] = json!(index);
    }

    let (_, warnings) = accepted(&config);

    assert_eq!(warnings.len(), 51);
    assert_eq!(warnings[50], "99950 more keys are not known and have no effect");
}

#[test]
fn l17_a_megabyte_of_text_is_cut_in_the_message() {
    let error = refused(&with("/address", json!("x".repeat(1 << 20))).to_string());

    assert!(error.len() < 250, "{} bytes", error.len());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just("24h"),
            Just("-1s"),
            Just("JWK"),
            Just("acme"),
            Just("awskms:"),
            Just("[:"),
            Just("")
        ]
        .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((any_key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(
        "root crt key address dnsNames kms ssh logger db authority tls password templates crl type name claims \
         options x509 template provisioners policy cipherSuites minVersion CLAIMS kty d enabled backdate"
            .split_whitespace()
            .collect::<Vec<_>>(),
    );
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn any_place() -> impl Strategy<Value = String> {
    proptest::sample::select(
        "/root /key /address /dnsNames /kms /kms/type /ssh /logger /db /db/type /authority /authority/claims /tls \
         /authority/provisioners /authority/provisioners/0 /authority/provisioners/0/key /tls/cipherSuites /crl \
         /authority/provisioners/0/type /authority/provisioners/0/claims /authority/provisioners/0/options /password"
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    )
}

proptest! {
    #[test]
    fn l17_arbitrary_json_never_panics(config in any_json()) {
        let _ = CaConfig::parse(&config.to_string());
    }

    #[test]
    fn l17_arbitrary_json_in_a_good_file_never_panics(place in any_place(), value in any_json()) {
        let _ = CaConfig::parse(&with(&place, value).to_string());
    }

    #[test]
    fn l17_arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = CaConfig::parse(&text);
    }

    #[test]
    fn an_address_that_is_accepted_prints_to_itself(text in "\\[?[a-z0-9:.]{0,8}\\]?:[0-9]{0,6}") {
        if let Ok(address) = text.parse::<ListenAddress>() {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}
