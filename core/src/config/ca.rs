//! The parts of `ca.json`, and the way from its text to them.

mod tls_options;
mod values;

use std::path::PathBuf;

use super::claims::Claims;
use super::duration::GoDuration;
use super::error::{ConfigError, ConfigWarning};
use super::node::Node;
use super::path::JsonPath;
use super::provisioner::{self, Provisioner};
use super::tls::TlsOptions;
use super::view::View;
use super::{schema, unbuilt};
use crate::secret::SecretBytes;
use crate::x509::{DistinguishedName, SubjectAltName};

pub use values::{
    CertificateSource, DynamoDbTable, KeySource, KmsScheme, KmsUri, ListenAddress, ParseAddressError,
    ParseTableError,
};

/// A whole configuration that a CA can start with: every required part is there, every value is allowed.
///
/// Relative paths are relative to the working directory, as they are to step-ca.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaConfig {
    /// Root certificates, at least one source; each may hold several.
    pub root: Vec<CertificateSource>,
    /// Roots of other authorities.
    pub federated_roots: Vec<CertificateSource>,
    /// The issuing chain, the issuer first.
    pub crt: CertificateSource,
    /// Where the issuer's key is.
    pub key: KeySource,
    /// How key management services are reached, where a key's own URI does not say it.
    pub kms: KmsConfig,
    /// Where to listen.
    pub address: ListenAddress,
    /// The names and addresses clients know the CA by; at least one.
    pub dns_names: Vec<String>,
    /// Common name of the CA's own server certificate.
    pub common_name: String,
    /// How to log.
    pub logger: LoggerConfig,
    /// Where state is kept; without it step-ca keeps spent tokens in memory and cannot revoke.
    pub db: Option<DatabaseConfig>,
    /// TLS versions and suites.
    pub tls: TlsOptions,
    /// Password of the keys, when the operator left it in the file.
    pub password: Option<SecretBytes>,
    /// What the authority issues, and for whom.
    pub authority: AuthorityConfig,
}

/// The `authority` section.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthorityConfig {
    /// `authorityId`, or empty.
    pub authority_id: String,
    /// In the order of the file, which is the order of `/provisioners`.
    pub provisioners: Vec<Provisioner>,
    /// What fills the empty parts of a certificate's subject.
    pub template: Asn1Dn,
    /// The claims that provisioners inherit.
    pub claims: Claims,
    /// Whether a token older than the CA's start is taken.
    pub disable_issued_at_check: bool,
    /// How far before now a certificate starts, for clients whose clocks run behind.
    pub backdate: GoDuration,
    /// Whether the list of SSH hosts is withheld.
    pub disable_get_ssh_hosts: bool,
}

/// Defaults for the parts of a subject; an empty one fills nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are X.520's")]
pub struct Asn1Dn {
    pub country: String,
    pub organization: String,
    pub organizational_unit: String,
    pub locality: String,
    pub province: String,
    pub street_address: String,
    pub serial_number: String,
    pub common_name: String,
}

/// The `logger` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggerConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// The request header whose value names the request in the log.
    pub trace_header: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// The common log format of web servers.
    Common,
}

/// The `kms` section: what the URI of a key may leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsConfig {
    /// The URI of the service.
    pub uri: Option<KmsUri>,
    /// `kms.region`.
    pub region: Option<String>,
    /// `kms.profile`, of the credentials file.
    pub profile: Option<String>,
    /// `kms.credentialsFile`.
    pub credentials_file: Option<PathBuf>,
}

/// The `db` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseConfig {
    /// Our own embedded store, in the place of step-ca's.
    Embedded(EmbeddedDatabase),
    /// A table of DynamoDB, which any number of processes may share.
    DynamoDb(DynamoDbTable),
}

/// An embedded database of step-ca. The kind is only told apart for messages: our own store lies in the directory it
/// names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedDatabase {
    /// What step-ca would keep there.
    pub kind: EmbeddedKind,
    /// The directory (for bbolt, the file) of step-ca's data.
    pub data_source: PathBuf,
}

/// The embedded databases of step-ca.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbeddedKind {
    /// `badger` or `badgerv1`.
    BadgerV1,
    /// `badgerv2`, which `step ca init` writes.
    BadgerV2,
    /// `bbolt`.
    Bbolt,
}

