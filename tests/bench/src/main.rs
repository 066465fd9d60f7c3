//! tests/bench
fn main() {}
