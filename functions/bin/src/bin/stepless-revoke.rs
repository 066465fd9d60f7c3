//! The function `revoke`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run(stepless_functions::revoke::routes())
}
