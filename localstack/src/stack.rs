//! A whole stack of the template on loopback: table, keys, queues, functions, gateway.
//!
//! Without TLS it takes milliseconds and a socket; the certificate that the gateway shows is the authority's own and
//! exists only after `stepless init`, so serving is a step of its own.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use stepless_core::secret::SecretBytes;
use stepless_net::{Limits, ServeError, ServerCertificate, TlsSettings, TlsVersions};
use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::gateway::{Gateway, Shape};
use crate::queue::QueuePoller;
use crate::resources::{self, Emulators, ResourceError, Resources};
use crate::runtime::{Between, Function, FunctionSettings, Overload, Reaper};
use crate::template::{Template, TemplateError};

/// What a stack is made of.
#[derive(Clone, Debug)]
pub struct StackSettings {
    /// Its name: part of the names of table and aliases, so that stacks share emulators.
    pub name: String,
    /// The text of template.yaml.
    pub template: String,
    /// Values for its parameters.
    pub parameters: Vec<(String, String)>,
    /// Folder with the programs of the functions.
    pub programs: PathBuf,
    /// Folder for their logs, one file each.
    pub logs: PathBuf,
    /// The emulator of KMS in which keys are made.
    pub kms: Endpoint,
    /// The emulator of DynamoDB in which the table is made.
    pub dynamodb: Endpoint,
    /// The emulator of SQS in which queues are made.
    pub sqs: Endpoint,
    /// Variables for every function, over those of the template: endpoints, or a test's proxies in their place.
    pub environment: BTreeMap<String, String>,
    /// What stands before the functions.
    pub shape: Shape,
    /// Most processes of a function that reserves none.
    pub concurrency: usize,
    /// What happens above that.
    pub overload: Overload,
    /// What a process does between two invocations.
    pub between: Between,
}

/// A stack. Its processes end with it; table and keys end with the emulators.
#[derive(Debug)]
pub struct Stack {
    resources: Resources,
    functions: BTreeMap<String, Function>,
    gateway: Gateway,
    _sources: Vec<QueuePoller>,
}

impl Stack {
    /// Makes table, keys, queues and functions. No process runs yet. Must run inside a tokio runtime for what is invoked
    /// later.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn create(settings: &StackSettings) -> Result<Self, StackError> {
        let parameters: Vec<(&str, &str)> =
            settings.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let template = Template::read(&settings.template, &settings.name, &parameters)?;
        let (kms, dynamodb, sqs) = (settings.kms, settings.dynamodb, settings.sqs);
        let resources = resources::create(&template, &settings.name, Emulators { kms, dynamodb, sqs })?;
        let reaper = Reaper::start().map_err(StackError::Reaper)?;
        let mut functions = BTreeMap::new();
        let (mut routed, mut sources) = (Vec::new(), Vec::new());
        for described in template.functions(&resources.names)? {
            let program = settings.programs.join(&described.binary);
            if !program.is_file() {
                return Err(StackError::NoProgram { path: program });
            }
            let mut environment = described.environment;
            environment.insert("AWS_ENDPOINT_URL_KMS".to_owned(), settings.kms.url());
            environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), settings.dynamodb.url());
            environment.insert("AWS_ENDPOINT_URL_SQS".to_owned(), settings.sqs.url());
            environment.insert("STEPLESS_EVENTS".to_owned(), events_of(settings.shape).to_owned());
            environment.extend(settings.environment.clone());
            let function = Function::new(
                FunctionSettings {
                    log: settings.logs.join(format!("{}.log", described.binary)),
                    name: described.binary.clone(),
                    program,
                    environment,
                    timeout: described.timeout,
                    memory: described.memory,
                    concurrency: described
                        .concurrency
                        .unwrap_or(settings.concurrency)
                        .min(settings.concurrency),
                    overload: settings.overload,
                    between: settings.between,
                },
                reaper.clone(),
            );
            for source in described.queues {
                let url = resources.queues.get(&source.arn).ok_or(ResourceError::NoQueue)?;
                sources.push(QueuePoller::start(sqs, url, source, function.clone()));
            }
            functions.insert(described.binary, function.clone());
            routed.push((function, described.routes));
        }
        let gateway = Gateway::new(settings.shape, routed);
        Ok(Self { resources, functions, gateway, _sources: sources })
    }

    /// What was made of the template.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// A function by the name of its program: `stepless-sign`.
    pub fn function(&self, program: &str) -> Option<&Function> {
        self.functions.get(program)
    }

    /// The gateway; its router can be called without a socket.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Serves the gateway over TLS until `shutdown` ends. Clients may show a certificate that leads to `roots` (DER).
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        certificate: ServerCertificate,
        roots: Vec<Vec<u8>>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let tls = TlsSettings {
            certificate,
            client_trust: roots,
            versions: TlsVersions::Tls12AndTls13,
            tls12_suites: Vec::new(),
        };
        stepless_net::serve(self.gateway.router(), listener, &tls, &Limits::STANDARD, shutdown).await
    }
}

/// A certificate to serve with, from files in PEM: the chain, leaf first, and its key in PKCS#8.
///
/// # Errors
/// [`StackError::Certificate`] naming the file.
pub fn server_certificate(chain: &Path, key: &Path) -> Result<ServerCertificate, StackError> {
    let refused = |path: &Path, source: Box<dyn std::error::Error + Send + Sync>| StackError::Certificate {
        path: path.to_owned(),
        source,
    };
    let chain_der = certificates(chain)?;
    let text = fs::read(key).map_err(|error| refused(key, error.into()))?;
    let key_der =
        <rustls_pki_types::PrivatePkcs8KeyDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(&text)
            .map_err(|error| refused(key, error.to_string().into()))?;
    let key_der = SecretBytes::new(key_der.secret_pkcs8_der().to_vec());
    ServerCertificate::new(chain_der, &key_der).map_err(|error| refused(chain, error.into()))
}

/// The certificates of a PEM file, in DER.
///
/// # Errors
/// [`StackError::Certificate`] naming the file.
pub fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, StackError> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| StackError::Certificate {
        path: path.to_owned(),
        source,
    };
    let text = fs::read(path).map_err(|error| refused(error.into()))?;
    <rustls_pki_types::CertificateDer<'_> as rustls_pki_types::pem::PemObject>::pem_slice_iter(&text)
        .map(|certificate| {
            certificate.map(|der| der.to_vec()).map_err(|error| refused(error.to_string().into()))
        })
        .collect()
}

fn events_of(shape: Shape) -> &'static str {
    match shape {
        // The gateway here verifies, as the load balancer's mode of that name does.
        Shape::LoadBalancer => "alb-mtls-verify",
        Shape::HttpApi | Shape::RestApi | Shape::FunctionUrl => shape.name(),
    }
}

/// There is no stack.
#[derive(Debug, Error)]
pub enum StackError {
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Table or keys were not made.
    #[error(transparent)]
    Resources(#[from] ResourceError),
    /// The shell that ends processes with us does not start.
    #[error("sh cannot be started")]
    Reaper(#[source] io::Error),
    /// A function was not built.
    #[error("{} is missing; build it with `cargo build -p stepless-lambda`", path.display())]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A certificate or key to serve with cannot be read.
    #[error("{} cannot be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
