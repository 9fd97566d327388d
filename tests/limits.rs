//! `limits`: what the configuration allows a client to ask, to leave unread and to send in a second; and what happens
//! to whoever goes beyond, and to nobody else.

mod rates;

use std::time::{Duration, Instant};

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value, encode, eventually};

/// `memory://`, with these limits.
fn in_memory(limits: &str) -> Sidecar {
    SidecarOptions::default().config(&format!("limits: {{{limits}}}")).start()
}

fn before_redis(redis: &Redis, limits: &str) -> Sidecar {
    SidecarOptions::upstream(redis).config(&format!("limits: {{{limits}}}")).start()
}

/// What a client is told of `request` before it is closed.
fn last_words(sidecar: &Sidecar, request: &[u8]) -> String {
    let mut client = sidecar.client();
    // it may be closed before all is sent
    let _ = client.try_send(request);
    String::from_utf8(client.read_to_close()).unwrap()
}

fn command(count: usize, length: usize) -> Vec<u8> {
    let mut args = vec![b"DEL".to_vec()];
    args.resize(count, vec![b'x'; length]);
    encode(&args)
}

#[test]
fn a_command_is_bounded_by_its_arguments_their_sizes_and_its_own() {
    let sidecar = in_memory("max_arguments: 16, max_bulk: 16kb, max_request: 64kb");
    let mut client = sidecar.client();
    for fits in [command(16, 1), command(2, 16 * 1024), command(4, 16 * 1024)] {
        client.send_raw(&fits);
        assert_eq!(client.read(), Value::Int(0));
    }
    for (request, error) in [
        (command(17, 1), "invalid multibulk length"),
        (command(2, 16 * 1024 + 1), "invalid bulk length"),
        (command(5, 16 * 1024), "too big request"),
    ] {
        assert_eq!(last_words(&sidecar, &request), format!("-ERR Protocol error: {error}\r\n"));
    }
    assert_eq!(client.call(&["PING"]), Value::Simple("PONG".into()));
}

#[test]
fn before_auth_a_command_is_bounded_more_tightly_and_after_it_is_not() {
    let config =
        "listen: {password: secret}\nlimits: {before_auth: {max_arguments: 7, max_bulk: 1kb}}";
    let sidecar = SidecarOptions::default().config(config).start();
    for (request, error) in [
        (command(8, 1), "unauthenticated multibulk length"),
        (command(2, 1025), "unauthenticated bulk length"),
    ] {
        assert_eq!(last_words(&sidecar, &request), format!("-ERR Protocol error: {error}\r\n"));
    }
    let mut client = sidecar.client();
    client.send_raw(&command(7, 1024));
    assert!(client.read().error().starts_with("NOAUTH"));
    assert_eq!(client.call(&["AUTH", "secret"]), Value::ok());
    client.send_raw(&command(8, 1025));
    assert_eq!(client.read(), Value::Int(0));
}

#[test]
fn who_does_not_auth_in_time_is_closed_and_who_did_may_stay() {
    let config = "listen: {password: secret}\nlimits: {before_auth: {timeout: 1s}}";
    let sidecar = SidecarOptions::default().config(config).start();
    let mut known = sidecar.client();
    assert_eq!(known.call(&["AUTH", "secret"]), Value::ok());
    let without = sidecar.open_files();
    let mut silent: Vec<Client> = (0..50).map(|_| sidecar.client()).collect();
    let mut wrong = sidecar.client();
    assert!(wrong.call(&["AUTH", "guess"]).error().starts_with("WRONGPASS"));
    for client in silent.iter_mut().chain([&mut wrong]) {
        client.read_to_close();
    }
    eventually("nothing is left of them", || sidecar.open_files() <= without);
    assert_eq!(known.call(&["ECHO", "still here"]), Value::bulk("still here"));
    // RESET takes back what AUTH gave, and the time begins anew
    assert_eq!(known.call(&["RESET"]), Value::Simple("RESET".into()));
    assert_eq!(known.call(&["AUTH", "secret"]), Value::ok());
    sidecar.wait_for_log(&["did not AUTH within"]);
}

