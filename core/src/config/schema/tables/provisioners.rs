//! What each kind of provisioner may hold.

use super::super::super::node::Node;
use super::super::Shape::{
    Base64, Count, Duration, Flag, Free, List, Named, Object, PublicJwk, Secret, Text, Word,
};
use super::super::{Field, always, field, hidden, pointer, redacted};
use super::{CLAIMS, TEXTS};
use crate::x509::ProvisionerKind;

/// What a provisioner of that kind may hold.
pub(in super::super::super) fn provisioner_fields(kind: ProvisionerKind) -> &'static [Field] {
    match kind {
        ProvisionerKind::Jwk => JWK_PROVISIONER,
        ProvisionerKind::Oidc => OIDC,
        ProvisionerKind::Gcp => GCP,
        ProvisionerKind::Aws => AWS,
        ProvisionerKind::Azure => AZURE,
        ProvisionerKind::Acme => ACME,
        ProvisionerKind::X5c | ProvisionerKind::Nebula => X5C,
        ProvisionerKind::K8sSa => K8S_SA,
        ProvisionerKind::SshPop => SSHPOP,
        ProvisionerKind::Scep => SCEP,
    }
}

const TYPE: Field = always("type", Text, no_text);
const NAME: Field = always("name", Text, no_text);
const CLAIMS_FIELD: Field = pointer("claims", Object(CLAIMS));
const OPTIONS_FIELD: Field = pointer("options", Object(OPTIONS));

const OPTIONS: &[Field] = &[
    pointer("x509", Object(TEMPLATE_OPTIONS)),
    pointer("ssh", Object(TEMPLATE_OPTIONS)),
    field("webhooks", List(&Object(WEBHOOK))),
    pointer("wire", Free),
];

const TEMPLATE_OPTIONS: &[Field] =
    &[field("template", Text), field("templateFile", Text), pointer("templateData", Free)];

// step-ca takes a webhook's secrets from its admin API only, never from this file.
const WEBHOOK: &[Field] = &[
    always("id", Text, no_text),
    always("name", Text, no_text),
    always("url", Text, no_text),
    always("kind", Text, no_text),
    field("disableTLSClientAuth", Flag),
    always("certType", Text, no_text),
];

const JWK_PROVISIONER: &[Field] =
    &[TYPE, NAME, always("key", PublicJwk, null), field("encryptedKey", Text), CLAIMS_FIELD, OPTIONS_FIELD];

const OIDC: &[Field] = &[
    TYPE,
    NAME,
    always("clientID", Text, no_text),
    // Public by design: `step` needs it for the sign-in, and reads it from here.
    always("clientSecret", Text, no_text),
    always("configurationEndpoint", Text, no_text),
    field("tenantID", Text),
    field("admins", TEXTS),
    field("domains", TEXTS),
    field("groups", TEXTS),
    field("listenAddress", Text),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
    field("scopes", TEXTS),
    field("authParams", TEXTS),
];

const GCP: &[Field] = &[
    TYPE,
    NAME,
    field("serviceAccounts", TEXTS),
    field("projectIDs", TEXTS),
    field("organizationID", Text),
    always("disableCustomSANs", Flag, no),
    always("disableTrustOnFirstUse", Flag, no),
    always("disableSSHCAUser", Flag, yes),
    always("disableSSHCAHost", Flag, no),
    always("instanceAge", Duration, no_time),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
];

const AWS: &[Field] = &[
    TYPE,
    NAME,
    always("accounts", TEXTS, null),
    always("disableCustomSANs", Flag, no),
    always("disableTrustOnFirstUse", Flag, no),
    always("imdsVersions", List(&Word(&["v1", "v2"])), both_imds_versions),
    always("instanceAge", Duration, no_time),
    field("iidRoots", Text),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
];

const AZURE: &[Field] = &[
    TYPE,
    NAME,
    always("tenantID", Text, no_text),
    always("resourceGroups", TEXTS, null),
    always("subscriptionIDs", TEXTS, null),
    always("objectIDs", TEXTS, null),
    always("audience", Text, azure_audience),
    always("disableCustomSANs", Flag, no),
    always("disableTrustOnFirstUse", Flag, no),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
];

