//! On the embedded store of a new authority: what is printed, what lies in the store, and what is refused.

use clap::Parser;
use serde_json::Value;
use stepless_core::secret::SecretBytes;
use tempfile::TempDir;

use super::*;
use crate::args::{Arguments, Command};
use crate::init::{Folder, Plan, make};

/// An authority in a folder, with an ACME provisioner.
struct Authority {
    folder: TempDir,
    config: String,
}

impl Authority {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::new(folder.path()).unwrap();
        let plan = Plan {
            name: "Test",
            dns_names: &["localhost".to_owned()],
            address: "127.0.0.1:0",
            provisioner: "admin",
            acme_provisioner: Some("acme"),
        };
        make(&files, &plan, &SecretBytes::new(b"a password".to_vec())).await.unwrap();
        Self { config: files.config().display().to_string(), folder }
    }

    /// With further ACME provisioners of these names.
    fn with(self, names: &[&str]) -> Self {
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(&self.config).unwrap()).unwrap();
        let all = config["authority"]["provisioners"].as_array_mut().unwrap();
        all.extend(names.iter().map(|name| serde_json::json!({ "type": "ACME", "name": name })));
        std::fs::write(&self.config, config.to_string()).unwrap();
        self
    }

    /// What `stepless acme` prints, or is refused with.
    async fn says(&self, words: &[&str]) -> Result<String, String> {
        let all = [&["stepless", "acme"], words, &["--config", &self.config]].concat();
        let arguments = Arguments::try_parse_from(all).map_err(|error| error.to_string())?;
        let Command::Acme { command } = arguments.command else { panic!("not stepless acme") };
        answer(&command).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error} {}", cause.unwrap_or_default())
        })
    }

    async fn json(&self, words: &[&str]) -> Value {
        let said = self.says(&[words, &["--json"]].concat()).await.unwrap();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_until_it_is_removed() {
    let authority = Authority::new().await;

    let made = authority.json(&["eab", "add", "--reference", "web team"]).await;
    let (id, secret) = (made["id"].as_str().unwrap(), made["hmacKey"].as_str().unwrap());
    let listed = authority.says(&["eab", "list"]).await.unwrap();
    let listed_as_json = authority.json(&["eab", "list"]).await;
    let removed = authority.says(&["eab", "remove", id]).await;
    let again = authority.says(&["eab", "remove", id]).await;

    assert_eq!(secret.len(), 43, "32 octets in base64url without padding");
    assert!(listed.contains(id) && listed.contains("web team") && !listed.contains(secret), "{listed}");
    assert_eq!(listed_as_json[0]["id"], id);
    assert_eq!(listed_as_json[0]["provisioner"], "acme");
    assert!(listed_as_json[0].get("hmacKey").is_none());
    assert!(removed.unwrap().contains(id));
    assert!(again.unwrap_err().contains("has no key"));
    assert!(authority.says(&["eab", "list"]).await.unwrap().contains("has no keys"));
}

#[tokio::test]
async fn a_key_is_printed_as_certbot_and_lego_take_it() {
    let authority = Authority::new().await;

    let said = authority.says(&["eab", "add"]).await.unwrap();

    let word =
        |label: &str| said.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim().to_owned();
    let (id, secret) = (word("Key id:"), word("HMAC key:"));
    assert!(said.contains(&format!("certbot --eab-kid {id} --eab-hmac-key {secret}\n")), "{said}");
    assert!(said.contains(&format!("lego --eab --kid {id} --hmac {secret}\n")), "{said}");
}

#[tokio::test]
async fn a_bound_key_is_listed_with_its_account() {
    use stepless_core::acme::record::{BoundAccount, ExternalAccountKeyRecord};
    use stepless_core::store::{Condition, Write, table};

    let authority = Authority::new().await;
    let account = "AAAAAAAAAAAAAAAAAAAAAA";
    let record = ExternalAccountKeyRecord {
        hmac_key: None,
        reference: "web team".to_owned(),
        created: "2026-03-01T12:00:00Z".parse().unwrap(),
        bound: Some(BoundAccount {
            account: account.parse().unwrap(),
            at: "2026-03-02T12:00:00.5Z".parse().unwrap(),
        }),
    };
    let write = Write::Put {
        key: table::acme::external_account_key("acme/acme", "-key"),
        condition: Condition::Absent,
        value: table::encode(&record).unwrap(),
        expires: None,
        indexes: Vec::new(),
    };
    {
        let (loaded, clock) = (std::fs::read_to_string(&authority.config).unwrap(), SystemClock);
        let config = CaConfig::parse(&loaded).unwrap().0;
        let clock: Arc<dyn Clock> = Arc::new(clock);
        store::open_to_change(config.db.as_ref(), &clock).await.unwrap().commit(vec![write]).await.unwrap();
    }

    let listed = authority.says(&["eab", "list"]).await.unwrap();
    let removed = authority.says(&["eab", "remove", "-key"]).await;

    assert!(listed.contains(account) && listed.contains("2026-03-02T12:00:00Z"), "{listed}");
    removed.unwrap();
}

#[tokio::test]
async fn of_several_provisioners_one_has_to_be_named() {
    let authority = Authority::new().await.with(&["other"]);

    let unnamed = authority.says(&["eab", "add"]).await.unwrap_err();
    let unknown = authority.says(&["eab", "add", "--provisioner", "admin"]).await.unwrap_err();
    authority.says(&["eab", "add", "--provisioner", "other"]).await.unwrap();

    for refused in [unnamed, unknown] {
        assert!(refused.contains("\"acme\", \"other\""), "{refused}");
    }
    let of =
        async |name| authority.json(&["eab", "list", "--provisioner", name]).await.as_array().unwrap().len();
    assert_eq!((of("acme").await, of("other").await), (0, 1));
}

#[tokio::test]
async fn a_reference_is_one_line() {
    let authority = Authority::new().await;

    let refused = authority.says(&["eab", "add", "--reference", "a\nb"]).await.unwrap_err();

    assert!(refused.contains("control character"), "{refused}");
}

#[tokio::test]
async fn o13_a_store_in_use_is_not_changed_and_says_so() {
    let authority = Authority::new().await;
    let config = CaConfig::parse(&std::fs::read_to_string(&authority.config).unwrap()).unwrap().0;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let served = store::open(config.db.as_ref(), &clock).await.unwrap();

    for words in [&["eab", "list"][..], &["renewal", "list"]] {
        let refused = authority.says(words).await.unwrap_err();
        assert!(refused.contains("in use") && refused.contains("Stop the server"), "{refused}");
    }

    drop(served);
    assert!(authority.says(&["eab", "list"]).await.is_ok());
}

/// The password of the keys is nobody's business here.
#[tokio::test]
async fn no_key_of_the_authority_is_needed() {
    let authority = Authority::new().await;
    std::fs::remove_dir_all(authority.folder.path().join("secrets")).unwrap();

    assert!(authority.says(&["eab", "add"]).await.is_ok());
}

#[tokio::test]
async fn early_renewal_is_asked_for_listed_and_withdrawn() {
    let authority = Authority::new().await;
    let words = ["renewal", "ask", "--name", "incident", "--within", "12h", "--provisioner", "acme"];
    let more = ["--serial", "0x10", "--serial", "17", "--issued-before", "-1h"];

    let asked = authority.says(&[&words[..], &more].concat()).await.unwrap();
    let listed = authority.json(&["renewal", "list"]).await;
    let text = authority.says(&["renewal", "list"]).await.unwrap();
    let twice = authority.says(&words).await.unwrap_err();
    let withdrawn = authority.says(&["renewal", "withdraw", "incident"]).await;
    let again = authority.says(&["renewal", "withdraw", "incident"]).await.unwrap_err();

    assert!(asked.contains("RFC 9773"), "{asked}");
    let wish = &listed[0];
    assert_eq!((&wish["name"], &wish["provisioner"]), (&"incident".into(), &"acme".into()));
    assert_eq!(wish["serials"], serde_json::json!(["16", "17"]));
    let at = |member: &str| wish[member].as_str().unwrap().parse::<Timestamp>().unwrap().as_second();
    assert_eq!((at("end") - at("start"), at("start") - at("issuedBefore")), (12 * 3600, 3600));
    assert!(text.contains("incident") && text.contains("2 serial numbers of acme"), "{text}");
    assert!(twice.contains("already"), "{twice}");
    withdrawn.unwrap();
    assert!(again.contains("incident"), "{again}");
    assert_eq!(authority.json(&["renewal", "list"]).await, serde_json::json!([]));
}

#[tokio::test]
async fn a_window_is_named_by_both_ends_or_by_its_length() {
    let authority = Authority::new().await;
    let ask = ["renewal", "ask", "--name", "incident"];
    let says = async |more: &[&str]| authority.says(&[&ask[..], more].concat()).await;

    for more in [&[][..], &["--start", "1h"], &["--end", "1h"], &["--within", "1h", "--end", "2h"]] {
        let refused = says(more).await.unwrap_err();
        assert!(
            refused.contains("--within") || refused.contains("--end") || refused.contains("--start"),
            "{refused}"
        );
    }
    assert!(says(&["--start", "2h", "--end", "1h"]).await.unwrap_err().contains("must end after it starts"));
    assert!(says(&["--within", "1h", "--explanation-url", "ftp://a"]).await.unwrap_err().contains("http"));
    assert_eq!(authority.json(&["renewal", "list"]).await, serde_json::json!([]));
    says(&["--start", "-1h", "--end", "2126-01-01T00:00:00Z"]).await.unwrap();
}
