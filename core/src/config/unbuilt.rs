//! What the configuration may ask for and this version does not do: one table, which shrinks.
//!
//! Where ignoring a section is harmless, it is a warning. Where the section limits or shapes certificates, ignoring it
//! could issue more than the operator allows, so the start is refused, or that one provisioner.

use super::ca::{KmsScheme, KmsUri};
use super::error::{ConfigError, ConfigWarning};
use super::node::Node;
use super::path::JsonPath;
use super::provisioner::Refusal;

/// One thing that is not built.
struct Row {
    /// Where it is asked for; `[]` stands for every element.
    path: &'static str,
    asked: Asked,
    verdict: Verdict,
    /// Why; and where it is a warning, why that is harmless.
    reason: &'static str,
}

/// When what stands at a path asks for the thing.
enum Asked {
    /// When it says anything but false, zero or empty.
    BySaying,
    /// When it is an object with any member: even an empty value there replaces another.
    ByHolding,
    /// When it is this word, in any case.
    By(&'static [&'static str]),
    /// When it is a key outside of files and of AWS KMS.
    ByOtherKmsUri,
}

enum Verdict {
    Warn,
    RefuseStart,
    RefuseProvisioner,
}

use Asked::{By, ByHolding, ByOtherKmsUri, BySaying};
use Verdict::{RefuseProvisioner, RefuseStart, Warn};

const ROWS: &[Row] = &[
    // Keys and state outside of this machine.
    row(
        "kms.type",
        By(OTHER_KMS),
        RefuseStart,
        "only keys in files (softkms) and in AWS KMS (awskms) can be used so far",
    ),
    row(
        "kms.uri",
        ByOtherKmsUri,
        RefuseStart,
        "only keys in files (softkms) and in AWS KMS (awskms) can be used so far",
    ),
    row("key", ByOtherKmsUri, RefuseStart, "only a key in a file or in AWS KMS can be used so far"),
    row(
        "db.type",
        By(&["mysql", "postgresql"]),
        RefuseStart,
        "only the embedded store and DynamoDB are there so far; starting without this database would split the state",
    ),
    row(
        "authority.type",
        By(&["cloudcas", "stepcas", "vaultcas"]),
        RefuseStart,
        "only softcas, signing with our own key, is there so far",
    ),
    row(
        "authority.deploymentType",
        By(&["linked", "hosted"]),
        RefuseStart,
        "provisioners and policies would come from elsewhere, which is not there",
    ),
    row("authority.enableAdmin", BySaying, RefuseStart, "the admin API is not there yet"),
    row("authority.certificateAuthority", BySaying, Warn, "softcas signs with the key of this file"),
    row(
        "authority.certificateAuthorityFingerprint",
        BySaying,
        Warn,
        "softcas signs with the key of this file",
    ),
    row("authority.certificateIssuer", BySaying, Warn, "softcas signs with the key of this file"),
    row("authority.credentialsFile", BySaying, Warn, "softcas signs with the key of this file"),
    row("authority.config", BySaying, Warn, "softcas signs with the key of this file"),
    row("db.valueDir", BySaying, Warn, "all state lies in one file, where db.dataSource says"),
    // What limits certificates.
    row(
        "authority.policy.x509",
        BySaying,
        RefuseStart,
        "policies are not there yet; names it denies would be signed",
    ),
    row("authority.policy.ssh", BySaying, Warn, "no SSH certificate is issued yet"),
    row(
        "crl.enabled",
        BySaying,
        RefuseStart,
        "revocation lists are not there yet; revoked certificates would pass",
    ),
    // Provisioners and what shapes their certificates.
    row(PROVISIONER_TYPE, By(&["sshpop"]), RefuseProvisioner, "the SSHPOP provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["oidc"]), RefuseProvisioner, "the OIDC provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["x5c"]), RefuseProvisioner, "the X5C provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["aws"]), RefuseProvisioner, "the AWS provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["gcp"]), RefuseProvisioner, "the GCP provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["azure"]), RefuseProvisioner, "the Azure provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["k8ssa"]), RefuseProvisioner, "the K8sSA provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["scep"]), RefuseProvisioner, "the SCEP provisioner is not there yet"),
    row(PROVISIONER_TYPE, By(&["nebula"]), RefuseProvisioner, "the Nebula provisioner is not there yet"),
    row(
        "authority.provisioners[].challenges[]",
        By(&["device-attest-01"]),
        RefuseProvisioner,
        "device attestation is not there yet",
    ),
    row(
        "authority.provisioners[].challenges[]",
        By(&["wire-oidc-01", "wire-dpop-01"]),
        RefuseProvisioner,
        "the Wire challenges are not there yet",
    ),
    row(X509_TEMPLATE, BySaying, RefuseProvisioner, NO_TEMPLATES),
    row(X509_TEMPLATE_FILE, BySaying, RefuseProvisioner, NO_TEMPLATES),
    row(X509_TEMPLATE_DATA, ByHolding, RefuseProvisioner, NO_TEMPLATES),
    row(
        "authority.provisioners[].options.webhooks",
        BySaying,
        RefuseProvisioner,
        "webhooks are not there yet; what they would deny would be signed",
    ),
    row("authority.provisioners[].options.wire", BySaying, Warn, "the Wire challenges are not there yet"),
    row("authority.provisioners[].options.ssh", BySaying, Warn, "no SSH certificate is issued yet"),
    row("authority.provisioners[].claims.enableSSHCA", BySaying, Warn, "no SSH certificate is issued yet"),
    row("authority.claims.enableSSHCA", BySaying, Warn, "no SSH certificate is issued yet"),
    // Faces of the server.
    row("ssh", BySaying, Warn, "no SSH certificate is issued yet"),
    row("templates.ssh", BySaying, Warn, "no SSH configuration is rendered yet"),
    row("templates.data", BySaying, Warn, "no SSH configuration is rendered yet"),
    row("monitoring", BySaying, Warn, "nothing is reported to a monitoring service"),
    row("metricsAddress", BySaying, Warn, "no metrics are served yet"),
    row("insecureAddress", BySaying, Warn, "nothing is served without TLS yet"),
    row("authority.disableGetSSHHosts", BySaying, Warn, "no SSH hosts are listed to anybody yet"),
    row("logger.format", By(&["common"]), Warn, "lines are written as text"),
    row("tls.renegotiation", BySaying, Warn, "the server never renegotiates; clients are told the value"),
];

