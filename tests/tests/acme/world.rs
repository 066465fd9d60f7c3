//! The server under test and its surroundings: one for all tests that run at the same time.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::json;
use stepless_tests::{
    CaFolder, Client, Key, Program, Server,
    acme::{
        Account, Acme, DnsServer, HttpServer, TlsServer,
        account::{Challenge, Order, csr, fresh_key},
        jws::{base64url, sha256},
    },
    client::roots_of,
};

use crate::{
    binding::BindingKey,
    provisioners::{self, PLAIN},
};

/// A running authority, and who answers its validations.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) folder: CaFolder,
    pub(crate) http: HttpServer,
    pub(crate) tls: TlsServer,
    pub(crate) dns: DnsServer,
    binding_keys: Mutex<Result<Vec<BindingKey>, String>>,
    probes: Mutex<HashMap<String, Arc<Account>>>,
}

/// The world of the tests that run now. It ends with the last of them.
pub(crate) fn world() -> Arc<World> {
    static WORLD: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut running = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let world = Arc::new(World::start(&[]));
        *running = Arc::downgrade(&world);
        world
    })
}

impl World {
    /// A server of its own, with more environment.
    pub(crate) fn start(environment: &[(String, String)]) -> Self {
        let (http, tls, dns) = (HttpServer::start(), TlsServer::start(), DnsServer::start());
        let folder = CaFolder::init_by_stepless_with(&["--acme"]);
        folder.edit(|config| {
            let list = config["authority"]["provisioners"].as_array_mut().expect("init wrote a list");
            list.retain(|provisioner| provisioner["type"] != "ACME");
            list.extend(provisioners::all());
        });
        let binding_keys = BindingKey::make(&folder, provisioners::BOUND, BINDING_KEYS);
        let flags = [
            "--insecure".to_owned(),
            format!("--acme-http-port={}", http.port()),
            format!("--acme-tls-port={}", tls.port()),
            format!("--resolver={}", dns.address()),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_ref())).collect();
        let server = Server::start_in(Program::Stepless, &folder, &flags, &environment);
        let binding_keys = Mutex::new(binding_keys);
        Self { server, folder, http, tls, dns, binding_keys, probes: Mutex::default() }
    }

    /// A raw client of the server.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.address(), roots_of(&self.folder.root_pem()))
    }

    /// The directory's URL of a provisioner.
    pub(crate) fn directory_url(&self, provisioner: &str) -> String {
        format!("{}/acme/{provisioner}/directory", self.server.url())
    }

    /// A client of a provisioner.
    pub(crate) fn acme(&self, provisioner: &str) -> Acme {
        Acme::new(self.client(), &self.directory_url(provisioner))
    }

    /// A new account of the plain provisioner.
    pub(crate) fn account(&self) -> Account {
        self.account_at(PLAIN)
    }

    /// A new account of a provisioner.
    pub(crate) fn account_at(&self, provisioner: &str) -> Account {
        self.acme(provisioner).account_with(fresh_key(), &json!({"termsOfServiceAgreed": true}))
    }

    /// An account that no test changes, for the question whether a nonce works.
    pub(crate) fn probe(&self, acme: &Acme) -> Arc<Account> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let probe = probes.entry(acme.directory_url().to_owned()).or_insert_with(|| {
            let acme = acme.again();
            let key = fresh_key();
            let mut payload = json!({"termsOfServiceAgreed": true});
            if acme.directory().meta["externalAccountRequired"] == true {
                payload["externalAccountBinding"] = self.binding_key().bind(&acme, &key).members;
            }
            Arc::new(acme.account_with(key, &payload))
        });
        // Nonces are kept by a client, so each caller gets its own.
        Arc::new(probe.again())
    }

    /// A key for an external account binding that nobody has used.
    pub(crate) fn binding_key(&self) -> BindingKey {
        match &mut *self.binding_keys.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(keys) => keys.pop().expect("more keys are made than tests use"),
            Err(why) => panic!("`stepless acme eab add` made no key: {why}"),
        }
    }

    /// Shows on the web what an http-01 challenge asks for.
    pub(crate) fn show(&self, account: &Account, host: &str, challenge: &Challenge) {
        self.http.show(host, &challenge.token, &account.key_authorization(&challenge.token));
    }

    /// Shows in the DNS what a dns-01 challenge asks for.
    pub(crate) fn show_in_dns(&self, account: &Account, name: &str, challenge: &Challenge) {
        let value = base64url(&sha256(account.key_authorization(&challenge.token).as_bytes()));
        self.dns.set_txt(&format!("_acme-challenge.{name}"), &[&value]);
    }

    /// Proves the control of an authorization's name, by http-01 or, for a wildcard, by dns-01.
    #[track_caller]
    pub(crate) fn prove(&self, account: &Account, authorization: &str) {
        let object = account.authorization(authorization);
        if object["status"] == "valid" {
            return;
        }
        let name = object["identifier"]["value"].as_str().expect("an identifier has a value");
        let kind = if object["wildcard"] == true { "dns-01" } else { "http-01" };
        let challenge = Challenge::find(&object, kind).unwrap_or_else(|| panic!("no {kind}: {object}"));
        match kind {
            "dns-01" => self.show_in_dns(account, name, &challenge),
            _ => self.show(account, name, &challenge),
        }
        account.ready(&challenge).assert_status(200);
        let settled = account.settle(authorization);
        assert_eq!(settled["status"], "valid", "{settled}");
    }

    /// An order of these names, all proved.
    #[track_caller]
    pub(crate) fn ready_order(&self, account: &Account, names: &[&str]) -> Order {
        let order = account.order(names);
        self.prove_all(account, &order);
        order
    }

    /// Proves every name of an order.
    #[track_caller]
    pub(crate) fn prove_all(&self, account: &Account, order: &Order) {
        for authorization in &order.authorizations {
            self.prove(account, authorization);
        }
        assert_eq!(account.get(&order.url).text("status"), "ready");
    }

    /// A certificate for these names.
    #[track_caller]
    pub(crate) fn issue(&self, account: &Account, names: &[&str]) -> Issued {
        let order = self.ready_order(account, names);
        self.finish(account, order, names)
    }

    /// The certificate of a ready order.
    #[track_caller]
    pub(crate) fn finish(&self, account: &Account, order: Order, names: &[&str]) -> Issued {
        let key = fresh_key();
        let answer = account.finalize(&order, &csr(names, &key));
        assert_eq!(answer.status(), 200, "{answer}");
        let object = account.settle(&order.url);
        assert_eq!(object["status"], "valid", "{object}");
        let url = object["certificate"].as_str().expect("a valid order has a certificate").to_owned();
        let chain = account.chain(&url);
        Issued { order, key, url, chain }
    }
}

/// A certificate and where it came from.
pub(crate) struct Issued {
    pub(crate) order: Order,
    pub(crate) key: Key,
    /// Where it can be downloaded.
    pub(crate) url: String,
    /// Leaf first, in DER.
    pub(crate) chain: Vec<Vec<u8>>,
}

/// A name that no other test uses.
pub(crate) fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("t{}.example", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An address where nobody listens.
pub(crate) fn unreachable(world: &World, name: &str) {
    world.dns.set_address(name, NOBODY);
}

/// Where none of the servers listens.
const NOBODY: Ipv4Addr = stepless_tests::acme::loopback::NOBODY;

/// As many keys as the tests and the probes need.
const BINDING_KEYS: usize = 24;
