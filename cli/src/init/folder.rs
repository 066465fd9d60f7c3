//! A new authority in a folder of step-ca's layout, with its keys in files.

use std::path::{Path, PathBuf};

use stepless_core::config::{CaConfig, InitDatabase, InitOptions, render_defaults};
use stepless_core::key::{KeyKind, LocalSigner, PrivateKey};
use stepless_core::secret::SecretBytes;
use stepless_core::x509::Certificate;
use stepless_net::SystemRandom;

use super::issuers::Issuers;
use super::{NewProvisioner, Plan, ca_url};
use crate::args::InitArguments;
use crate::error::{CliError, Context};
use crate::files::{self, Readers};
use crate::{password, shell};

/// Makes the authority and says what to do next.
pub(super) async fn run(arguments: &InitArguments) -> Result<(), CliError> {
    let folder = Folder::new(&arguments.dir)?;
    folder.refuse_existing()?;
    let password = match &arguments.password_file {
        Some(file) => password::from_file(file)?,
        None => password::choose()?,
    };
    let plan = Plan::of(arguments);
    let fingerprint = make(&folder, &plan, &password).await?;
    println!("Root certificate:         {}", folder.root_certificate().display());
    println!("Root private key:         {}", folder.root_key().display());
    println!("Root fingerprint:         {fingerprint}");
    println!("Intermediate certificate: {}", folder.intermediate_certificate().display());
    println!("Intermediate private key: {}", folder.intermediate_key().display());
    println!("Configuration:            {}", folder.config().display());
    println!();
    println!("Keep the root's private key offline: the authority works without it. Then serve it:");
    println!();
    let password_file = match &arguments.password_file {
        Some(file) => shell::path(&std::path::absolute(file).unwrap_or_else(|_| file.clone())),
        None => "FILE".to_owned(),
    };
    println!("  stepless serve {} --password-file {password_file}", shell::path(&folder.config()));
    Ok(())
}

/// Where the files of an authority lie; absolute, so that ca.json works from everywhere.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Result<Self, CliError> {
        std::path::absolute(path)
            .map(Self)
            .context(format_args!("the folder {} has no place", path.display()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("config/ca.json")
    }

    fn defaults(&self) -> PathBuf {
        self.0.join("config/defaults.json")
    }

    pub(crate) fn root_certificate(&self) -> PathBuf {
        self.0.join("certs/root_ca.crt")
    }

    fn root_key(&self) -> PathBuf {
        self.0.join("secrets/root_ca_key")
    }

    fn intermediate_certificate(&self) -> PathBuf {
        self.0.join("certs/intermediate_ca.crt")
    }

    fn intermediate_key(&self) -> PathBuf {
        self.0.join("secrets/intermediate_ca_key")
    }

    fn db(&self) -> PathBuf {
        self.0.join("db")
    }

    /// Nothing is overwritten, and nothing is made beside files of another authority.
    pub(crate) fn refuse_existing(&self) -> Result<(), CliError> {
        let files = [
            self.config(),
            self.defaults(),
            self.root_certificate(),
            self.intermediate_certificate(),
            self.root_key(),
            self.intermediate_key(),
        ];
        let there: Vec<_> = files.into_iter().filter(|file| file.symlink_metadata().is_ok()).collect();
        let Some(first) = there.first() else {
            return Ok(());
        };
        if *first == self.config() {
            return Err(CliError::new(format!(
                "{} exists already; nothing was made. Choose another folder with --dir",
                first.display()
            )));
        }
        // The configuration is written last: without it nobody has used what is here, if it was us who wrote it.
        let there: Vec<_> = there.iter().map(|file| file.display().to_string()).collect();
        Err(CliError::new(format!(
            "{} exists already without {}; nothing was made. If an earlier run was interrupted, move away what it left; \
             otherwise choose another folder with --dir",
            there.join(", "),
            self.config().display()
        )))
    }
}

/// Makes keys, certificates and configuration, and writes them; the configuration last, so that a folder with one is
/// complete. A folder with any of these files is refused. Gives the fingerprint of the root.
pub(crate) async fn make(
    folder: &Folder,
    plan: &Plan<'_>,
    password: &SecretBytes,
) -> Result<String, CliError> {
    folder.refuse_existing()?;
    let address = plan.check()?;
    let generate = || PrivateKey::generate(KeyKind::P256).context("a key cannot be made");
    let (root_key, intermediate_key) = (generate()?, generate()?);
    let root_pem = encrypted(&root_key, password)?;
    let root_signer = LocalSigner::new(root_key);
    let issuers = Issuers::certify(plan.name, &root_signer, intermediate_key.public_key()).await?;
    let provisioner = NewProvisioner::make(password)?;
    let fingerprint = issuers.root.fingerprint_sha256();

    for path in ["config", "certs", "secrets", "db"] {
        files::create_folder(&folder.0.join(path))?;
    }
    write_issuer(&issuers.root, &folder.root_certificate(), &root_pem, &folder.root_key())?;
    write_issuer(
        &issuers.intermediate,
        &folder.intermediate_certificate(),
        &encrypted(&intermediate_key, password)?,
        &folder.intermediate_key(),
    )?;
    let defaults = render_defaults(
        &ca_url(plan.dns_names, address.port()),
        &text(&folder.config())?,
        &fingerprint,
        &text(&folder.root_certificate())?,
    );
    files::create(&folder.defaults(), defaults.as_bytes(), Readers::Everybody)?;
    let config = CaConfig::render_new(&InitOptions {
        root: &text(&folder.root_certificate())?,
        crt: &text(&folder.intermediate_certificate())?,
        key: &text(&folder.intermediate_key())?,
        kms: None,
        db: InitDatabase::Embedded(&text(&folder.db())?),
        address: &address,
        dns_names: plan.dns_names,
        provisioner: provisioner.named(plan.provisioner),
        acme_provisioner: plan.acme_provisioner,
    });
    files::create(&folder.config(), config.as_bytes(), Readers::Owner)?;
    Ok(fingerprint)
}

/// A key as its file holds it.
pub(super) fn encrypted(key: &PrivateKey, password: &SecretBytes) -> Result<String, CliError> {
    key.to_encrypted_pem(password, &SystemRandom).context("a key cannot be encrypted")
}

fn write_issuer(
    certificate: &Certificate,
    certificate_file: &Path,
    key_pem: &str,
    key_file: &Path,
) -> Result<(), CliError> {
    files::create(key_file, key_pem.as_bytes(), Readers::Owner)?;
    files::create(certificate_file, certificate.to_pem().as_bytes(), Readers::Everybody)
}

fn text(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().ok_or_else(|| CliError::new(format!("{} is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}
