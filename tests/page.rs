//! The live page in a real Chromium, driven by tests/page/look.js: it follows the traffic, asks nobody but us, can be used
//! by keyboard and on a phone, and is legible in light and dark.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value as Json;

use crate::harness::{Client, DEADLINE, PASSWORD, Redis, Sidecar, SidecarOptions, eventually};

/// Legible, as WCAG 2 counts it (AA).
const CONTRAST: f64 = 4.5;

#[test]
fn the_page_shows_what_happens_in_a_real_browser() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("slowlog: {threshold: 50ms}").start();
    let mut client = sidecar.client();
    client.send(&["DEBUG", "SLEEP", "0.1"]);
    client.send(&["SET", "session:<b>alice</b>", &"x".repeat(100_000)]);
    for _ in 0..2 {
        client.read();
    }
    client.call(&["LPUSH", "session:<b>alice</b>", "x"]);
    let seen = with_traffic(&sidecar, || look(&sidecar));

    let text = |name: &str| seen["then"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(seen["faults"], Json::Array(Vec::new()), "{seen:#}");
    let base = format!("http://{}/", sidecar.admin());
    let requests: Vec<&str> =
        seen["requests"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    let is_ours = |url: &&&str| url.starts_with(&base) || url.starts_with("data:");
    assert_eq!(requests.iter().filter(is_ours).count(), requests.len(), "{requests:?}");
    for path in ["", "events", "config"] {
        assert!(requests.contains(&format!("{base}{path}").as_str()), "{path}: {requests:?}");
    }

    assert_eq!(text("state"), "ready");
    assert_eq!(
        (text("upstream-state"), text("breaker-state")),
        ("connected".into(), "closed".into())
    );
    for name in ["rate", "errors"] {
        let number: f64 = text(name).replace(',', "").parse().unwrap();
        assert!(number > 0.0, "{name}: {number}");
    }
    assert!(text("p99").parse::<f64>().is_ok_and(|ms| ms > 0.0), "{}", text("p99"));
    assert!(text("top").contains("GET"), "{}", text("top"));
    assert!(text("hot").contains("user:1"), "{}", text("hot"));
    assert!(text("slow").contains("SET session:<b>alice</b>"), "{}", text("slow"));
    assert!(text("bigv").contains("session:<b>alice</b>"), "{}", text("bigv"));
    assert!(text("upstream").contains("rediss://***@localhost"), "{}", text("upstream"));
    assert!(text("listens").contains(sidecar.address()), "{}", text("listens"));
    assert!(seen["config"].as_str().unwrap().contains("breaker.grace"));
    assert_eq!(seen["filtered"], 1);
    assert!(!seen.to_string().contains(PASSWORD));
}

fn assert_usable(seen: &Json) {
    let reached = seen["reached"].as_array().unwrap();
    let names: Vec<&str> = reached.iter().filter_map(|at| at["name"].as_str()).collect();
    for name in ["skip", "pause", "theme", "SUMMARY", "filter"] {
        assert!(names.contains(&name), "{name} is not reached by Tab: {names:?}");
    }
    assert!(reached.iter().all(|at| at["ring"] == true), "no focus ring: {reached:?}");
    for theme in ["light", "dark"] {
        let ratio = seen[theme]["ratio"].as_f64().unwrap();
        assert!(ratio >= CONTRAST, "{theme}: {}", seen[theme]);
    }
    assert_eq!(seen["ground"], seen["system"], "the toggle and the system's wish look the same");
    assert_eq!(seen["phone"]["needs"], seen["phone"]["has"], "scrolls sideways on a phone");
    assert_eq!(seen["phone"]["small"], Json::Array(Vec::new()));
    assert_eq!(seen["paused"], "true");
    let expected = serde_json::json!({ "main": 1, "unnamed": 0, "lang": "en" });
    assert_eq!(seen["landmarks"], expected);
}

/// Runs `step` while two clients work.
fn with_traffic<T>(sidecar: &Sidecar, step: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client: Client = sidecar.client();
                let mut n = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    n += 1;
                    client.call(&["SET", &format!("user:{}", n % 50), "x"]);
                    client.call(&["GET", "user:1"]);
                    client.call(&["INCR", "session:<b>alice</b>"]);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        let _end = SetAtEnd(&is_over);
        step()
    })
}

