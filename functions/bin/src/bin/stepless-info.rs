//! The function `info`.

fn main() -> std::process::ExitCode {
    stepless_lambda::run(stepless_functions::info::routes())
}
