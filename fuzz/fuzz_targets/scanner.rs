#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redis_sidecar_fuzz::scanner::run(data));
