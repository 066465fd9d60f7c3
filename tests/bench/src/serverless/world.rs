//! The world of the functions: an emulator behind the relay, a table, an authority that `stepless init` made, and the
//! credentials for its requests.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use stepless_localstack::emulator::Ministack;
use stepless_localstack::resources::{self, Emulators};
use stepless_localstack::template::Template;
use stepless_localstack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use tempfile::TempDir;

use super::event;
use super::function::Function;
use super::relay::Relay;
use crate::authority::{
    HOST, PROVISIONER, Provisioners, decrypt_provisioner_key, run_tool, temporary_folder,
};
use crate::credentials::{Minter, Request};
use crate::error::BenchError;

/// The programs of a run.
pub(crate) struct Programs {
    pub(crate) step: PathBuf,
    pub(crate) stepless: PathBuf,
    /// Folder of the Lambda binaries.
    pub(crate) functions: PathBuf,
    /// `template.yaml`, which says what table and keys there are.
    pub(crate) template: PathBuf,
}

/// Everything that a function needs, and everything that a request to one is made of.
pub(crate) struct World {
    pub(crate) relay: Relay,
    table: String,
    /// The URL of the one queue there is.
    queue: String,
    folder: TempDir,
    logs: AtomicUsize,
    sign: Option<Minter>,
    revoke: Option<Minter>,
    requests: Vec<Request>,
    _emulator: Ministack,
}

impl World {
    /// Starts the emulator and makes an authority in it.
    pub(crate) fn make(programs: &Programs, provisioners: Provisioners) -> Result<Self, BenchError> {
        let folder = temporary_folder()?;
        let emulator = Ministack::start_in(folder.path())?;
        let endpoint = emulator.endpoint();
        let template = &programs.template;
        let text = fs::read_to_string(template).map_err(BenchError::file(template))?;
        let template = Template::read(&text, STACK, &[])?;
        let made = resources::create(&template, STACK, Emulators::all(endpoint))?;
        let upstream = endpoint.url();
        let upstream = upstream.trim_start_matches("http://").parse();
        let upstream = upstream.map_err(|_| BenchError::Answer { what: "an emulator without an address" })?;
        let requests = (0..PREPARED).map(|number| Request::new(&format!("host-{number:04}.bench.test")));
        let mut world = Self {
            relay: Relay::start(upstream).map_err(BenchError::Connection)?,
            table: made.table,
            queue: made.queues.into_values().next().unwrap_or_default(),
            folder,
            logs: AtomicUsize::new(0),
            sign: None,
            revoke: None,
            requests: requests.collect::<Result<_, _>>()?,
            _emulator: emulator,
        };
        world.init(programs, provisioners)?;
        Ok(world)
    }

    fn init(&mut self, programs: &Programs, provisioners: Provisioners) -> Result<(), BenchError> {
        let path = self.folder.path();
        let (password, root) = (path.join("password"), path.join("root.pem"));
        // It guards nothing: the emulator forgets it all.
        fs::write(&password, "a password for the benchmark\n").map_err(BenchError::file(&password))?;
        let mut init = Command::new(&programs.stepless);
        init.envs(self.environment())
            .args(["init", "--name", "Benchmark", "--dns", HOST, "--provisioner", PROVISIONER])
            .args(["--kms", "awskms:", "--store", &self.configuration()])
            .args(["--root-key", &format!("awskms:key-id=alias/{STACK}-root")])
            .args(["--issuer-key", &format!("awskms:key-id=alias/{STACK}-issuer")])
            .arg("--password-file")
            .arg(&password)
            .arg("--root-out")
            .arg(&root)
            .args(provisioners.init_flags());
        run_tool(&mut init, b"")?;
        if provisioners == Provisioners::JwkAndAcme {
            self.allow_loopback(programs)?;
        }

        let certificate = CertificateDer::from_pem_file(&root)
            .map_err(|_not_pem| BenchError::Folder { what: "root certificate" })?;
        let fingerprint = hex::encode(digest(&SHA256, &certificate));
        let info = Function::start(&programs.functions.join("stepless-info"), self)?;
        let (listing, _) = info.ask(&event::http_api("GET", "/provisioners", None, None), 200)?;
        let encrypted = listing
            .pointer("/provisioners/0/encryptedKey")
            .and_then(Value::as_str)
            .ok_or(BenchError::Folder { what: "provisioner key" })?;
        let key = decrypt_provisioner_key(&programs.step, path, encrypted, &password)?;
        let minter =
            |route: &str| Minter::new(&key, format!("https://{HOST}/1.0/{route}"), fingerprint.clone());
        self.sign = Some(minter("sign")?);
        self.revoke = Some(minter("revoke")?);
        Ok(())
    }

