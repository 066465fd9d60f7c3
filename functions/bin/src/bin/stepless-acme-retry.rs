//! The function that tries validations again, called by their queue.

fn main() -> std::process::ExitCode {
    stepless_lambda::run_acme_retry()
}
