//! The parts behind the commands: connections, pool, breaker, subscriptions, the process.

use super::scrape::{Scrape, whole};
use super::{line, lines};
use crate::harness::{End, Proxy, Redis, Sidecar, SidecarOptions, Value, eventually};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the harness's certificates end: 4096-01-01.
const CERTIFICATE_END: u64 = 67_090_118_400;

fn before(proxy: &Proxy, redis: &Redis) -> SidecarOptions {
    SidecarOptions::upstream(redis).env("REDIS_URL", &proxy.url(redis))
}

fn lanes_are_up(sidecar: &Sidecar) {
    eventually("both workers are connected", || {
        Scrape::of(sidecar).sum("redis_sidecar_lanes_connected", &[]) == 2.0
    });
}

#[test]
fn connections_are_counted_as_they_are_made_and_lost() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = before(&proxy, &redis).start();
    lanes_are_up(&sidecar);
    let scrape = Scrape::of(&sidecar);
    let one = |name: &str| whole(scrape.only(&format!("redis_sidecar_{name}")));
    assert_eq!(one("upstream_up"), 1);
    assert_eq!(one("ready"), 1);
    assert_eq!(one("upstream_certificate_expiry_timestamp_seconds"), CERTIFICATE_END);
    let connects = |scrape: &Scrape, result| {
        whole(scrape.sum("redis_sidecar_upstream_connects_total", &[("result", result)]))
    };
    assert_eq!(connects(&scrape, "ok"), proxy.accepted());
    let took = "redis_sidecar_upstream_connect_duration_seconds";
    assert_eq!(one(&format!("{}_count", took.trim_start_matches("redis_sidecar_"))), 2);
    let lost = |scrape: &Scrape, cause| {
        whole(scrape.sum("redis_sidecar_upstream_connections_lost_total", &[("cause", cause)]))
    };
    assert_eq!(lost(&scrape, "closed"), 0);
    proxy.break_all(End::Fin);
    eventually("both are seen to be lost", || lost(&Scrape::of(&sidecar), "closed") == 2);
    lanes_are_up(&sidecar);
    proxy.break_all(End::Reset);
    eventually("both are seen to be broken", || lost(&Scrape::of(&sidecar), "broken") == 2);
    lanes_are_up(&sidecar);
    let scrape = Scrape::of(&sidecar);
    assert_eq!(connects(&scrape, "ok"), proxy.accepted());
    let handshakes =
        |kind| whole(scrape.sum("redis_sidecar_upstream_tls_handshakes_total", &[("kind", kind)]));
    assert_eq!(handshakes("full") + handshakes("resumed"), proxy.accepted());
    assert!(handshakes("resumed") >= 2, "{}", scrape.text);
}

#[test]
fn an_outage_is_measured_and_the_breaker_shown() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "breaker: {grace: 100ms, cooldown: 100ms, max_cooldown: 200ms}";
    let sidecar = before(&proxy, &redis).config(config).start();
    lanes_are_up(&sidecar);
    let state = |scrape: &Scrape, state| {
        whole(scrape.sum("redis_sidecar_breaker_state", &[("state", state)]))
    };
    let scrape = Scrape::of(&sidecar);
    assert_eq!((state(&scrape, "closed"), state(&scrape, "open")), (1, 0));
    // on a busy machine the first connection may have taken longer than the grace
    let before = scrape.only("redis_sidecar_outage_seconds_total");
    let openings = whole(scrape.only("redis_sidecar_breaker_openings_total"));
    let start = Instant::now();
    proxy.refuse();
    proxy.break_all(End::Reset);
    eventually("the breaker opens", || state(&Scrape::of(&sidecar), "closed") == 0);
    let scrape = Scrape::of(&sidecar);
    assert_eq!(whole(scrape.only("redis_sidecar_breaker_openings_total")), openings + 1);
    assert_eq!(whole(scrape.only("redis_sidecar_upstream_up")), 0);
    eventually("refused attempts are counted", || {
        let refused = [("result", "refused")];
        Scrape::of(&sidecar).sum("redis_sidecar_upstream_connects_total", &refused) >= 1.0
    });
    eventually("the outage goes on", || {
        Scrape::of(&sidecar).only("redis_sidecar_outage_seconds_total") > before + 0.3
    });
    proxy.accept_again();
    eventually("the breaker closes", || state(&Scrape::of(&sidecar), "closed") == 1);
    let outage = Scrape::of(&sidecar).only("redis_sidecar_outage_seconds_total");
    let lasted = outage - before;
    assert!(lasted <= start.elapsed().as_secs_f64(), "{lasted} s of {:?}", start.elapsed());
    let again = Scrape::of(&sidecar).only("redis_sidecar_outage_seconds_total");
    assert!((again - outage).abs() < f64::EPSILON, "it is over, and goes on: {outage}, {again}");
}

