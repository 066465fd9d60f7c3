//! The function that keeps the gateway's own certificate in ACM fresh.

fn main() -> std::process::ExitCode {
    stepless_lambda::run_endpoint_certificate()
}
