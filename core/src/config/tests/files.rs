//! Files that `step ca init` made, and what a running step-ca made of them.

use rstest::rstest;

use super::*;
use crate::config::node::Node;

const PLAIN: &str = include_str!("../testdata/plain.json");
const PLAIN_DEFAULTS: &str = include_str!("../testdata/plain_defaults.json");
const SSH: &str = include_str!("../testdata/ssh.json");
const ACME: &str = include_str!("../testdata/acme.json");
const SSH_AND_ACME: &str = include_str!("../testdata/ssh_and_acme.json");
const EVERY_PROVISIONER: &str = include_str!("../testdata/every_provisioner.json");
const EVERY_LISTING: &str = include_str!("../testdata/every_provisioner.listing.json");

#[rstest]
#[case::plain(PLAIN, &[])]
#[case::ssh(SSH, &[
    "authority.provisioners[0].claims.enableSSHCA has no effect: no SSH certificate is issued yet",
    "authority.provisioners[1].claims.enableSSHCA has no effect: no SSH certificate is issued yet",
    "ssh has no effect: no SSH certificate is issued yet",
    "templates.ssh has no effect: no SSH configuration is rendered yet",
    "provisioner \"sshpop\" refuses service: authority.provisioners[1].type: the SSHPOP provisioner is not there yet",
])]
#[case::acme(ACME, &[])]
#[case::both(SSH_AND_ACME, &[
    "authority.provisioners[0].claims.enableSSHCA has no effect: no SSH certificate is issued yet",
    "authority.provisioners[2].claims.enableSSHCA has no effect: no SSH certificate is issued yet",
    "ssh has no effect: no SSH certificate is issued yet",
    "templates.ssh has no effect: no SSH configuration is rendered yet",
    "provisioner \"sshpop\" refuses service: authority.provisioners[2].type: the SSHPOP provisioner is not there yet",
])]
fn a_file_of_step_ca_init_starts_as_it_is(#[case] file: &str, #[case] expected: &[&str]) {
    let (config, warnings) = CaConfig::parse_strict(file).unwrap();

    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    assert_eq!(config.root, [CertificateSource::File("/home/step/.step/certs/root_ca.crt".into())]);
    assert_eq!(config.key, KeySource::File("/home/step/.step/secrets/intermediate_ca_key".into()));
    assert_eq!(config.dns_names, ["localhost"]);
    assert!(matches!(
        config.db,
        Some(DatabaseConfig::Embedded(EmbeddedDatabase { kind: EmbeddedKind::BadgerV2, .. }))
    ));
    let admin = &config.authority.provisioners[0];
    assert_eq!((admin.name.as_str(), &admin.refusal), ("admin", &None));
    let ProvisionerDetails::Jwk { key, encrypted_key } = &admin.details else { panic!("a JWK provisioner") };
    assert_eq!(admin.token_id, format!("admin:{}", key.kid()));
    assert_eq!(encrypted_key.as_ref().unwrap().split('.').count(), 5);
}

#[test]
fn provisioners_are_listed_as_step_ca_lists_them() {
    let (config, _) = CaConfig::parse(EVERY_PROVISIONER).unwrap();
    let listed = config.authority.provisioners.iter().map(|p| serde_json::to_string(&p.listing).unwrap());

    let Some(Node::Array(golden)) = Node::parse(EVERY_LISTING).unwrap().get("provisioners").cloned() else {
        panic!("a list")
    };
    assert_eq!(listed.len(), golden.len());
    for (ours, theirs) in listed.zip(golden) {
        assert_eq!(without_state(Node::parse(&ours).unwrap()), without_state(theirs));
    }
}

/// Which provisioners work differs; how they are shown may not.
fn without_state(listing: Node) -> String {
    let Node::Object(mut members) = listing else { panic!("an object") };
    members.retain(|(name, _)| name != "state" && name != "stateReason");
    serde_json::to_string(&Node::Object(members)).unwrap()
}

