//! The proof that an app can't tell: a scenario is played straight to a plain redis-server and
//! again through the sidecar, and every byte of every reply must be the same.
//! Each scenario is played in RESP2 and in RESP3, on empty servers.

use std::sync::{Arc, Mutex};

use super::client::Transcript;
use super::{Client, Redis, RedisOptions, Sidecar, SidecarOptions, escape, eventually};

/// Plays `scenario` on both sides in both protocols, and again where the sidecar keeps the app's keys in a namespace:
/// it can't tell.
#[track_caller]
pub(crate) fn compare(scenario: impl Fn(&Scenario)) {
    compare_without_namespace(&scenario);
    // With glob characters, so that a pattern that is not escaped would show.
    Sides::start_with(None, &[], "namespace: 'app[1]:'").compare(scenario);
}

/// Without a namespace alone: for scenarios with what is refused under one (commands that nobody knows, DEBUG), or
/// with scripts that name keys that they did not declare.
#[track_caller]
pub(crate) fn compare_without_namespace(scenario: impl Fn(&Scenario)) {
    Sides::start().compare(scenario);
}

/// The same twice: with the sidecar before a server of its own, and with its embedded engine.
#[track_caller]
pub(crate) fn compare_everywhere(scenario: impl Fn(&Scenario)) {
    Sides::start().compare(&scenario);
    Sides::start_in_memory().compare(&scenario);
}

/// A server to compare with, and a sidecar before another one.
pub(crate) struct Sides {
    direct: Redis,
    /// none: the sidecar's own memory
    upstream: Option<Redis>,
    sidecar: Sidecar,
}

impl Sides {
    pub(crate) fn start() -> Self {
        Self::start_with(None, &[], "{}")
    }

    /// A server and a sidecar that both ask apps for `password`.
    pub(crate) fn start_with_password(password: &'static str) -> Self {
        Self::start_with(Some(password), &[], &format!("listen: {{password: {password}}}"))
    }

    /// `password` and `lines` of redis.conf for the server without sidecar, and the `config` by
    /// which the sidecar should behave alike.
    pub(crate) fn start_with(password: Option<&'static str>, lines: &[&str], config: &str) -> Self {
        let direct = Redis::start_with(RedisOptions {
            tls: false,
            plain_port: true,
            password,
            lines: lines.iter().map(ToString::to_string).collect(),
            ..RedisOptions::default()
        });
        let upstream = Redis::start();
        let sidecar = SidecarOptions::upstream(&upstream).config(config).start();
        Self { direct, upstream: Some(upstream), sidecar }
    }

    /// A sidecar with no Redis behind it.
    pub(crate) fn start_in_memory() -> Self {
        let sidecar = SidecarOptions::default().start();
        Self { direct: Redis::start_plain(), upstream: None, sidecar }
    }

    #[track_caller]
    pub(crate) fn compare(&self, scenario: impl Fn(&Scenario)) {
        let is_memory = self.upstream.is_none();
        for protocol in [2, 3] {
            let expected = play(&self.direct.plain_address(), protocol, is_memory, &scenario);
            self.direct.wipe();
            let got = play(self.sidecar.address(), protocol, is_memory, &scenario);
            match &self.upstream {
                Some(upstream) => upstream.wipe(),
                None => drop(self.sidecar.client().call(&["FLUSHALL"])),
            }
            self.wait_for_departures();
            assert_alike(protocol, &expected, &got);
        }
    }

    /// Workers notice each by itself that clients have gone: one that gets no CPU for a while still counts its
    /// subscribers while another serves the next play.
    #[track_caller]
    fn wait_for_departures(&self) {
        eventually("the sidecar has noticed that the clients of a play are gone", || {
            self.sidecar.http("/metrics").1.contains("\nredis_sidecar_clients 0\n")
        });
    }
}

/// One play of a scenario on one side.
pub(crate) struct Scenario {
    /// 2 or 3
    pub(crate) protocol: u8,
    /// played for the embedded engine: what that does not have is left out, on both sides
    pub(crate) is_memory: bool,
    address: String,
    transcript: Transcript,
}

impl Scenario {
    /// A new client, in the protocol of this play, whose replies are compared.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        let client = self.fresh_client();
        if self.protocol == 3 { client.resp3() } else { client }
    }

    /// A new client that has said nothing yet.
    #[track_caller]
    pub(crate) fn fresh_client(&self) -> Client {
        Client::connect(&self.address).recording(Arc::clone(&self.transcript))
    }

    /// A new client whose replies are not compared.
    #[track_caller]
    pub(crate) fn bystander(&self) -> Client {
        Client::connect(&self.address)
    }
}

#[track_caller]
fn play(
    address: &str,
    protocol: u8,
    is_memory: bool,
    scenario: &impl Fn(&Scenario),
) -> Vec<(String, Vec<u8>)> {
    let transcript = Arc::new(Mutex::new(Vec::new()));
    let address = address.to_owned();
    scenario(&Scenario { protocol, is_memory, address, transcript: Arc::clone(&transcript) });
    std::mem::take(&mut *transcript.lock().unwrap())
}

#[track_caller]
fn assert_alike(protocol: u8, expected: &[(String, Vec<u8>)], got: &[(String, Vec<u8>)]) {
    for (step, (want, have)) in expected.iter().zip(got).enumerate() {
        assert!(
            want.1 == have.1,
            "RESP{protocol}, reply {step}, after {}\n   redis: {}\n sidecar: {}",
            want.0,
            escape(&want.1),
            escape(&have.1)
        );
    }
    assert_eq!(expected.len(), got.len(), "RESP{protocol}: replies");
    assert!(!expected.is_empty(), "nothing was compared");
}
