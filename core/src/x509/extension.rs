//! Extensions of certificates and requests, and the plain ones' content.

use spki::ObjectIdentifier;

use super::read::{NotDer, Value};
use super::write::{self, id};

/// One extension: identifier, criticality, and the DER inside its OCTET STRING.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    /// Which extension it is.
    pub oid: ObjectIdentifier,
    /// Whether a verifier that does not know it must refuse the certificate.
    pub critical: bool,
    /// Its value in DER.
    pub value: Vec<u8>,
}

impl Extension {
    pub(super) fn plain(oid: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self { oid, critical: false, value }
    }

    pub(super) fn critical(oid: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self { oid, critical: true, value }
    }

    /// subjectKeyIdentifier ([RFC 5280 §4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2)).
    pub fn subject_key_id(key_id: &[u8]) -> Self {
        Self::plain(oid::SUBJECT_KEY_ID, write::value(id::OCTET_STRING, key_id))
    }

    /// authorityKeyIdentifier with a key identifier and nothing else
    /// ([RFC 5280 §4.2.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1)).
    pub fn authority_key_id(key_id: &[u8]) -> Self {
        Self::plain(oid::AUTHORITY_KEY_ID, write::sequence(&[write::value(id::context(0), key_id)]))
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical { write::value(id::BOOLEAN, &[0xff]) } else { Vec::new() };
        let value = write::value(id::OCTET_STRING, &self.value);
        write::sequence(&[write::oid(self.oid), critical, value])
    }

    /// Reads `Extensions`; the same identifier twice is not well-formed
    /// ([RFC 5280 §4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).
    pub(super) fn read_all(extensions: Value<'_>) -> Result<Vec<Self>, ExtensionsError> {
        let mut values = extensions.values()?;
        let mut read: Vec<Self> = Vec::new();
        while !values.is_at_end() {
            if read.len() == MAX_EXTENSIONS {
                return Err(ExtensionsError::Malformed);
            }
            let mut parts = values.expect(id::SEQUENCE)?.values()?;
            let oid = parts.any()?.oid()?;
            let critical = match parts.optional(id::BOOLEAN)? {
                Some(critical) => critical.boolean()?,
                None => false,
            };
            let value = parts.any()?.octets()?.to_vec();
            parts.end()?;
            if read.iter().any(|earlier| earlier.oid == oid) {
                return Err(ExtensionsError::Duplicate(oid));
            }
            read.push(Self { oid, critical, value });
        }
        Ok(read)
    }
}

/// The bits of keyUsage ([RFC 5280 §4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// No bit: no extension.
    pub const NONE: Self = Self(0);
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// contentCommitment, once nonRepudiation.
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// dataEncipherment.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// keyAgreement.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// keyCertSign.
    pub const CERT_SIGN: Self = Self(1 << 5);
    /// cRLSign.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// encipherOnly.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// decipherOnly.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// The bits of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The extension, critical.
    pub fn to_extension(self) -> Extension {
        // Bit 0 is the first of the BIT STRING, so the octets are the number mirrored; trailing zero bits are cut off
        // as X.690 §11.2.2 asks of named bits.
        let [high, low] = self.0.reverse_bits().to_be_bytes();
        let octets = if low == 0 { vec![high] } else { vec![high, low] };
        let last = octets.last().copied().unwrap_or_default();
        let unused = if last == 0 { 0 } else { last.trailing_zeros() as u8 };
        let content = if self.is_empty() { vec![0] } else { [vec![unused], octets].concat() };
        Extension::critical(oid::KEY_USAGE, write::value(id::BIT_STRING, &content))
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, NotDer> {
        let value = Value::only(der, id::BIT_STRING)?;
        let (unused, octets) = value.content.split_first().ok_or(NotDer)?;
        let bits = match octets {
            [] => 0,
            [high] => u16::from_be_bytes([*high, 0]),
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => return Err(NotDer),
        };
        let spare = octets.last().copied().unwrap_or_default();
        if *unused > 7 || spare.trailing_zeros() < u32::from(*unused) || (octets.is_empty() && *unused > 0) {
            return Err(NotDer);
        }
        Ok(Self(bits.reverse_bits()))
    }
}