const PROVISIONER_TYPE: &str = "authority.provisioners[].type";
const X509_TEMPLATE: &str = "authority.provisioners[].options.x509.template";
const X509_TEMPLATE_FILE: &str = "authority.provisioners[].options.x509.templateFile";
const X509_TEMPLATE_DATA: &str = "authority.provisioners[].options.x509.templateData";
const NO_TEMPLATES: &str =
    "certificate templates are not there yet; certificates would not have the shape it asks for";
const OTHER_KMS: &[&str] =
    &["cloudkms", "azurekms", "pkcs11", "yubikey", "tpmkms", "sshagentkms", "capi", "mackms", "kms"];

const fn row(path: &'static str, asked: Asked, verdict: Verdict, reason: &'static str) -> Row {
    Row { path, asked, verdict, reason }
}

/// A provisioner that must refuse.
pub(super) struct RefusedProvisioner {
    pub(super) index: usize,
    pub(super) refusal: Refusal,
}

/// What the table says of one configuration.
pub(super) struct Findings {
    pub(super) warnings: Vec<ConfigWarning>,
    pub(super) refused: Vec<RefusedProvisioner>,
}

/// Holds a document that follows the schema against the table.
///
/// # Errors
///
/// [`ConfigError::NotBuilt`] for the first row that refuses the start.
pub(super) fn judge(document: &Node) -> Result<Findings, ConfigError> {
    let mut findings = Findings { warnings: Vec::new(), refused: Vec::new() };
    for row in ROWS {
        for (path, index) in places(document, row) {
            let reason = row.reason.to_owned();
            match (&row.verdict, index) {
                (Warn, _) => findings.warnings.push(ConfigWarning::NoEffect { path, reason }),
                (RefuseProvisioner, Some(index)) => {
                    findings.refused.push(RefusedProvisioner { index, refusal: Refusal { path, reason } });
                }
                (RefuseStart, _) | (RefuseProvisioner, None) => {
                    return Err(ConfigError::NotBuilt { path, reason });
                }
            }
        }
    }
    Ok(findings)
}

/// The places of the document where a row's thing is asked for, and in which provisioner: the first array of a path that
/// has any is that of the provisioners.
fn places(document: &Node, row: &Row) -> Vec<(JsonPath, Option<usize>)> {
    let mut places = vec![(document, JsonPath::root(), None)];
    for step in row.path.split('.') {
        let (name, every_element) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        places = places
            .into_iter()
            .filter_map(|(node, path, index)| Some((node.get(name)?, path.member(name), index)))
            .flat_map(|(node, path, index)| match node {
                Node::Array(elements) if every_element => elements
                    .iter()
                    .enumerate()
                    .map(|(inner, element)| (element, path.index(inner), index.or(Some(inner))))
                    .collect(),
                node => vec![(node, path, index)],
            })
            .collect();
    }
    places
        .into_iter()
        .filter(|(node, ..)| row.asked.is_met(node))
        .map(|(_, path, index)| (path, index))
        .collect()
}

impl Asked {
    fn is_met(&self, node: &Node) -> bool {
        match (self, node) {
            (Self::BySaying, node) => !node.is_empty(),
            (Self::ByHolding, Node::Object(members)) => !members.is_empty(),
            (Self::By(words), Node::Text(text)) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
            (Self::ByOtherKmsUri, Node::Text(text)) => {
                KmsUri::from_text(text).is_some_and(|uri| uri.scheme() != KmsScheme::AwsKms)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod documentation;
