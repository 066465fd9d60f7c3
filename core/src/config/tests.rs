mod errors;
mod files;
mod hostile;
mod unbuilt;

use serde_json::{Value, json};

use super::*;
use crate::x509::ProvisionerKind;

/// The smallest configuration that a CA starts with.
fn minimal() -> Value {
    json!({
        "root": "certs/root_ca.crt",
        "crt": "certs/intermediate_ca.crt",
        "key": "secrets/intermediate_ca_key",
        "address": ":9000",
        "authority": { "provisioners": [jwk("admin")] },
    })
}

fn jwk(name: &str) -> Value {
    json!({ "type": "JWK", "name": name, "key": { "kty": "EC", "kid": "k", "crv": "P-256", "x": "eA", "y": "eQ" } })
}

/// [`minimal`] with `value` at a path such as `/authority/provisioners/0/claims`; absent objects are made.
fn with(path: &str, value: Value) -> Value {
    with_in(minimal(), path, value)
}

fn with_in(mut config: Value, path: &str, value: Value) -> Value {
    let mut place = &mut config;
    for step in path.split('/').skip(1) {
        place = match step.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[step],
        };
    }
    *place = value;
    config
}

#[track_caller]
fn accepted(config: &Value) -> (CaConfig, Vec<String>) {
    let (config, warnings) = CaConfig::parse(&config.to_string()).unwrap_or_else(|error| panic!("{error}"));
    (config, warnings.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn refused(json: &str) -> String {
    CaConfig::parse(json).expect_err("must be refused").to_string()
}

#[test]
fn what_is_left_out_is_as_in_step_ca() {
    let (config, warnings) = accepted(&minimal());

    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config.dns_names, ["localhost", "127.0.0.1", "::1"]);
    assert_eq!(config.common_name, "Step Online CA");
    assert_eq!(
        config.logger,
        LoggerConfig { format: LogFormat::Text, trace_header: "X-Smallstep-Id".to_owned() }
    );
    assert_eq!(config.db, None);
    assert_eq!(config.tls, TlsOptions::default());
    assert!(config.password.is_none() && config.federated_roots.is_empty());
    assert_eq!(config.authority.claims, Claims::DEFAULT);
    assert_eq!(config.authority.backdate, GoDuration::from_minutes(1));
    assert_eq!(config.authority.template, Asn1Dn::default());
    assert!(!config.authority.disable_issued_at_check && !config.authority.disable_get_ssh_hosts);
    assert_eq!(config.authority.provisioners[0].claims, Claims::DEFAULT);
}

#[test]
fn an_authority_without_provisioners_starts() {
    let mut config = minimal();
    config.as_object_mut().unwrap().remove("authority");

    assert!(accepted(&config).0.authority.provisioners.is_empty());
}

#[test]
fn null_is_as_good_as_absent() {
    let mut config = minimal();
    for name in
        ["federatedRoots", "dnsNames", "kms", "ssh", "logger", "db", "tls", "password", "crl", "commonName"]
    {
        config[name] = Value::Null;
    }
    config["authority"]["claims"] = Value::Null;
    config["authority"]["provisioners"][0]["options"] = Value::Null;

    let (config, warnings) = accepted(&config);

    assert_eq!((config.dns_names.len(), config.tls, warnings.len()), (3, TlsOptions::default(), 0));
}

#[test]
fn every_part_is_read() {
    let mut config = minimal();
    config["root"] = json!(["a.crt", "b.crt"]);
    config["federatedRoots"] = json!(["f.crt"]);
    config["key"] = json!("softkms:path=/etc/key");
    config["address"] = json!("[::1]:443");
    config["dnsNames"] = json!(["ca.example", "10.0.0.1"]);
    config["commonName"] = json!("My CA");
    config["password"] = json!("hunter2");
    config["logger"] = json!({ "format": "JSON", "traceHeader": "X-Trace" });
    config["db"] = json!({ "type": "BBolt", "dataSource": "db.file" });
    config["tls"] = json!({ "cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"], "minVersion": 1.3 });
    config["authority"]["template"] = json!({ "country": "CH", "organization": "O", "organizationalUnit": "OU",
        "locality": "L", "province": "P", "streetAddress": "S", "serialNumber": "1", "commonName": "CN" });
    config["authority"]["claims"] = json!({ "maxTLSCertDuration": "48h", "disableRenewal": true });
    config["authority"]["backdate"] = json!("30s");
    config["authority"]["disableIssuedAtCheck"] = json!(true);
    config["authority"]["authorityId"] = json!("id");
    config["authority"]["provisioners"][0]["encryptedKey"] = json!("a.b.c.d.e");

    let (config, warnings) = accepted(&config);

    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config.root, ["a.crt", "b.crt"].map(|file| CertificateSource::File(file.into())));
    assert_eq!(config.federated_roots.len(), 1);
    assert_eq!(config.key, KeySource::File("/etc/key".into()));
    assert_eq!((config.address.host(), config.address.port()), ("::1", 443));
    assert_eq!(config.address.to_string(), "[::1]:443");
    assert_eq!(config.dns_names, ["ca.example", "10.0.0.1"]);
    assert_eq!(config.common_name, "My CA");
    assert_eq!(config.password.unwrap().expose(), b"hunter2");
    assert_eq!(config.logger, LoggerConfig { format: LogFormat::Json, trace_header: "X-Trace".to_owned() });
    let db = EmbeddedDatabase { kind: EmbeddedKind::Bbolt, data_source: "db.file".into() };
    assert_eq!(config.db, Some(DatabaseConfig::Embedded(db)));
    assert_eq!((config.tls.min_version, config.tls.max_version), (TlsVersion::V1_3, TlsVersion::V1_3));
    assert_eq!(config.tls.cipher_suites[0].name(), "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
    let authority = config.authority;
    assert_eq!((authority.template.country.as_str(), authority.template.common_name.as_str()), ("CH", "CN"));
    assert_eq!(authority.backdate.to_string(), "30s");
    assert!(authority.disable_issued_at_check);
    assert_eq!(authority.authority_id, "id");
    let provisioner = &authority.provisioners[0];
    assert_eq!((provisioner.name.as_str(), provisioner.token_id.as_str()), ("admin", "admin:k"));
    assert_eq!((provisioner.kind, provisioner.kind.number()), (ProvisionerKind::Jwk, 1));
    assert_eq!(provisioner.claims.tls.max, GoDuration::from_hours(48));
    assert!(provisioner.claims.disable_renewal && provisioner.refusal.is_none());
    let ProvisionerDetails::Jwk { key, encrypted_key } = &provisioner.details else {
        panic!("a JWK provisioner")
    };
    assert_eq!((key.kid(), encrypted_key.as_deref()), ("k", Some("a.b.c.d.e")));
}

