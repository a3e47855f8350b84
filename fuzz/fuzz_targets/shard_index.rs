#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hyperslab_zarr::fuzzing::shard_index(bytes));
