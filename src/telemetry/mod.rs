//! What operators see of a running sidecar.

pub mod big_values;
pub mod hot_keys;
pub mod keys;
pub mod logs;
pub mod metrics;
pub mod notes;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod outage;
pub mod sampler;
pub mod seldom;
pub mod slowlog;
pub mod spans;
