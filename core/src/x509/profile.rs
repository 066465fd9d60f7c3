//! What a certificate is good for: its extensions before the issuer adds its own.

use spki::ObjectIdentifier;

use super::extension::oid;
use super::write::{self, id};
use super::{
    BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage, NameConstraints, NameConstraintsError,
    SubjectAltNames,
};
use crate::key::{KeyKind, PublicKey};

/// The extensions of a certificate to be. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// keyUsage; without a bit there is no extension.
    pub key_usage: KeyUsage,
    /// extKeyUsage; without a purpose there is no extension.
    pub extended_key_usage: ExtendedKeyUsage,
    /// basicConstraints.
    pub basic_constraints: Option<BasicConstraints>,
    /// subjectKeyIdentifier, when it is to be another than the key's own.
    pub subject_key_id: Option<Vec<u8>>,
    /// URLs of OCSP responders.
    pub ocsp_servers: Vec<String>,
    /// URLs of the issuer's certificate.
    pub issuing_certificate_urls: Vec<String>,
    /// subjectAltName; without a name there is no extension.
    pub sans: SubjectAltNames,
    /// certificatePolicies.
    pub policies: Vec<ObjectIdentifier>,
    /// nameConstraints.
    pub name_constraints: Option<NameConstraints>,
    /// URLs of revocation lists.
    pub crl_distribution_points: Vec<String>,
    /// Further extensions, in this order behind the others. One of these replaces the one that the fields above
    /// would give.
    pub extra: Vec<Extension>,
}

impl Profile {
    /// A leaf of step-ca's default template: digitalSignature, with keyEncipherment for RSA keys, and both serverAuth
    /// and clientAuth.
    pub fn leaf(key: &PublicKey, sans: SubjectAltNames) -> Self {
        let key_usage = match key.kind() {
            KeyKind::Rsa { .. } => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 | KeyKind::MlDsa(_) => {
                KeyUsage::DIGITAL_SIGNATURE
            }
        };
        let extended_key_usage =
            ExtendedKeyUsage(vec![ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH]);
        Self { key_usage, extended_key_usage, sans, ..Self::default() }
    }

    /// A root above one layer of intermediates.
    pub fn root() -> Self {
        Self::authority(1)
    }

    /// An intermediate that issues leaves only.
    pub fn intermediate() -> Self {
        Self::authority(0)
    }

    fn authority(path_len: u32) -> Self {
        Self {
            key_usage: KeyUsage::CERT_SIGN | KeyUsage::CRL_SIGN,
            basic_constraints: Some(BasicConstraints::Ca { path_len: Some(path_len) }),
            ..Self::default()
        }
    }

    /// The extensions in the order of Go's `crypto/x509`, which is that of step-ca's certificates: keyUsage,
    /// extKeyUsage, basicConstraints, subjectKeyIdentifier, authorityKeyIdentifier, authorityInfoAccess,
    /// subjectAltName, certificatePolicies, nameConstraints, cRLDistributionPoints, then the further ones.
    pub(super) fn into_extensions(self, ids: &KeyIds<'_>) -> Result<Vec<Extension>, NameConstraintsError> {
        let subject_key_id = self.subject_key_id.as_deref().unwrap_or(ids.subject);
        let sans = (!self.sans.is_empty()).then(|| Extension {
            oid: oid::SUBJECT_ALT_NAME,
            critical: ids.subject_name_is_empty,
            value: self.sans.to_der(),
        });
        let generated = [
            (!self.key_usage.is_empty()).then(|| self.key_usage.to_extension()),
            (!self.extended_key_usage.0.is_empty()).then(|| self.extended_key_usage.to_extension()),
            self.basic_constraints.map(BasicConstraints::to_extension),
            Some(Extension::subject_key_id(subject_key_id)),
            ids.authority.map(Extension::authority_key_id),
            authority_info_access(&self.ocsp_servers, &self.issuing_certificate_urls),
            sans,
            policies(&self.policies),
            self.name_constraints.as_ref().map(NameConstraints::to_extension).transpose()?,
            distribution_points(&self.crl_distribution_points),
        ];
        let is_replaced = |extension: &Extension| self.extra.iter().any(|extra| extra.oid == extension.oid);
        let mut extensions: Vec<Extension> =
            generated.into_iter().flatten().filter(|extension| !is_replaced(extension)).collect();
        extensions.extend(self.extra);
        Ok(extensions)
    }
}

/// What the issuer adds to a profile.
pub(super) struct KeyIds<'a> {
    pub(super) subject: &'a [u8],
    pub(super) authority: Option<&'a [u8]>,
    pub(super) subject_name_is_empty: bool,
}

fn authority_info_access(ocsp_servers: &[String], issuing_certificate_urls: &[String]) -> Option<Extension> {
    let access = |method, url: &String| write::sequence(&[write::oid(method), uri(url)]);
    let descriptions: Vec<Vec<u8>> = ocsp_servers
        .iter()
        .map(|url| access(OCSP, url))
        .chain(issuing_certificate_urls.iter().map(|url| access(CA_ISSUERS, url)))
        .collect();
    (!descriptions.is_empty())
        .then(|| Extension::plain(oid::AUTHORITY_INFO_ACCESS, write::sequence(&descriptions)))
}

fn policies(policies: &[ObjectIdentifier]) -> Option<Extension> {
    let information: Vec<Vec<u8>> =
        policies.iter().map(|policy| write::sequence(&[write::oid(*policy)])).collect();
    (!information.is_empty())
        .then(|| Extension::plain(oid::CERTIFICATE_POLICIES, write::sequence(&information)))
}

fn distribution_points(urls: &[String]) -> Option<Extension> {
    let explicit = |content: Vec<u8>| write::constructed(id::context_constructed(0), &[content]);
    // A DistributionPoint with a distributionPoint with a fullName with one URI.
    let points: Vec<Vec<u8>> =
        urls.iter().map(|url| write::sequence(&[explicit(explicit(uri(url)))])).collect();
    (!points.is_empty()).then(|| Extension::plain(oid::CRL_DISTRIBUTION_POINTS, write::sequence(&points)))
}

fn uri(url: &str) -> Vec<u8> {
    write::value(super::san::tag::URI, url.as_bytes())
}

/// id-ad-ocsp ([RFC 5280 §4.2.2.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1)).
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// id-ad-caIssuers ([RFC 5280 §4.2.2.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1)).
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