impl CaConfig {
    /// Reads the text of a `ca.json`; what the operator should know about it comes along.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for anything a CA must not start with, always with its place.
    pub fn parse(json: &str) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let (document, mut warnings) = schema::read(Node::parse(json)?)?;
        let config = Self::from_document(&document, &mut warnings)?;
        Ok((config, warnings))
    }

    /// As [`CaConfig::parse`], but a doubt about the text itself (an unknown key, an odd spelling) is an error.
    ///
    /// # Errors
    ///
    /// Those of [`CaConfig::parse`], and [`ConfigError::Strict`].
    pub fn parse_strict(json: &str) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let (config, warnings) = Self::parse(json)?;
        match warnings.iter().find(|warning| warning.is_doubt_about_the_text()) {
            Some(doubt) => Err(ConfigError::Strict(doubt.clone())),
            None => Ok((config, warnings)),
        }
    }

    fn from_document(document: &Node, warnings: &mut Vec<ConfigWarning>) -> Result<Self, ConfigError> {
        let findings = unbuilt::judge(document)?;
        warnings.extend(findings.warnings);

        let top = View::new(document, JsonPath::root());
        let root = top.at("root");
        if root.elements().is_empty() {
            return Err(
                root.missing("a file of root certificates (or the certificates in PEM), or an array of them")
            );
        }
        check_crl(&top.at("crl"))?;
        for name in ["insecureAddress", "metricsAddress"] {
            let address = top.at(name);
            address.text().map(|_| listen_address(&address)).transpose()?;
        }
        Ok(Self {
            root: certificates(&root)?,
            federated_roots: certificates(&top.at("federatedRoots"))?,
            crt: CertificateSource::from_text(
                top.at("crt").required_text("the file of the issuing chain (or the chain in PEM)")?,
            ),
            key: key(&top.at("key"), &top.at("kms"))?,
            kms: kms(&top.at("kms")),
            address: listen_address(&top.at("address"))?,
            dns_names: dns_names(&top.at("dnsNames"))?,
            common_name: match subject_text(&top.at("commonName"))? {
                empty if empty.is_empty() => DEFAULT_COMMON_NAME.to_owned(),
                name => name,
            },
            logger: logger(&top.at("logger")),
            db: database(&top.at("db"))?,
            tls: tls_options::read(&top.at("tls"), warnings)?,
            password: top.at("password").secret(),
            authority: AuthorityConfig::read(&top.at("authority"), findings.refused, warnings)?,
        })
    }
}

impl AuthorityConfig {
    fn read(
        view: &View<'_>,
        refused: Vec<unbuilt::RefusedProvisioner>,
        warnings: &mut Vec<ConfigWarning>,
    ) -> Result<Self, ConfigError> {
        let claims_at = view.at("claims");
        let claims = Claims::DEFAULT
            .inherit(&claims_at.claims())
            .map_err(|source| ConfigError::Claims { path: claims_at.path().clone(), source })?;
        let backdate_at = view.at("backdate");
        let backdate = backdate_at.duration().unwrap_or(DEFAULT_BACKDATE);
        if backdate < GoDuration::ZERO {
            return Err(backdate_at.wrong("a duration of 0s or more"));
        }
        let template = view.at("template");
        Ok(Self {
            authority_id: view.at("authorityId").owned_text(),
            provisioners: provisioner::read_all(&view.at("provisioners"), &claims, refused, warnings)?,
            template: Asn1Dn {
                country: subject_text(&template.at("country"))?,
                organization: subject_text(&template.at("organization"))?,
                organizational_unit: subject_text(&template.at("organizationalUnit"))?,
                locality: subject_text(&template.at("locality"))?,
                province: subject_text(&template.at("province"))?,
                street_address: subject_text(&template.at("streetAddress"))?,
                serial_number: subject_text(&template.at("serialNumber"))?,
                common_name: subject_text(&template.at("commonName"))?,
            },
            claims,
            disable_issued_at_check: view.at("disableIssuedAtCheck").flag(),
            backdate,
            disable_get_ssh_hosts: view.at("disableGetSSHHosts").flag(),
        })
    }
}

fn certificates(view: &View<'_>) -> Result<Vec<CertificateSource>, ConfigError> {
    Ok(view
        .texts("the name of a file, or certificates in PEM")?
        .into_iter()
        .map(CertificateSource::from_text)
        .collect())
}

