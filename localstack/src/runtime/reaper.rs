//! Ends processes whose parent was killed. A frozen process does not notice by itself.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// A shell that is told the ids of our processes, and kills them when its standard input ends: when this process has.
#[derive(Clone, Debug)]
pub struct Reaper(Arc<Mutex<Shell>>);

#[derive(Debug)]
struct Shell {
    child: Child,
    input: Option<ChildStdin>,
}

impl Reaper {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no `sh`.
    pub fn start() -> io::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", REAPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        Ok(Self(Arc::new(Mutex::new(Shell { child, input }))))
    }

    /// `pid` runs from now on.
    pub(super) fn watch(&self, pid: u32) -> io::Result<()> {
        self.tell('+', pid)
    }

    /// `pid` has ended and may belong to someone else soon.
    pub(super) fn forget(&self, pid: u32) {
        // If the shell is gone, it kills nobody.
        let _ = self.tell('-', pid);
    }

    fn tell(&self, sign: char, pid: u32) -> io::Result<()> {
        let mut shell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut shell.input {
            Some(input) => input.write_all(format!("{sign} {pid}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself now; if it cannot be waited for, it has.
        let _ = self.child.wait();
    }
}

const REAPER: &str = r#"
trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
  case $sign in
  +) pids="$pids$pid " ;;
  -) pids="${pids%% "$pid" *} ${pids#* "$pid" }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid"; done
"#;
