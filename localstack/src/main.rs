//! `stepless-localstack`: emulators, functions and gateway in the foreground, until it is asked to end.
//! `localstack/up` runs it in the background.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use stepless_localstack::acm::Acm;
use stepless_localstack::emulator::Ministack;
use stepless_localstack::gateway::Shape;
use stepless_localstack::runtime::{Between, Overload};
use stepless_localstack::stack::{Stack, StackSettings, certificates, server_certificate};
use stepless_localstack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use tokio::signal::unix::{SignalKind, signal};

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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let ministack = Ministack::start_in(&dir)?;
    let acm = Acm::start(ministack.endpoint()).await?;
    let stack = Stack::create(&StackSettings {
        name: STACK.to_owned(),
        template: fs::read_to_string(&arguments.template)?,
        parameters: Vec::new(),
        programs: programs.clone(),
        logs: dir.clone(),
        kms: ministack.endpoint(),
        dynamodb: ministack.endpoint(),
        environment: BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), ministack.url()),
            ("AWS_ENDPOINT_URL_ACM".to_owned(), acm.url().to_owned()),
        ]),
        shape: arguments.events,
        concurrency: arguments.concurrency,
        overload: Overload::Wait,
        between: Between::Frozen,
    })?;
    let table = stack.resources().table.clone();
    let root = dir.join("root_ca.crt");
    let init = Command::new(programs.join("stepless"))
        .args([
            "init",
            "--kms",
            "awskms:",
            "--name",
            "Local",
            "--dns",
            "localhost,127.0.0.1",
            "--provisioner",
            "admin",
        ])
        .args(["--store", &format!("dynamodb:{table}")])
        .args(["--root-key", &format!("awskms:key-id=alias/{STACK}-root")])
        .args(["--issuer-key", &format!("awskms:key-id=alias/{STACK}-issuer")])
        .arg("--root-out")
        .arg(&root)
        .arg("--password-file")
        .arg(dir.join("password"))
        .env("AWS_ENDPOINT_URL", ministack.url())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        .env("AWS_REGION", REGION)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8_lossy(&init.stdout).into_owned();
    fs::write(dir.join("init.log"), &said)?;
    let fingerprint = said
        .lines()
        .find_map(|line| line.strip_prefix("Root fingerprint:"))
        .map(str::trim)
        .filter(|_| init.status.success())
        .ok_or("`stepless init` failed; see the lines above and init.log")?
        .to_owned();
    let endpoint_certificate = stack
        .function("stepless-endpoint-certificate")
        .ok_or("the template has no stepless-endpoint-certificate")?;
    endpoint_certificate.invoke("{}".into()).await?;
    let imported = acm.last_import().ok_or("stepless-endpoint-certificate imported nothing into ACM")?;
    let (chain, key) = (dir.join("server.crt"), dir.join("server.key"));
    fs::write(&chain, &imported.chain)?;
    fs::write(&key, &imported.key)?;
    let certificate = server_certificate(&chain, &key)?;
    // It is in use now, and lies nowhere else.
    fs::remove_file(&key)?;
    let mut trusted = certificates(&root)?;
    trusted.extend(certificates(&chain)?.into_iter().skip(1));
    let env = [
        ("STEPLESS_URL", format!("https://localhost:{port}")),
        ("STEPLESS_FINGERPRINT", fingerprint),
        ("STEPLESS_PASSWORD_FILE", dir.join("password").display().to_string()),
        ("STEPLESS_KMS_ENDPOINT", ministack.url()),
        ("STEPLESS_DYNAMODB_ENDPOINT", ministack.url()),
        ("STEPLESS_TABLE", table),
    ];
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

const STACK: &str = "stepless";
