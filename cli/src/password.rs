//! Passwords: from a file, or asked for at the terminal.

use std::io::IsTerminal;
use std::path::Path;

use stepless_core::secret::SecretBytes;

use crate::error::{CliError, Context};
use crate::files;

/// The password in a file, without the white space at its end.
pub(crate) fn from_file(path: &Path) -> Result<SecretBytes, CliError> {
    let mut bytes = files::read(path)?;
    bytes.truncate(bytes.trim_ascii_end().len());
    if bytes.is_empty() {
        return Err(CliError::new(format!("the password file {} is empty", path.display())));
    }
    Ok(SecretBytes::new(bytes))
}

/// Asks for a new password, twice.
pub(crate) fn choose() -> Result<SecretBytes, CliError> {
    let password = ask("Choose a password for the keys and the provisioner: ")?;
    let again = ask("The same password again: ")?;
    if password.expose() != again.expose() {
        return Err(CliError::new("the two passwords differ"));
    }
    if password.expose().is_empty() {
        return Err(CliError::new("the password is empty"));
    }
    Ok(password)
}

/// Asks for a password that exists.
pub(crate) fn ask(prompt: &str) -> Result<SecretBytes, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::new(
            "a password is needed, and there is no terminal to ask at: give --password-file",
        ));
    }
    let password = rpassword::prompt_password(prompt).context("the password cannot be read")?;
    Ok(SecretBytes::new(password.into_bytes()))
}
