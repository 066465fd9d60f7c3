//! An issuer whose key lies in KMS: for a folder of `step ca init`, whose own issuer has its key in a file.

use std::{fs, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use stepless_localstack::Endpoint;

use crate::{CaFolder, asn1::pem, programs};

/// Gives `folder` an issuer for the key `alias` of a KMS, signed by the folder's root, and removes the key of the
/// issuer that it had. Gives the configuration for functions: certificates in it, state in `table`.
pub(super) fn move_to_kms(folder: &CaFolder, kms: Endpoint, alias: &str, table: &str) -> Value {
    let path = |name: &str| folder.path().join(name);
    let key = kms
        .call("TrentService.GetPublicKey", &json!({"KeyId": alias}))
        .unwrap_or_else(|error| panic!("the KMS has no key {alias}: {error}"));
    let spki = BASE64_STANDARD.decode(key["PublicKey"].as_str().expect("a key has a public half"));
    let spki = spki.expect("KMS writes keys as base64");
    write(folder, "issuer.pub", &pem("PUBLIC KEY", &spki));
    write(folder, "issuer.ext", EXTENSIONS);
    let intermediate = path("certs/intermediate_ca.crt");
    programs::output(
        Command::new("openssl")
            .args(["x509", "-new", "-subj", "/O=Test CA/CN=Test CA Intermediate CA", "-days", "3650"])
            .arg("-force_pubkey")
            .arg(path("issuer.pub"))
            .arg("-extfile")
            .arg(path("issuer.ext"))
            .arg("-CA")
            .arg(path("certs/root_ca.crt"))
            .arg("-CAkey")
            .arg(path("secrets/root_ca_key"))
            .arg("-passin")
            .arg(format!("file:{}", folder.password_file().display()))
            .arg("-out")
            .arg(&intermediate),
    );
    // From here on nobody but the KMS can sign as this issuer.
    fs::remove_file(path("secrets/intermediate_ca_key")).expect("step ca init wrote the key of its issuer");

    let mut configuration = folder.config();
    configuration["root"] = folder.root_pem().into();
    configuration["crt"] = folder.read("certs/intermediate_ca.crt").into();
    configuration["key"] = format!("awskms:key-id={alias}").into();
    configuration["db"] = json!({"type": "dynamodb", "dataSource": table});
    configuration
}

fn write(folder: &CaFolder, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("the folder is ours");
}

/// What `step ca init` puts into an intermediate.
const EXTENSIONS: &str = "\
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";
