//! A new authority on AWS: keys in KMS, records and configuration in a table, or the configuration elsewhere.
//!
//! The configuration is made last. Whatever a run that was cut off has left is found by the next one: keys by their
//! aliases, the root's file by its name. Where a configuration is, nothing is made any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepless_aws::configuration::{ConfigurationPlace, ConfigurationSource};
use stepless_aws::dynamodb::DynamoDbStore;
use stepless_core::config::{
    CaConfig, DatabaseConfig, DynamoDbTable, InitDatabase, InitOptions, KeySource, KmsConfig, KmsScheme,
    KmsUri, ListenAddress,
};
use stepless_core::key::{KeyKind, Signer};
use stepless_core::secret::SecretBytes;
use stepless_core::x509::{Certificate, IssuerChain};
use stepless_net::SystemClock;

use super::home::{Home, Made, State};
use super::issuers::{Issuers, issuer_subject, root_subject};
use super::keys::{Account, existing_key_file, key_file};
use super::moved::{Moved, Replacement};
use super::root::ExistingRoot;
use super::{NewProvisioner, Plan, ca_url};
use crate::args::{InitArguments, MovingArguments};
use crate::authority::{LoadedConfig, Strictness};
use crate::error::{CliError, Context};
use crate::files::{self, Readers};
use crate::{authority, password, shell};

/// Makes the authority, or finds it made, and says what to do next.
pub(super) async fn run(arguments: &InitArguments, kms: &str) -> Result<(), CliError> {
    let wanted = Wanted::read(arguments, kms)?;
    let store = Arc::new(open_table(&wanted.table).await?);
    let home = match &wanted.place {
        ConfigurationPlace::Table(table) if *table == wanted.table => Home::in_table(store),
        place => {
            let source = ConfigurationSource::open(place, Arc::new(SystemClock))
                .await
                .context(format_args!("--config {place} cannot be used"))?;
            Home::with_configuration_in(store, source)
        }
    };
    let (text, made) = match home.state().await? {
        State::Configured(text) => (text, false),
        State::Taken => return Err(wanted.taken()),
        State::Empty => {
            let text = wanted.configuration(arguments).await?;
            match home.make(&text).await? {
                Made::Ours => (text, true),
                Made::Theirs(text) => (text, false),
            }
        }
    };
    let found = Established::read(&text, &wanted)?;
    if !made {
        found.refuse_another(&wanted)?;
        home.complete().await?;
    }
    // The authority is there, whatever becomes of the file.
    wanted.say(&found, made);
    match &arguments.aws.root_out {
        Some(path) => write_root(path, &found.root),
        None => Ok(()),
    }
}

async fn open_table(table: &DynamoDbTable) -> Result<DynamoDbStore, CliError> {
    let store = DynamoDbStore::open(table, Arc::new(SystemClock)).await.context("--store")?;
    let advice = "--store: the table cannot be used; template.yaml makes one that can, when it is deployed";
    store.check().await.context(advice)?;
    Ok(store)
}

/// What the arguments ask for.
struct Wanted<'a> {
    name: &'a str,
    content: Content<'a>,
    root: Option<ExistingRoot>,
    table: DynamoDbTable,
    place: ConfigurationPlace,
    kms: KmsConfig,
    root_key: KeySource,
    issuer_key: &'a str,
    kind: Option<KeyKind>,
}

/// What the configuration says beside certificates, keys and table.
enum Content<'a> {
    /// What a new one says.
    New { plan: Plan<'a>, address: ListenAddress },
    /// What another one said.
    Moved(Moved),
}

/// What `--kms` may say of how KMS is reached.
const KMS_ATTRIBUTES: [&str; 3] = ["region", "profile", "credentials-file"];

