//! `stepless config`: a configuration read, checked and changed where it lies, which need not be a file.

mod check;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use stepless_aws::configuration::{ConfigurationPlace, ConfigurationSource, Expected, Found, WriteError};
use stepless_core::config::CaConfig;
use stepless_core::x509::Certificate;
use stepless_net::SystemClock;

use self::check::check;
use crate::args::{CheckArguments, ConfigCommand};
use crate::authority::{certificates, config_text};
use crate::error::{CliError, Context};
use crate::files;
use crate::serve::runtime;

/// Does what is asked with a configuration.
pub(crate) fn run(command: &ConfigCommand) -> Result<(), CliError> {
    runtime()?.block_on(async {
        match command {
            ConfigCommand::Show { place } => show(place).await,
            ConfigCommand::Check { place, checks } => {
                let text = match place {
                    ConfigurationPlace::File(path) => file_or_standard_input(path)?,
                    place => config_text(place).await?,
                };
                check(&text, place, place, checks).await?;
                println!("An authority can start with {place}.");
                Ok(())
            }
            ConfigCommand::Set { place, file, new, other_root, checks } => {
                let there = match (new, other_root) {
                    (true, _) => There::Nothing,
                    (false, true) => There::Anything,
                    (false, false) => There::SameAuthority,
                };
                set(place, file, there, checks).await
            }
        }
    })
}

/// What the operator says is there before it is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    /// No configuration.
    Nothing,
    /// One of the same authority: they have a root in common.
    SameAuthority,
    /// One of any authority.
    Anything,
}

async fn show(place: &ConfigurationPlace) -> Result<(), CliError> {
    let text = config_text(place).await?;
    // As it is: with a line more, a file made of it would be another configuration.
    std::io::stdout().write_all(text.as_bytes()).context("the configuration cannot be printed")
}

async fn set(
    place: &ConfigurationPlace,
    file: &Path,
    there: There,
    checks: &CheckArguments,
) -> Result<(), CliError> {
    let source = ConfigurationSource::open(place, Arc::new(SystemClock))
        .await
        .context(format_args!("{place} cannot be used"))?;
    // Read before the checks: whoever writes while they run is not overwritten.
    let found = source.read(None).await.context(format_args!("{place} cannot be read"))?;
    let text = file_or_standard_input(file)?;
    let roots = check(&text, file.display(), place, checks).await?;
    let expected = match (&found, there) {
        (Found::Configuration(found), _) if found.text == text => {
            println!("{place} holds this configuration already; nothing was written.");
            return Ok(());
        }
        (Found::Configuration(found), There::SameAuthority) if is_of_another(&found.text, &roots) => {
            return Err(CliError::new(format!(
                "{} is of another authority: it has none of the roots that {place} has, and clients know only those; \
                 nothing was written. With --other-root it is put there",
                file.display()
            )));
        }
        (Found::Configuration(found), There::SameAuthority | There::Anything) => {
            Expected::Version(&found.version)
        }
        (Found::Configuration(_), There::Nothing) => {
            return Err(CliError::new(format!(
                "{place} holds a configuration already; nothing was written. Leave --new out to put another in its place"
            )));
        }
        (Found::Absent | Found::Unchanged, There::Nothing) => Expected::Absent,
        (Found::Absent | Found::Unchanged, There::SameAuthority | There::Anything) => {
            return Err(CliError::new(format!(
                "{place} holds no configuration; nothing was written. With --new the first one is put there"
            )));
        }
    };
    put(&source, place, &text, expected).await?;
    println!("{place} holds the new configuration.");
    println!(
        "Functions that read it there work with it within a minute; stepless serve does when it is started again."
    );
    Ok(())
}

/// Whether a configuration has none of these roots. One that cannot be read has no clients to lose.
fn is_of_another(text: &str, roots: &[Certificate]) -> bool {
    CaConfig::parse(text)
        .ok()
        .and_then(|(config, _)| certificates(&config.root).ok())
        .is_some_and(|found| !found.iter().any(|root| roots.contains(root)))
}

async fn put(
    source: &ConfigurationSource,
    place: &ConfigurationPlace,
    text: &str,
    expected: Expected<'_>,
) -> Result<(), CliError> {
    let error = match source.write(text, expected).await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let message = match &error {
        WriteError::Changed => format!(
            "somebody else has changed {place} in the meantime, and theirs stays. Look at it with stepless config \
             show, and set yours again if it still fits"
        ),
        WriteError::Refused(_) => format!("{place} was not changed"),
        WriteError::Overwrote => format!(
            "{place} holds your configuration now, and somebody else's, written in the same moment, is overwritten. It is \
             the version before in the parameter's history; put both together, and set them again"
        ),
        WriteError::Unknown(_) => {
            format!("{place} did not answer; look with stepless config show whether it was changed")
        }
    };
    Err(error).context(message)
}

/// The text of a file, or of standard input where the file is `-`.
fn file_or_standard_input(path: &Path) -> Result<String, CliError> {
    if path != Path::new("-") {
        return files::read_text(path);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text)
}

#[cfg(test)]
mod tests;
