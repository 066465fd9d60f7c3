//! The `tls` section: which versions and cipher suites the server offers and the clients are told.

use serde::Serialize;

/// TLS versions and cipher suites. It serializes to the `tlsOptions` of `/sign`, with the values as configured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsOptions {
    /// In the order of the file. Those that [`CipherSuite::is_offered`] denies are told to clients, not served.
    pub cipher_suites: Vec<CipherSuite>,
    /// Lowest version. Served from 1.2 upwards even where a lower one is configured.
    pub min_version: TlsVersion,
    /// Highest version.
    pub max_version: TlsVersion,
    /// Told to clients; this server never renegotiates.
    pub renegotiation: bool,
}

impl Default for TlsOptions {
    /// step-ca's: TLS 1.2 and 1.3, and two cipher suites for ECDSA certificates.
    fn default() -> Self {
        Self {
            cipher_suites: vec![
                CipherSuite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
                CipherSuite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            ],
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_3,
            renegotiation: false,
        }
    }
}

/// A TLS version; on the wire a number such as `1.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0, never served.
    V1_0,
    /// TLS 1.1, never served.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    pub(super) fn from_number(number: f64) -> Option<Self> {
        [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3]
            .into_iter()
            .find(|version| version.number() == number)
    }

    fn number(self) -> f64 {
        match self {
            Self::V1_0 => 1.0,
            Self::V1_1 => 1.1,
            Self::V1_2 => 1.2,
            Self::V1_3 => 1.3,
        }
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Go writes a whole float without its fraction.
            Self::V1_0 => serializer.serialize_u8(1),
            _ => serializer.serialize_f64(self.number()),
        }
    }
}

/// A cipher suite that step-ca's configuration may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CipherSuite(&'static str);

impl CipherSuite {
    /// The suite of that name, if it is one that step-ca knows.
    pub fn from_name(name: &str) -> Option<Self> {
        OFFERED.iter().chain(TOLD_ONLY).find(|known| **known == name).map(|known| Self(known))
    }

    /// Its name, in the registry's spelling or the older one that step-ca knows too.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Its name in the [IANA registry](https://www.iana.org/assignments/tls-parameters).
    pub fn registered_name(self) -> &'static str {
        match self.0 {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            name => name,
        }
    }

    /// Whether this server can offer it. The others have no forward secrecy or no authenticated encryption.
    pub fn is_offered(self) -> bool {
        OFFERED.contains(&self.0)
    }

    /// Whether it belongs to TLS 1.2 and earlier; suites of TLS 1.3 are always offered.
    pub fn is_for_tls_1_2(self) -> bool {
        self.0.contains("_WITH_")
    }
}

/// What a message lists as allowed.
pub(super) fn offered_names() -> String {
    OFFERED
        .iter()
        .filter(|name| name.ends_with("SHA256") || name.ends_with("SHA384"))
        .copied()
        .collect::<Vec<_>>()
        .join(", ")
}

const OFFERED: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    // Older names of two of the above.
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
];

const TOLD_ONLY: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];
