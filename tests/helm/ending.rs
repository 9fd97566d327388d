//! SIGTERM: the sidecar outlives the app, so that the app's last writes arrive. Rehearsed with real processes, and once
//! without what the chart does for it, to see that the rehearsal can tell.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::pod::{End, Pod};
use super::running::{Values, secret_of};
use crate::harness::{Redis, Value, eventually};

/// What the test app acknowledges, and what is there.
struct Outcome {
    ends: Vec<End>,
    app_said: String,
    written: Value,
}

/// A pod whose app goes on for `work` seconds after SIGTERM.
fn values(redis: &Redis, native: bool, work: &str) -> Values {
    let script = super::chart::here().join("app.py");
    let app = format!(
        "native: {native}\nshutdown: {{appSeconds: 6}}\napp:\n  image: x\n  command: [python3, '{}']\n  \
         env: [{{name: WORK, value: '{work}'}}]\n",
        script.display()
    );
    Values::new("app", redis, &app)
}

/// Starts the pod, lets the app write, and ends the pod.
fn rehearse(redis: &Redis, mut pod: Pod) -> Outcome {
    pod.start();
    eventually("the app writes", || {
        matches!(redis.direct().call(&["LLEN", "written"]), Value::Int(10..))
    });
    let mut ends = pod.terminate();
    ends.sort_by(|a, b| a.container.cmp(&b.container));
    Outcome { ends, app_said: pod.log("app"), written: redis.direct().call(&["LLEN", "written"]) }
}

fn expect_all_arrived(outcome: &Outcome) {
    let said = &outcome.app_said;
    let ended = |name: &str| End { container: name.to_owned(), code: Some(0) };
    assert_eq!(outcome.ends, [ended("app"), ended("redis-sidecar")], "{said}");
    let count = |what: &str| -> i64 {
        let found = said.lines().find_map(|line| line.strip_prefix(what));
        found.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
    };
    assert!(count("after SIGTERM ") > 5, "{said}");
    assert_eq!(outcome.written, Value::Int(count("acknowledged ")));
}

#[test]
fn beside_a_native_sidecar_the_last_writes_arrive() {
    let redis = Redis::start();
    let pod = Pod::new(&values(&redis, true, "1").render(), &secret_of(&redis));
    expect_all_arrived(&rehearse(&redis, pod));
}

#[test]
fn beside_a_plain_sidecar_the_last_writes_arrive() {
    let redis = Redis::start();
    let pod = Pod::new(&values(&redis, false, "1").render(), &secret_of(&redis));
    expect_all_arrived(&rehearse(&redis, pod));
}

#[test]
fn without_the_charts_hooks_they_would_be_lost() {
    let redis = Redis::start();
    // The app would go on for longer than the test may take: it ends with the first write that is lost.
    let rendered = values(&redis, false, "60").render();
    let pod = Pod::new(&rendered, &secret_of(&redis)).without("lifecycle");
    let outcome = rehearse(&redis, pod);
    assert!(outcome.app_said.contains("lost: "), "{}", outcome.app_said);
    assert!(outcome.ends.contains(&End { container: "app".to_owned(), code: Some(1) }));
}

#[test]
fn alone_it_goes_on_until_no_client_is_sent_there_and_then_drains() {
    let redis = Redis::start();
    let more = "service: {open: true}\nshutdown: {endpointsSeconds: 4}\n";
    let values = Values::new("service", &redis, more).with_drain("1s");
    let mut pod = Pod::new(&values.render(), &secret_of(&redis));
    pod.start();
    eventually("it listens", || TcpStream::connect(("127.0.0.1", values.redis_port)).is_ok());
    // Who waits for ever is closed when drain_timeout is over.
    let mut waiting = values.client();
    waiting.send(&["BLPOP", "nothing", "0"]);
    let ends = thread::scope(|scope| {
        let ends = scope.spawn(|| pod.terminate());
        thread::sleep(Duration::from_millis(500));
        let mut late = values.client();
        assert_eq!(late.call(&["SET", "k", "v"]), Value::ok());
        ends.join().unwrap()
    });
    assert_eq!(ends, [End { container: "redis-sidecar".to_owned(), code: Some(0) }]);
    assert_eq!(redis.direct().call(&["GET", "k"]), Value::bulk("v"));
    waiting.read_to_close();
}

#[test]
fn a_job_ends_its_plain_sidecar_by_itself() {
    let redis = Redis::start();
    let more = "native: false\napp:\n  image: x\n  command: [sh, -c]\n  args: ['exit 0']\n";
    let values = Values::new("app", &redis, more).with_quit();
    let mut pod = Pod::new(&values.render(), &secret_of(&redis));
    pod.start();
    assert_eq!(pod.wait("app"), Some(0));
    let asked = super::pod::http(values.admin_port, "POST /quitquitquit");
    assert_eq!(asked, Some(200), "{}", pod.log("redis-sidecar"));
    assert_eq!(pod.wait("redis-sidecar"), Some(0), "{}", pod.log("redis-sidecar"));
}
