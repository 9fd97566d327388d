//! The configuration: any file and any environment give a configuration that can be shown, or faults that can.

use redis_sidecar::config::{Config, Env, Flags, Sources};
use std::io::Write;

/// Runs the target: a file, then, each behind a NUL, variables as `NAME=value`.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0');
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(parts.next().unwrap_or_default().as_bytes()).expect("it takes bytes");
    let env: Env = parts.filter_map(|line| line.split_once('=')).collect();
    let sources = Sources { file: Some(file.path().into()), env, flags: Flags::default() };
    match Config::load(&sources) {
        Ok(config) => {
            assert!(!config.to_yaml().is_empty());
            assert!(config.changes(&config).is_empty());
            assert!(!config.settings().is_empty());
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults.iter() {
                assert!(!fault.to_string().is_empty());
            }
        }
    }
}