#[test]
fn clients_are_told_the_tls_options_as_go_writes_them() {
    assert_eq!(
        serde_json::to_string(&TlsOptions::default()).unwrap(),
        r#"{"cipherSuites":["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256","TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],"minVersion":1.2,"maxVersion":1.3,"renegotiation":false}"#
    );
}

#[test]
fn where_a_key_is_is_told_from_its_text() {
    let file = |path: &str| KeySource::File(path.into());
    for (text, expected) in [
        ("/a/key", file("/a/key")),
        ("C:\\keys\\ca", file("C:\\keys\\ca")),
        ("softkms:/a/key", file("/a/key")),
        ("SoftKMS:path=/a/key?x=y", file("/a/key")),
        ("./odd:name", file("./odd:name")),
    ] {
        assert_eq!(KeySource::from_text(text), expected, "{text}");
    }

    let KeySource::Uri(uri) = KeySource::from_text("AWSKMS:key-id=alias/ca;region=eu?pin-value=1234") else {
        panic!("a URI")
    };
    assert_eq!((uri.scheme(), uri.rest()), (KmsScheme::AwsKms, "key-id=alias/ca;region=eu?pin-value=1234"));
    assert_eq!(format!("{uri:?}"), "KmsUri(awskms:..)");
    assert_eq!(uri.attribute("key-id").as_deref(), Some("alias/ca"));
    assert_eq!(uri.attribute("pin-value").as_deref(), Some("1234"));
    assert_eq!(uri.attribute("profile"), None);
    let escaped = KmsUri::from_text("awskms:key-id=arn%3Aaws%3Akms").unwrap();
    assert_eq!(escaped.attribute("key-id").as_deref(), Some("arn:aws:kms"));
}

#[test]
fn where_kms_is_that_of_aws_a_key_may_be_named_without_a_uri_as_step_ca_takes_it() {
    let arn = "arn:aws-cn:kms:cn-north-1:111122223333:alias/ca";
    let mrk = "mrk-1234abcd12ab34cd56ef1234567890ab";
    for name in ["alias/Our-CA", "1234abcd-12ab-34cd-56ef-1234567890ab", mrk, arn] {
        let KeySource::Uri(uri) = KeySource::from_text_in_aws_kms(name) else { panic!("{name}") };
        assert_eq!((uri.scheme(), uri.attribute("key-id").as_deref()), (KmsScheme::AwsKms, Some(name)));
        assert_eq!(KeySource::from_text(name), KeySource::File(name.into()));
    }
    for text in [
        "secrets/alias/ca",
        "alias/ca;region=x",
        "arn:aws:s3:eu-west-1:111122223333:bucket",
        "1234abcd-12ab-34cd-56ef-1234567890a",
        "1234abcd-12ab-34cd-56ef-1234567890ag",
        "1234abcd-12ab-34cd-56ef1-234567890ab",
        "mrk-1234abcd",
        "softkms:/a/key",
        "awskms:key-id=alias/ca",
    ] {
        assert_eq!(KeySource::from_text_in_aws_kms(text), KeySource::from_text(text), "{text}");
    }
}

