//! Wrong values: each with its place, what was found and what is allowed.

use rstest::rstest;

use super::*;

#[rstest]
#[case::no_root("/root", json!(""), "root is missing: the name of a file, or certificates in PEM is required")]
#[case::empty_root_list("/root", json!([]), "root is missing: a file of root certificates (or the certificates in PEM), or an array of them is required")]
#[case::one_empty_root("/root", json!(["a", ""]), "root[1] is missing: the name of a file, or certificates in PEM is required")]
#[case::root_number("/root", json!(7), "root: found the number 7, allowed is a string or an array of strings")]
#[case::root_of_numbers("/root", json!(["a", 7]), "root[1]: found the number 7, allowed is a string")]
#[case::no_crt("/crt", json!(null), "crt is missing: the file of the issuing chain (or the chain in PEM) is required")]
#[case::no_key("/key", json!(""), "key is missing: the file of the issuer's key is required")]
#[case::no_address("/address", json!(""), "address is missing: host:port, such as \"127.0.0.1:9000\", \"[::1]:9000\" or \":443\" is required")]
#[case::address_without_port(
    "/address", json!("localhost"),
    "address: found the string \"localhost\", allowed is host:port, such as \"127.0.0.1:9000\", \"[::1]:9000\" or \":443\""
)]
#[case::no_names("/dnsNames", json!([]), "dnsNames is missing: at least one name (or no dnsNames at all, for localhost) is required")]
#[case::empty_name("/dnsNames", json!(["a", ""]), "dnsNames[1] is missing: a host name or an IP address is required")]
#[case::names_as_text("/dnsNames", json!("ca.example"), "dnsNames: found the string \"ca.example\", allowed is an array, each element a string")]
#[case::null_name("/dnsNames", json!([null]), "dnsNames[0]: found null, allowed is a string")]
#[case::name_with_a_port("/dnsNames", json!(["a", "my_host:9000"]), "dnsNames[1]: found the string \"my_host:9000\", allowed is a host name or an IP address")]
#[case::name_with_a_space("/dnsNames", json!(["my host"]), "dnsNames[0]: found the string \"my host\", allowed is a host name or an IP address")]
#[case::common_name("/commonName", json!("a\0"), "commonName: found the string \"a\\0\", allowed is a text without control characters such as line breaks")]
#[case::template_organization("/authority/template", json!({"organization": "a\nb"}), "authority.template.organization: found the string \"a\\nb\", allowed is a text without control characters such as line breaks")]
#[case::template_serial_number("/authority/template", json!({"serialNumber": "\u{7f}"}), "authority.template.serialNumber: found the string \"\\u{7f}\", allowed is a text without control characters such as line breaks")]
#[case::authority_list("/authority", json!([]), "authority: found an array, allowed is an object")]
#[case::logger_format("/logger", json!({"format": "xml"}), "logger.format: found the string \"xml\", allowed is one of \"\", \"text\", \"json\", \"common\"")]
#[case::db_type("/db", json!({"type": "sqlite"}), "db.type: found the string \"sqlite\", allowed is one of \"badger\", \"badgerv1\", \"badgerv2\", \"bbolt\", \"dynamodb\", \"mysql\", \"postgresql\"")]
#[case::db_no_type("/db", json!({"dataSource": "x"}), "db.type is missing: the type of the database, such as \"badgerv2\" or \"dynamodb\", is required")]
#[case::db_no_source("/db", json!({"type": "badgerv2"}), "db.dataSource is missing: the directory of the database is required")]
#[case::suite(
    "/tls", json!({"cipherSuites": ["TLS_NULL"]}),
    "tls.cipherSuites[0]: found the string \"TLS_NULL\", allowed is one of TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"
)]
#[case::max_version("/tls", json!({"maxVersion": 1.1, "minVersion": 1.0}), "tls.maxVersion: found the number 1.1, allowed is 1.2 or 1.3")]
#[case::min_version("/tls", json!({"minVersion": 1.4}), "tls.minVersion: found the number 1.4, allowed is 1.2 or 1.3 (or 1.0, 1.1 for minVersion)")]
#[case::version_text("/tls", json!({"minVersion": "1.2"}), "tls.minVersion: found the string \"1.2\", allowed is a number")]
#[case::versions_crossed("/tls", json!({"minVersion": 1.3, "maxVersion": 1.2}), "tls.minVersion: found the number 1.3, allowed is a version that is not above maxVersion")]
#[case::password("/password", json!(12345), "password: found a number, allowed is a string")]
#[case::backdate("/authority/backdate", json!("-1m"), "authority.backdate: found the string \"-1m0s\", allowed is a duration of 0s or more")]
#[case::flag_as_text("/authority/disableIssuedAtCheck", json!("true"), "authority.disableIssuedAtCheck: found the string \"true\", allowed is true or false")]
#[case::claim_in_days(
    "/authority/provisioners/0/claims", json!({"maxTLSCertDuration": "7d"}),
    "authority.provisioners[0].claims.maxTLSCertDuration: found the string \"7d\", allowed is a duration such as \"24h\" or \"1h30m\" (units ns, us, ms, s, m, h)"
)]
#[case::claim_number(
    "/authority/claims", json!({"maxTLSCertDuration": 24}),
    "authority.claims.maxTLSCertDuration: found the number 24, allowed is a duration such as \"24h\" or \"1h30m\" (units ns, us, ms, s, m, h)"
)]
#[case::claim_flag(
    "/authority/provisioners/0/claims", json!({"disableRenewal": "yes"}),
    "authority.provisioners[0].claims.disableRenewal: found the string \"yes\", allowed is true or false"
)]
#[case::claims_list("/authority/provisioners/0/claims", json!([]), "authority.provisioners[0].claims: found an array, allowed is an object")]
#[case::provisioners_object("/authority/provisioners", json!({}), "authority.provisioners: found an object, allowed is an array, each element an object")]
#[case::provisioner_text("/authority/provisioners/0", json!("JWK"), "authority.provisioners[0]: found the string \"JWK\", allowed is an object")]
#[case::no_type("/authority/provisioners/0/type", json!(null), "authority.provisioners[0].type is missing: one of JWK, OIDC, GCP, AWS, Azure, ACME, X5C, K8sSA, SSHPOP, SCEP, Nebula is required")]
#[case::type_number("/authority/provisioners/0/type", json!(1), "authority.provisioners[0].type: found the number 1, allowed is a string")]
#[case::no_provisioner_name("/authority/provisioners/0/name", json!(""), "authority.provisioners[0].name is missing: a name for the provisioner is required")]
#[case::no_provisioner_key("/authority/provisioners/0/key", json!(null), "authority.provisioners[0].key is missing: the public key as a JWK is required")]
#[case::key_text("/authority/provisioners/0/key", json!("pem"), "authority.provisioners[0].key: found the string \"pem\", allowed is an object: a public key as a JWK")]
#[case::key_without_type("/authority/provisioners/0/key", json!({"x": "x"}), "authority.provisioners[0].key.kty is missing: the key type is required")]
#[case::private_key(
    "/authority/provisioners/0/key/d", json!("c2VjcmV0"),
    "authority.provisioners[0].key.d: found a part of a private or symmetric key, allowed is a public key only, for everyone can read it at /provisioners"
)]
#[case::crl_negative("/crl", json!({"cacheDuration": "-1h"}), "crl.cacheDuration: found the string \"-1h0m0s\", allowed is a duration of 0s or more")]
#[case::crl_crossed("/crl", json!({"cacheDuration": "1h", "renewPeriod": "2h"}), "crl.renewPeriod: found the string \"2h0m0s\", allowed is a duration of at most crl.cacheDuration, which is 1h0m0s")]
#[case::kms_type("/kms", json!({"type": "gpg"}), "kms.type: found the string \"gpg\", allowed is one of \"\", \"softkms\", \"awskms\", \"cloudkms\", \"azurekms\", \"pkcs11\", \"yubikey\", \"tpmkms\", \"sshagentkms\", \"capi\", \"mackms\", \"kms\"")]
#[case::metrics("/metricsAddress", json!("9090"), "metricsAddress: found the string \"9090\", allowed is host:port, such as \"127.0.0.1:9000\", \"[::1]:9000\" or \":443\"")]
#[case::document("", json!([]), "the document: found an array, allowed is an object")]
fn o2_a_wrong_value_is_refused_with_its_place(
    #[case] path: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    assert_eq!(refused(&with(path, value).to_string()), expected);
}

