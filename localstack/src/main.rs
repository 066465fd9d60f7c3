//! `stepless-localstack`: emulators, functions and gateway in the foreground, until it is asked to end.
//! `localstack/up` runs it in the background.

mod emulation;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use stepless_localstack::acm::{Acm, Imported};
use stepless_localstack::gateway::Shape;
use stepless_localstack::runtime::{Between, Overload};
use stepless_localstack::stack::{Stack, StackSettings, certificates, server_certificate};
use stepless_localstack::{ACCESS_KEY_ID, Endpoint, REGION, SECRET_ACCESS_KEY};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::emulation::{Emulation, Engine};

/// The serverless authority on loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder for logs, keys of the client side and `env`
    #[arg(long)]
    dir: PathBuf,
    /// The template
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
    /// Folder with `stepless` and the functions
    #[arg(long, default_value = "target/debug")]
    programs: PathBuf,
    /// Port of the gateway; a free one when left out
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Shape of the events: http-api, rest-api, alb or function-url
    #[arg(long, default_value = "http-api")]
    events: Shape,
    /// Most processes of a function
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Who keeps the table: dynamodb-local or ministack
    #[arg(long, default_value = "dynamodb-local", conflicts_with = "dynamodb_endpoint")]
    dynamodb: Engine,
    /// A KMS that is there already, as http://127.0.0.1:4566
    #[arg(long)]
    kms_endpoint: Option<Endpoint>,
    /// A DynamoDB that is there already; DynamoDB Local is not started then
    #[arg(long)]
    dynamodb_endpoint: Option<Endpoint>,
    /// Port that http-01 challenges are looked for at
    #[arg(long)]
    acme_http_port: Option<u16>,
    /// Port that tls-alpn-01 challenges are looked for at
    #[arg(long)]
    acme_tls_port: Option<u16>,
    /// DNS server that challenges are looked up at
    #[arg(long)]
    resolver: Option<String>,
}

