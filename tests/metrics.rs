//! /metrics after traffic that is known: every count compared exactly, the documentation with what is there, and
//! the output with Prometheus's own checks.

mod parts;
mod promtool;
pub(crate) mod scrape;

use crate::harness::{Client, Proxy, Redis, Sidecar, SidecarOptions, Value, Way, eventually};
use scrape::{Scrape, whole};
use std::collections::BTreeMap;
use std::time::Duration;

fn line(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

fn lines(client: &mut Client, text: &str) {
    for command in text.lines().map(str::trim).filter(|command| !command.is_empty()) {
        line(client, command);
    }
}

/// Waits until all these commands (`get ok 5, set error 1`), and no others, are counted.
#[track_caller]
fn assert_counted(sidecar: &Sidecar, expected: &str) -> Scrape {
    let counts = expected.split(", ").filter_map(|count| count.rsplit_once(' '));
    let expected: BTreeMap<String, u64> =
        counts.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect();
    let mut scrape = Scrape::of(sidecar);
    let mut is_right = false;
    for _ in 0..100 {
        is_right = scrape.commands() == expected;
        if is_right {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        scrape = Scrape::of(sidecar);
    }
    assert!(is_right, "{:#?} instead of {expected:#?}", scrape.commands());
    scrape
}

/// Of every way that a command can take, some.
pub(crate) const MIXED: &str = "LPUSH k x
    LPUSH l a b c
    EVALSHA 0000000000000000000000000000000000000000 0
    NOSUCH a
    NOSUCHEITHER b
    CLIENT SETNAME app
    CLIENT GETNAME
    SELECT 1
    PING
    MULTI
    INCR n
    CLIENT ID
    EXEC
    MULTI
    GET k
    DISCARD
    WATCH k
    UNWATCH
    SELECT 0
    BLPOP l 1
    BLPOP nothing 0.01
    OBJECT ENCODING k
    GET";

#[test]
fn every_command_is_counted_once_with_what_became_of_it() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let (mut one, mut two) = (sidecar.client(), sidecar.client());
    for _ in 0..5 {
        lines(&mut one, "SET k v\nGET k\nget nothing");
    }
    two.pipeline(&[&["INCR", "n"][..]; 100]);
    lines(&mut two, MIXED);
    let mut listener = sidecar.client();
    lines(&mut listener, "SUBSCRIBE news");
    lines(&mut two, "PUBLISH news x");
    assert_eq!(listener.read(), Value::bulks(&["message", "news", "x"]));
    lines(&mut listener, "GET k\nUNSUBSCRIBE news");
    let expected = "set ok 5, get ok 11, get error 2, incr ok 101, lpush error 1, lpush ok 1, \
                    evalsha error 1, unknown error 2, client ok 3, select ok 2, ping ok 1, \
                    multi ok 2, exec ok 1, discard ok 1, watch ok 1, unwatch ok 1, blpop ok 2, \
                    object ok 1, subscribe ok 1, unsubscribe ok 1, publish ok 1";
    let scrape = assert_counted(&sidecar, expected);
    let errors = |code| whole(scrape.sum("redis_sidecar_upstream_errors_total", &[("code", code)]));
    assert_eq!((errors("WRONGTYPE"), errors("NOSCRIPT"), errors("ERR")), (1, 1, 3));
    let refused = |rule| whole(scrape.sum("redis_sidecar_refusals_total", &[("rule", rule)]));
    assert_eq!((refused("subscriber"), refused("arity"), refused("authentication")), (1, 0, 0));
    assert_eq!(whole(scrape.sum("redis_sidecar_commands_total", &[("family", "unknown")])), 2);
    assert_eq!(whole(scrape.sum("redis_sidecar_commands_total", &[("family", "string")])), 119);
}

#[test]
fn each_way_has_its_latency_and_its_parts_make_the_whole() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let options = SidecarOptions::upstream(&redis).env("REDIS_URL", &proxy.url(&redis));
    let sidecar = options.start();
    let mut client = sidecar.client();
    lines(&mut client, "PING");
    proxy.delay(Way::Down, Duration::from_millis(60));
    // what was delayed is in the fourth of a dozen buckets, and what waits for its client is in none
    lines(
        &mut client,
        "SET k v\nGET k\nGET k\nMULTI\nGET k\nEXEC\nBLPOP nothing 0.01\nSUBSCRIBE news",
    );
    let scrape = Scrape::of(&sidecar);
    let count = |name: &str, labels: &[(&str, &str)]| {
        whole(scrape.sum(&format!("redis_sidecar_{name}_seconds_count"), labels))
    };
    let sum = |name: &str, labels: &[(&str, &str)]| {
        scrape.sum(&format!("redis_sidecar_{name}_seconds_sum"), labels)
    };
    for (route, expected) in [("lane", 4), ("checkout", 3)] {
        let route = &[("route", route)][..];
        assert_eq!(count("command_duration", route), expected, "{}", scrape.text);
        assert_eq!(count("command_queue", route), expected);
        assert_eq!(count("command_upstream", route), expected);
        let parts = sum("command_queue", route) + sum("command_upstream", route);
        assert!((sum("command_duration", route) - parts).abs() < 1e-6, "{}", scrape.text);
    }
    assert_eq!(count("command_duration", &[("route", "hub")]), 1);
    assert!(sum("command_duration", &[("route", "hub")]) >= 0.06);
    let get = [("family", "string"), ("route", "lane")];
    assert_eq!(count("command_duration", &get), 3);
    assert!((0.18..5.0).contains(&sum("command_duration", &get)), "{}", scrape.text);
    let upstream = sum("command_upstream", &[("route", "lane")]);
    assert!(upstream >= 0.18, "three commands waited for 60 ms each: {upstream}");
    let bucket = |le| {
        let labels = [("family", "string"), ("route", "lane"), ("le", le)];
        whole(scrape.sum("redis_sidecar_command_duration_seconds_bucket", &labels))
    };
    assert_eq!((bucket("0.05"), bucket("10.0"), bucket("+Inf")), (0, 3, 3), "{}", scrape.text);
}

