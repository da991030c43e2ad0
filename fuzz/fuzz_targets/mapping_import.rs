#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scimkit_fuzz::mapping_import(data));
