//! The CA folder that every server under test gets a copy of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use stepless_localstack::port::ReservedAddress;
use tempfile::TempDir;

use crate::error::BenchError;

/// A folder as `step ca init` makes it, in a temporary place.
pub(crate) struct AuthorityFolder {
    folder: TempDir,
    pub(crate) root: CertificateDer<'static>,
    pub(crate) provisioner: ProvisionerKey,
}

/// What a token is signed with.
pub(crate) struct ProvisionerKey {
    pub(crate) key_id: String,
    pub(crate) private: Vec<u8>,
    /// The uncompressed point.
    pub(crate) public: Vec<u8>,
}

/// Which provisioners it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provisioners {
    /// [`PROVISIONER`] alone.
    Jwk,
    /// That, and one for ACME named `acme`.
    JwkAndAcme,
}

impl Provisioners {
    /// What `init` is told, that of `step ca` and that of `stepless`.
    pub(crate) fn init_flags(self) -> &'static [&'static str] {
        match self {
            Self::Jwk => &[],
            Self::JwkAndAcme => &["--acme"],
        }
    }
}

pub(crate) const PROVISIONER: &str = "bench";
pub(crate) const HOST: &str = "localhost";

const PASSWORD_FILE: &str = "password.txt";
const CA_JSON: &str = "config/ca.json";

impl AuthorityFolder {
    pub(crate) fn make(step: &Path, provisioners: Provisioners) -> Result<Self, BenchError> {
        let folder = temporary_folder()?;
        let path = folder.path();
        let password = path.join(PASSWORD_FILE);
        // It guards nothing: the folder is gone with the run.
        fs::write(&password, "a password for the benchmark\n").map_err(BenchError::file(&password))?;
        run_tool(
            Command::new(step)
                .env("STEPPATH", path)
                .args(["ca", "init", "--name", "Benchmark", "--dns", HOST, "--address", "127.0.0.1:0"])
                .args(["--provisioner", PROVISIONER, "--deployment-type", "standalone"])
                .arg("--password-file")
                .arg(&password)
                .args(provisioners.init_flags()),
            b"",
        )?;

        let root_file = path.join("certs/root_ca.crt");
        let root = CertificateDer::from_pem_file(&root_file)
            .map_err(|_not_pem| BenchError::Folder { what: "root certificate" })?;
        let config = read_json(&path.join(CA_JSON))?;
        let encrypted = config
            .pointer("/authority/provisioners/0/encryptedKey")
            .and_then(Value::as_str)
            .ok_or(BenchError::Folder { what: "provisioner key" })?;
        let provisioner = decrypt_provisioner_key(step, path, encrypted, &password)?;
        Ok(Self { folder, root, provisioner })
    }

    /// The root's fingerprint, as tokens name it.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(digest(&SHA256, &self.root))
    }

    /// A copy of its own for one server, set to a free loopback port.
    pub(crate) fn copy(&self) -> Result<ServerFolder, BenchError> {
        let copy = temporary_folder()?;
        copy_tree(self.folder.path(), copy.path())?;

        let reserved = ReservedAddress::any().map_err(BenchError::Connection)?;
        let address = reserved.address();

        let path = copy.path().join(CA_JSON);
        let mut config = read_json(&path)?;
        move_paths(&mut config, &self.folder.path().to_string_lossy(), &copy.path().to_string_lossy());
        if let Some(place) = config.get_mut("address") {
            *place = Value::String(address.to_string());
        }
        fs::write(&path, config.to_string()).map_err(BenchError::file(&path))?;
        Ok(ServerFolder { folder: copy, port: address.port(), _reserved: reserved })
    }
}

/// One server's copy; removed when it is dropped.
pub(crate) struct ServerFolder {
    folder: TempDir,
    pub(crate) port: u16,
    _reserved: ReservedAddress,
}

impl ServerFolder {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join(CA_JSON)
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join(PASSWORD_FILE)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

/// A folder that is removed when it is dropped.
pub(crate) fn temporary_folder() -> Result<TempDir, BenchError> {
    tempfile::Builder::new()
        .prefix("stepless-bench-")
        .tempdir()
        .map_err(BenchError::file(std::env::temp_dir()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), BenchError> {
    for entry in fs::read_dir(from).map_err(BenchError::file(from))? {
        let entry = entry.map_err(BenchError::file(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(BenchError::file(&source))?.is_dir() {
            fs::create_dir(&target).map_err(BenchError::file(&target))?;
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(BenchError::file(&source))?;
        }
    }
    Ok(())
}

/// The file names its parts by absolute paths; in the copy they have to be the copy's.
fn move_paths(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(from) {
                *text = format!("{to}{rest}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_paths(item, from, to)),
        Value::Object(members) => members.values_mut().for_each(|member| move_paths(member, from, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn read_json(path: &Path) -> Result<Value, BenchError> {
    let text = fs::read(path).map_err(BenchError::file(path))?;
    serde_json::from_slice(&text).map_err(|source| BenchError::Json { what: "ca.json", source })
}

#[derive(Deserialize)]
struct PrivateJwk {
    kid: String,
    d: String,
    x: String,
    y: String,
}

/// The key of a provisioner, as `step` decrypts it; `folder` is for its settings.
pub(crate) fn decrypt_provisioner_key(
    step: &Path,
    folder: &Path,
    encrypted: &str,
    password: &Path,
) -> Result<ProvisionerKey, BenchError> {
    let decrypted = run_tool(
        Command::new(step)
            .env("STEPPATH", folder)
            .args(["crypto", "jwe", "decrypt", "--password-file"])
            .arg(password),
        encrypted.as_bytes(),
    )?;
    let jwk: PrivateJwk = serde_json::from_slice(&decrypted)
        .map_err(|source| BenchError::Json { what: "the provisioner key", source })?;
    let octets =
        |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| BenchError::Folder { what: "provisioner key" });
    let mut public = vec![0x04];
    public.extend(octets(&jwk.x)?);
    public.extend(octets(&jwk.y)?);
    Ok(ProvisionerKey { key_id: jwk.kid, private: octets(&jwk.d)?, public })
}

/// Runs a program with this input to its end, and returns what it wrote.
pub(crate) fn run_tool(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, BenchError> {
    use std::io::Write;

    let path = PathBuf::from(command.get_program());
    let start = |source| BenchError::Start { path: path.clone(), source };
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input says why on its standard error.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(start)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BenchError::Tool { program: path.display().to_string(), stderr });
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_copied_config_points_into_the_copy_and_nowhere_else() {
        let mut config =
            json!({"root": "/a/certs/r", "db": {"dataSource": "/a/db"}, "dnsNames": ["localhost", "/b/x"]});

        move_paths(&mut config, "/a", "/copy");

        assert_eq!(
            config,
            json!({"root": "/copy/certs/r", "db": {"dataSource": "/copy/db"}, "dnsNames": ["localhost", "/b/x"]})
        );
    }
}