fn key(view: &View<'_>, kms: &View<'_>) -> Result<KeySource, ConfigError> {
    let text = view.required_text("the file of the issuer's key")?;
    // As step-ca decides where keys are: the type, and without one the URI.
    let is_in_aws_kms = match kms.at("type").word().as_str() {
        "" => {
            let uri = kms.at("uri").text().and_then(KmsUri::from_text);
            uri.is_some_and(|uri| uri.scheme() == KmsScheme::AwsKms)
        }
        kind => kind == KmsScheme::AwsKms.name(),
    };
    Ok(if is_in_aws_kms { KeySource::from_text_in_aws_kms(text) } else { KeySource::from_text(text) })
}

fn kms(view: &View<'_>) -> KmsConfig {
    let text = |name: &str| view.at(name).text().map(str::to_owned);
    KmsConfig {
        uri: view.at("uri").text().and_then(KmsUri::from_text),
        region: text("region"),
        profile: text("profile"),
        credentials_file: text("credentialsFile").map(PathBuf::from),
    }
}

fn listen_address(view: &View<'_>) -> Result<ListenAddress, ConfigError> {
    let allowed = "host:port, such as \"127.0.0.1:9000\", \"[::1]:9000\" or \":443\"";
    view.required_text(allowed)?.parse().map_err(|_| view.wrong(allowed))
}

fn dns_names(view: &View<'_>) -> Result<Vec<String>, ConfigError> {
    if !view.is_present() {
        return Ok(DEFAULT_DNS_NAMES.map(str::to_owned).into());
    }
    let allowed = "a host name or an IP address";
    let names = view.texts(allowed)?;
    if names.is_empty() {
        return Err(view.missing("at least one name (or no dnsNames at all, for localhost)"));
    }
    // The server's own certificate holds them all, and without it nothing is served.
    if let Some(wrong) = view
        .elements()
        .iter()
        .find(|name| name.text().is_some_and(|text| SubjectAltName::classify(text).is_err()))
    {
        return Err(wrong.wrong(allowed));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// A part of a subject; empty when absent.
fn subject_text(view: &View<'_>) -> Result<String, ConfigError> {
    let text = view.owned_text();
    // What one attribute cannot hold, none can: all of them hold the same texts.
    match DistinguishedName::from_common_name(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(view.wrong("a text without control characters such as line breaks")),
    }
}

fn logger(view: &View<'_>) -> LoggerConfig {
    LoggerConfig {
        format: match view.at("format").word().as_str() {
            "json" => LogFormat::Json,
            "common" => LogFormat::Common,
            _ => LogFormat::Text,
        },
        trace_header: view.at("traceHeader").text().unwrap_or(DEFAULT_TRACE_HEADER).to_owned(),
    }
}

fn database(view: &View<'_>) -> Result<Option<DatabaseConfig>, ConfigError> {
    if !view.is_present() {
        return Ok(None);
    }
    let (type_at, source_at) = (view.at("type"), view.at("dataSource"));
    let kind = match type_at.word().as_str() {
        "" => return Err(type_at.missing("the type of the database, such as \"badgerv2\" or \"dynamodb\",")),
        "dynamodb" => {
            let allowed = "the name of a table, or dynamodb:table=NAME;region=REGION";
            let table = source_at.required_text(allowed)?.parse().map_err(|_| source_at.wrong(allowed))?;
            return Ok(Some(DatabaseConfig::DynamoDb(table)));
        }
        "bbolt" => EmbeddedKind::Bbolt,
        "badgerv2" => EmbeddedKind::BadgerV2,
        _ => EmbeddedKind::BadgerV1,
    };
    let data_source = source_at.required_text("the directory of the database")?.into();
    Ok(Some(DatabaseConfig::Embedded(EmbeddedDatabase { kind, data_source })))
}

/// Its values are checked even while lists are not built, so that a file found good today stays good.
fn check_crl(view: &View<'_>) -> Result<(), ConfigError> {
    let (cache, renew) = (view.at("cacheDuration"), view.at("renewPeriod"));
    for span in [&cache, &renew] {
        if span.duration().is_some_and(|duration| duration < GoDuration::ZERO) {
            return Err(span.wrong("a duration of 0s or more"));
        }
    }
    match (cache.duration(), renew.duration()) {
        (Some(longest), Some(period)) if period > longest => {
            Err(renew.wrong(format!("a duration of at most crl.cacheDuration, which is {longest}")))
        }
        _ => Ok(()),
    }
}

const DEFAULT_COMMON_NAME: &str = "Step Online CA";
const DEFAULT_DNS_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DEFAULT_TRACE_HEADER: &str = "X-Smallstep-Id";
const DEFAULT_BACKDATE: GoDuration = GoDuration::from_minutes(1);