impl<'a> Wanted<'a> {
    fn read(arguments: &'a InitArguments, kms: &str) -> Result<Self, CliError> {
        let aws = &arguments.aws;
        root_subject(&arguments.name)?;
        let store = aws.store.as_deref().unwrap_or_default();
        let table: DynamoDbTable = match store.split_once(':') {
            Some((DynamoDbTable::SCHEME, _)) => store.parse().context(format_args!("--store {store:?}"))?,
            _ => {
                return Err(CliError::new(format!(
                    "--store {store:?}: beside --kms only a table is possible: dynamodb:TABLE or \
                     dynamodb:table=TABLE;region=REGION"
                )));
            }
        };
        let place = match &aws.config {
            Some(text) => text.parse().context("--config")?,
            None => ConfigurationPlace::Table(table.clone()),
        };
        let uri = KmsUri::from_text(kms).filter(|uri| uri.scheme() == KmsScheme::AwsKms).ok_or_else(|| {
            CliError::new(format!(
                "--kms {kms:?}: only awskms: is possible, such as awskms:region=eu-west-1 or awskms: as the \
                 environment says"
            ))
        })?;
        if let Some(unknown) = uri.attribute_names().find(|name| !KMS_ATTRIBUTES.contains(name)) {
            return Err(CliError::new(format!(
                "--kms {kms:?}: {unknown:?} is not known; possible are {}",
                KMS_ATTRIBUTES.join(", ")
            )));
        }
        let KeySource::Uri(_) = KeySource::from_text_in_aws_kms(&aws.issuer_key) else {
            return Err(CliError::new(format!(
                "--issuer-key {:?}: functions have no files; use awskms:key-id=alias/NAME",
                aws.issuer_key
            )));
        };
        let moving = &aws.moving;
        let content = match &moving.from {
            Some(path) => Content::Moved(Moved::read(path, &arguments.dns, arguments.address.as_deref())?),
            None => {
                let plan = Plan::of(arguments);
                Content::New { address: plan.check()?, plan }
            }
        };
        let wanted = Self {
            name: &arguments.name,
            content,
            root: moving.root.as_deref().map(ExistingRoot::read).transpose()?,
            table,
            place,
            kms: KmsConfig { uri: Some(uri), ..KmsConfig::default() },
            root_key: KeySource::from_text_in_aws_kms(&aws.root_key),
            issuer_key: &aws.issuer_key,
            kind: aws.key_spec.map(Into::into),
        };
        if let Some(root) = &wanted.root {
            root.check_names(&issuer_subject(wanted.name)?, &wanted.dns_names(root, moving)?)?;
        }
        Ok(wanted)
    }

    /// The names of the authority. Those of a moved configuration are found by reading it as a whole, so that one that
    /// cannot be used is refused before anything is made.
    fn dns_names(&self, root: &ExistingRoot, moving: &MovingArguments) -> Result<Vec<String>, CliError> {
        let moved = match &self.content {
            Content::New { plan, .. } => return Ok(plan.dns_names.to_vec()),
            Content::Moved(moved) => moved,
        };
        let root = root.certificate().to_pem();
        let text = moved.render(&self.replacement(&root, &root, self.kms_of_functions().as_deref()))?;
        let origin = moving.from.as_deref().unwrap_or(Path::new("")).display();
        let loaded = LoadedConfig::parse(&text, format_args!("--from: {origin}"), Strictness::Lenient)?;
        for warning in &loaded.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(loaded.config.dns_names)
    }

    fn replacement<'b>(&'b self, root: &'b str, crt: &'b str, kms: Option<&'b str>) -> Replacement<'b> {
        Replacement { root, crt, key: self.issuer_key, kms, table: &self.table }
    }

