//! The pinned programs of other people, and our own.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The `step` CLI, pinned.
pub fn step() -> PathBuf {
    tool("step-0.30.2/step")
}

/// The reference server, pinned.
pub fn step_ca() -> PathBuf {
    tool("step-ca-0.30.2/step-ca")
}

/// certbot, pinned.
pub fn certbot() -> PathBuf {
    tool("certbot-5.8.0/bin/certbot")
}

/// The Python that certbot's own modules belong to.
pub fn certbot_python() -> PathBuf {
    tool("certbot-5.8.0/bin/python3")
}

/// A program that a package of the system brings.
pub fn installed(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    // Daemons lie there, and not everybody's path goes there.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: `tests/run` installs it"))
}

/// The server under test: `STEPLESS_BIN`, or the one cargo built beside this test.
pub fn stepless() -> PathBuf {
    if let Some(path) = env::var_os("STEPLESS_BIN") {
        return PathBuf::from(path);
    }
    built("stepless")
}

/// A program of the workspace that cargo built beside this test.
pub fn built(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    let path = test
        .ancestors()
        .nth(2)
        .map(|profile| profile.join(name))
        .expect("a test lies in target/<profile>/deps");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p stepless -p stepless-lambda`, or tests/run",
        path.display()
    );
    path
}

/// Runs a program to its end and gives its standard output; a failure shows everything it wrote.
pub fn output(command: &mut Command) -> Vec<u8> {
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", name(command.get_program())));
    assert!(
        status.success(),
        "{command:?} ended with {status}\n{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    stdout
}

fn tool(relative: &str) -> PathBuf {
    let path = tools().join(relative);
    assert!(path.exists(), "{} is missing: `tests/run` installs the pinned programs", path.display());
    path
}

fn tools() -> PathBuf {
    env::var_os("STEPLESS_TOOLS").map_or_else(
        || {
            let home = env::var_os("HOME").expect("HOME or STEPLESS_TOOLS is set");
            Path::new(&home).join(".cache/stepless/tools")
        },
        PathBuf::from,
    )
}

fn name(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}