    /// Lets the ACME provisioner validate names that lead to loopback.
    fn allow_loopback(&self, programs: &Programs) -> Result<(), BenchError> {
        let config = || {
            let mut command = Command::new(&programs.stepless);
            command.envs(self.environment()).arg("config");
            command
        };
        let text = run_tool(config().args(["show", &self.configuration()]), b"")?;
        let mut value: Value = serde_json::from_slice(&text)
            .map_err(|source| BenchError::Json { what: "the configuration", source })?;
        let provisioners = value.pointer_mut("/authority/provisioners").and_then(Value::as_array_mut);
        let of_acme = |provisioner: &&mut Value| provisioner.get("type").is_some_and(|kind| kind == "ACME");
        let acme = provisioners.into_iter().flatten().find(of_acme).and_then(Value::as_object_mut);
        let acme = acme.ok_or(BenchError::Folder { what: "ACME provisioner" })?;
        acme.insert("allowedTargets".to_owned(), json!(["127.0.0.0/8"]));
        run_tool(config().args(["set", &self.configuration(), "-"]), value.to_string().as_bytes())?;
        Ok(())
    }

    /// `STEPLESS_CONFIG`.
    pub(crate) fn configuration(&self) -> String {
        format!("dynamodb:{}", self.table)
    }

    /// Where the SDK finds AWS.
    pub(crate) fn environment(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("AWS_ENDPOINT_URL", self.relay.url()),
            ("STEPLESS_QUEUE_URL", self.queue.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ])
    }

    /// A new place for the log of a process.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{name}-{number}.log"))
    }

    /// An event for a certificate with a fresh token; `number` chooses the name.
    pub(crate) fn sign_event(&self, number: usize) -> Result<Vec<u8>, BenchError> {
        let request = self.requests.get(number % PREPARED);
        let request = request.ok_or(BenchError::Answer { what: "no request was prepared" })?;
        let token = token(self.sign.as_ref(), &request.name)?;
        let body = json!({ "csr": request.pem(), "ott": token });
        Ok(event::http_api("POST", "/1.0/sign", Some(&body), None))
    }

    /// An event that revokes the certificate with this serial number.
    pub(crate) fn revoke_event(&self, serial: &str) -> Result<Vec<u8>, BenchError> {
        let token = token(self.revoke.as_ref(), serial)?;
        let body =
            json!({ "serial": serial, "ott": token, "reasonCode": 4, "reason": "bench", "passive": true });
        Ok(event::http_api("POST", "/1.0/revoke", Some(&body), None))
    }
}

fn token(minter: Option<&Minter>, subject: &str) -> Result<String, BenchError> {
    let minter = minter.ok_or(BenchError::Folder { what: "provisioner key" })?;
    let mut token = Vec::new();
    minter.mint(subject, &mut token)?;
    Ok(String::from_utf8_lossy(&token).into_owned())
}

/// What the stack is called whose template it is.
const STACK: &str = "bench";

/// Names and keys to sign, used again and again: nobody looks whether it has seen a key.
const PREPARED: usize = 64;
