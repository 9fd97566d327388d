//! Transactions and blocking commands, whose connection is their own, when that connection is at fault.

use super::before_script;
use crate::harness::{Answer, Call, Client, Redis, Scripted, Sidecar, Value, eventually};
use crate::slow_clients::{Stopped, are_all_threads};
use std::sync::{Arc, Mutex};

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
        eventually("it waits", || redis.info("blocked_clients") == 1);
        redis.direct().call(&["CLIENT", "KILL", "TYPE", "normal"]);
        let reply = client.read();
        assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
        assert!(reply.error().contains("may or may not"), "{reply:?}");
        assert_eq!(client.call(&["RPUSH", "l", "x"]), Value::Int(1));
        assert_eq!(client.call(&["BLPOP", "l", "0"]), Value::bulks(&["l", "x"]));
    }
}

/// Sends `request`, and closes so many connections that are made then with the last reply of their greeting: both
/// are there when the sidecar looks. Later ones answer as Redis would.
fn send_over_closing(
    (upstream, sidecar): (&Scripted, &Sidecar),
    count: usize,
    client: &mut Client,
    request: &[u8],
) {
    let (known, lanes) = (upstream.connections(), upstream.open());
    let process = sidecar.id().into();
    let stopped = Arc::new(Mutex::new(None));
    let stop = Arc::clone(&stopped);
    let mut left = count;
    upstream.script(move |call| {
        if !call.is("PING") || call.connection <= known || left == 0 {
            return as_redis_would(call);
        }
        left -= 1;
        // until it has read all that came before, it may read on without hearing of the end
        eventually("the sidecar waits", || are_all_threads(process, 'S'));
        *stop.lock().unwrap() = Some(Stopped::stop_process(process));
        Some(Answer::Part(b"+PONG\r\n".to_vec()))
    });
    client.send_raw(request);
    for _ in 0..count {
        eventually("one is greeted", || stopped.lock().unwrap().is_some());
        eventually("and closed", || upstream.open() == lanes);
        stopped.lock().unwrap().take();
    }
}

/// Transactions of two INCRs, and BLPOP, as Redis answers them.
fn as_redis_would(call: &Call) -> Option<Answer> {
    match call.words[0].as_str() {
        "INCR" => Some(Answer::Raw(b"+QUEUED\r\n".to_vec())),
        "EXEC" => Some(Answer::Raw(b"*2\r\n:1\r\n:2\r\n".to_vec())),
        "BLPOP" => Some(Answer::Raw(b"*2\r\n$1\r\nl\r\n$1\r\nv\r\n".to_vec())),
        _ => None,
    }
}

#[test]
fn what_was_not_sent_when_its_connection_was_lost_goes_over_another() {
    for count in [1, 3] {
        let upstream = Scripted::start(|_| None);
        let sidecar = before_script(&upstream).start();
        let mut client = sidecar.client();
        assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
        let request = b"MULTI\r\nINCR n\r\nINCR n\r\nEXEC\r\n";
        send_over_closing((&upstream, &sidecar), count, &mut client, request);
        assert_eq!(client.read(), Value::ok());
        assert_eq!(
            [client.read(), client.read()],
            [(); 2].map(|()| Value::Simple("QUEUED".into()))
        );
        assert_eq!(client.read(), Value::Array(vec![Value::Int(1), Value::Int(2)]));
        assert_eq!(["MULTI", "INCR", "EXEC"].map(|name| upstream.count(name)), [1, 2, 1]);
        // and it is in the pool, as good as any other
        let connections = upstream.connections();
        assert_eq!(client.call(&["BLPOP", "l", "0"]), Value::bulks(&["l", "v"]));
        assert_eq!(upstream.connections(), connections);
    }
}

#[test]
fn a_command_that_blocks_goes_over_another_connection_too_if_its_own_was_lost_before_it_was_sent() {
    let upstream = Scripted::start(|_| None);
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    send_over_closing((&upstream, &sidecar), 1, &mut client, b"BLPOP l 0\r\n");
    assert_eq!(client.read(), Value::bulks(&["l", "v"]));
    assert_eq!(upstream.count("BLPOP"), 1);
}

#[test]
fn a_connection_that_is_lost_while_it_is_put_on_the_client_s_database_is_replaced() {
    let upstream = Scripted::start(|_| None);
    let sidecar = before_script(&upstream).start();
    let (mut client, mut other) = (sidecar.client(), sidecar.client());
    assert_eq!(client.call(&["SELECT", "1"]), Value::ok());
    // the pool's connection goes back to database 0
    assert_eq!(other.call(&["MULTI"]), Value::ok());
    assert_eq!(other.call(&["DISCARD"]), Value::ok());
    let mut is_first = true;
    upstream.script(move |call| {
        let is_lost = call.is("SELECT") && std::mem::take(&mut is_first);
        if is_lost { Some(Answer::Reset) } else { as_redis_would(call) }
    });
    client.send_raw(b"MULTI\r\nINCR n\r\nINCR n\r\nEXEC\r\n");
    assert_eq!(client.read(), Value::ok());
    assert_eq!([client.read(), client.read()], [(); 2].map(|()| Value::Simple("QUEUED".into())));
    assert_eq!(client.read(), Value::Array(vec![Value::Int(1), Value::Int(2)]));
    assert_eq!(upstream.calls().iter().filter(|call| call.line() == "SELECT 1").count(), 3);
}
