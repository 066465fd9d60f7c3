//! Where the logs of an emulator lie: a folder that the caller gave, or one of our own that goes with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A folder for what a program writes.
#[derive(Debug)]
pub(crate) enum Folder {
    /// The caller's: it stays.
    Given(PathBuf),
    /// Ours: it is removed in the end.
    Own(PathBuf),
}

impl Folder {
    /// A new folder of our own.
    pub(crate) fn own() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("stepless-localstack-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path)?;
        Ok(Self::Own(path))
    }

    /// `path`, made if it is not there.
    pub(crate) fn given(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self::Given(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Own(path) => path,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Own(path) = self {
            // What stays in the folder for temporary files harms nobody.
            let _ = fs::remove_dir_all(path);
        }
    }
}