#[test]
fn claims_of_the_authority_that_contradict_each_other_are_refused() {
    let config = with("/authority/claims", json!({ "maxTLSCertDuration": "1m" }));

    let error = CaConfig::parse(&config.to_string()).unwrap_err();

    let ConfigError::Claims { path, source } = error else { panic!("{error}") };
    assert_eq!(path.to_string(), "authority.claims");
    assert_eq!(source.to_string(), "maxTLSCertDuration (1m0s) is shorter than minTLSCertDuration (5m0s)");
}

#[test]
fn o1_claims_of_one_provisioner_that_contradict_each_other_cost_only_that_one() {
    let config = json!([jwk("good"), jwk("bad")]);
    let config = with("/authority/provisioners", config);
    let config = with_in(config, "/authority/provisioners/1/claims", json!({ "maxTLSCertDuration": "1m" }));

    let (config, warnings) = accepted(&with_in(config, "/authority/provisioners/1/key/kid", json!("k2")));

    let [good, bad] = config.authority.provisioners.as_slice() else { panic!("two") };
    assert_eq!(good.refusal, None);
    let reason = "maxTLSCertDuration (1m0s) is shorter than minTLSCertDuration (5m0s)";
    assert_eq!(bad.refusal.as_ref().unwrap().reason, reason);
    assert_eq!(
        warnings,
        [format!("provisioner \"bad\" refuses service: authority.provisioners[1].claims: {reason}")]
    );
    let listing = serde_json::to_value(&bad.listing).unwrap();
    assert_eq!((&listing["state"], &listing["stateReason"]), (&json!("Uninitialized"), &json!(reason)));
}

