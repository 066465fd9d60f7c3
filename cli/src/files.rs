//! Files of an authority's folder: read with errors that name them, written for their owner alone, never overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{CliError, Context};

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).context(format_args!("{} cannot be read", path.display()))
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).context(format_args!("{} cannot be read", path.display()))
}

/// Who may read a file that is written.
#[derive(Clone, Copy)]
pub(crate) enum Readers {
    /// Only its owner.
    Owner,
    /// Everybody; only the owner may write.
    Everybody,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// Writes a new file and waits until it is on the disk; an existing one is an error.
pub(crate) fn create(path: &Path, contents: &[u8], readers: Readers) -> Result<(), CliError> {
    let cannot = || format!("{} cannot be written", path.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(readers.mode() & 0o644)
        .open(path)
        .context(cannot())?;
    file.write_all(contents).and_then(|()| file.sync_all()).context(cannot())
}

/// Makes a folder and those above it, for its owner alone.
pub(crate) fn create_folder(path: &Path) -> Result<(), CliError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context(format_args!("the folder {} cannot be made", path.display()))
}