#[test]
fn bytes_are_those_of_requests_and_replies() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let value = "x".repeat(100_000);
    let mut client = sidecar.client();
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n{value}\r\n");
    let get = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    client.send_raw(format!("{set}{get}{get}").as_bytes());
    assert_eq!(client.read(), Value::ok());
    assert_eq!((client.read(), client.read()), (Value::bulk(&value), Value::bulk(&value)));
    let up = (set.len() + 2 * get.len()) as u64;
    let down = ("+OK\r\n".len() + 2 * "$100000\r\n\r\n".len() + 2 * value.len()) as u64;
    eventually("all bytes are counted", || {
        let scrape = Scrape::of(&sidecar);
        let bytes = |name: &str| whole(scrape.only(&format!("redis_sidecar_{name}_bytes_total")));
        (bytes("client_received"), bytes("client_sent")) == (up, down)
            && (bytes("upstream_received"), bytes("upstream_sent")) == (down, up)
    });
}

#[test]
fn what_gets_no_reply_is_counted_by_why() {
    let mut redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let options = SidecarOptions::upstream(&redis).env("REDIS_URL", &proxy.url(&redis));
    let sidecar = options
        .env("REDIS_COMMAND_TIMEOUT", "400")
        .config("breaker: {grace: 60s, failures: 1000}")
        .start();
    let mut client = sidecar.client();
    lines(&mut client, "SET k v");
    let mut blocked = sidecar.client();
    blocked.send(&["BLPOP", "nothing", "0"]);
    eventually("the client blocks", || redis.info("blocked_clients") == 1);
    drop(blocked);
    assert_counted(&sidecar, "set ok 1, blpop abandoned 1");
    proxy.delay(Way::Down, Duration::from_millis(1500));
    assert!(line(&mut client, "GET k").error().starts_with("TIMEOUT"));
    assert!(line(&mut client, "GET k").error().starts_with("TIMEOUT"));
    let scrape = assert_counted(&sidecar, "set ok 1, blpop abandoned 1, get timeout 2");
    let timeouts = |scrape: &Scrape, kind| {
        whole(scrape.sum("redis_sidecar_timeouts_total", &[("kind", kind)]))
    };
    assert_eq!(timeouts(&scrape, "reply"), 2);
    redis.kill();
    proxy.refuse();
    eventually("the loss is known", || sidecar.http("/ready").0 == 503);
    eventually("the cause is known", || {
        line(&mut client, "SET k v").error().contains("took") || {
            line(&mut client, "PING").error().starts_with("UNAVAILABLE no connection")
        }
    });
    let scrape = Scrape::of(&sidecar);
    assert!(timeouts(&scrape, "connection") >= 1, "{}", scrape.text);
    let unavailable = scrape.sum("redis_sidecar_commands_total", &[("result", "unavailable")]);
    assert!(unavailable >= 1.0, "{}", scrape.text);
}

