//! Single values of the file that have a form of their own: where a key is, where to listen.

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
        match KmsScheme::from_name(scheme) {
            Some(scheme) => Self::Uri(KmsUri { scheme, rest: rest.to_owned() }),
            // A colon is a fair part of a file's name.
            None => Self::File(text.into()),
        }
    }
}

/// The URI of a key in a key management service. It may carry a PIN, so its `Debug` shows the scheme only.
#[derive(Clone, PartialEq, Eq)]
pub struct KmsUri {
    scheme: KmsScheme,
    rest: String,
}

impl KmsUri {
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
