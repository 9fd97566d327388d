//! A command that is sent again keeps its place before later commands of its client.

use std::collections::HashSet;

use super::{before_script, warm};
use crate::harness::{Answer, Call, Scripted, Value, eventually};

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// Refuses everything but PING until the SET of `client` has come three times, and keeps what it accepts.
fn load_until_third_set() -> Scripted {
    let mut open = HashSet::new();
    Scripted::start(move |call: &Call| {
        let is_of_app = ["SET", "GET", "INCR"].contains(&call.words[0].as_str());
        let key = call.words.get(1).cloned().unwrap_or_default();
        if call.is("SET") && call.nth >= 3 {
            open.insert(key.clone());
        }
        (is_of_app && !open.contains(&key)).then(|| Answer::error(LOADING))
    })
}

/// The commands on `key`, by the order in which the last of each came.
fn last_arrivals(upstream: &Scripted, key: &str) -> Vec<String> {
    let calls = upstream.calls();
    let of_key = calls.iter().rev().filter(|call| call.words.get(1).is_some_and(|k| k == key));
    let mut names = Vec::new();
    for call in of_key {
        if !names.contains(&call.words[0]) {
            names.push(call.words[0].clone());
        }
    }
    names.reverse();
    names
}

#[test]
fn a_refused_pipeline_is_sent_again_in_its_order() {
    let upstream = load_until_third_set();
    let config = "retry: {attempts: 4, initial_delay: 20ms, max_delay: 100ms}";
    let sidecar = before_script(&upstream).config(config).start();
    warm(&sidecar);
    let mut clients = [sidecar.client(), sidecar.client(), sidecar.client().resp3()];
    for (n, client) in clients.iter_mut().enumerate() {
        let key = format!("k{n}");
        let line = format!("SET {key} v\r\nGET {key}\r\nINCR {key}\r\n");
        client.send_raw(line.as_bytes());
    }
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.read(), Value::ok());
        assert_eq!(client.read(), Value::Nil);
        assert_eq!(client.read(), Value::Int(1));
        assert_eq!(last_arrivals(&upstream, &format!("k{n}")), ["SET", "GET", "INCR"]);
    }
}

#[test]
fn a_later_command_waits_behind_one_that_is_sent_again() {
    let upstream = Scripted::start(|call: &Call| {
        (call.is("SET") && call.nth <= 2).then(|| Answer::error(LOADING))
    });
    let config = "retry: {initial_delay: 200ms, max_delay: 400ms}";
    let sidecar = before_script(&upstream).config(config).start();
    warm(&sidecar);
    let mut client = sidecar.client();
    for round in 0..5 {
        let key = format!("k{round}");
        client.send(&["SET", &key, "v"]);
        eventually("the SET has come", || upstream.count("SET") > 3 * round);
        client.send(&["GET", &key]);
        assert_eq!(client.read(), Value::ok());
        assert_eq!(client.read(), Value::Nil);
        assert_eq!(last_arrivals(&upstream, &key), ["SET", "GET"], "round {round}");
    }
}

#[test]
fn a_refused_command_is_never_sent_again_behind_a_later_one_that_ran() {
    let upstream = Scripted::start(|call: &Call| {
        (call.is("SET") && call.nth <= 2).then(|| Answer::error(LOADING))
    });
    let sidecar = before_script(&upstream).start();
    warm(&sidecar);
    let mut client = sidecar.client();
    for round in 0..10 {
        let (key, tag) = (format!("k{round}"), format!("t{round}"));
        let replies = client.pipeline(&[&["SET", &key, "v"], &["ECHO", &tag], &["INCR", &key]]);
        assert_eq!(replies[1..], [Value::bulk(tag), Value::Int(1)]);
        let calls = upstream.calls();
        let of_key: Vec<_> = calls.iter().filter(|call| call.words[1..].contains(&key)).collect();
        let last_set = of_key.iter().rposition(|call| call.is("SET"));
        let first_incr = of_key.iter().position(|call| call.is("INCR"));
        assert!(last_set < first_incr, "{of_key:#?}");
        // what could not be sent again in its place ends with the refusal
        assert!(replies[0] == Value::ok() || replies[0].error() == LOADING, "{replies:?}");
    }
}

#[test]
fn other_clients_do_not_wait_for_one_that_is_sent_again() {
    let upstream = Scripted::start(|call: &Call| {
        (call.is("SET") && call.nth <= 2).then(|| Answer::error(LOADING))
    });
    let config = "retry: {initial_delay: 2s, max_delay: 4s}";
    let sidecar = before_script(&upstream).config(config).start();
    warm(&sidecar);
    let (mut slow, mut other) = (sidecar.client(), sidecar.client());
    slow.send(&["SET", "k", "v"]);
    eventually("the SET has come", || upstream.count("SET") > 0);
    for n in 0..50 {
        let tag = format!("t{n}");
        assert_eq!(other.call(&["ECHO", &tag]), Value::bulk(&tag));
    }
    assert_eq!(slow.read(), Value::ok());
}

#[test]
fn reads_that_were_lost_keep_their_order() {
    let upstream = Scripted::start(|call: &Call| {
        if call.is("GET") && call.nth == 1 && call.words[1] == "k5" {
            return Some(Answer::Reset);
        }
        call.is("GET").then(|| Answer::bulk(&call.words[1]))
    });
    let sidecar = before_script(&upstream).start();
    warm(&sidecar);
    let mut client = sidecar.client();
    let keys: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
    let commands: Vec<[&str; 2]> = keys.iter().map(|key| ["GET", key.as_str()]).collect();
    let commands: Vec<&[&str]> = commands.iter().map(<[&str; 2]>::as_slice).collect();
    let expected: Vec<Value> = keys.iter().map(Value::bulk).collect();
    assert_eq!(client.pipeline(&commands), expected);
}
