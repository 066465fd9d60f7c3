//! `stepless init`: a new authority in a folder of step-ca's layout.

use std::path::{Path, PathBuf};

use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::config::{CaConfig, InitOptions, InitProvisioner, ListenAddress, RawJwk, render_defaults};
use stepless_core::jose::{PrivateJwk, jwe};
use stepless_core::key::{KeyKind, PrivateKey, SignatureAlgorithm};
use stepless_core::secret::SecretBytes;
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, NameFields, Profile, SerialNumber,
    SubjectAltName, Validity,
};
use stepless_net::{SystemClock, SystemRandom};

use crate::args::InitArguments;
use crate::error::{CliError, Context};
use crate::files::{self, Readers};
use crate::{password, shell};

/// Makes the authority and says what to do next.
pub(crate) fn run(arguments: &InitArguments) -> Result<(), CliError> {
    let folder = Folder::new(&arguments.dir)?;
    folder.refuse_existing()?;
    let password = match &arguments.password_file {
        Some(file) => password::from_file(file)?,
        None => password::choose()?,
    };
    let plan = Plan {
        name: &arguments.name,
        dns_names: &arguments.dns,
        address: arguments.address.as_deref().unwrap_or_default(),
        provisioner: &arguments.provisioner,
    };
    let made = make(&folder, &plan, &password)?;
    println!("Root certificate:         {}", folder.root_certificate().display());
    println!("Root private key:         {}", folder.root_key().display());
    println!("Root fingerprint:         {}", made.fingerprint);
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

/// What a new authority is to be.
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) dns_names: &'a [String],
    pub(crate) address: &'a str,
    pub(crate) provisioner: &'a str,
}

/// What came of it.
pub(crate) struct Made {
    pub(crate) fingerprint: String,
}

/// Makes keys, certificates and configuration, and writes them; the configuration last, so that a folder with one is
/// complete. A folder with any of these files is refused.
pub(crate) fn make(folder: &Folder, plan: &Plan<'_>, password: &SecretBytes) -> Result<Made, CliError> {
    folder.refuse_existing()?;
    let address: ListenAddress =
        plan.address.parse().context(format_args!("--address {:?}", plan.address))?;
    for name in plan.dns_names {
        SubjectAltName::classify(name).context(format_args!("--dns {name:?}"))?;
    }
    if plan.provisioner.is_empty() {
        return Err(CliError::new(
            "--provisioner is empty; give the first provisioner a name, such as admin",
        ));
    }
    let root = NewIssuer::root(plan.name)?;
    let intermediate = NewIssuer::intermediate(plan.name, &root)?;
    let provisioner = NewProvisioner::make(password)?;
    let fingerprint = root.certificate.fingerprint_sha256();

    for path in ["config", "certs", "secrets", "db"] {
        files::create_folder(&folder.0.join(path))?;
    }
    write_issuer(&root, &folder.root_certificate(), &folder.root_key(), password)?;
    write_issuer(&intermediate, &folder.intermediate_certificate(), &folder.intermediate_key(), password)?;
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
        db: &text(&folder.db())?,
        address: &address,
        dns_names: plan.dns_names,
        provisioner: InitProvisioner {
            name: plan.provisioner,
            key: &provisioner.public,
            encrypted_key: &provisioner.encrypted,
        },
    });
    files::create(&folder.config(), config.as_bytes(), Readers::Owner)?;
    Ok(Made { fingerprint })
}

/// An issuing certificate and its key.
struct NewIssuer {
    certificate: Certificate,
    key: PrivateKey,
}

impl NewIssuer {
    fn root(name: &str) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let body = CertificateBody::root(
            serial()?,
            SignatureAlgorithm::default_for(key.public_key().kind()),
            validity()?,
            subject(name, "Root CA")?,
            key.public_key().clone(),
            Profile::root(),
        )
        .context("the root certificate cannot be made")?;
        let certificate = sign(&body, &key)?;
        Ok(Self { certificate, key })
    }

    fn intermediate(name: &str, root: &Self) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let issuance = Issuance {
            serial: serial()?,
            algorithm: SignatureAlgorithm::default_for(root.key.public_key().kind()),
            issuer: &root.certificate,
            validity: validity()?,
        };
        let body = CertificateBody::new(
            issuance,
            subject(name, "Intermediate CA")?,
            key.public_key().clone(),
            Profile::intermediate(),
        )
        .context("the intermediate certificate cannot be made")?;
        let certificate = sign(&body, &root.key)?;
        Ok(Self { certificate, key })
    }
}

/// The key of the first provisioner.
struct NewProvisioner {
    public: RawJwk,
    encrypted: String,
}

impl NewProvisioner {
    fn make(password: &SecretBytes) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let pkcs8 = key.to_pkcs8_der().context("a key cannot be written")?;
        let jwk = PrivateJwk::from_pkcs8_der(&pkcs8).context("the provisioner's key cannot be written")?;
        let encrypted = jwe::encrypt_jwk(&jwk.to_json(), password, &SystemRandom)
            .context("the provisioner's key cannot be encrypted")?;
        let public = serde_json::to_value(jwk.public()).context("the provisioner's key cannot be written")?;
        Ok(Self { public: RawJwk::public_part_of(&public), encrypted })
    }
}

/// Root and intermediate live ten years, as those of `step ca init` do.
const ISSUER_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

fn serial() -> Result<SerialNumber, CliError> {
    SerialNumber::random(&SystemRandom).context("a serial number cannot be drawn")
}

fn validity() -> Result<Validity, CliError> {
    let now = SystemClock.now();
    let end = now.saturating_add(ISSUER_LIFETIME).unwrap_or(Timestamp::MAX);
    Validity::new(now, end).context("the clock shows a time that no certificate can have")
}

fn subject(name: &str, role: &str) -> Result<DistinguishedName, CliError> {
    DistinguishedName::from_fields(&NameFields {
        organization: vec![name.to_owned()],
        common_name: format!("{name} {role}"),
        ..NameFields::default()
    })
    .context(format_args!("--name {name:?}"))
}

fn sign(body: &CertificateBody, key: &PrivateKey) -> Result<Certificate, CliError> {
    let to_be_signed = body.to_be_signed();
    let signature =
        key.sign(body.signature_algorithm, &to_be_signed).context("the certificate cannot be signed")?;
    Certificate::assemble(&to_be_signed, body.signature_algorithm, &signature)
        .context("the certificate cannot be put together")
}

fn write_issuer(
    issuer: &NewIssuer,
    certificate: &Path,
    key: &Path,
    password: &SecretBytes,
) -> Result<(), CliError> {
    let pem = issuer.key.to_encrypted_pem(password, &SystemRandom).context("a key cannot be encrypted")?;
    files::create(key, pem.as_bytes(), Readers::Owner)?;
    files::create(certificate, issuer.certificate.to_pem().as_bytes(), Readers::Everybody)
}

/// The URL that clients reach the authority by: its first name, and the port unless it is the usual one.
pub(crate) fn ca_url(dns_names: &[String], port: u16) -> String {
    let host = dns_names.first().map_or("localhost", String::as_str);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}

fn text(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().ok_or_else(|| CliError::new(format!("{} is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}
