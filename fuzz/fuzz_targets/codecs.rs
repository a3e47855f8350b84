#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hyperslab_engine::fuzzing::codec(bytes));