    /// Finds or makes the keys, certifies them, and writes down what the authority is.
    async fn configuration(&self, arguments: &InitArguments) -> Result<String, CliError> {
        let password = match (&self.content, &arguments.password_file) {
            (Content::Moved(_), _) => None,
            (Content::New { .. }, Some(file)) => Some(password::from_file(file)?),
            (Content::New { .. }, None) => Some(password::choose()?),
        };
        let issuers = self.issuers(arguments, password.as_ref()).await?;
        let (root, crt) = (issuers.root.to_pem(), issuers.intermediate.to_pem());
        let kms = self.kms_of_functions();
        match (&self.content, password) {
            (Content::New { plan, address }, Some(password)) => Ok(CaConfig::render_new(&InitOptions {
                root: &root,
                crt: &crt,
                key: self.issuer_key,
                kms: kms.as_deref(),
                db: InitDatabase::DynamoDb(&self.table),
                address,
                dns_names: plan.dns_names,
                provisioner: NewProvisioner::make(&password)?.named(plan.provisioner),
                acme_provisioner: plan.acme_provisioner,
            })),
            (Content::New { .. }, None) => Err(CliError::new("the new provisioner has no password")),
            (Content::Moved(moved), _) => moved.render(&self.replacement(&root, &crt, kms.as_deref())),
        }
    }

    async fn issuers(
        &self,
        arguments: &InitArguments,
        password: Option<&SecretBytes>,
    ) -> Result<Issuers, CliError> {
        let account = Account { kms: &self.kms, authority: self.name, kind: self.kind };
        let issuer = async {
            match KeySource::from_text_in_aws_kms(self.issuer_key) {
                KeySource::Uri(uri) => account.key(&uri, "issuer").await.context("--issuer-key"),
                KeySource::File(_) => Err(CliError::new("--issuer-key is a file")),
            }
        };
        if let Some(existing) = &self.root {
            let file = arguments.aws.moving.root_password_file.as_ref().or(arguments.password_file.as_ref());
            let root: Arc<dyn Signer> = match &self.root_key {
                KeySource::Uri(uri) => account.existing(uri).await.context("--root-key")?,
                KeySource::File(path) => {
                    Arc::new(existing_key_file(path, file.map(PathBuf::as_path)).context("--root-key")?)
                }
            };
            // Before a key is made that nobody needs.
            let certificate = existing.with_key(&*root)?;
            return Issuers::under(self.name, certificate, &*root, issuer.await?.public_key()).await;
        }
        let root: Arc<dyn Signer> = match (&self.root_key, password) {
            (KeySource::Uri(uri), _) => account.key(uri, "root").await.context("--root-key")?,
            (KeySource::File(path), Some(password)) => Arc::new(key_file(path, self.kind, password)?),
            (KeySource::File(_), None) => return Err(CliError::new("the new root has no password")),
        };
        Issuers::certify(self.name, &*root, issuer.await?.public_key()).await
    }

    /// How functions reach KMS: they have the Region in common with us, but no profiles.
    fn kms_of_functions(&self) -> Option<String> {
        let region = self.kms.uri.as_ref()?.attribute("region").filter(|region| !region.is_empty())?;
        Some(format!("{}:region={region}", KmsScheme::AwsKms.name()))
    }

    fn taken(&self) -> CliError {
        CliError::new(format!(
            "the table {} has the records of an authority, but {} holds no configuration; nothing was made. If its \
             configuration lies elsewhere, name the place with --config; otherwise choose another table",
            self.table.name, self.place
        ))
    }

    fn say(&self, found: &Established, made: bool) {
        if !made {
            println!("The authority is there already; nothing was changed.");
            println!();
        }
        println!("Root fingerprint:  {}", found.root.fingerprint_sha256());
        match &self.root_key {
            // No configuration says what the root's key is, so that of the arguments may be another.
            _ if !made => {}
            key => println!("Root key:          {}", written(key)),
        }
        println!("Issuer key:        {}", written(&KeySource::from_text_in_aws_kms(self.issuer_key)));
        println!("Table:             {}", self.table);
        println!("Configuration:     {}", self.place);
        println!();
        if let (KeySource::File(path), true) = (&self.root_key, made) {
            println!("Keep {} offline: the authority works without it.", path.display());
            println!();
        }
        println!(
            "The functions read the configuration with STEPLESS_CONFIG={}.",
            shell::word(&self.place.to_string())
        );
        println!("When they are deployed, a client gets to know the authority with:");
        println!();
        println!(
            "  step ca bootstrap --ca-url {} --fingerprint {}",
            shell::word(&ca_url(&found.config.dns_names, found.config.address.port())),
            found.root.fingerprint_sha256()
        );
    }
}

