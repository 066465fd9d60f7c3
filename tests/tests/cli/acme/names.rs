//! A name server that a test steers: every name there is leads to 127.0.0.1.

use std::{
    fs::File,
    net::{SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use stepless_localstack::port::ReservedAddress;
use stepless_tests::{programs, server::reserved_address};

use crate::step::Person;

/// The running server, ended when dropped.
pub(super) struct Names {
    child: Child,
    resolver: ReservedAddress,
    steering: ReservedAddress,
}

impl Names {
    /// Starts it; what it logs goes to `log`.
    pub(super) fn start(log: &Path) -> Self {
        let (resolver, steering) = (reserved_for_dns(), reserved_address());
        let log = File::create(log).expect("the folder is ours");
        let child = Command::new(programs::challtestsrv())
            .arg(format!("-dnsserver={}", resolver.address()))
            .arg(format!("-management={}", steering.address()))
            .args(["-defaultIPv4=127.0.0.1", "-defaultIPv6="])
            .args(["-http01=", "-https01=", "-tlsalpn01=", "-doh="])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("pebble-challtestsrv starts");
        let names = Self { child, resolver, steering };
        let deadline = Instant::now() + START_LIMIT;
        // Both ports serve TCP.
        while [names.resolver(), names.steering.address()].iter().any(|at| TcpStream::connect(at).is_err()) {
            assert!(Instant::now() < deadline, "no name server in {START_LIMIT:?}");
            thread::sleep(Duration::from_millis(20));
        }
        names
    }

    /// Where it answers questions.
    pub(super) fn resolver(&self) -> SocketAddr {
        self.resolver.address()
    }

    /// Where it takes commands: `POST` of JSON to `/set-txt`, `/set-servfail` and others.
    pub(super) fn steering_url(&self) -> String {
        format!("http://{}", self.steering.address())
    }

    /// Gives it a command.
    #[track_caller]
    pub(super) fn command(&self, person: &Person, command: &str, body: &str) {
        let url = format!("{}/{command}", self.steering_url());
        person.program("curl", &["-sS", "--fail", "-o", "/dev/null", "-d", body, &url]);
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // A process that has ended by itself cannot be killed, which is what was asked for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

/// Longest wait for the first answer, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
