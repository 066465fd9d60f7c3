//! The function `acme`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run_acme()
}