const ACME: &[Field] = &[
    TYPE,
    NAME,
    field("forceCN", Flag),
    field("termsOfService", Text),
    field("website", Text),
    field("caaIdentities", TEXTS),
    field("requireEAB", Flag),
    field("challenges", List(&Word(CHALLENGES))),
    field("attestationFormats", List(&Word(&["apple", "step", "tpm", "android-key"]))),
    field("attestationRoots", Base64),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
    // Ours, which `step` does not know.
    hidden("orderLifetime", Duration),
    hidden("authorizationLifetime", Duration),
    hidden("reuseAuthorizations", Flag),
    hidden("maxIdentifiers", Count),
    hidden("validation", Object(&[hidden("firstTry", Duration), hidden("giveUpAfter", Duration)])),
    hidden("allowedTargets", TEXTS),
    hidden("checkCAA", Flag),
    hidden("profiles", Named(&Object(ACME_PROFILE))),
    hidden("defaultProfile", Text),
    hidden("newOrderLimit", Object(&[hidden("orders", Count), hidden("per", Duration)])),
    hidden("testing", Object(ACME_TESTING)),
];

/// step-ca's, and ours from dns-account-01 on.
const CHALLENGES: &[&str] = &[
    "http-01",
    "dns-01",
    "tls-alpn-01",
    "device-attest-01",
    "wire-oidc-01",
    "wire-dpop-01",
    "dns-account-01",
    "dns-persist-01",
];

const ACME_PROFILE: &[Field] = &[
    hidden("description", Text),
    hidden("minTLSCertDuration", Duration),
    hidden("maxTLSCertDuration", Duration),
    hidden("defaultTLSCertDuration", Duration),
    hidden("keyUsages", TEXTS),
    hidden("extKeyUsages", TEXTS),
];

const ACME_TESTING: &[Field] = &[
    hidden("badNonceRate", Count),
    hidden("validationDelay", Duration),
    hidden("reuseAuthorizations", Count),
];

/// Nebula has the same members.
const X5C: &[Field] = &[TYPE, NAME, always("roots", Base64, null), CLAIMS_FIELD, OPTIONS_FIELD];

const K8S_SA: &[Field] = &[TYPE, NAME, field("publicKeys", Base64), CLAIMS_FIELD, OPTIONS_FIELD];

const SSHPOP: &[Field] = &[TYPE, NAME, CLAIMS_FIELD];

const SCEP: &[Field] = &[
    TYPE,
    NAME,
    always("forceCN", Flag, no),
    redacted("challenge", Secret, REDACTED),
    field("capabilities", TEXTS),
    always("includeRoot", Flag, no),
    always("excludeIntermediate", Flag, no),
    always("minimumPublicKeyLength", Count, scep_key_length),
    redacted("decrypterCertificate", Base64, REDACTED_BASE64),
    redacted("decrypterKeyPEM", Secret, REDACTED_BASE64),
    redacted("decrypterKey", Secret, REDACTED),
    redacted("decrypterKeyPassword", Secret, REDACTED),
    always("encryptionAlgorithmIdentifier", Count, zero),
    OPTIONS_FIELD,
    CLAIMS_FIELD,
];

const REDACTED: &str = "*** REDACTED ***";
const REDACTED_BASE64: &str = "KioqIFJFREFDVEVEICoqKg==";

fn null() -> Node {
    Node::Null
}

fn no() -> Node {
    Node::Bool(false)
}

fn yes() -> Node {
    Node::Bool(true)
}

fn no_text() -> Node {
    Node::Text(String::new())
}

fn no_time() -> Node {
    Node::Text("0s".to_owned())
}

fn zero() -> Node {
    Node::Number(0.into())
}

fn scep_key_length() -> Node {
    Node::Number(2048.into())
}

fn azure_audience() -> Node {
    Node::Text("https://management.azure.com/".to_owned())
}

fn both_imds_versions() -> Node {
    Node::Array(["v2", "v1"].map(|version| Node::Text(version.to_owned())).into())
}
