//! A `ca.json` of another place, made into one for AWS: what it says of issuing stays word by word, and what it says
//! of files is replaced.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use stepless_core::config::{DynamoDbTable, KmsScheme};

use crate::error::{CliError, Context};
use crate::files;

/// The members of a `ca.json` that stay.
pub(super) struct Moved {
    members: BTreeMap<String, Box<RawValue>>,
}

/// What takes the place of files.
pub(super) struct Replacement<'a> {
    /// The root certificate in PEM.
    pub(super) root: &'a str,
    /// The issuing chain in PEM.
    pub(super) crt: &'a str,
    /// The URI of the issuer's key.
    pub(super) key: &'a str,
    /// How KMS is reached, where the environment does not say it.
    pub(super) kms: Option<&'a str>,
    /// The table.
    pub(super) table: &'a DynamoDbTable,
}

impl Moved {
    /// Reads a `ca.json`. Names and address that are given take the place of those in it.
    pub(super) fn read(path: &Path, dns_names: &[String], address: Option<&str>) -> Result<Self, CliError> {
        let unusable = || format!("--from: {} cannot be used", path.display());
        let mut members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&files::read_text(path)?).context(unusable())?;
        // Go reads them in any case.
        members.retain(|name, _| !REPLACED.iter().any(|replaced| name.eq_ignore_ascii_case(replaced)));
        let mut put = |name: &str, value: Box<RawValue>| {
            members.retain(|found, _| !found.eq_ignore_ascii_case(name));
            members.insert(name.to_owned(), value);
        };
        if !dns_names.is_empty() {
            put("dnsNames", to_raw_value(dns_names).context(unusable())?);
        }
        if let Some(address) = address {
            put("address", to_raw_value(address).context(unusable())?);
        }
        for (name, value) in &mut members {
            if name.eq_ignore_ascii_case("federatedRoots") {
                *value = with_contents(value).context(unusable())?;
            }
        }
        Ok(Self { members })
    }

    /// The text of the new `ca.json`.
    pub(super) fn render(&self, replacement: &Replacement<'_>) -> Result<String, CliError> {
        let new = NewFile {
            root: replacement.root,
            crt: replacement.crt,
            key: replacement.key,
            kms: replacement.kms.map(|uri| Kms { kind: KmsScheme::AwsKms.name(), uri }),
            db: Database { kind: DynamoDbTable::SCHEME, data_source: replacement.table.to_string() },
            logger: Logger { format: "json" },
            kept: &self.members,
        };
        let mut text = Vec::new();
        new.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t")))
            .context("the configuration cannot be written")?;
        String::from_utf8(text).context("the configuration cannot be written")
    }
}

/// Functions have no files: a name of one is replaced by what is in it.
fn with_contents(value: &RawValue) -> Result<Box<RawValue>, CliError> {
    const WRONG: &str = "federatedRoots is neither null nor an array of texts";
    let sources: Option<Vec<String>> = serde_json::from_str(value.get()).context(WRONG)?;
    let is_pem = |source: &str| source.contains("-----BEGIN");
    let read =
        |source: String| if is_pem(&source) { Ok(source) } else { files::read_text(Path::new(&source)) };
    let texts: Option<Vec<String>> =
        sources.map(|sources| sources.into_iter().map(read).collect::<Result<_, _>>()).transpose()?;
    to_raw_value(&texts).context(WRONG)
}

#[derive(Serialize)]
struct NewFile<'a> {
    root: &'a str,
    crt: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms: Option<Kms<'a>>,
    db: Database,
    logger: Logger,
    #[serde(flatten)]
    kept: &'a BTreeMap<String, Box<RawValue>>,
}

#[derive(Serialize)]
struct Kms<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    uri: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Database {
    #[serde(rename = "type")]
    kind: &'static str,
    data_source: String,
}

#[derive(Serialize)]
struct Logger {
    format: &'static str,
}

/// What is about files, and the password of one. A log of functions is read by machines.
const REPLACED: [&str; 7] = ["root", "crt", "key", "password", "kms", "db", "logger"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn moved(config: &Value, dns_names: &[&str]) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.json");
        std::fs::write(&path, config.to_string()).unwrap();
        let dns_names: Vec<_> = dns_names.iter().map(|&name| name.to_owned()).collect();
        let replacement = Replacement {
            root: "the root",
            crt: "the chain",
            key: "awskms:key-id=alias/new",
            kms: Some("awskms:region=eu-west-1"),
            table: &"new".parse().unwrap(),
        };
        let text = Moved::read(&path, &dns_names, None).unwrap().render(&replacement).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_said_of_issuing_stays_and_what_is_said_of_files_is_replaced() {
        let config = json!({
            "root": "/old/root.crt", "CRT": "/old/intermediate.crt", "key": "/old/key", "password": "secret",
            "address": ":9000", "dnsNames": ["ca.example"], "db": {"type": "badgerv2", "dataSource": "/old/db"},
            "authority": {"provisioners": [{"type": "JWK", "name": "admin", "unknown": 1.50}], "claims": {}},
        });

        let new = moved(&config, &[]);

        assert_eq!(new["authority"], config["authority"]);
        assert_eq!((&new["address"], &new["dnsNames"]), (&config["address"], &config["dnsNames"]));
        assert_eq!((&new["root"], &new["crt"]), (&json!("the root"), &json!("the chain")));
        assert_eq!(new["key"], "awskms:key-id=alias/new");
        assert_eq!(new["kms"], json!({"type": "awskms", "uri": "awskms:region=eu-west-1"}));
        assert_eq!(new["db"]["type"], "dynamodb");
        let text = new.to_string();
        assert!(!text.contains("/old/") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn names_that_are_given_go_before_those_of_the_file() {
        let new = moved(&json!({"dnsnames": ["old.example"]}), &["new.example"]);

        assert_eq!(new["dnsNames"], json!(["new.example"]));
        assert_eq!(new.get("dnsnames"), None);
    }

    #[test]
    fn roots_of_other_authorities_come_along_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.crt");
        std::fs::write(&file, "what is in it").unwrap();

        let new = moved(&json!({"federatedRoots": [file, "-----BEGIN CERTIFICATE-----"]}), &[]);

        assert_eq!(new["federatedRoots"], json!(["what is in it", "-----BEGIN CERTIFICATE-----"]));
        assert_eq!(moved(&json!({"federatedRoots": null}), &[])["federatedRoots"], Value::Null);
    }
}