#[test]
fn token_ids_are_those_of_step_ca() {
    let (config, _) = CaConfig::parse(EVERY_PROVISIONER).unwrap();

    let ids: Vec<_> = config.authority.provisioners.iter().skip(4).map(|p| p.token_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "acme/acme",
            "sshpop/sshpop",
            "x5c/x5c",
            "k8ssa/k8sSA-default",
            "aws/aws",
            "aws/aws2",
            "cid",
            "",
            "gcp/gcp",
            "tid",
            "nebula/neb",
            "nebula/neb-bare",
            "scep/scep",
            "scep/scep2"
        ]
    );
}

#[rstest]
#[case::plain(PLAIN, None)]
#[case::acme(ACME, Some("acme"))]
fn a_new_file_is_the_one_step_ca_init_writes(#[case] file: &str, #[case] acme_provisioner: Option<&str>) {
    let written: Value = serde_json::from_str(file).unwrap();
    let provisioner = &written["authority"]["provisioners"][0];

    let rendered = CaConfig::render_new(&InitOptions {
        root: "/home/step/.step/certs/root_ca.crt",
        crt: "/home/step/.step/certs/intermediate_ca.crt",
        key: "/home/step/.step/secrets/intermediate_ca_key",
        kms: None,
        db: InitDatabase::Embedded("/home/step/.step/db"),
        address: &"127.0.0.1:9000".parse().unwrap(),
        dns_names: &["localhost".to_owned()],
        provisioner: InitProvisioner {
            name: "admin",
            key: &RawJwk::public_part_of(&provisioner["key"]),
            encrypted_key: provisioner["encryptedKey"].as_str().unwrap(),
        },
        acme_provisioner,
    });

    assert_eq!(rendered, file);
}

#[test]
fn a_new_file_on_aws_stands_for_itself() {
    let root = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let table: DynamoDbTable = "dynamodb:table=ca;region=eu-central-1".parse().unwrap();

    let rendered = CaConfig::render_new(&InitOptions {
        root,
        crt: root,
        key: "awskms:key-id=alias/issuer",
        kms: Some("awskms:region=eu-west-1"),
        db: InitDatabase::DynamoDb(&table),
        address: &":443".parse().unwrap(),
        dns_names: &["ca.example".to_owned()],
        provisioner: InitProvisioner {
            name: "admin",
            key: &RawJwk::public_part_of(
                &serde_json::from_str::<Value>(PLAIN).unwrap()["authority"]["provisioners"][0]["key"],
            ),
            encrypted_key: "a.b.c.d.e",
        },
        acme_provisioner: Some("acme"),
    });

    let (config, warnings) = CaConfig::parse_strict(&rendered).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.root, [CertificateSource::Pem(root.to_owned())]);
    assert_eq!(config.crt, CertificateSource::Pem(root.to_owned()));
    assert_eq!(config.key, KeySource::from_text("awskms:key-id=alias/issuer"));
    assert_eq!(config.kms.uri, KmsUri::from_text("awskms:region=eu-west-1"));
    assert_eq!(config.db, Some(DatabaseConfig::DynamoDb(table)));
    assert_eq!(config.logger.format, LogFormat::Json);
}

#[test]
fn a_new_defaults_file_is_the_one_step_ca_init_writes() {
    let written: Value = serde_json::from_str(PLAIN_DEFAULTS).unwrap();

    let rendered = render_defaults(
        "https://localhost:9000",
        "/home/step/.step/config/ca.json",
        written["fingerprint"].as_str().unwrap(),
        "/home/step/.step/certs/root_ca.crt",
    );

    assert_eq!(rendered, PLAIN_DEFAULTS);
}

#[test]
fn a_private_key_never_gets_into_a_new_file() {
    let key = RawJwk::public_part_of(&json!({ "kty": "EC", "d": "private", "x": "x", "k": "private" }));

    assert_eq!(serde_json::to_string(&key).unwrap(), r#"{"kty":"EC","x":"x"}"#);
}
