#![no_main]

mod decoding;

libfuzzer_sys::fuzz_target!(|input: &[u8]| decoding::attributes(input));