#[test]
fn a_name_in_aws_kms_counts_where_the_type_or_without_one_the_uri_of_kms_says_so() {
    for (kms, is_in_kms) in [
        (json!({ "type": "awskms" }), true),
        (json!({ "type": "AWSKMS", "uri": "awskms:region=eu-west-1" }), true),
        (json!({ "uri": "awskms:region=eu-west-1" }), true),
        (json!({ "type": "softkms" }), false),
        (json!({ "type": "" }), false),
        (json!({}), false),
    ] {
        let mut config = minimal();
        config["key"] = json!("alias/ca");
        config["kms"] = kms;

        let (config, _) = accepted(&config);

        assert_eq!(matches!(&config.key, KeySource::Uri(_)), is_in_kms, "{:?}", config.kms);
    }
}

#[test]
fn a_certificate_is_in_a_file_or_in_the_configuration() {
    let pem = "\n-----BEGIN CERTIFICATE-----\n";

    assert_eq!(CertificateSource::from_text(pem), CertificateSource::Pem(pem.to_owned()));
    assert_eq!(CertificateSource::from_text("a.crt"), CertificateSource::File("a.crt".into()));
}

#[test]
fn a_table_is_named_alone_or_by_its_uri() {
    let table =
        |region: Option<&str>| DynamoDbTable { name: "ca".to_owned(), region: region.map(str::to_owned) };
    for (text, expected) in [
        ("ca", Some(table(None))),
        ("dynamodb:ca", Some(table(None))),
        ("dynamodb:table=ca;region=eu-west-1", Some(table(Some("eu-west-1")))),
        ("", None),
        ("dynamodb:", None),
        ("dynamodb:region=eu-west-1", None),
        ("dynamodb:table=ca;endpoint=x", None),
        ("dynamodb:table=ca;table=cb", None),
        ("s3://bucket?", None),
        ("two words", None),
    ] {
        assert_eq!(text.parse().ok(), expected, "{text}");
    }
}

#[test]
fn aws_is_asked_for_keys_and_state_where_the_file_says_so() {
    let mut config = minimal();
    config["key"] = json!("awskms:key-id=alias/ca");
    config["kms"] =
        json!({ "type": "awskms", "uri": "awskms:region=eu-west-1", "region": "eu-west-2", "profile": "ca" });
    config["db"] = json!({ "type": "DynamoDB", "dataSource": "dynamodb:table=ca;region=eu-west-3" });

    let (config, warnings) = accepted(&config);

    assert_eq!(warnings, Vec::<String>::new());
    assert!(
        matches!(&config.key, KeySource::Uri(uri) if uri.attribute("key-id").as_deref() == Some("alias/ca"))
    );
    assert_eq!(config.kms.uri.unwrap().attribute("region").as_deref(), Some("eu-west-1"));
    assert_eq!(
        (config.kms.region.as_deref(), config.kms.profile.as_deref()),
        (Some("eu-west-2"), Some("ca"))
    );
    let table = DynamoDbTable { name: "ca".to_owned(), region: Some("eu-west-3".to_owned()) };
    assert_eq!(config.db, Some(DatabaseConfig::DynamoDb(table)));
}

#[test]
fn a_password_is_in_no_message_and_no_debug_output() {
    let secret = "correct horse";
    let mut config = with("/password", json!(secret));
    config["monitoring"] = json!({ "type": "newrelic", "key": secret });
    config["kms"] = json!({ "type": "softkms", "pin": secret, "managementKey": secret });
    config["authority"]["provisioners"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "type": "SCEP", "name": "scep", "challenge": secret, "decrypterKeyPassword": secret }));

    let (config, warnings) = CaConfig::parse(&config.to_string()).unwrap();

    let listings: Vec<_> = config.authority.provisioners.iter().map(|p| &p.listing).collect();
    let shown = format!("{config:?} {warnings:?} {}", serde_json::to_string(&listings).unwrap());
    assert!(!shown.contains(secret), "{shown}");
    let error = refused(&with("/password", json!([secret])).to_string());
    assert_eq!(error, "password: found an array, allowed is a string");
}
