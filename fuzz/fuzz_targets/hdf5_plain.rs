#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hyperslab_hdf5::fuzzing::plain_file(bytes));
