//! What every integration test stands on: certificates, a real redis-server, the real sidecar
//! binary, a raw RESP client, and a comparison of both sides byte by byte.
//! Nothing here sleeps to wait for a condition: [`eventually`] polls with a deadline.

mod activated;
mod certs;
mod cli;
mod client;
mod faults;
mod namespace;
mod process;
mod redis;
mod script;
mod scripted;
mod side;
mod sidecar;
mod value;

pub(crate) use activated::SocketActivated;
pub(crate) use certs::Certs;
pub(crate) use cli::{Cli, Outcome};
pub(crate) use client::{Client, encode, escape};
pub(crate) use faults::{End, Proxy, Way};
pub(crate) use namespace::run_alone;
pub(crate) use process::Process;
pub(crate) use redis::{
    PASSWORD, Redis, RedisOptions, Refusing, ServerCert, free_port, listen_on_free_port,
};
pub(crate) use script::{Script, directory as scripts_directory};
pub(crate) use scripted::{Answer, Call, Scripted};
pub(crate) use side::{Scenario, Sides, compare, compare_everywhere, compare_without_namespace};
pub(crate) use sidecar::{Sidecar, SidecarOptions};
pub(crate) use value::Value;

use std::thread;
use std::time::{Duration, Instant};

/// How long anything that should happen may take; generous, since test machines are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// Polls until `condition` holds, and fails with `what` when it does not within [`DEADLINE`].
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "did not come true in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