impl Arguments {
    /// What the functions are told of challenges. Everything is on this machine here, so that they may lead to it.
    fn validation(&self) -> impl Iterator<Item = (String, String)> {
        let variables = [
            ("STEPLESS_ACME_HTTP_PORT", self.acme_http_port.map(|port| port.to_string())),
            ("STEPLESS_ACME_TLS_PORT", self.acme_tls_port.map(|port| port.to_string())),
            ("STEPLESS_ACME_RESOLVER", self.resolver.clone()),
            ("STEPLESS_ACME_ALLOW_LOOPBACK", Some("true".to_owned())),
        ];
        variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(error.as_ref());
            while let Some(error) = cause {
                tracing::error!("{error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let dir = fs::canonicalize(&arguments.dir)?;
    let programs = fs::canonicalize(&arguments.programs)?;
    let port = arguments.port;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| UpError::Port { port, source })?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let emulation =
        Emulation::start(&dir, arguments.dynamodb, arguments.kms_endpoint, arguments.dynamodb_endpoint)?;
    let acm = Acm::start(emulation.rest()).await?;
    // In emulators of our own nothing is there yet; in other people's, names of an earlier run may be.
    let name = if emulation.is_our_own() {
        STACK.to_owned()
    } else {
        format!("{STACK}-{}", Uuid::new_v4().simple())
    };
    let mut environment = BTreeMap::from([
        ("AWS_ENDPOINT_URL".to_owned(), emulation.rest().url()),
        ("AWS_ENDPOINT_URL_ACM".to_owned(), acm.url().to_owned()),
    ]);
    environment.extend(arguments.validation());
    let stack = Stack::create(&StackSettings {
        name: name.clone(),
        template: fs::read_to_string(&arguments.template)?,
        parameters: Vec::new(),
        programs: programs.clone(),
        logs: dir.clone(),
        kms: emulation.kms,
        dynamodb: emulation.dynamodb,
        sqs: emulation.rest(),
        environment,
        shape: arguments.events,
        concurrency: arguments.concurrency,
        overload: Overload::Wait,
        between: Between::Frozen,
    })?;
    let table = stack.resources().table.clone();
    let fingerprint = init(&dir, &programs, &emulation, &name, &table)?;
    let imported = endpoint_certificate(&stack, &acm).await?;
    let (root, chain, key) = (dir.join(ROOT), dir.join("server.crt"), dir.join("server.key"));
    fs::write(&chain, &imported.chain)?;
    fs::write(&key, &imported.key)?;
    let certificate = server_certificate(&chain, &key)?;
    // It is in use now, and lies nowhere else.
    fs::remove_file(&key)?;
    let mut trusted = certificates(&root)?;
    trusted.extend(certificates(&chain)?.into_iter().skip(1));
    let mut env = vec![
        ("STEPLESS_URL", format!("https://localhost:{port}")),
        ("STEPLESS_FINGERPRINT", fingerprint),
        ("STEPLESS_PASSWORD_FILE", dir.join("password").display().to_string()),
        ("STEPLESS_KMS_ENDPOINT", emulation.kms.url()),
        ("STEPLESS_DYNAMODB_ENDPOINT", emulation.dynamodb.url()),
        ("STEPLESS_TABLE", table),
    ];
    env.extend(emulation.other_dynamodb().map(|other| ("STEPLESS_OTHER_DYNAMODB_ENDPOINT", other.url())));
    let lines: String =
        env.iter().map(|(name, value)| format!("{name}='{}'\n", value.replace('\'', r"'\''"))).collect();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // The socket listens already: whoever sees the file gets an answer.
    fs::write(dir.join("env.new"), lines)?;
    fs::rename(dir.join("env.new"), dir.join("env"))?;
    stack
        .serve(listener, certificate, trusted, async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await?;
    Ok(())
}

/// `stepless init` with the keys and the table of the stack. Returns the root's fingerprint.
fn init(
    dir: &Path,
    programs: &Path,
    emulation: &Emulation,
    stack: &str,
    table: &str,
) -> Result<String, Box<dyn Error>> {
    let init = Command::new(programs.join("stepless"))
        .args(["init", "--kms", "awskms:", "--name", "Local", "--dns", "localhost,127.0.0.1"])
        .args(["--provisioner", "admin", "--acme"])
        .args(["--store", &format!("dynamodb:{table}")])
        .args(["--root-key", &format!("awskms:key-id=alias/{stack}-root")])
        .args(["--issuer-key", &format!("awskms:key-id=alias/{stack}-issuer")])
        .arg("--root-out")
        .arg(dir.join(ROOT))
        .arg("--password-file")
        .arg(dir.join("password"))
        .env("AWS_ENDPOINT_URL", emulation.rest().url())
        .env("AWS_ENDPOINT_URL_KMS", emulation.kms.url())
        .env("AWS_ENDPOINT_URL_DYNAMODB", emulation.dynamodb.url())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        .env("AWS_REGION", REGION)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| UpError::Start { program: programs.join("stepless"), source })?;
    let said = String::from_utf8_lossy(&init.stdout).into_owned();
    fs::write(dir.join("init.log"), &said)?;
    let fingerprint = said
        .lines()
        .find_map(|line| line.strip_prefix("Root fingerprint:"))
        .map(str::trim)
        .filter(|_| init.status.success())
        .ok_or(UpError::Init)?;
    Ok(fingerprint.to_owned())
}

/// The certificate that the gateway shows: the function that issues it on AWS issues it here too.
async fn endpoint_certificate(stack: &Stack, acm: &Acm) -> Result<Imported, Box<dyn Error>> {
    let function = stack.function(ENDPOINT_CERTIFICATE).ok_or(UpError::NoFunction)?;
    function.invoke("{}".into()).await?;
    Ok(acm.last_import().ok_or(UpError::NothingImported)?)
}

/// The authority is not up.
#[derive(Debug, Error)]
enum UpError {
    #[error("port {port} of the gateway cannot be listened on; leave --port out for a free one")]
    Port { port: u16, source: io::Error },
    #[error("{} cannot be started", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("`stepless init` failed; see the lines above and init.log")]
    Init,
    #[error("the template has no {ENDPOINT_CERTIFICATE}")]
    NoFunction,
    #[error("{ENDPOINT_CERTIFICATE} imported nothing into ACM")]
    NothingImported,
}

const STACK: &str = "stepless";

/// The root's certificate, in the folder.
const ROOT: &str = "root_ca.crt";

const ENDPOINT_CERTIFICATE: &str = "stepless-endpoint-certificate";
