//! `stepless init`: however often it runs, one authority, whose certificates others verify.

use serde_json::json;

use crate::account::{Account, call, fingerprint, stderr, stdout};

#[test]
fn running_init_twice_changes_nothing_and_prints_the_same_fingerprint() {
    let account = Account::new();

    let first = account.init(&[]);
    let before = account.records();
    let second = account.init(&["--root-out", "root.crt"]);

    assert!(stdout(&second).contains("nothing was changed"), "{}", stdout(&second));
    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert_eq!(account.records(), before);
    assert_eq!(before.len(), 2);
    let root = account.program("openssl", &["x509", "-in", "root.crt", "-noout", "-fingerprint", "-sha256"]);
    assert_eq!(root.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase(), fingerprint(&first));
}

#[test]
fn of_two_inits_at_once_one_wins_and_both_print_its_fingerprint() {
    let account = Account::new();

    let both = [account.command(&[]), account.command(&[])].map(|mut command| command.spawn().unwrap());
    let both = both.map(|child| child.wait_with_output().unwrap());

    for output in &both {
        assert!(output.status.success(), "{}", stderr(output));
    }
    assert_eq!(fingerprint(&both[0]), fingerprint(&both[1]));
    assert_eq!(account.records().len(), 2);
}

#[test]
fn an_init_for_another_name_or_key_says_so_and_changes_nothing() {
    let account = Account::new();
    account.init(&[]);
    let before = account.records();

    let refused =
        account.command(&["--issuer-key", "awskms:key-id=alias/of-somebody-else"]).output().unwrap();

    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("alias/of-somebody-else"), "{}", stderr(&refused));
    assert_eq!(account.records(), before);
}

#[test]
fn both_keys_are_printed_as_configurations_name_them() {
    let account = Account::new();
    let bare = account.alias("root");

    let output = account.init(&["--root-key", &bare]);

    for line in [
        format!("Root key:          awskms:key-id={bare}\n"),
        format!("Issuer key:        {}\n", account.issuer_key()),
    ] {
        assert!(stdout(&output).contains(&line), "{}", stdout(&output));
    }
}

#[test]
fn a_table_of_no_known_region_is_refused_before_anything_is_asked() {
    let account = Account::new();

    let refused = account
        .command(&["--store", "dynamodb:somewhere"])
        .env_remove("AWS_REGION")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();

    assert!(!refused.status.success());
    for word in ["--store", "Region", "somewhere", "AWS_REGION"] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn a_table_that_is_not_there_is_named_with_what_makes_it() {
    let account = Account::new();

    let refused = account.command(&["--store", "dynamodb:nowhere"]).output().unwrap();

    assert!(!refused.status.success());
    for word in ["nowhere", "template.yaml"] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn k10_one_key_for_root_and_issuer_is_refused() {
    let account = Account::new();

    let refused = account.command(&["--root-key", &account.issuer_key()]).output().unwrap();

    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("different"), "{}", stderr(&refused));
    assert!(account.records().is_empty());
}

#[test]
fn a_root_key_file_is_made_once_and_a_configuration_may_lie_in_a_file() {
    let account = Account::new();
    let more = ["--config", "ca.json", "--root-key", "root.key"];

    let first = account.init(&more);
    let second = account.init(&more);

    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert!(account.read("root.key").contains("ENCRYPTED"));
    assert!(account.read("ca.json").contains("awskms:key-id="));
    assert_eq!(account.records().len(), 1);
}

#[test]
fn k2_what_init_made_serves_and_openssl_verifies_its_chain_whatever_the_kind_of_key() {
    for spec in ["P-256", "P-384", "RSA-2048", "Ed25519"] {
        let account = Account::new();
        let said = account.init(&["--key-spec", spec, "--root-out", "root.crt"]);
        let server = account.serve();

        let url = format!("https://localhost:{}", account.port());
        account.step(&["ca", "bootstrap", "--ca-url", &url, "--fingerprint", &fingerprint(&said)]);
        account.step(&[
            "ca",
            "certificate",
            "a.example",
            "a.crt",
            "a.key",
            "--provisioner",
            "admin",
            "--provisioner-password-file",
            "password",
        ]);

        let chain = ["verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "a.crt", "a.crt"];
        assert!(account.program("openssl", &chain).contains("a.crt: OK"), "{spec}");
        drop(server);
    }
}

#[test]
fn o3_an_init_that_died_between_keys_and_configuration_is_finished_by_the_next_one() {
    let account = Account::new();
    // What a run leaves that ends after it has made its keys.
    let keys = ["root", "issuer"].map(|role| {
        let made =
            call("TrentService.CreateKey", &json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
        let id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        call("TrentService.CreateAlias", &json!({"AliasName": account.alias(role), "TargetKeyId": id}));
        id
    });

    let runs = [account.init(&[]), account.init(&[]), account.init(&[])];

    assert!(!stdout(&runs[0]).contains("nothing was changed"));
    assert!(runs.iter().all(|run| fingerprint(run) == fingerprint(&runs[0])));
    assert_eq!(account.records().len(), 2);
    for (role, id) in ["root", "issuer"].iter().zip(keys) {
        let key = call("TrentService.DescribeKey", &json!({"KeyId": account.alias(role)}));
        assert_eq!(key["KeyMetadata"]["KeyId"], *id);
    }
}

#[test]
fn an_arn_is_never_made_and_one_of_another_region_is_named() {
    let account = Account::new();
    let absent = "awskms:key-id=arn:aws:kms:us-east-1:111122223333:alias/of-another-account";
    let elsewhere = "awskms:key-id=arn:aws:kms:eu-west-1:111122223333:alias/ca;region=us-east-1";

    let absent = account.command(&["--issuer-key", absent]).output().unwrap();
    let elsewhere = account.command(&["--issuer-key", elsewhere]).output().unwrap();

    assert!(!absent.status.success() && !elsewhere.status.success());
    for word in
        ["--issuer-key", "111122223333:alias/of-another-account", "only a key that is named alias/NAME"]
    {
        assert!(stderr(&absent).contains(word), "{}", stderr(&absent));
    }
    for word in ["--issuer-key", "not in the Region us-east-1"] {
        assert!(stderr(&elsewhere).contains(word), "{}", stderr(&elsewhere));
    }
    assert!(account.records().is_empty());
}
