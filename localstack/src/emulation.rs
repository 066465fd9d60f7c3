//! The emulators of one `localstack/up`: its own, other people's, or some of each.

use std::path::Path;
use std::str::FromStr;
use std::thread;

use stepless_localstack::Endpoint;
use stepless_localstack::emulator::{DynamoDbLocal, EmulatorError, Ministack};
use thiserror::Error;

/// Which of the two engines keeps the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Amazon's own.
    DynamoDbLocal,
    /// The one beside the KMS.
    Ministack,
}

/// Emulators that answer; those that were started here end with this value.
#[derive(Debug)]
pub(crate) struct Emulation {
    /// Where keys are.
    pub(crate) kms: Endpoint,
    /// Where the table is.
    pub(crate) dynamodb: Endpoint,
    /// It is always there: S3, SSM and ACM are in it.
    ministack: Ministack,
    dynamodb_local: Option<DynamoDbLocal>,
}

impl Emulation {
    /// Starts those that are not given, both at once, with their logs in `dir`.
    pub(crate) fn start(
        dir: &Path,
        engine: Engine,
        kms: Option<Endpoint>,
        dynamodb: Option<Endpoint>,
    ) -> Result<Self, EmulatorError> {
        let (ministack, dynamodb_local) = thread::scope(|scope| {
            let local = scope.spawn(|| match dynamodb {
                Some(_) => Ok(None),
                None => DynamoDbLocal::start_in(dir).map(Some),
            });
            let ministack = Ministack::start_in(dir);
            (ministack, local.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (ministack, dynamodb_local) = (ministack?, dynamodb_local?);
        let chosen = match (dynamodb, engine, &dynamodb_local) {
            (Some(given), ..) => given,
            (None, Engine::DynamoDbLocal, Some(local)) => local.endpoint(),
            (None, Engine::Ministack, _) | (None, Engine::DynamoDbLocal, None) => ministack.endpoint(),
        };
        let kms = kms.unwrap_or_else(|| ministack.endpoint());
        Ok(Self { kms, dynamodb: chosen, ministack, dynamodb_local })
    }

    /// Where everything else is.
    pub(crate) fn rest(&self) -> Endpoint {
        self.ministack.endpoint()
    }

    /// The second engine, for what is to hold on both; it has no table.
    pub(crate) fn other_dynamodb(&self) -> Option<Endpoint> {
        let engines =
            [Some(self.ministack.endpoint()), self.dynamodb_local.as_ref().map(DynamoDbLocal::endpoint)];
        engines.into_iter().flatten().find(|engine| *engine != self.dynamodb)
    }

    /// Whether keys and table end with this value.
    pub(crate) fn is_our_own(&self) -> bool {
        let local = self.dynamodb_local.as_ref().map(DynamoDbLocal::endpoint);
        self.kms == self.rest() && (self.dynamodb == self.rest() || Some(self.dynamodb) == local)
    }
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        match name {
            "dynamodb-local" => Ok(Self::DynamoDbLocal),
            "ministack" => Ok(Self::Ministack),
            _ => Err(UnknownEngine(name.to_owned())),
        }
    }
}

/// There is no engine of that name.
#[derive(Debug, Error)]
#[error("{0:?} is no engine: it has to be dynamodb-local or ministack")]
pub(crate) struct UnknownEngine(String);
