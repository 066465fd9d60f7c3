//! The function `acme_finalize`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run_acme_finalize()
}
