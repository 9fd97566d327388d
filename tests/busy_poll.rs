//! `busy_poll`: replies are looked for before the worker sleeps, and only for as long as that may pay.

use std::time::Duration;

use crate::harness::{Redis, Sidecar, SidecarOptions};

fn sidecar(redis: &Redis) -> Sidecar {
    SidecarOptions::upstream(redis).config("busy_poll: 1ms\n").start()
}

#[test]
fn replies_are_the_same_and_in_order() {
    let redis = Redis::start();
    let sidecar = sidecar(&redis);
    let mut client = sidecar.client();
    for round in 0..200 {
        let text = round.to_string();
        let replies = client.pipeline(&[&["SET", "k", &text], &["GET", "k"], &["STRLEN", "k"]]);
        assert_eq!(replies[1].text(), text);
        assert_eq!(client.call(&["GET", "k"]).text(), text);
    }
}

#[test]
fn a_reply_that_takes_long_is_waited_for_asleep() {
    const SILENCE: Duration = Duration::from_millis(600);
    let redis = Redis::start();
    let sidecar = sidecar(&redis);
    let (mut blocked, mut slow) = (sidecar.client(), sidecar.client());
    slow.call(&["PING"]);
    blocked.send(&["BLPOP", "none", "0"]);
    slow.send(&[
        "EVAL",
        "local t = redis.call('TIME'); repeat local n = redis.call('TIME') \
                 until (n[1] - t[1]) * 1000000 + n[2] - t[2] > 800000 return 1",
        "0",
    ]);
    let before = sidecar.cpu_time();
    slow.expect_silence(SILENCE);
    let used = sidecar.cpu_time() - before;
    assert!(used < SILENCE / 4, "{used:?} of CPU in {SILENCE:?} of silence");
    assert_eq!(slow.read().int(), 1);
}
