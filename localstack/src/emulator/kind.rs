//! What the emulators differ in: how each is started, and when it is ready.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;

use super::{Emulator, EmulatorError};
use crate::endpoint::Endpoint;

/// A program that answers for services of AWS.
pub trait Kind: fmt::Debug + Send + Sync + Sized + 'static {
    /// What its log is called by.
    const NAME: &str;

    /// Its folder among the tools, with its version.
    const INSTALLED: &str;

    /// How it is started, to listen on `port` and to write nowhere but in `folder`.
    fn command(installed: &Path, port: u16, folder: &Path) -> Command;

    /// Whether it answers.
    fn is_ready(endpoint: Endpoint) -> bool;

    /// A file that it leaves in `folder`.
    fn leftover(port: u16, folder: &Path) -> Option<PathBuf>;

    /// Where the one of this process is kept.
    fn shared() -> &'static OnceLock<Result<Emulator<Self>, EmulatorError>>;
}

/// See [`super::Ministack`].
#[derive(Debug)]
pub struct Ministack;

impl Kind for Ministack {
    const NAME: &str = "ministack";
    const INSTALLED: &str = "ministack-1.5.33";

    fn command(installed: &Path, port: u16, folder: &Path) -> Command {
        let mut command = Command::new(installed.join("bin/ministack"));
        command
            .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("MINISTACK_HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("GATEWAY_PORT", port.to_string())
            // Its MQTT and SFTP listeners have fixed ports on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // It would look for a container engine otherwise.
            .env("DOCKER_HOST", "unix:///nonexistent")
            .env("TMPDIR", folder)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn is_ready(endpoint: Endpoint) -> bool {
        endpoint.answers("/_ministack/ready")
    }

    fn leftover(port: u16, folder: &Path) -> Option<PathBuf> {
        // Its process id, which it removes only when it is asked to end.
        Some(folder.join(format!("ministack-{port}.pid")))
    }

    fn shared() -> &'static OnceLock<Result<Emulator<Self>, EmulatorError>> {
        static SHARED: OnceLock<Result<Emulator<Ministack>, EmulatorError>> = OnceLock::new();
        &SHARED
    }
}

/// See [`super::DynamoDbLocal`].
#[derive(Debug)]
pub struct DynamoDbLocal;

impl Kind for DynamoDbLocal {
    const NAME: &str = "dynamodb-local";
    const INSTALLED: &str = "dynamodb-local-2.6.1";

    fn command(installed: &Path, port: u16, folder: &Path) -> Command {
        let libraries = installed.join("lib");
        let mut command = Command::new("java");
        command
            .current_dir(folder)
            // It lives for seconds: a quick start is worth more than quick code.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"])
            .arg(format!("-Djava.library.path={}", libraries.display()))
            .arg("-cp")
            .arg(libraries.join("*"))
            .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
            .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &port.to_string()]);
        command
    }

    fn is_ready(endpoint: Endpoint) -> bool {
        endpoint.call("DynamoDB_20120810.ListTables", &json!({})).is_ok()
    }

    fn leftover(_port: u16, _folder: &Path) -> Option<PathBuf> {
        None
    }

    fn shared() -> &'static OnceLock<Result<Emulator<Self>, EmulatorError>> {
        static SHARED: OnceLock<Result<Emulator<DynamoDbLocal>, EmulatorError>> = OnceLock::new();
        &SHARED
    }
}
