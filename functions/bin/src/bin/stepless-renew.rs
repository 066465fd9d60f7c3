//! The function `renew`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run(stepless_functions::renew::routes())
}
