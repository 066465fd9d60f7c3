//! Files of an authority's folder: read with errors that name them, written for their owner alone, never overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use stepless_core::random::random_bytes;
use stepless_net::SystemRandom;

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

/// Writes a new file and waits until it is on the disk; an existing one is an error. It appears whole or not at all,
/// even when the machine stops in between.
pub(crate) fn create(path: &Path, contents: &[u8], readers: Readers) -> Result<(), CliError> {
    let cannot = || format!("{} cannot be written", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let random = random_bytes::<8>(&SystemRandom).context(cannot())?;
    let unfinished = folder.join(format!(".{}.unfinished", hex::encode(random)));
    let made = write(&unfinished, contents, readers).and_then(|()| give_name(&unfinished, path));
    // Under its own name it stays; under this one nobody needs it, and a failure here changes nothing.
    let _ = fs::remove_file(&unfinished);
    made.and_then(|()| File::open(folder)?.sync_all()).context(cannot())
}

fn write(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(readers.mode()).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// A link, unlike a renaming, never takes the place of another file. Some file systems of portable disks have none.
fn give_name(unfinished: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(unfinished, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if path.symlink_metadata().is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(unfinished, path),
        Ok(()) => Ok(()),
    }
}

/// Makes a folder and those above it, for its owner alone.
pub(crate) fn create_folder(path: &Path) -> Result<(), CliError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context(format_args!("the folder {} cannot be made", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_whole_and_alone_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");

        create(&path, b"secret", Readers::Owner).unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "precious").unwrap();

        create(&path, b"secret", Readers::Owner).unwrap_err();

        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