impl std::ops::BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// The purposes of extKeyUsage, in order
/// ([RFC 5280 §4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtendedKeyUsage(pub Vec<ObjectIdentifier>);

impl ExtendedKeyUsage {
    /// Every purpose.
    pub const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
    /// serverAuth.
    pub const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
    /// clientAuth.
    pub const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

    /// Whether servers may use the key.
    pub fn has_server_auth(&self) -> bool {
        self.0.iter().any(|purpose| [Self::SERVER_AUTH, Self::ANY].contains(purpose))
    }

    /// Whether clients may use the key.
    pub fn has_client_auth(&self) -> bool {
        self.0.iter().any(|purpose| [Self::CLIENT_AUTH, Self::ANY].contains(purpose))
    }

    /// The extension, not critical.
    pub fn to_extension(&self) -> Extension {
        let purposes: Vec<Vec<u8>> = self.0.iter().map(|purpose| write::oid(*purpose)).collect();
        Extension::plain(oid::EXTENDED_KEY_USAGE, write::sequence(&purposes))
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, NotDer> {
        let mut values = Value::only(der, id::SEQUENCE)?.values()?;
        let mut purposes = Vec::new();
        while !values.is_at_end() {
            purposes.push(values.any()?.oid()?);
        }
        if purposes.is_empty() { Err(NotDer) } else { Ok(Self(purposes)) }
    }
}

/// basicConstraints ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BasicConstraints {
    /// May not issue.
    EndEntity,
    /// May issue.
    Ca {
        /// How many intermediates may stand between it and a leaf; `None` for any number.
        path_len: Option<u32>,
    },
}

impl BasicConstraints {
    /// The extension, critical.
    pub fn to_extension(self) -> Extension {
        let parts = match self {
            Self::EndEntity => vec![],
            Self::Ca { path_len } => {
                let length = path_len.map(write::small);
                [Some(write::value(id::BOOLEAN, &[0xff])), length].into_iter().flatten().collect()
            }
        };
        Extension::critical(oid::BASIC_CONSTRAINTS, write::sequence(&parts))
    }

    pub(super) fn from_der(der: &[u8]) -> Result<Self, NotDer> {
        let mut values = Value::only(der, id::SEQUENCE)?.values()?;
        let is_ca = match values.optional(id::BOOLEAN)? {
            Some(flag) => flag.boolean()?,
            None => false,
        };
        let path_len = values.optional(id::INTEGER)?.map(|length| length.small()).transpose()?;
        values.end()?;
        match (is_ca, path_len) {
            (true, path_len) => Ok(Self::Ca { path_len }),
            (false, None) => Ok(Self::EndEntity),
            (false, Some(_)) => Err(NotDer),
        }
    }
}

/// The key identifier of an authorityKeyIdentifier; the certificate may be named in other ways as well.
pub(super) fn read_authority_key_id(der: &[u8]) -> Result<Option<Vec<u8>>, NotDer> {
    let mut values = Value::only(der, id::SEQUENCE)?.values()?;
    let key_id = values.optional(id::context(0))?.map(|key_id| key_id.content.to_vec());
    while !values.is_at_end() {
        values.any()?;
    }
    Ok(key_id)
}

/// The key identifier of a subjectKeyIdentifier.
pub(super) fn read_subject_key_id(der: &[u8]) -> Result<Vec<u8>, NotDer> {
    Ok(Value::only(der, id::OCTET_STRING)?.content.to_vec())
}

/// Why `Extensions` are not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtensionsError {
    Malformed,
    Duplicate(ObjectIdentifier),
}

impl From<NotDer> for ExtensionsError {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

/// Most extensions looked at: certificates have about ten, and looking for doubles costs the square of their number.
const MAX_EXTENSIONS: usize = 100;

/// Identifiers of the extensions that are read or written here.
pub(super) mod oid {
    use spki::ObjectIdentifier;

    pub(crate) const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
    pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
    pub(crate) const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
    pub(crate) const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
    pub(crate) const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
    pub(crate) const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
    pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
    pub(crate) const AUTHORITY_INFO_ACCESS: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
}

#[cfg(test)]
#[path = "extension_tests.rs"]
mod tests;
