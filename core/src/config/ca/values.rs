//! Single values of the file that have a form of their own: where a key, a certificate or a table is, where to listen.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a private key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a key management service.
    Uri(KmsUri),
}

impl KeySource {
    /// Reads the text of `key`: a file name, a `softkms:` URI (which names a file), or the URI of a service.
    pub fn from_text(text: &str) -> Self {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Self::File(text.into());
        };
        if scheme.eq_ignore_ascii_case("softkms") {
            let path = rest.split(['?', ';']).find_map(|attribute| attribute.strip_prefix("path="));
            return Self::File(path.unwrap_or(rest).into());
        }
        match KmsUri::from_text(text) {
            Some(uri) => Self::Uri(uri),
            // A colon is a fair part of a file's name.
            None => Self::File(text.into()),
        }
    }

    /// Reads the text of `key` where `kms` says that keys are in AWS KMS: there a key may also be named without a URI,
    /// by its id, its ARN, or `alias/NAME`.
    pub fn from_text_in_aws_kms(text: &str) -> Self {
        if is_name_in_aws_kms(text) {
            return Self::Uri(KmsUri { scheme: KmsScheme::AwsKms, rest: format!("key-id={text}") });
        }
        Self::from_text(text)
    }
}

/// Whether AWS KMS would take this text as the name of a key, and hardly anybody would name a file so.
///
/// [`KeyId`](https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-KeyId)
fn is_name_in_aws_kms(text: &str) -> bool {
    let is_sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/:".contains(&byte));
    let mut parts = text.split(':');
    let is_arn = parts.next() == Some("arn") && parts.nth(1) == Some("kms");
    is_sound && (is_arn || text.starts_with("alias/") || is_key_id(text))
}

/// Whether a text is the id of a key: a UUID, or that of a key in several Regions.
fn is_key_id(text: &str) -> bool {
    let is_hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(digits) => is_hex(digits, 32),
        None => {
            let groups = text.split('-').zip(UUID_GROUPS).filter(|(group, digits)| is_hex(group, *digits));
            text.len() == UUID_LENGTH && groups.count() == UUID_GROUPS.len()
        }
    }
}

/// How many digits stand between the hyphens of a UUID.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// The digits of a UUID and its four hyphens.
const UUID_LENGTH: usize = 36;

/// Where certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// In a file.
    File(PathBuf),
    /// Here: the text is the certificates in PEM, so that a configuration can stand for itself.
    Pem(String),
}

impl CertificateSource {
    /// Reads the text of `root`, `crt` or `federatedRoots`: PEM, or else the name of a file.
    pub fn from_text(text: &str) -> Self {
        if text.trim_start().starts_with(PEM_BEGIN) {
            Self::Pem(text.to_owned())
        } else {
            Self::File(text.into())
        }
    }
}

impl fmt::Display for CertificateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Pem(_) => f.write_str("the PEM in the configuration"),
        }
    }
}

const PEM_BEGIN: &str = "-----BEGIN ";

/// A table of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoDbTable {
    /// Its name, or its ARN.
    pub name: String,
    /// Its Region, where it is not that of the environment.
    pub region: Option<String>,
}

impl DynamoDbTable {
    /// The scheme of [`DynamoDbTable::from_str`].
    pub const SCHEME: &str = "dynamodb";
}

impl FromStr for DynamoDbTable {
    type Err = ParseTableError;

    /// Reads `NAME`, `dynamodb:NAME` or `dynamodb:table=NAME;region=REGION`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix(Self::SCHEME).and_then(|rest| rest.strip_prefix(':')).unwrap_or(text);
        let (mut name, mut region) = (None, None);
        if rest.contains('=') {
            for (key, value) in attributes(rest) {
                match key {
                    "table" if name.is_none() => name = Some(value),
                    "region" if region.is_none() => region = Some(value),
                    _ => return Err(ParseTableError),
                }
            }
        } else {
            name = Some(rest.to_owned());
        }
        // Of names and ARNs: letters, digits and these.
        let is_sound = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:/".contains(&byte))
        };
        let name = name.filter(|name| is_sound(name)).ok_or(ParseTableError)?;
        if region.as_deref().is_some_and(|region| !is_sound(region)) {
            return Err(ParseTableError);
        }
        Ok(Self { name, region })
    }
}

impl fmt::Display for DynamoDbTable {
    /// What [`DynamoDbTable::from_str`] reads, as short as it can be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            None => f.write_str(&self.name),
            Some(region) => write!(f, "{}:table={};region={region}", Self::SCHEME, self.name),
        }
    }
}

/// A text that does not name a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a table is NAME, dynamodb:NAME or dynamodb:table=NAME;region=REGION")]
pub struct ParseTableError;

/// The `key=value` pairs of a URI in the way of the `step` KMS URIs, values with their escapes undone.
fn attributes(rest: &str) -> impl Iterator<Item = (&str, String)> {
    rest.split([';', '?', '&']).filter_map(|pair| pair.split_once('=')).map(|(key, value)| {
        (key, percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

/// The URI of a key in a key management service. It may carry a PIN, so its `Debug` shows the scheme only.
#[derive(Clone, PartialEq, Eq)]
pub struct KmsUri {
    scheme: KmsScheme,
    rest: String,
}

impl KmsUri {
    /// Reads the URI of a service that we know by name; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        Some(Self { scheme: KmsScheme::from_name(scheme)?, rest: rest.to_owned() })
    }

    /// The names of its attributes.
    pub fn attribute_names(&self) -> impl Iterator<Item = &str> {
        attributes(&self.rest).map(|(name, _)| name)
    }

    /// The first value of an attribute, such as `key-id`, with its escapes undone.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attributes(&self.rest).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Which service.
    pub fn scheme(&self) -> KmsScheme {
        self.scheme
    }

    /// What follows the scheme and its colon.
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

impl fmt::Debug for KmsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsUri({}:..)", self.scheme.name())
    }
}

/// A key management service that a URI can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the schemes'")]
pub enum KmsScheme {
    AwsKms,
    CloudKms,
    AzureKms,
    Pkcs11,
    YubiKey,
    TpmKms,
    SshAgentKms,
    Capi,
    MacKms,
    Kms,
}

impl KmsScheme {
    const ALL: [Self; 10] = [
        Self::AwsKms,
        Self::CloudKms,
        Self::AzureKms,
        Self::Pkcs11,
        Self::YubiKey,
        Self::TpmKms,
        Self::SshAgentKms,
        Self::Capi,
        Self::MacKms,
        Self::Kms,
    ];

    /// The scheme as it stands in a URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsKms => "awskms",
            Self::CloudKms => "cloudkms",
            Self::AzureKms => "azurekms",
            Self::Pkcs11 => "pkcs11",
            Self::YubiKey => "yubikey",
            Self::TpmKms => "tpmkms",
            Self::SshAgentKms => "sshagentkms",
            Self::Capi => "capi",
            Self::MacKms => "mackms",
            Self::Kms => "kms",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

/// A host and a port to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: String,
    port: u16,
}

impl ListenAddress {
    /// A name or an address without brackets; empty for every address of the machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 lets the system choose.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ListenAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once("]:").ok_or(ParseAddressError)?,
            None => text.split_once(':').ok_or(ParseAddressError)?,
        };
        let has_stray = host.contains(['[', ']']) || (host.contains(':') && !text.starts_with('['));
        // A port of `+1` would parse, too.
        if has_stray || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseAddressError);
        }
        let port = port.parse().map_err(|_| ParseAddressError)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A text that is not `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port")]
pub struct ParseAddressError;
