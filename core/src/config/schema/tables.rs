//! The tables: one row a key, in the order in which step-ca writes them.

use super::super::node::Node;
use super::Shape::{
    Base64, Count, Decimal, Duration, Flag, Free, List, Object, Provisioner, PublicJwk, Secret, Text,
    TextOrTexts, Word,
};
use super::{Field, Shape, always, field, pointer, redacted};
use crate::x509::ProvisionerKind;

/// The whole file.
pub(in super::super) const CA: &[Field] = &[
    field("root", TextOrTexts),
    field("federatedRoots", TEXTS),
    field("crt", Text),
    field("key", Text),
    field("address", Text),
    field("insecureAddress", Text),
    field("dnsNames", TEXTS),
    field("kms", Object(KMS)),
    field("ssh", Object(SSH)),
    field("logger", Object(LOGGER)),
    field("db", Object(DB)),
    field("monitoring", Object(MONITORING)),
    field("authority", Object(AUTHORITY)),
    field("tls", Object(TLS)),
    field("password", Secret),
    field("templates", Object(TEMPLATES)),
    field("commonName", Text),
    field("crl", Object(CRL)),
    field("metricsAddress", Text),
];

const TEXTS: Shape = List(&Text);

const KMS: &[Field] = &[
    field("type", Word(KMS_TYPES)),
    field("credentialsFile", Text),
    field("uri", Text),
    field("pin", Secret),
    field("managementKey", Secret),
    field("region", Text),
    field("profile", Text),
    field("storageDirectory", Text),
];

const KMS_TYPES: &[&str] = &[
    "",
    "softkms",
    "awskms",
    "cloudkms",
    "azurekms",
    "pkcs11",
    "yubikey",
    "tpmkms",
    "sshagentkms",
    "capi",
    "mackms",
    "kms",
];

const SSH: &[Field] = &[
    field("hostKey", Text),
    field("userKey", Text),
    field("keys", List(&Object(SSH_KEY))),
    field("addUserPrincipal", Text),
    field("addUserCommand", Text),
    field(
        "bastion",
        Object(&[
            field("hostname", Text),
            field("user", Text),
            field("port", Text),
            field("cmd", Text),
            field("flags", Text),
        ]),
    ),
];

const SSH_KEY: &[Field] =
    &[field("type", Word(&["user", "host"])), field("federated", Flag), field("key", PublicJwk)];

const LOGGER: &[Field] =
    &[field("format", Word(&["", "text", "json", "common"])), field("traceHeader", Text)];

const DB: &[Field] = &[
    field("type", Word(&["badger", "badgerv1", "badgerv2", "bbolt", "dynamodb", "mysql", "postgresql"])),
    field("dataSource", Text),
    field("valueDir", Text),
    field("database", Text),
    field("badgerFileLoadingMode", Text),
];

const MONITORING: &[Field] =
    &[field("type", Word(&["", "newrelic"])), field("name", Text), field("key", Secret)];

const TLS: &[Field] = &[
    field("cipherSuites", TEXTS),
    field("minVersion", Decimal),
    field("maxVersion", Decimal),
    field("renegotiation", Flag),
];

const TEMPLATES: &[Field] = &[
    field("ssh", Object(&[field("user", List(&Object(TEMPLATE))), field("host", List(&Object(TEMPLATE)))])),
    field("data", Free),
];

const TEMPLATE: &[Field] = &[
    field("name", Text),
    field("type", Word(&["snippet", "prepend-line", "file", "directory"])),
    field("template", Text),
    field("path", Text),
    field("comment", Text),
    field("requires", TEXTS),
];

const CRL: &[Field] = &[
    field("enabled", Flag),
    field("generateOnRevoke", Flag),
    field("cacheDuration", Duration),
    field("renewPeriod", Duration),
    field("idpURL", Text),
];

