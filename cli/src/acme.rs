//! `stepless acme`: what an operator changes for ACME in the store of an authority, whose keys it does not need.

mod eab;
mod renewal;
mod table;

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use stepless_core::clock::{Clock, Timestamp};
use stepless_core::config::{CaConfig, Provisioner};
use stepless_core::store::Store;
use stepless_core::x509::ProvisionerKind;
use stepless_net::SystemClock;

use crate::args::{AcmeCommand, AcmeStoreArguments};
use crate::authority::{Strictness, config_place, load_config};
use crate::error::{CliError, Context};
use crate::serve::runtime;
use crate::store;

/// Does what is asked, and prints what came of it.
pub(crate) fn run(command: &AcmeCommand) -> Result<(), CliError> {
    let said = runtime()?.block_on(answer(command))?;
    std::io::stdout().write_all(said.as_bytes()).context("it is done, but what came of it cannot be printed")
}

async fn answer(command: &AcmeCommand) -> Result<String, CliError> {
    match command {
        AcmeCommand::Eab { command } => eab::run(command).await,
        AcmeCommand::Renewal { command } => renewal::run(command).await,
    }
}

/// The store of an authority, and the configuration that names it.
struct Place {
    config: CaConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Place {
    async fn open(arguments: &AcmeStoreArguments) -> Result<Self, CliError> {
        let place = config_place(arguments.config.as_ref())?;
        let config = load_config(&place, Strictness::Lenient).await?.config;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = store::open_to_change(config.db.as_ref(), &clock).await?;
        Ok(Self { config, store, clock })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn acme_provisioners(&self) -> impl Iterator<Item = &Provisioner> {
        self.config
            .authority
            .provisioners
            .iter()
            .filter(|provisioner| provisioner.kind == ProvisionerKind::Acme)
    }

    /// The ACME provisioner of that name.
    fn named(&self, name: &str) -> Result<&Provisioner, CliError> {
        let found = self.acme_provisioners().find(|provisioner| provisioner.name == name);
        found.ok_or_else(|| CliError::new(format!("there is no ACME provisioner {name:?}; {}", self.names())))
    }

    /// The ACME provisioner of that name; without a name the only one there is.
    fn named_or_only(&self, name: Option<&str>) -> Result<&Provisioner, CliError> {
        if let Some(name) = name {
            return self.named(name);
        }
        let mut all = self.acme_provisioners();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(CliError::new(format!("--provisioner must say which ACME provisioner; {}", self.names())))
            }
            (None, _) => Err(CliError::new(self.names())),
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.acme_provisioners().map(|found| format!("{:?}", found.name)).collect();
        match names.is_empty() {
            true => "the configuration has no ACME provisioner".to_owned(),
            false => format!("the configuration has {}", names.join(", ")),
        }
    }
}

/// Whom an answer is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// People.
    Text,
    /// Programs.
    Json,
}

impl Form {
    /// What a flag `--json` says.
    fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// One document with a line end.
fn json(value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value).context("the answer cannot be printed")?;
    Ok(format!("{text}\n"))
}

#[cfg(test)]
mod tests;
