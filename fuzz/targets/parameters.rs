#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| strongroom_pkcs11::fuzzing::parameters(input));
