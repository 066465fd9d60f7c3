//! Functions, keys, table and alarms.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::document::{of_type, read, template};

#[test]
fn each_function_runs_the_binary_of_its_name_under_a_role_and_a_log_of_its_own() {
    let template = template();
    let binaries = [
        ("InfoFunction", "Info", "stepless-info"),
        ("SignFunction", "Sign", "stepless-sign"),
        ("RenewFunction", "Renew", "stepless-renew"),
        ("RevokeFunction", "Revoke", "stepless-revoke"),
        ("EndpointCertificateFunction", "EndpointCertificate", "stepless-endpoint-certificate"),
        ("AcmeFunction", "Acme", "stepless-acme"),
        ("AcmeFinalizeFunction", "AcmeFinalize", "stepless-acme-finalize"),
        ("AcmeRetryFunction", "AcmeRetry", "stepless-acme-retry"),
    ];
    for (function, name, binary) in binaries {
        let resource = &template["Resources"][function];
        assert_eq!(
            resource["Metadata"],
            json!({ "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": binary } }),
        );
        assert_eq!(resource["Properties"]["Role"], json!({ "Fn::GetAtt": format!("{name}Role.Arn") }));
        let log = format!("{name}Log");
        assert_eq!(resource["Properties"]["LoggingConfig"]["LogGroup"], json!({ "Ref": log }));
        let retention = &template["Resources"][&log]["Properties"]["RetentionInDays"];
        assert_eq!(*retention, json!({ "Ref": "LogRetentionDays" }), "{log}");
    }
    assert_eq!(of_type(&template, "AWS::Serverless::Function").len(), binaries.len());
}

/// SAM builds with `cargo lambda build --release`, which makes a panic abort where the profile says nothing: it would
/// cost the function and not one request.
#[test]
fn a_panic_unwinds_in_what_sam_builds() {
    let manifest = read("Cargo.toml");
    let profile = manifest.split("\n[").find(|section| section.starts_with("profile.release]"));
    let profile = profile.expect("the workspace has a release profile");
    assert!(profile.lines().any(|line| line == r#"panic = "unwind""#), "{profile}");
}

#[test]
fn the_table_is_laid_out_as_the_store_expects_it() {
    let layout = read("infra/aws/src/dynamodb/layout.rs");
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    let constant = |name: &str| {
        let line = layout.lines().find(|line| line.starts_with(&format!("pub const {name}: &str = ")));
        line.unwrap_or_else(|| panic!("layout.rs has {name}")).split('"').nth(1).unwrap().to_owned()
    };
    let keys = |partition: &str, sort: &str| {
        json!([
            { "AttributeName": partition, "KeyType": "HASH" },
            { "AttributeName": sort, "KeyType": "RANGE" },
        ])
    };

    assert_eq!(table["KeySchema"], keys(&constant("PARTITION"), &constant("SORT")));
    let time_to_live = json!({ "AttributeName": constant("EXPIRES"), "Enabled": true });
    assert_eq!(table["TimeToLiveSpecification"], time_to_live);

    let mut attributes = BTreeSet::from([constant("PARTITION"), constant("SORT")]);
    let mut indexes = Vec::new();
    for text in layout.split("IndexLayout {").skip(1) {
        let text = text.split('}').next().unwrap();
        let field = |name: &str| {
            Some(text.split_once(&format!(" {name}: \""))?.1.split_once('"').unwrap().0.to_owned())
        };
        if let Some(name) = field("name") {
            let (partition, sort) = (field("partition").unwrap(), field("sort").unwrap());
            indexes.push(json!({
                "IndexName": name,
                "KeySchema": keys(&partition, &sort),
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            }));
            attributes.extend([partition, sort]);
        }
    }
    assert_eq!(indexes.len(), 3, "layout.rs has three indexes");
    assert_eq!(table["GlobalSecondaryIndexes"], Value::from(indexes));
    let defined: BTreeSet<String> = table["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|attribute| assert_eq!(attribute["AttributeType"], "S"))
        .map(|attribute| attribute["AttributeName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(defined, attributes);
}

/// Whatever becomes of the stack, the keys and the records outlive it.
#[test]
fn d16_keys_and_table_survive_their_stack_and_the_table_can_be_restored() {
    let template = template();
    for name in ["RootKey", "IssuerKey", "Table"] {
        assert_eq!(template["Resources"][name]["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(template["Resources"][name]["UpdateReplacePolicy"], "Retain", "{name}");
    }
    let table = &template["Resources"]["Table"]["Properties"];
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(table["PointInTimeRecoverySpecification"], json!({ "PointInTimeRecoveryEnabled": true }));
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
}

/// KMS counts no errors, so the alarm counts the words of the error; it would be blind if they changed.
#[test]
fn the_alarm_for_kms_errors_knows_the_words_of_the_error() {
    let template = template();
    let signer = read("core/src/key/signer.rs");
    let errors = signer.split_once("pub enum SignerError").unwrap().1;
    let texts: Vec<&str> = errors.lines().filter_map(|line| line.trim().strip_prefix("#[error(\"")).collect();
    assert!(!texts.is_empty());
    let filters = of_type(&template, "AWS::Logs::MetricFilter");
    assert_eq!(filters.len(), 4, "sign, renew, the endpoint certificate and acme-finalize sign");
    for filter in filters {
        let pattern = template["Resources"][&filter]["Properties"]["FilterPattern"].as_str().unwrap();
        let words = pattern.strip_prefix("\": ").unwrap().strip_suffix('"').unwrap();
        assert!(texts.iter().all(|text| text.starts_with(words)), "{filter}: {words} in {texts:?}");
    }
}
