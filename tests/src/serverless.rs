//! An authority without a server: its state and its keys in emulators of AWS, its functions behind the local gateway.
//!
//! Tests are threads; what is asynchronous here runs on one runtime of the process, behind functions that wait.

mod deployment;
mod issuer;
mod table;

use std::{future::Future, sync::LazyLock, time::Duration};

use stepless_localstack::{clock::FakeClock, emulator::Ministack, proxy::Proxy};
use tokio::runtime::Runtime;

pub use deployment::{Asleep, Deployment, Options};
pub use table::{CertificateRecord, Table};

/// A proxy in front of the emulators that the tests of this process share.
pub fn proxy() -> Proxy {
    RUNTIME.block_on(Proxy::start(&ministack().url())).expect("loopback has a free port")
}

/// A clock for programs that a test starts; it begins so many seconds off.
pub fn fake_clock(seconds: i64) -> FakeClock {
    FakeClock::new(seconds).unwrap_or_else(|error| panic!("{error}"))
}

/// Waits for something that a test has brought about; `what` is said if it does not come.
#[track_caller]
pub fn wait_for<T>(happening: impl Future<Output = T>, what: &str) -> T {
    RUNTIME
        .block_on(async { tokio::time::timeout(LIMIT, happening).await })
        .unwrap_or_else(|_| panic!("{what} did not come in {LIMIT:?}"))
}

fn ministack() -> &'static Ministack {
    Ministack::shared().unwrap_or_else(|error| panic!("{error}"))
}

/// Where everything asynchronous of this process runs.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started")
});

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
