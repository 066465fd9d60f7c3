//! The tables: one row a key, in the order in which step-ca writes them.

mod provisioners;

use super::Shape::{
    Decimal, Duration, Flag, Free, List, Object, Provisioner, PublicJwk, Secret, Text, TextOrTexts, Word,
};
use super::{Field, Shape, field, pointer};

pub(in super::super) use provisioners::provisioner_fields;

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
