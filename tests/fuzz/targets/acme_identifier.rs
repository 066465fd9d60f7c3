#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stepless_fuzz_targets::acme_identifier(data));
