//! A program that ends with the value that stands for it, and with this process too, however that ends.
//!
//! A process that is killed drops nothing. So the program runs beside a watcher in a shell that holds the reading end of
//! a pipe; the writing end is ours alone, and the operating system closes it for us.

use std::io;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A running program.
#[derive(Debug)]
pub(crate) struct Guarded {
    shell: Child,
    /// Closing it ends the program.
    pipe: Option<ChildStdin>,
}

impl Guarded {
    /// Starts `program`; its arguments and environment are used, its standard input is empty.
    pub(crate) fn start(program: &Command, stdout: Stdio, stderr: Stdio) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(WATCHED).arg("sh").arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        let mut shell = command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr).spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// How it ended by itself, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.shell.try_wait()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // The shell has nothing left to do but to end; if it cannot be waited for, it is gone already.
        let _ = self.shell.wait();
    }
}

/// Runs a program until it ends or standard input does. Each of the two ends the other.
const WATCHED: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
{ while read -r _; do :; done; kill -KILL "$program"; } <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
"#;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_dropped_program_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let mut program = Command::new("sh");
        program.arg("-c").arg("echo $$ >\"$0\"; exec sleep 600").arg(&pid);

        let guarded = Guarded::start(&program, Stdio::null(), Stdio::null()).unwrap();
        wait_until(|| fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
        let process = Path::new("/proc").join(fs::read_to_string(&pid).unwrap().trim());
        assert!(process.exists());
        drop(guarded);

        wait_until(|| !process.exists());
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed_with_its_status() {
        let mut program = Command::new("sh");
        program.args(["-c", "exit 7"]);
        let mut guarded = Guarded::start(&program, Stdio::null(), Stdio::null()).unwrap();
        wait_until(|| guarded.ended().unwrap().is_some());
        assert_eq!(guarded.ended().unwrap().and_then(|status| status.code()), Some(7));
    }

    fn wait_until(mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < deadline, "it did not come true");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
