//! The folders the servers serve: their keys, issuers and provisioners.

use std::{collections::BTreeMap, ffi::OsStr, fs, path::Path, process::Command, sync::Arc};

use serde_json::{Value, json};
use stepless_tests::{
    CaFolder, Key, KeyKind,
    acme::{DnsServer, HttpServer, TlsServer},
    asn1::{pem, unpem},
    leaf, programs,
};

/// Which folder a case needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorldKind {
    /// `step ca init` as most people run it, with provisioners of many settings.
    Main,
    /// RSA issuers, a federated root, two names, another backdate and other claims for all.
    Rsa,
    /// `step ca init --ssh --acme`.
    Ssh,
    /// `step ca init --acme`, with provisioners of many settings, and answers to every challenge.
    Acme,
}

/// A folder, and every private key a test needs to act as its clients and its operator.
pub(crate) struct World {
    folder: CaFolder,
    provisioners: BTreeMap<String, Arc<Key>>,
    client_keys: BTreeMap<KeyKind, Arc<Key>>,
    issuer_key: Key,
    responders: Option<Responders>,
}

/// Who answers validations.
#[derive(Clone, Debug)]
pub(crate) struct Responders {
    pub(crate) http: HttpServer,
    pub(crate) tls: TlsServer,
    pub(crate) dns: DnsServer,
}

impl World {
    pub(crate) fn make(kind: WorldKind) -> Self {
        let folder = CaFolder::init(match kind {
            WorldKind::Main | WorldKind::Rsa => &[],
            WorldKind::Ssh => &["--ssh", "--acme"],
            WorldKind::Acme => &["--acme"],
        });
        let mut provisioners = BTreeMap::from([("admin".to_owned(), Arc::new(folder.admin_key()))]);
        match kind {
            WorldKind::Main => {
                begin_earlier(&folder);
                add_provisioners(&folder, &mut provisioners);
            }
            WorldKind::Rsa => use_rsa(&folder),
            WorldKind::Ssh => {}
            WorldKind::Acme => add_acme_provisioners(&folder),
        }
        let responders = (kind == WorldKind::Acme).then(|| Responders {
            http: HttpServer::start(),
            tls: TlsServer::start(),
            dns: DnsServer::start(),
        });
        let kinds = [
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::P521,
            KeyKind::Ed25519,
            KeyKind::Rsa2048,
            KeyKind::Rsa4096,
        ];
        let client_keys = kinds.into_iter().map(|kind| (kind, Arc::new(Key::generate(kind)))).collect();
        let issuer_key = folder.intermediate_key();
        Self { folder, provisioners, client_keys, issuer_key, responders }
    }

    /// The flags that a server of this world is started with.
    pub(crate) fn flags(&self) -> Vec<String> {
        let Some(Responders { http, tls, dns }) = &self.responders else { return Vec::new() };
        vec![
            "--insecure".into(),
            format!("--acme-http-port={}", http.port()),
            format!("--acme-tls-port={}", tls.port()),
            format!("--resolver={}", dns.address()),
        ]
    }

    /// Who answers validations in this world.
    pub(crate) fn responders(&self) -> &Responders {
        self.responders.as_ref().expect("only cases of ACME ask")
    }

    pub(crate) fn folder(&self) -> &CaFolder {
        &self.folder
    }

    /// The key of a JWK provisioner.
    pub(crate) fn provisioner(&self, name: &str) -> Arc<Key> {
        Arc::clone(self.provisioners.get(name).unwrap_or_else(|| panic!("no provisioner is named {name}")))
    }

    /// The one client key of that kind, the same for both servers.
    pub(crate) fn client_key(&self, kind: KeyKind) -> Arc<Key> {
        Arc::clone(&self.client_keys[&kind])
    }

    /// The key of the issuing intermediate.
    pub(crate) fn issuer_key(&self) -> &Key {
        &self.issuer_key
    }

    /// The chain below the root, issuing intermediate first, in DER.
    pub(crate) fn intermediates(&self) -> Vec<Vec<u8>> {
        unpem(&self.folder.read("certs/intermediate_ca.crt"))
    }

    /// The root in DER.
    pub(crate) fn root(&self) -> Vec<u8> {
        unpem(&self.folder.root_pem()).remove(0)
    }
}

/// Makes the issuers a day older: a chain is also verified at the moment its leaf began, which is before now.
fn begin_earlier(folder: &CaFolder) {
    let root_key = folder.root_key();
    let start = jiff::Timestamp::now().as_second() - DAY;
    for relative in ["certs/root_ca.crt", "certs/intermediate_ca.crt"] {
        let old = unpem(&folder.read(relative)).remove(0);
        let new = leaf::begin_earlier(&old, start, &root_key);
        fs::write(folder.path().join(relative), pem("CERTIFICATE", &new)).expect("the folder is ours");
    }
}

