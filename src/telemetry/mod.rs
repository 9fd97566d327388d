//! What operators see of a running sidecar.

pub mod logs;
pub mod metrics;
