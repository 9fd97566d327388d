//! The cloud fails, on command and one way at a time: what the app sees, and what the server was asked.
//! Deterministic; what chance finds is in `chaos`.

mod breaker;
mod dead_peers;
mod fairness;
mod order;
mod outage;
mod reload;
mod retry;
mod transactions;

use crate::harness::{Proxy, Redis, Scripted, Sidecar, SidecarOptions, Value};

/// A sidecar's options before a scripted upstream: one worker, so that all clients share its lane.
fn before_script(upstream: &Scripted) -> SidecarOptions {
    SidecarOptions::default().env("REDIS_URL", &upstream.url()).env("SIDECAR_WORKERS", "1")
}

/// A sidecar's options before a proxy that stands before a real server.
fn before_proxy(proxy: &Proxy, redis: &Redis) -> SidecarOptions {
    SidecarOptions::upstream(redis).env("REDIS_URL", &proxy.url(redis)).env("SIDECAR_WORKERS", "1")
}

/// Enough commands that went well for the budget of retries to be no question.
fn warm(sidecar: &Sidecar) {
    let mut client = sidecar.client();
    for _ in 0..10 {
        let echo: &[&str] = &["ECHO", "warm"];
        assert_eq!(client.pipeline(&[echo; 50]), vec![Value::bulk("warm"); 50]);
    }
}
