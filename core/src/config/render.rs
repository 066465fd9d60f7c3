//! The files that a new CA starts with: in a folder as `step ca init` writes them, on AWS one that stands for itself.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::ca::{CaConfig, DynamoDbTable, KmsScheme, ListenAddress};
use super::provisioner::RawJwk;
use super::tls::TlsOptions;

/// What goes into a new `ca.json`.
#[derive(Clone, Debug)]
pub struct InitOptions<'a> {
    /// The root certificate: its file, or its PEM.
    pub root: &'a str,
    /// The issuing chain: its file, or its PEM.
    pub crt: &'a str,
    /// The issuer's key: its file, or its URI.
    pub key: &'a str,
    /// The URI that says how the key management service of the key is reached, where the environment does not.
    pub kms: Option<&'a str>,
    /// Where state is kept.
    pub db: InitDatabase<'a>,
    /// Where to listen.
    pub address: &'a ListenAddress,
    /// The names and addresses clients know the CA by.
    pub dns_names: &'a [String],
    /// The provisioner that gives its owner the first certificates.
    pub provisioner: InitProvisioner<'a>,
    /// The name of an ACME provisioner, if there is to be one beside it.
    pub acme_provisioner: Option<&'a str>,
}

/// Where a new CA keeps its state.
#[derive(Clone, Copy, Debug)]
pub enum InitDatabase<'a> {
    /// In the embedded store, in this folder.
    Embedded(&'a str),
    /// In this table of DynamoDB.
    DynamoDb(&'a DynamoDbTable),
}

/// The JWK provisioner of a new CA.
#[derive(Clone, Debug)]
pub struct InitProvisioner<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its public key.
    pub key: &'a RawJwk,
    /// Its private key under a password, as a compact JWE.
    pub encrypted_key: &'a str,
}

impl CaConfig {
    /// The text of a new `ca.json`, with the members, order and indentation that `step ca init` gives it.
    ///
    /// The section of an embedded database is one that step-ca would start with, so that the file serves both. Beside
    /// a table the log is one for machines.
    pub fn render_new(options: &InitOptions<'_>) -> String {
        let (log_format, db) = match options.db {
            InitDatabase::Embedded(folder) => (
                "text",
                NewDatabase {
                    kind: "badgerv2",
                    data_source: folder.to_owned(),
                    badger_file_loading_mode: Some(""),
                },
            ),
            InitDatabase::DynamoDb(table) => (
                "json",
                NewDatabase {
                    kind: DynamoDbTable::SCHEME,
                    data_source: table.to_string(),
                    badger_file_loading_mode: None,
                },
            ),
        };
        render(&NewFile {
            root: options.root,
            federated_roots: None,
            crt: options.crt,
            key: options.key,
            address: options.address.to_string(),
            insecure_address: "",
            dns_names: options.dns_names,
            kms: options.kms.map(|uri| NewKms { kind: KmsScheme::AwsKms.name(), uri }),
            logger: NewLogger { format: log_format },
            db,
            authority: NewAuthority {
                provisioners: [NewProvisioner::Jwk {
                    name: options.provisioner.name,
                    key: options.provisioner.key,
                    encrypted_key: options.provisioner.encrypted_key,
                }]
                .into_iter()
                .chain(options.acme_provisioner.map(|name| NewProvisioner::Acme { name }))
                .collect(),
            },
            tls: TlsOptions::default(),
        })
    }
}

/// The text of a `defaults.json`, from which `step` knows the CA: its URL, configuration, root and the root's SHA-256.
pub fn render_defaults(ca_url: &str, ca_config: &str, fingerprint: &str, root: &str) -> String {
    render(&Defaults { ca_url, ca_config, fingerprint, root })
}

/// JSON with tabs, as Go's encoder writes it for `step`.
fn render(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
    // Texts and numbers with fixed keys can always be written into memory.
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewFile<'a> {
    root: &'a str,
    federated_roots: Option<()>,
    crt: &'a str,
    key: &'a str,
    address: String,
    insecure_address: &'static str,
    dns_names: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    kms: Option<NewKms<'a>>,
    logger: NewLogger,
    db: NewDatabase,
    authority: NewAuthority<'a>,
    tls: TlsOptions,
}

#[derive(Serialize)]
struct NewKms<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    uri: &'a str,
}

#[derive(Serialize)]
struct NewLogger {
    format: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewDatabase {
    #[serde(rename = "type")]
    kind: &'static str,
    data_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    badger_file_loading_mode: Option<&'static str>,
}

#[derive(Serialize)]
struct NewAuthority<'a> {
    provisioners: Vec<NewProvisioner<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
enum NewProvisioner<'a> {
    #[serde(rename = "JWK")]
    Jwk { name: &'a str, key: &'a RawJwk, encrypted_key: &'a str },
    #[serde(rename = "ACME")]
    Acme { name: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Defaults<'a> {
    ca_url: &'a str,
    ca_config: &'a str,
    fingerprint: &'a str,
    root: &'a str,
}