/// Also when a test fails: those who wait for it would never end.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What tests/page/look.js saw. With PAGE_SHOTS set to a folder, it leaves screenshots there.
fn look(sidecar: &Sidecar) -> Json {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    let is_here = folder.join("node_modules/playwright-core").is_dir();
    assert!(
        is_here,
        "this test needs a browser and its driver; install them: scripts/page-browser"
    );
    let mut command = Command::new("node");
    command.arg(folder.join("look.js")).arg(format!("http://{}/", sidecar.admin()));
    if let Ok(shots) = std::env::var("PAGE_SHOTS") {
        command.arg(shots);
    }
    let output = command.output().unwrap();
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{faults}");
    let seen: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_usable(&seen);
    seen
}

#[test]
fn the_page_lets_the_browser_run_nothing_else() {
    let sidecar = SidecarOptions::default().start();
    let (first, second) = (sidecar.http_with("GET /", &[]), sidecar.http_with("GET /", &[]));
    assert_eq!(first.status, 200);
    let policy = first.head.lines().find(|line| line.starts_with("content-security-policy: "));
    let policy = policy.unwrap_or_else(|| panic!("{}", first.head));
    for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let nonce = |body: &str| body.split("nonce=\"").nth(1).unwrap()[..32].to_owned();
    assert!(policy.contains(&nonce(&first.body)), "{policy}");
    assert_ne!(nonce(&first.body), nonce(&second.body));
    assert!(!first.body.contains("{nonce}") && !first.body.contains(" src=\"http"));
    assert!(!first.body.contains(" style=\"") && !first.body.contains("innerHTML"));
}

/// A listener of /events.
fn listen(sidecar: &Sidecar) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(sidecar.admin()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(socket, "GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    BufReader::new(socket)
}

/// The next snapshot; `None` at the end.
fn next(events: &mut BufReader<TcpStream>) -> Option<Json> {
    let mut line = String::new();
    while events.read_line(&mut line).unwrap() > 0 {
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(serde_json::from_str(data).unwrap());
        }
        line.clear();
    }
    None
}

#[test]
fn events_follow_the_traffic_and_end_at_drain() {
    let redis = Redis::start();
    let mut sidecar = Sidecar::start(&redis);
    eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
    let mut events = listen(&sidecar);
    let first = next(&mut events).unwrap();
    assert_eq!(first["commands"]["total"], 0);
    let mut client = sidecar.client();
    for _ in 0..10 {
        client.call(&["GET", "k"]);
    }
    let second = next(&mut events).unwrap();
    assert_eq!(
        (&second["commands"]["ok"], &second["listener"]["clients"]),
        (&10.into(), &1.into())
    );
    let whole: u64 =
        second["latency"]["whole"].as_array().unwrap().iter().filter_map(Json::as_u64).sum();
    assert_eq!(whole, 10);
    client.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    sidecar.terminate();
    while next(&mut events).is_some() {}
    assert!(sidecar.is_running(), "the events have ended before the process");
    redis.direct().call(&["RPUSH", "l", "x"]);
    client.read();
    assert_eq!(sidecar.wait(), Some(0));
}

#[test]
fn listeners_are_bounded_and_make_room_when_they_go() {
    let sidecar = SidecarOptions::default().start();
    let mut listeners: Vec<_> = (0..16).map(|_| listen(&sidecar)).collect();
    for events in &mut listeners {
        assert!(next(events).is_some());
    }
    let answer = sidecar.http_with("GET /events", &[]);
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    assert_eq!(sidecar.http("/live").0, 200);
    listeners.clear();
    eventually("there is room again", || next(&mut listen(&sidecar)).is_some());
}

#[test]
fn an_outage_is_in_the_history_with_its_cause() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 100ms}").start();
    eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
    let outages = || next(&mut listen(&sidecar)).unwrap()["outages"].clone();
    assert_eq!(outages(), Json::Array(Vec::new()));
    redis.kill();
    eventually("it has begun", || outages()[0]["is_over"] == false);
    redis.restart();
    eventually("it is over", || outages()[0]["is_over"] == true);
    let outages = outages();
    assert_eq!(outages.as_array().unwrap().len(), 1, "{outages}");
    assert!(outages[0]["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{outages}");
    assert!(outages[0]["seconds"].as_f64().unwrap() < 30.0);
}