#[test]
fn the_pool_shows_who_holds_and_who_waits() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("upstream: {pool: {min: 0, max: 1, acquire_timeout: 1s}}")
        .start();
    let (mut holder, mut waiter) = (sidecar.client(), sidecar.client());
    lines(&mut holder, "WATCH k");
    waiter.send(&["WATCH", "k"]);
    let pool = |scrape: &Scrape| {
        let size = |state| whole(scrape.sum("redis_sidecar_pool_connections", &[("state", state)]));
        let one = |name: &str| whole(scrape.only(&format!("redis_sidecar_pool_{name}")));
        [size("lent"), size("idle"), one("waiting"), one("max_connections")]
    };
    eventually("one holds and one waits", || pool(&Scrape::of(&sidecar)) == [1, 0, 1, 1]);
    assert!(waiter.read().error().starts_with("UNAVAILABLE"));
    lines(&mut holder, "UNWATCH");
    eventually("nobody holds it", || pool(&Scrape::of(&sidecar)) == [0, 1, 0, 1]);
    let scrape = Scrape::of(&sidecar);
    assert_eq!(whole(scrape.only("redis_sidecar_pool_acquire_seconds_count")), 2);
    let waited = scrape.only("redis_sidecar_pool_acquire_seconds_sum");
    assert!((1.0..5.0).contains(&waited), "one waited for a second: {waited}");
    let timeouts = scrape.sum("redis_sidecar_timeouts_total", &[("kind", "pool")]);
    assert_eq!(whole(timeouts), 1);
    assert!(scrape.commands().contains_key("watch unavailable"), "{}", scrape.text);
}

#[test]
fn subscriptions_and_messages_are_counted() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut listeners = [sidecar.client(), sidecar.client(), sidecar.client()];
    lines(&mut listeners[0], "SUBSCRIBE news");
    lines(&mut listeners[1], "SUBSCRIBE news");
    lines(&mut listeners[2], "PSUBSCRIBE n*");
    let mut publisher = redis.direct();
    for n in 0..5 {
        // the hub is one subscriber of the channel, and one of the pattern
        assert_eq!(line(&mut publisher, &format!("PUBLISH news {n}")), Value::Int(2));
    }
    for listener in &mut listeners {
        (0..5).for_each(|_| drop(listener.read()));
    }
    let scrape = Scrape::of(&sidecar);
    let one = |name: &str| whole(scrape.only(&format!("redis_sidecar_hub_{name}")));
    let topics = |kind| whole(scrape.sum("redis_sidecar_hub_topics", &[("kind", kind)]));
    assert_eq!([topics("channel"), topics("pattern"), topics("shard")], [1, 1, 0]);
    assert_eq!((one("subscriptions"), one("connections_total")), (3, 1));
    assert_eq!((one("messages_total"), one("deliveries_total")), (10, 15));
    assert_eq!(one("dropped_messages_total"), 0);
    drop(listeners);
    eventually("nobody listens", || {
        Scrape::of(&sidecar).sum("redis_sidecar_hub_subscriptions", &[]) == 0.0
    });
}

#[test]
fn replies_that_are_owed_are_shown_until_they_come() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = [sidecar.client(), sidecar.client()];
    for client in &mut clients {
        client.send(&["BLPOP", "l", "0"]);
    }
    let owed =
        |sidecar: &Sidecar| whole(Scrape::of(sidecar).only("redis_sidecar_lane_replies_owed"));
    eventually("two are owed", || owed(&sidecar) == 2);
    assert_eq!(whole(Scrape::of(&sidecar).only("redis_sidecar_clients")), 2);
    redis.direct().call(&["RPUSH", "l", "a", "b"]);
    clients.iter_mut().for_each(|client| drop(client.read()));
    eventually("none is owed", || owed(&sidecar) == 0);
    drop(clients);
    eventually("nobody is there", || {
        whole(Scrape::of(&sidecar).only("redis_sidecar_clients")) == 0
    });
}

#[test]
fn the_process_is_shown_as_the_system_sees_it() {
    let sidecar = SidecarOptions::default().start();
    line(&mut sidecar.client(), "SET k v");
    let scrape = Scrape::of(&sidecar);
    let one = |name: &str| scrape.only(&format!("redis_sidecar_process_{name}"));
    assert_eq!(whole(one("threads")), sidecar.threads() as u64);
    // the admin connection of the scrape itself comes and goes
    let open = whole(one("open_fds")).abs_diff(sidecar.open_files() as u64);
    assert!(open <= 2, "{open} apart");
    assert!(one("max_fds") >= one("open_fds"));
    let resident = whole(one("resident_memory_bytes")).abs_diff(sidecar.memory());
    assert!(resident < 4 << 20, "{resident} bytes apart");
    assert!(one("virtual_memory_bytes") >= one("resident_memory_bytes"));
    assert!((0.0..60.0).contains(&one("cpu_seconds_total")));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let age = now.as_secs_f64() - one("start_time_seconds");
    assert!((0.0..Duration::from_secs(60).as_secs_f64()).contains(&age), "{age} s");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(whole(scrape.sum("redis_sidecar_build_info", &version)), 1);
    assert_eq!(whole(scrape.only("redis_sidecar_memory_keys")), 1);
    assert!(scrape.only("redis_sidecar_memory_bytes") > 0.0);
}
