//! How large a function is when it is uploaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BenchError;

/// In octets: the binary, and the package that has nothing else in it.
pub(super) fn sizes(program: &Path) -> Result<(u64, u64), BenchError> {
    let binary = fs::metadata(program).map_err(BenchError::file(program))?.len();
    let gzip = PathBuf::from("gzip");
    let output = Command::new(&gzip)
        .args(["-9", "--no-name", "--stdout", "--"])
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| BenchError::Start { path: gzip, source })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BenchError::Tool { program: "gzip".to_owned(), stderr });
    }
    Ok((binary, output.stdout.len() as u64 - GZIP_FRAME + ZIP_FRAME))
}

/// What gzip puts around the deflated octets ([RFC 1952 §2.3](https://www.rfc-editor.org/rfc/rfc1952#section-2.3)).
const GZIP_FRAME: u64 = 18;

/// What a zip puts around those of one file named `bootstrap`: two headers with the name, and the end of the directory.
const ZIP_FRAME: u64 = 30 + 46 + 2 * 9 + 22;
