//! A name server: every name below `example` leads to 127.0.0.1, and records are added by dynamic update.

use std::{
    fs::{self, File},
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use stepless_localstack::port::ReservedAddress;
use stepless_tests::{programs, server::reserved_address};
use tempfile::TempDir;

/// The running server, ended when dropped.
pub(super) struct Names {
    child: Child,
    address: ReservedAddress,
    folder: TempDir,
}

impl Names {
    /// Starts it.
    pub(super) fn start() -> Self {
        let address = reserved_for_dns();
        let folder = tempfile::Builder::new()
            .prefix("stepless-names-")
            .tempdir()
            .expect("a temporary folder can be made");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the folder is ours");
        };
        write("knot.conf", &configuration(&folder.path().display().to_string(), address.address()));
        write("example", EXAMPLE);
        let log = File::create(folder.path().join("log")).expect("the folder is ours");
        let child = Command::new(programs::installed("knotd"))
            .arg("-c")
            .arg(folder.path().join("knot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("knotd starts");
        let mut names = Self { child, address, folder };
        names.wait_until_ready();
        names
    }

    /// Where it answers questions, and takes updates.
    pub(super) fn address(&self) -> SocketAddr {
        self.address.address()
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            if log.contains("server started") {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("knotd ended with {status}:\n{log}");
            }
            assert!(Instant::now() < deadline, "knotd is not ready after {START_LIMIT:?}:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // A process that has ended by itself cannot be killed, which is what was asked for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the name server said:\n{}", fs::read_to_string(self.log()).unwrap_or_default());
        }
    }
}

fn configuration(folder: &str, address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "\
server:
    rundir: {folder}
    listen: {ip}@{port}
    tcp-workers: 1
    udp-workers: 1
    background-workers: 1
database:
    storage: {folder}
log:
  - target: stderr
    any: info
acl:
  - id: everybody
    address: 127.0.0.1
    action: update
zone:
  - domain: example
    storage: {folder}
    file: example
    zonefile-sync: -1
    acl: everybody
  # There is no such file: whoever asks learns that the server failed.
  - domain: lost.example
    storage: {folder}
    file: lost
"
    )
}

/// A loopback port that is free for both transports of DNS.
fn reserved_for_dns() -> ReservedAddress {
    loop {
        let reserved = reserved_address();
        if UdpSocket::bind(reserved.address()).is_ok() {
            return reserved;
        }
    }
}

/// No server of the zone can be found, so that nobody asks one on port 53 of this machine.
const EXAMPLE: &str = "\
$ORIGIN example.
$TTL 1
@       SOA  nowhere.invalid. hostmaster 1 3600 600 86400 1
@       NS   nowhere.invalid.
*       A    127.0.0.1
ours    A    127.0.0.1
ours    CAA  0 issue \"ca.example\"
theirs  A    127.0.0.1
theirs  CAA  0 issue \"other-ca.example\"
";

/// Longest wait for the server, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