const AUTHORITY: &[Field] = &[
    field("type", Word(&["", "softcas", "cloudcas", "stepcas", "vaultcas"])),
    field("certificateAuthority", Text),
    field("certificateAuthorityFingerprint", Text),
    field(
        "certificateIssuer",
        Object(&[
            field("type", Word(&["", "jwk", "x5c"])),
            field("provisioner", Text),
            field("crt", Text),
            field("key", Text),
            field("password", Secret),
        ]),
    ),
    field("credentialsFile", Text),
    field("config", Free),
    field("authorityId", Text),
    field("deploymentType", Word(&["", "standalone", "linked", "hosted"])),
    field("provisioners", List(&Provisioner)),
    field(
        "template",
        Object(&[
            field("country", Text),
            field("organization", Text),
            field("organizationalUnit", Text),
            field("locality", Text),
            field("province", Text),
            field("streetAddress", Text),
            field("serialNumber", Text),
            field("commonName", Text),
        ]),
    ),
    field("claims", Object(CLAIMS)),
    field("policy", Object(POLICY)),
    field("disableIssuedAtCheck", Flag),
    field("backdate", Duration),
    field("enableAdmin", Flag),
    field("disableGetSSHHosts", Flag),
];

const POLICY: &[Field] = &[
    field(
        "x509",
        Object(&[
            field("allow", Object(X509_NAMES)),
            field("deny", Object(X509_NAMES)),
            field("allowWildcardNames", Flag),
        ]),
    ),
    field("ssh", Object(&[field("user", Object(SSH_RULES)), field("host", Object(SSH_RULES))])),
];

const X509_NAMES: &[Field] = &[
    field("cn", TEXTS),
    field("dns", TEXTS),
    field("ip", TEXTS),
    field("email", TEXTS),
    field("uri", TEXTS),
];

const SSH_RULES: &[Field] = &[field("allow", Object(SSH_NAMES)), field("deny", Object(SSH_NAMES))];

const SSH_NAMES: &[Field] =
    &[field("dns", TEXTS), field("ip", TEXTS), field("email", TEXTS), field("principal", TEXTS)];

/// The claims of the authority or of one provisioner.
pub(in super::super) const CLAIMS: &[Field] = &[
    pointer("minTLSCertDuration", Duration),
    pointer("maxTLSCertDuration", Duration),
    pointer("defaultTLSCertDuration", Duration),
    pointer("minUserSSHCertDuration", Duration),
    pointer("maxUserSSHCertDuration", Duration),
    pointer("defaultUserSSHCertDuration", Duration),
    pointer("minHostSSHCertDuration", Duration),
    pointer("maxHostSSHCertDuration", Duration),
    pointer("defaultHostSSHCertDuration", Duration),
    pointer("enableSSHCA", Flag),
    pointer("disableRenewal", Flag),
    pointer("allowRenewalAfterExpiry", Flag),
    pointer("disableSmallstepExtensions", Flag),
];

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

/// The public members of a JWK, in the order in which step writes them.
pub(in super::super) const JWK: &[Field] = &[
    field("use", Text),
    field("kty", Text),
    field("kid", Text),
    field("crv", Text),
    field("alg", Text),
    field("x", Text),
    field("y", Text),
    field("n", Text),
    field("e", Text),
    field("x5c", TEXTS),
    field("x5u", Text),
    field("x5t", Text),
    field("x5t#S256", Text),
];

/// What a provisioner of that kind may hold.
pub(in super::super) fn provisioner_fields(kind: ProvisionerKind) -> &'static [Field] {
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
    field(
        "challenges",
        List(&Word(&[
            "http-01",
            "dns-01",
            "tls-alpn-01",
            "device-attest-01",
            "wire-oidc-01",
            "wire-dpop-01",
        ])),
    ),
    field("attestationFormats", List(&Word(&["apple", "step", "tpm", "android-key"]))),
    field("attestationRoots", Base64),
    CLAIMS_FIELD,
    OPTIONS_FIELD,
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
