//! Reads go on while the cloud is away: what is answered from memory, for how long, and how honestly; and that
//! nothing of it is older than a write that was acknowledged.

mod honest;
mod local;
mod race;
mod stale;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::harness::{
    Client, End, Proxy, Redis, RedisOptions, Sidecar, SidecarOptions, Value, eventually,
};

/// An answer that nobody waited for, on a busy test machine.
const AT_ONCE: Duration = Duration::from_millis(400);

/// A real server, a proxy that can be cut, and a sidecar before it.
struct Cloud {
    redis: Mutex<Redis>,
    proxy: Proxy,
    sidecar: Sidecar,
}

impl Cloud {
    fn start(config: &str) -> Self {
        // what was acknowledged outlives a restart
        let lines = ["appendonly yes", "appendfsync no"].map(str::to_owned).to_vec();
        let redis = Redis::start_with(RedisOptions { lines, ..RedisOptions::default() });
        let proxy = Proxy::before(&redis);
        let sidecar = SidecarOptions::upstream(&redis)
            .env("REDIS_URL", &proxy.url(&redis))
            .config(config)
            .start();
        let cloud = Self { redis: Mutex::new(redis), proxy, sidecar };
        // on a busy machine that may take longer than the grace
        eventually("it is connected", || cloud.state() == "up");
        cloud
    }

    fn cut(&self) {
        self.proxy.refuse();
        self.proxy.break_all(End::Reset);
        eventually("the outage is known", || self.state() == "away" || self.state() == "rejecting");
    }

    fn heal(&self) {
        self.proxy.accept_again();
        eventually("the outage is over", || self.state() == "up");
    }

    /// A line of the sidecar's own section in INFO.
    fn told(&self, name: &str) -> String {
        told(&mut self.sidecar.client(), name)
    }

    fn state(&self) -> String {
        self.told("sidecar_state")
    }
}

fn told(client: &mut Client, name: &str) -> String {
    let text = client.call(&["INFO", "sidecar"]).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

fn timed(client: &mut Client, args: &[&str]) -> (Value, Duration) {
    let start = Instant::now();
    (client.call(args), start.elapsed())
}