#[test]
fn a_client_may_leave_so_many_bytes_of_replies_unread_and_no_more() {
    let redis = Redis::start();
    redis.direct().call(&[b"SET".as_slice(), b"big", &vec![b'x'; 1 << 20]]);
    // what the system takes of 40 MB is a few
    for (limits, is_closed) in [("client_output: 1mb", true), ("client_output: 1gb", false)] {
        let sidecar = before_redis(&redis, limits);
        let mut deaf = sidecar.client();
        deaf.send_raw(&b"GET big\r\n".repeat(40));
        let mut other = sidecar.client();
        let log = "did not read what it asked for";
        if is_closed {
            sidecar.wait_for_log(&[log]);
        } else {
            // it would have been by then
            std::thread::sleep(Duration::from_secs(2));
            assert!(!sidecar.log_contains(log));
            (0..40).for_each(|_| assert_eq!(deaf.read_raw_reply().len(), (1 << 20) + 12));
        }
        assert_eq!(other.call(&["ECHO", "hi"]), Value::bulk("hi"));
    }
}

/// Publishes what the system does not take for a subscriber that does not read.
fn publish_much(redis: &Redis) {
    let message = vec![b'm'; 1 << 20];
    let mut publisher = redis.direct();
    (0..20).for_each(|_| drop(publisher.call(&[b"PUBLISH".as_slice(), b"c", &message])));
}

#[test]
fn a_subscriber_is_closed_at_its_hard_bound_at_once() {
    let redis = Redis::start();
    let sidecar = before_redis(&redis, "subscriber_output: {hard: 1mb, soft: 1mb, soft_time: 1h}");
    let mut deaf = sidecar.client();
    deaf.call(&["SUBSCRIBE", "c"]);
    publish_much(&redis);
    sidecar.wait_for_log(&["did not read what it asked for"]);
    assert!(deaf.read_to_close().len() < 20 << 20);
}

#[test]
fn a_subscriber_may_be_above_its_soft_bound_only_for_a_time() {
    let redis = Redis::start();
    let limits = "subscriber_output: {hard: 1gb, soft: 64kb, soft_time: 1s}";
    let sidecar = before_redis(&redis, limits);
    let mut deaf = sidecar.client();
    deaf.call(&["SUBSCRIBE", "c"]);
    let start = Instant::now();
    publish_much(&redis);
    let mut publisher = redis.direct();
    eventually("it is closed", || {
        // a message finds that the time is over
        publisher.call(&["PUBLISH", "c", "x"]);
        sidecar.log_contains("did not read what it asked for")
    });
    assert!(start.elapsed() >= Duration::from_secs(1), "closed after {:?}", start.elapsed());
}

const NESTED: &str = "local t = 1 for i = 1, ARGV[1] do t = {t} end return t";

#[test]
fn a_reply_that_nests_too_deep_fails_alone() {
    let redis = Redis::start();
    let sidecar = before_redis(&redis, "depth: 8");
    let (mut client, mut other) = (sidecar.client(), sidecar.client());
    client.send(&["EVAL", NESTED, "0", "8"]);
    assert_eq!(client.read_raw_reply(), [b"*1\r\n".repeat(8), b":1\r\n".to_vec()].concat());
    for resp3 in [false, true] {
        let mut client = if resp3 { sidecar.client().resp3() } else { sidecar.client() };
        client.send_raw(
            &[
                encode(&["ECHO", "before"]),
                encode(&["EVAL", NESTED, "0", "9"]),
                encode(&["ECHO", "behind"]),
            ]
            .concat(),
        );
        assert_eq!(client.read(), Value::bulk("before"));
        let told =
            "DENIED the reply nests deeper than 8 levels (limits.depth); the command was run";
        assert_eq!(client.read().error(), told);
        assert_eq!(client.read(), Value::bulk("behind"));
        assert_eq!(other.call(&["ECHO", "hi"]), Value::bulk("hi"));
    }
    assert!(!sidecar.log_contains("connection was lost"), "{}", sidecar.log());
}

#[test]
fn a_deep_reply_of_which_much_is_out_already_ends_its_client_alone() {
    let redis = Redis::start();
    let sidecar = before_redis(&redis, "depth: 8");
    let (mut client, mut other) = (sidecar.client(), sidecar.client());
    let script = "local t = 1 for i = 1, 9 do t = {t} end return {string.rep('x', 3000000), t}";
    client.send(&["EVAL", script, "0"]);
    client.read_to_close();
    assert_eq!(other.call(&["ECHO", "hi"]), Value::bulk("hi"));
}
