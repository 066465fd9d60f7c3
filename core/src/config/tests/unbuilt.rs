//! What is asked for and not built is never silently ignored.

use rstest::rstest;

use super::*;
use crate::x509::ProvisionerKind;

#[rstest]
#[case::kms("/kms", json!({"type": "CloudKMS"}), "kms.type: only keys in files (softkms) and in AWS KMS (awskms) can be used so far")]
#[case::kms_by_uri("/kms", json!({"uri": "pkcs11:token=x"}), "kms.uri: only keys in files (softkms) and in AWS KMS (awskms) can be used so far")]
#[case::key("/key", json!("cloudkms:resource=1"), "key: only a key in a file or in AWS KMS can be used so far")]
#[case::database(
    "/db", json!({"type": "MySQL", "dataSource": "u:p@tcp(h)/"}),
    "db.type: only the embedded store and DynamoDB are there so far; starting without this database would split the state"
)]
#[case::cas("/authority/type", json!("stepcas"), "authority.type: only softcas, signing with our own key, is there so far")]
#[case::linked("/authority/deploymentType", json!("Linked"), "authority.deploymentType: provisioners and policies would come from elsewhere, which is not there")]
#[case::admin("/authority/enableAdmin", json!(true), "authority.enableAdmin: the admin API is not there yet")]
#[case::policy("/authority/policy", json!({"x509": {"deny": {"dns": ["*.bad"]}}}), "authority.policy.x509: policies are not there yet; names it denies would be signed")]
#[case::wildcards("/authority/policy", json!({"x509": {"allowWildcardNames": true}}), "authority.policy.x509: policies are not there yet; names it denies would be signed")]
#[case::crl("/crl", json!({"enabled": true}), "crl.enabled: revocation lists are not there yet; revoked certificates would pass")]
fn what_limits_certificates_stops_the_start(
    #[case] path: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    assert_eq!(refused(&with(path, value).to_string()), expected);
}

#[rstest]
#[case::template("options", json!({"x509": {"template": "{}"}}), "options.x509.template")]
#[case::template_file("options", json!({"x509": {"templateFile": "a.tpl"}}), "options.x509.templateFile")]
#[case::template_data_that_empties("options", json!({"x509": {"templateData": {"SANs": []}}}), "options.x509.templateData")]
#[case::template_data("options", json!({"x509": {"templateData": {"Subject": "x"}}}), "options.x509.templateData")]
#[case::webhook("options", json!({"webhooks": [{"name": "w"}]}), "options.webhooks")]
#[case::other_spelling("Options", json!({"X509": {"TEMPLATE": "{}"}}), "options.x509.template")]
fn x5_x6_what_shapes_certificates_stops_that_provisioner_only(
    #[case] key: &str,
    #[case] options: Value,
    #[case] expected: &str,
) {
    let mut second = jwk("second");
    second["key"]["kid"] = json!("k2");
    let mut first = jwk("first");
    first[key] = options;

    let (config, _) = accepted(&with("/authority/provisioners", json!([first, second])));

    let place = config.authority.provisioners[0].refusal.as_ref().map(|refusal| refusal.path.to_string());
    let expected = (!expected.is_empty()).then(|| format!("authority.provisioners[0].{expected}"));
    assert_eq!(place, expected);
    assert_eq!(config.authority.provisioners[1].refusal, None);
}

#[rstest]
#[case::device_attestation("challenges", json!(["http-01", "Device-Attest-01"]), "challenges[1]")]
#[case::wire("challenges", json!(["wire-oidc-01"]), "challenges[0]")]
#[case::other_wire("challenges", json!(["WIRE-DPOP-01", "dns-01"]), "challenges[0]")]
#[case::acme_template("options", json!({"x509": {"template": "{}"}}), "options.x509.template")]
fn x5_an_acme_provisioner_that_asks_for_what_is_not_built_refuses_alone(
    #[case] key: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    let mut acme = json!({ "type": "ACME", "name": "acme" });
    acme[key] = value;

    let (config, warnings) = accepted(&with(
        "/authority/provisioners",
        json!([jwk("admin"), acme, { "type": "ACME", "name": "other" }]),
    ));

    let [admin, acme, other] = config.authority.provisioners.as_slice() else { panic!("three") };
    let refusal = acme.refusal.as_ref().unwrap();
    assert_eq!(refusal.path.to_string(), format!("authority.provisioners[1].{expected}"));
    assert_eq!(
        warnings,
        [format!("provisioner \"acme\" refuses service: {}: {}", refusal.path, refusal.reason)]
    );
    assert_eq!((&admin.refusal, &other.refusal), (&None, &None));
}

