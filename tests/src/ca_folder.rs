//! A CA folder as `step ca init` makes it, and copies of it for servers that must not share a database.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Key, programs};

/// A folder with `config/ca.json`, `certs`, `secrets` and `db`; removed when dropped.
#[derive(Debug)]
pub struct CaFolder {
    dir: TempDir,
}

impl CaFolder {
    /// Runs `step ca init` with one JWK provisioner named `admin`; `extra` are more flags of it (`--ssh`, `--acme`).
    pub fn init(extra: &[&str]) -> Self {
        let folder = Self::empty();
        fs::write(folder.password_file(), PASSWORD).expect("the folder is ours");
        let password = folder.password_file();
        programs::output(
            folder
                .step()
                .args(["ca", "init", "--deployment-type", "standalone", "--name", "Test CA"])
                .args(["--dns", "localhost", "--dns", "127.0.0.1", "--address", "127.0.0.1:0"])
                .args(["--provisioner", "admin"])
                .arg("--password-file")
                .arg(&password)
                .arg("--provisioner-password-file")
                .arg(&password)
                .args(extra),
        );
        folder
    }

    /// Runs `stepless init` with the names that [`CaFolder::init`] uses.
    pub fn init_by_stepless() -> Self {
        Self::init_by_stepless_with(&[])
    }

    /// As [`CaFolder::init_by_stepless`], with more flags of `stepless init` (`--acme`).
    pub fn init_by_stepless_with(extra: &[&str]) -> Self {
        let folder = Self::empty();
        fs::write(folder.password_file(), PASSWORD).expect("the folder is ours");
        programs::output(
            Command::new(programs::stepless())
                .args([
                    "init",
                    "--name",
                    "Test CA",
                    "--dns",
                    "localhost,127.0.0.1",
                    "--address",
                    "127.0.0.1:0",
                ])
                .args(["--provisioner", "admin"])
                .arg("--password-file")
                .arg(folder.password_file())
                .arg("--dir")
                .arg(folder.path())
                .args(extra),
        );
        folder
    }

    /// A copy under another path, with the paths in `ca.json` rewritten and an empty database.
    pub fn copy(&self) -> Self {
        let copy = Self::empty();
        copy_all(self.path(), copy.path());
        let (from, to) = (display(self.path()), display(copy.path()));
        for name in ["ca.json", "defaults.json"] {
            let path = copy.path().join("config").join(name);
            let text = fs::read_to_string(&path).expect("step ca init wrote it");
            fs::write(&path, text.replace(&from, &to)).expect("the copy is ours");
        }
        copy
    }

    /// Changes `ca.json`.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.config();
        change(&mut config);
        let text = serde_json::to_string_pretty(&config).expect("a JSON value has a text");
        fs::write(self.config_path(), text).expect("the folder is ours");
    }

    /// `ca.json`, parsed.
    pub fn config(&self) -> Value {
        serde_json::from_str(&self.read("config/ca.json")).expect("ca.json is JSON")
    }

    /// A file of the folder as text.
    pub fn read(&self, relative: &str) -> String {
        let path = self.path().join(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The root certificates in PEM.
    pub fn root_pem(&self) -> String {
        self.read("certs/root_ca.crt")
    }

    /// A command of the `step` CLI whose STEPPATH is this folder.
    pub fn step(&self) -> Command {
        let mut command = Command::new(programs::step());
        command.env("STEPPATH", self.path()).env_remove("STEP_CONTEXT");
        command
    }

    /// The private key of the provisioner `admin`.
    pub fn admin_key(&self) -> Key {
        let config = self.config();
        let encrypted =
            config["authority"]["provisioners"][0]["encryptedKey"].as_str().expect("admin has a key");
        let file = self.path().join("admin.jwe");
        fs::write(&file, encrypted).expect("the folder is ours");
        let clear = programs::output(Command::new("sh").arg("-c").arg(format!(
            "'{}' crypto jwe decrypt --password-file '{}' < '{}'",
            programs::step().display(),
            self.password_file().display(),
            file.display(),
        )));
        Key::from_jwk(&serde_json::from_slice(&clear).expect("the JWE holds a JWK"))
    }

    /// The key of the issuing intermediate.
    pub fn intermediate_key(&self) -> Key {
        self.key("secrets/intermediate_ca_key")
    }

    /// The key of the root.
    pub fn root_key(&self) -> Key {
        self.key("secrets/root_ca_key")
    }

    fn key(&self, relative: &str) -> Key {
        Key::from_pkcs8(&programs::output(
            Command::new("openssl")
                .args(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in"])
                .arg(self.path().join(relative))
                .arg("-passin")
                .arg(format!("file:{}", self.password_file().display())),
        ))
    }

    /// The root of the folder: STEPPATH.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `config/ca.json`.
    pub fn config_path(&self) -> PathBuf {
        self.path().join("config/ca.json")
    }

    /// The file with the password of every key in the folder.
    pub fn password_file(&self) -> PathBuf {
        self.path().join("password")
    }

    /// A folder with nothing but the password in it.
    pub(crate) fn empty_with_password() -> Self {
        let folder = Self::empty();
        fs::write(folder.password_file(), PASSWORD).expect("the folder is ours");
        folder
    }

    fn empty() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("stepless-ca-")
            .tempdir()
            .expect("a temporary folder can be made");
        Self { dir }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy is ours");
    for entry in fs::read_dir(from).expect("the original is readable") {
        let entry = entry.expect("the original is readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file has a type").is_dir() {
            if entry.file_name() == "db" {
                fs::create_dir_all(&target).expect("the copy is ours");
            } else {
                copy_all(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), &target).expect("the copy is ours");
        }
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// The password of every key in a test's folder.
pub const PASSWORD: &str = "correct horse battery staple";
