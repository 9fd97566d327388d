//! `redis-sidecar wait`: it returns when the sidecar is ready, and says what it saw when it is not.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::harness::{Cli, Redis, Refusing, Sidecar, SidecarOptions, free_port};

fn wait(admin: &str, timeout: &str) -> Cli {
    Cli::new(&["wait", "--timeout", timeout, "--admin", admin])
}

#[test]
fn a_ready_sidecar_lets_it_return_at_once() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let outcome = wait(sidecar.admin_address(), "15s").run();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.starts_with("ready after "), "{outcome:?}");
    let address = sidecar.admin_address().replace("127.0.0.1", "0.0.0.0");
    let outcome = Cli::new(&["wait"]).env("SIDECAR_ADMIN", &address).run();
    assert_eq!(outcome.code, Some(0), "the same configuration as run: {outcome:?}");
}

#[test]
fn it_waits_for_a_sidecar_that_starts_later() {
    let admin = format!("127.0.0.1:{}", free_port());
    let waiting = thread::spawn({
        let admin = admin.clone();
        move || wait(&admin, "15s").run()
    });
    thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished());
    let _sidecar = SidecarOptions::default().env("SIDECAR_ADMIN", &admin).start();
    let outcome = waiting.join().unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn it_waits_until_the_upstream_is_there() {
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = Sidecar::start(&redis);
    let outcome = wait(sidecar.admin_address(), "300ms").run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("not ready within 300ms: "), "{outcome:?}");
    assert!(outcome.err.contains("/ready said 503: "), "{outcome:?}");
    let waiting = thread::spawn({
        let admin = sidecar.admin_address().to_owned();
        move || wait(&admin, "15s").run()
    });
    redis.restart();
    assert_eq!(waiting.join().unwrap().code, Some(0));
}

#[test]
fn it_waits_for_what_it_is_told() {
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 1s}").start();
    let wait_for = |state, timeout| wait(sidecar.admin_address(), timeout).arg("--for").arg(state);
    let outcome = wait_for("live", "15s").run();
    assert!(outcome.code == Some(0) && outcome.out.starts_with("live after "), "{outcome:?}");
    let outcome = wait_for("startup", "15s").run();
    assert!(outcome.code == Some(0) && outcome.out.starts_with("startup after "), "{outcome:?}");
    let outcome = wait_for("ready", "200ms").run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("not ready within 200ms: "), "{outcome:?}");
    let outcome = wait_for("ever", "15s").run();
    assert!(outcome.code == Some(2) && outcome.err.contains("startup"), "{outcome:?}");
}

#[test]
fn it_says_that_nobody_answered() {
    let nobody = Refusing::start();
    let outcome = wait(&format!("127.0.0.1:{}", nobody.port), "200ms").run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("did not answer: Connection refused"), "{outcome:?}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = wait(&silent.local_addr().unwrap().to_string(), "200ms").run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("did not answer within"), "{outcome:?}");
    assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
}

#[test]
fn it_says_what_is_missing_where_there_is_nobody_to_ask() {
    for admin in ["off", "127.0.0.1:0"] {
        let outcome = wait(admin, "15s").run();
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.err.contains("set admin.address (SIDECAR_ADMIN)"), "{outcome:?}");
    }
    let outcome = wait("nowhere", "15s").run();
    assert!(outcome.code == Some(2) && outcome.err.contains("admin.address: "), "{outcome:?}");
}