/// An authority that has a configuration.
struct Established {
    config: CaConfig,
    root: Certificate,
}

impl Established {
    /// Reads a configuration as far as it goes without its keys.
    fn read(text: &str, wanted: &Wanted<'_>) -> Result<Self, CliError> {
        let place = &wanted.place;
        let unusable = || format!("the configuration in {place} cannot be used; nothing was changed");
        let (config, _) = CaConfig::parse(text).context(unusable())?;
        let roots = authority::certificates(&config.root)?;
        IssuerChain::from_pem(&authority::pem(&config.crt)?)
            .and_then(|chain| chain.under(&roots))
            .context(unusable())?;
        let root = roots.first().cloned().ok_or_else(|| CliError::new(unusable()))?;
        Ok(Self { config, root })
    }

    /// Whether this is the authority that was asked for. What its operator may have changed since is no difference.
    fn refuse_another(&self, wanted: &Wanted<'_>) -> Result<(), CliError> {
        let mut differences = Vec::new();
        match &wanted.root {
            Some(root) if *root.certificate() != self.root => {
                differences.push(format!(
                    "its root is not the one of --root, {}",
                    root.certificate().fingerprint_sha256()
                ));
            }
            None if *self.root.subject() != root_subject(wanted.name)? => {
                let name = self.root.subject().common_name().unwrap_or("no name").to_owned();
                differences
                    .push(format!("its root is {name:?}, not {:?}", format!("{} Root CA", wanted.name)));
            }
            Some(_) | None => {}
        }
        if key_id(&self.config.key) != key_id(&KeySource::from_text_in_aws_kms(wanted.issuer_key)) {
            let found = key_id(&self.config.key).unwrap_or_else(|| "a file".to_owned());
            differences.push(format!("its issuer's key is {found}, not {}", wanted.issuer_key));
        }
        match &self.config.db {
            Some(DatabaseConfig::DynamoDb(table)) if table.name == wanted.table.name => {}
            _ => differences.push(format!("its records are not in the table {}", wanted.table.name)),
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(CliError::new(format!(
            "{} holds the configuration of another authority: {}. Nothing was changed. Its root's fingerprint is {}",
            wanted.place,
            differences.join("; "),
            self.root.fingerprint_sha256()
        )))
    }
}

fn key_id(key: &KeySource) -> Option<String> {
    match key {
        KeySource::Uri(uri) => uri.attribute("key-id"),
        KeySource::File(_) => None,
    }
}

/// A key as configurations name it.
fn written(key: &KeySource) -> String {
    match key {
        KeySource::File(path) => path.display().to_string(),
        KeySource::Uri(uri) => {
            let attribute = |name: &str| Some(format!("{name}={}", uri.attribute(name)?));
            let attributes: Vec<_> = ["key-id", "region"].into_iter().filter_map(attribute).collect();
            format!("{}:{}", uri.scheme().name(), attributes.join(";"))
        }
    }
}

/// Writes the root certificate, unless it stands there already.
fn write_root(path: &Path, root: &Certificate) -> Result<(), CliError> {
    let pem = root.to_pem();
    if path.symlink_metadata().is_ok() {
        return match files::read_text(path)? == pem {
            true => Ok(()),
            false => Err(CliError::new(format!(
                "the authority is there, but {} holds something else than its root; choose another --root-out",
                path.display()
            ))),
        };
    }
    files::create(path, pem.as_bytes(), Readers::Everybody)
}
