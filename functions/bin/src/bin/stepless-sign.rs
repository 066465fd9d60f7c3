//! The function `sign`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run(stepless_functions::sign::routes())
}
