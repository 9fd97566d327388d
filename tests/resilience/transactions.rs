//! Transactions and blocking commands, whose connection is their own, when that connection is at fault.

use super::before_script;
use crate::harness::{Answer, Call, Redis, Scripted, Sidecar, Value};

const READONLY: &str = "READONLY You can't write against a read only replica.";

#[test]
fn a_multi_that_was_answered_with_an_error_begins_no_transaction() {
    let upstream =
        Scripted::start(|call: &Call| (call.is("MULTI") && call.nth == 1).then_some(Answer::Reset));
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    if let Value::Error(text) = client.call(&["MULTI"]) {
        assert!(text.starts_with("UNAVAILABLE"), "{text}");
        // an app that was told so sends neither EXEC nor DISCARD
        assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
        assert_eq!(client.call(&["MULTI"]), Value::ok());
    }
    assert_eq!(client.call(&["DISCARD"]), Value::ok());
}

#[test]
fn a_watch_that_was_answered_with_an_error_watches_nothing() {
    let upstream =
        Scripted::start(|call: &Call| (call.is("WATCH") && call.nth == 1).then_some(Answer::Reset));
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    if let Value::Error(text) = client.call(&["WATCH", "k"]) {
        assert!(text.starts_with("UNAVAILABLE"), "{text}");
        assert_eq!(client.call(&["MULTI"]), Value::ok());
        assert_eq!(client.call(&["DISCARD"]), Value::ok());
        assert_eq!(client.call(&["WATCH", "k"]), Value::ok());
    }
    assert_eq!(client.call(&["UNWATCH"]), Value::ok());
}

#[test]
fn a_connection_that_said_readonly_in_a_transaction_is_not_lent_again() {
    // as after a failover: what connected before is at the replica for ever
    let upstream = Scripted::start(|call: &Call| match call.words[0].as_str() {
        "INCR" if call.words[1] == "replica" => Some(Answer::error(READONLY)),
        "INCR" => Some(Answer::Raw(b"+QUEUED\r\n".to_vec())),
        "EXEC" => Some(Answer::Raw(b"*1\r\n:1\r\n".to_vec())),
        _ => None,
    });
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    client.call(&["MULTI"]);
    assert_eq!(client.call(&["INCR", "replica"]).error(), READONLY);
    assert_eq!(client.call(&["DISCARD"]), Value::ok());
    client.call(&["MULTI"]);
    client.call(&["INCR", "n"]);
    assert_eq!(client.call(&["EXEC"]), Value::Array(vec![Value::Int(1)]));
    let calls = upstream.calls();
    let incrs: Vec<_> = calls.iter().filter(|call| call.is("INCR")).collect();
    assert_ne!(incrs[0].connection, incrs[1].connection, "lent again");
}

#[test]
fn a_connection_that_said_readonly_to_a_blocking_command_is_not_lent_again() {
    let upstream = Scripted::start(|call: &Call| {
        (call.is("BLPOP") && call.nth == 1).then(|| Answer::error(READONLY))
    });
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    let _ = client.call(&["BLPOP", "l", "1"]);
    let _ = client.call(&["BLPOP", "m", "1"]);
    let calls = upstream.calls();
    let pops: Vec<_> = calls.iter().filter(|call| call.is("BLPOP")).collect();
    assert_ne!(pops[0].connection, pops[1].connection, "lent again");
}

#[test]
fn a_blocking_command_that_is_lost_says_so_and_its_client_goes_on() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    for _ in 0..3 {
        client.send(&["BLPOP", "l", "0"]);
        crate::harness::eventually("it waits", || redis.info("blocked_clients") == 1);
        redis.direct().call(&["CLIENT", "KILL", "TYPE", "normal"]);
        let reply = client.read();
        assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
        assert!(reply.error().contains("may or may not"), "{reply:?}");
        assert_eq!(client.call(&["RPUSH", "l", "x"]), Value::Int(1));
        assert_eq!(client.call(&["BLPOP", "l", "0"]), Value::bulks(&["l", "x"]));
    }
}