#[rstest]
#[case::names(json!([jwk("a"), { "type": "X5C", "name": "a" }]), "authority.provisioners[1] and authority.provisioners[0] have the same name")]
#[case::ids(
    json!([{ "type": "OIDC", "name": "a", "clientID": "c" }, jwk("b"), { "type": "OIDC", "name": "d", "clientID": "c" }]),
    "authority.provisioners[2] and authority.provisioners[0] have the same id in their tokens"
)]
#[case::only_one_k8ssa(
    json!([{ "type": "K8sSA", "name": "a" }, { "type": "k8sSa", "name": "b" }]),
    "authority.provisioners[1] and authority.provisioners[0] have the same id in their tokens"
)]
#[case::a_name_that_looks_like_another_id(
    json!([{ "type": "OIDC", "name": "a", "clientID": "x5c/b" }, { "type": "X5C", "name": "b" }]),
    "authority.provisioners[1] and authority.provisioners[0] have the same id in their tokens"
)]
fn two_provisioners_that_could_be_mistaken_are_refused(#[case] list: Value, #[case] expected: &str) {
    assert_eq!(refused(&with("/authority/provisioners", list).to_string()), expected);
}

#[rstest]
#[case::nothing("", 1, 0)]
#[case::half("{\"root\":", 1, 8)]
#[case::third_line("{\n\"root\": \"a\",\n}", 3, 1)]
#[case::trailing("{} {}", 1, 4)]
#[case::byte_order_mark("\u{feff}{}", 1, 1)]
fn what_is_not_json_is_refused_with_line_and_column(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
) {
    assert_eq!(refused(text), format!("the configuration is not valid JSON (line {line}, column {column})"));
}
