//! A configuration in a file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{
    Configuration, ConfigurationVersion, Expected, MAX_OCTETS, ReadError, Version, WriteError, sha256, text,
};

/// A file, which its version is the hash of.
#[derive(Debug)]
pub(super) struct FilePlace(PathBuf);

impl FilePlace {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// `None` when there is no such file.
    pub(super) fn read(&self) -> Result<Option<Configuration>, ReadError> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ReadError::File(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_OCTETS + 1).read_to_end(&mut bytes).map_err(ReadError::File)?;
        let text = text(bytes)?;
        let version = version(&text);
        Ok(Some(Configuration { text, version }))
    }

    /// The file appears whole or not at all. A new one is made in one step; a change of one is looked at before, so
    /// of two changes in the same moment the later one stays.
    pub(super) fn write(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        match expected {
            Expected::Absent => {
                let unfinished = self.unfinished(text).map_err(refused)?;
                let made = fs::hard_link(&unfinished, &self.0);
                // Under its own name it stays; under this one nobody needs it.
                let _ = fs::remove_file(&unfinished);
                made.map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => WriteError::Changed,
                    _ => refused(error),
                })?;
            }
            Expected::Version(expected) => {
                let found = self.read().map_err(|error| WriteError::Refused(Box::new(error)))?;
                if found.is_none_or(|found| found.version != *expected) {
                    return Err(WriteError::Changed);
                }
                let unfinished = self.unfinished(text).map_err(refused)?;
                fs::rename(&unfinished, &self.0).map_err(refused)?;
            }
        }
        let folder = File::open(folder(&self.0)).and_then(|folder| folder.sync_all());
        folder.map_err(|error| WriteError::Unknown(Box::new(error)))?;
        Ok(version(text))
    }

    /// A file beside this one that holds the text.
    fn unfinished(&self, text: &str) -> io::Result<PathBuf> {
        let mut name = OsString::from(".");
        name.push(self.0.file_name().unwrap_or_default());
        name.push(format!(".{}.unfinished", std::process::id()));
        let path = self.0.with_file_name(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(path)
    }
}

fn version(text: &str) -> ConfigurationVersion {
    ConfigurationVersion(Version::Sha256(sha256(text)))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn refused(error: io::Error) -> WriteError {
    WriteError::Refused(Box::new(error))
}