#[test]
fn commands_that_memory_answers_are_counted_as_its_own() {
    let sidecar = SidecarOptions::default().start();
    let mut client = sidecar.client();
    client.pipeline(&[&["SET", "k", "v"][..]; 10]);
    lines(&mut client, "GET k\nLPUSH\nCLIENT ID");
    let scrape = assert_counted(&sidecar, "set ok 10, get ok 1, lpush error 1, client ok 1");
    let memory = [("route", "memory")];
    let timed = scrape.sum("redis_sidecar_command_duration_seconds_count", &memory);
    assert_eq!(whole(timed), 12, "CLIENT is the session's: {}", scrape.text);
}

#[test]
fn clients_are_counted_as_they_come_and_go() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("listen: {max_clients: 2, password: secret}")
        .start();
    let departed = |how, count| {
        let labels = [("how", how)];
        eventually(how, || {
            Scrape::of(&sidecar).sum("redis_sidecar_client_departures_total", &labels) == count
        });
    };
    let mut one = sidecar.client();
    lines(&mut one, "GET k\nAUTH wrong\nAUTH secret\nGET k");
    let mut rude = sidecar.client();
    rude.send_raw(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    departed("protocol", 1.0);
    let mut two = sidecar.client();
    lines(&mut two, "AUTH secret");
    let mut third = sidecar.client();
    assert!(third.read().error().contains("max number of clients"));
    lines(&mut one, "QUIT");
    departed("finished", 1.0);
    let scrape = Scrape::of(&sidecar);
    let refused = |rule| whole(scrape.sum("redis_sidecar_refusals_total", &[("rule", rule)]));
    assert_eq!((refused("max_clients"), refused("authentication"), refused("http")), (1, 2, 1));
    assert_eq!(whole(scrape.only("redis_sidecar_clients_accepted_total")), 4);
    let gone = |how| whole(scrape.sum("redis_sidecar_client_departures_total", &[("how", how)]));
    assert_eq!((gone("finished"), gone("protocol"), gone("gone")), (1, 1, 0));
}

#[test]
fn no_label_holds_a_key_a_value_or_an_address() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    lines(
        &mut client,
        "SET acme:key acme:value\nGET acme:key\nACME:COMMAND acme:key\nSUBSCRIBE acme:news",
    );
    let scrape = assert_counted(&sidecar, "set ok 1, get ok 1, unknown error 1, subscribe ok 1");
    let text = scrape.text.to_lowercase();
    assert!(!text.contains("acme") && !text.contains("127.0.0.1"), "{text}");
    assert!(!text.contains("localhost"), "{text}");
    for label in ["command", "family", "result", "route", "code", "kind", "rule", "how"] {
        let values = scrape.values(label);
        assert!(values.len() < 40, "{label}: {values:?}");
    }
}

#[test]
fn the_documentation_lists_each_metric_and_no_other() {
    let sidecar = SidecarOptions::default().start();
    let types = Scrape::of(&sidecar).types();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/observability.md")).unwrap();
    let rows = text.lines().filter_map(|row| row.strip_prefix("| `redis_sidecar_"));
    let mut documented = BTreeMap::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "name, type, labels, meaning: {row}");
        let name = format!("redis_sidecar_{}", cells[0].trim_end_matches('`'));
        assert!(!cells[3].is_empty(), "what {name} means is missing");
        assert!(documented.insert(name, cells[1].to_owned()).is_none(), "twice: {row}");
    }
    assert_eq!(documented, types, "left: docs/observability.md; right: /metrics");
}

#[test]
fn a_scraper_gets_the_format_that_it_asks_for() {
    let sidecar = SidecarOptions::default().start();
    let ask = |accept: &str| sidecar.http_with("GET /metrics", &[&format!("Accept: {accept}")]);
    let open = ask("application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1");
    let kind = "content-type: application/openmetrics-text; version=1.0.0";
    assert!(open.head.contains(kind), "{}", open.head);
    assert!(open.body.ends_with("# EOF\n"), "{}", open.body);
    assert!(open.body.contains("# TYPE redis_sidecar_retries counter"), "{}", open.body);
    let plain = ask("text/plain");
    assert!(plain.head.contains("content-type: text/plain; version=0.0.4"), "{}", plain.head);
    assert!(plain.body.contains("# TYPE redis_sidecar_retries_total counter"), "{}", plain.body);
    assert!(!plain.body.contains("EOF"), "{}", plain.body);
}
