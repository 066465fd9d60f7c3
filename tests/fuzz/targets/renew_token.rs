#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stepless_fuzz_targets::renew_token(data));