fn add_provisioners(folder: &CaFolder, keys: &mut BTreeMap<String, Arc<Key>>) {
    let mut list = Vec::new();
    let mut add = |name: &str, kind: KeyKind, claims: Option<Value>| {
        let key = Arc::new(Key::generate(kind));
        let mut provisioner = json!({"type": "JWK", "name": name, "key": key.jwk()});
        if let Some(claims) = claims {
            provisioner["claims"] = claims;
        }
        list.push(provisioner);
        keys.insert(name.to_owned(), key);
    };
    add("no-renewal", KeyKind::P256, Some(json!({"disableRenewal": true})));
    add(
        "after-expiry",
        KeyKind::P256,
        Some(json!({"allowRenewalAfterExpiry": true, "minTLSCertDuration": "10s"})),
    );
    add(
        "short",
        KeyKind::P256,
        Some(
            json!({"minTLSCertDuration": "10s", "maxTLSCertDuration": "10m", "defaultTLSCertDuration": "2m"}),
        ),
    );
    add(
        "long",
        KeyKind::P256,
        Some(json!({"maxTLSCertDuration": "2160h", "defaultTLSCertDuration": "720h30m"})),
    );
    add("no-extension", KeyKind::P256, Some(json!({"disableSmallstepExtensions": true})));
    add("p384", KeyKind::P384, None);
    add("p521", KeyKind::P521, None);
    add("ed25519", KeyKind::Ed25519, None);
    add("rsa", KeyKind::Rsa2048, None);
    add(ODD_NAME, KeyKind::P256, None);
    for number in 1..=12 {
        add(&format!("page-{number:02}"), KeyKind::P256, None);
    }
    folder.edit(|config| {
        let all = config["authority"]["provisioners"].as_array_mut().expect("step ca init wrote a list");
        all.extend(list);
    });
}

fn add_acme_provisioners(folder: &CaFolder) {
    let list = [
        json!({
            "type": "ACME", "name": "terms", "termsOfService": "https://ca.example/terms",
            "website": "https://ca.example", "caaIdentities": ["ca.example"],
        }),
        json!({"type": "ACME", "name": "bound", "requireEAB": true}),
        json!({"type": "ACME", "name": "http-only", "challenges": ["http-01"]}),
        json!({"type": "ACME", "name": "common-name", "forceCN": true}),
        json!({"type": "ACME", "name": "my acme"}),
        json!({
            "type": "ACME", "name": "short",
            "claims": {"minTLSCertDuration": "1m", "maxTLSCertDuration": "1h", "defaultTLSCertDuration": "30m"},
        }),
    ];
    folder.edit(|config| {
        let all = config["authority"]["provisioners"].as_array_mut().expect("step ca init wrote a list");
        all.extend(list);
    });
}

fn use_rsa(folder: &CaFolder) {
    let path = |relative: &str| folder.path().join(relative);
    let password = folder.password_file();
    let create = |flags: &[&OsStr], subject: &str, certificate: &Path, key: &Path| {
        programs::output(
            folder
                .step()
                .args(["certificate", "create", "--force", "--kty", "RSA", "--password-file"])
                .arg(&password)
                .args(flags)
                .arg(subject)
                .arg(certificate)
                .arg(key),
        );
    };
    let (root, root_key) = (path("certs/root_ca.crt"), path("secrets/root_ca_key"));
    create(&["--profile", "root-ca"].map(OsStr::new), "Other, \"Root\"", &root, &root_key);
    let by_root = [
        "--profile".as_ref(),
        "intermediate-ca".as_ref(),
        "--ca".as_ref(),
        root.as_os_str(),
        "--ca-key".as_ref(),
        root_key.as_os_str(),
        "--ca-password-file".as_ref(),
        password.as_os_str(),
    ];
    let issuer = (path("certs/intermediate_ca.crt"), path("secrets/intermediate_ca_key"));
    create(&by_root, "Issuing + Sons", &issuer.0, &issuer.1);
    programs::output(
        Command::new(programs::step())
            .args(["certificate", "create", "--profile", "root-ca", "--no-password", "--insecure", "Friend"])
            .arg(path("certs/friend.crt"))
            .arg(path("secrets/friend_key")),
    );
    fs::remove_file(path("secrets/friend_key")).expect("the folder is ours");
    folder.edit(|config| {
        config["federatedRoots"] = json!([path("certs/friend.crt")]);
        config["dnsNames"] = json!(["localhost", "127.0.0.1", "::1", "ca.example.com"]);
        config["authority"]["backdate"] = "3m0s".into();
        config["authority"]["disableIssuedAtCheck"] = true.into();
        config["authority"]["claims"] =
            json!({"minTLSCertDuration": "1m", "maxTLSCertDuration": "12h", "defaultTLSCertDuration": "1h"});
        config["commonName"] = "The Other CA".into();
        config["tls"] = Value::Null;
    });
}

/// A name with what HTML, JSON, URLs and tokens each escape.
pub(crate) const ODD_NAME: &str = "odd: <é> & \"quotes\"/%2F+";

/// Seconds.
const DAY: i64 = 86_400;