#[rstest]
fn a_kind_of_provisioner_that_is_not_built_is_listed_and_refuses(
    #[values("OIDC", "GCP", "AWS", "Azure", "X5C", "K8sSA", "SSHPOP", "SCEP", "Nebula")] kind: &str,
) {
    let provisioner = json!({ "type": kind, "name": "p" });

    let (config, warnings) = accepted(&with("/authority/provisioners/0", provisioner));

    let provisioner = &config.authority.provisioners[0];
    let reason = format!("the {kind} provisioner is not there yet");
    assert_eq!(provisioner.refusal.as_ref().unwrap().reason, reason);
    let listing = serde_json::to_value(&provisioner.listing).unwrap();
    assert_eq!((&listing["state"], &listing["stateReason"]), (&json!("Uninitialized"), &json!(reason)));
    assert_eq!(
        warnings,
        [format!("provisioner \"p\" refuses service: authority.provisioners[0].type: {reason}")]
    );
    assert_eq!(provisioner.kind.name(), kind);
    assert!(matches!(provisioner.details, ProvisionerDetails::Unbuilt));
}

#[test]
fn t5_every_kind_of_provisioner_is_either_built_or_refused() {
    for kind in ProvisionerKind::ALL {
        let mut provisioner = jwk("p");
        provisioner["type"] = json!(kind.name());
        if kind != ProvisionerKind::Jwk {
            provisioner.as_object_mut().unwrap().remove("key");
        }
        let (config, _) = accepted(&with("/authority/provisioners/0", provisioner));

        let provisioner = &config.authority.provisioners[0];
        let is_unbuilt = matches!(provisioner.details, ProvisionerDetails::Unbuilt);
        assert_eq!(provisioner.refusal.is_some(), is_unbuilt, "{kind}");
    }
}

#[rstest]
#[case::ssh("/ssh", json!({"hostKey": "k"}), "ssh has no effect: no SSH certificate is issued yet")]
#[case::ssh_ca("/authority/claims", json!({"enableSSHCA": true}), "authority.claims.enableSSHCA has no effect: no SSH certificate is issued yet")]
#[case::ssh_template(
    "/authority/provisioners/0/options", json!({"ssh": {"template": "{}"}}),
    "authority.provisioners[0].options.ssh has no effect: no SSH certificate is issued yet"
)]
#[case::ssh_policy("/authority/policy", json!({"ssh": {"user": {"allow": {"email": ["@x"]}}}}), "authority.policy.ssh has no effect: no SSH certificate is issued yet")]
#[case::monitoring("/monitoring", json!({"name": "n"}), "monitoring has no effect: nothing is reported to a monitoring service")]
#[case::metrics("/metricsAddress", json!(":9090"), "metricsAddress has no effect: no metrics are served yet")]
#[case::insecure("/insecureAddress", json!(":80"), "insecureAddress has no effect: nothing is served without TLS yet")]
#[case::templates("/templates", json!({"data": {"a": 1}}), "templates.data has no effect: no SSH configuration is rendered yet")]
#[case::softcas("/authority/certificateAuthority", json!("https://x"), "authority.certificateAuthority has no effect: softcas signs with the key of this file")]
#[case::renegotiation("/tls", json!({"renegotiation": true}), "tls.renegotiation has no effect: the server never renegotiates; clients are told the value")]
#[case::old_tls("/tls", json!({"minVersion": 1.0}), "tls.minVersion has no effect: the server offers TLS 1.2 and above; clients are told the value")]
#[case::old_suite(
    "/tls", json!({"cipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}),
    "tls.cipherSuites[0] has no effect: the server does not offer this suite; clients are told of it"
)]
#[case::log_lines("/logger", json!({"format": "Common"}), "logger.format has no effect: lines are written as text")]
#[case::ssh_hosts("/authority/disableGetSSHHosts", json!(true), "authority.disableGetSSHHosts has no effect: no SSH hosts are listed to anybody yet")]
#[case::value_folder(
    "/db", json!({"type": "badgerv2", "dataSource": "db", "valueDir": "values"}),
    "db.valueDir has no effect: all state lies in one file, where db.dataSource says"
)]
fn what_is_harmless_to_ignore_is_a_warning(#[case] path: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(accepted(&with(path, value)).1, [expected]);
}

#[rstest]
#[case("/kms", json!({"type": "softkms"}))]
#[case("/kms", json!({"type": "AwsKMS", "uri": "awskms:region=eu-west-1"}))]
#[case("/key", json!("awskms:key-id=1"))]
#[case("/db", json!({"type": "dynamodb", "dataSource": "ca"}))]
#[case("/kms", json!({"uri": "softkms:"}))]
#[case("/authority/type", json!("SoftCAS"))]
#[case("/authority/deploymentType", json!("standalone"))]
#[case("/authority/enableAdmin", json!(false))]
#[case("/authority/policy", json!({"x509": {"allow": {"dns": []}}}))]
#[case("/crl", json!({"enabled": false, "cacheDuration": "24h"}))]
#[case("/insecureAddress", json!(""))]
#[case("/authority/provisioners/0/options", json!({"x509": {"template": "", "templateData": {}}, "ssh": {}, "webhooks": []}))]
#[case("/db", json!({"type": "badger", "dataSource": "db", "badgerFileLoadingMode": "FileIO", "database": "d"}))]
fn what_asks_for_nothing_is_silent(#[case] path: &str, #[case] value: Value) {
    assert_eq!(accepted(&with(path, value)).1, Vec::<String>::new());
}
