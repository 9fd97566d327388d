//! Transactions, waits and channels of the embedded engine, where many clients meet or one is unkind.

use std::collections::HashSet;
use std::thread;

use crate::harness::{Client, Sidecar, SidecarOptions, Value, eventually};

fn start() -> Sidecar {
    SidecarOptions::default().start()
}

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

fn until_blocked(sidecar: &Sidecar, count: usize) {
    let mut looker = sidecar.client();
    let wanted = format!("blocked_clients:{count}\r\n");
    eventually(&wanted, || looker.call(&["INFO", "clients"]).text().contains(&wanted));
}

#[test]
fn of_many_that_take_and_many_that_push_each_element_goes_to_one() {
    const PUSHERS: usize = 8;
    const EACH: usize = 250;
    let sidecar = start();
    let takers: Vec<_> = (0..50)
        .map(|n| {
            let mut client = sidecar.client();
            let take = ["BLPOP q none 0", "BLMPOP 0 2 none q LEFT COUNT 3"][n % 2];
            thread::spawn(move || {
                let mut taken = Vec::new();
                loop {
                    let reply = call(&mut client, take);
                    let found = match &reply.items()[1] {
                        Value::Array(items) => items.clone(),
                        one => vec![one.clone()],
                    };
                    let (stops, values): (Vec<_>, Vec<_>) =
                        found.into_iter().partition(|value| *value == Value::bulk("stop"));
                    taken.extend(values.iter().map(Value::text));
                    if let Some((_, others)) = stops.split_first() {
                        // one stop for each taker
                        others.iter().for_each(|_| drop(call(&mut client, "RPUSH q stop")));
                        return taken;
                    }
                }
            })
        })
        .collect();
    thread::scope(|scope| {
        for pusher in 0..PUSHERS {
            let mut client = sidecar.client();
            scope.spawn(move || {
                for n in 0..EACH {
                    let value = format!("{pusher}-{n}");
                    match n % 3 {
                        0 => drop(client.call(&["LPUSH", "q", &value])),
                        1 => drop(client.call(&["RPUSH", "q", &value])),
                        _ => drop(client.pipeline(&[
                            &["MULTI"],
                            &["RPUSH", "side", &value],
                            &["LMOVE", "side", "q", "LEFT", "RIGHT"],
                            &["EXEC"],
                        ])),
                    }
                }
            });
        }
    });
    let mut client = sidecar.client();
    for _ in 0..takers.len() {
        call(&mut client, "RPUSH q stop");
    }
    let taken: Vec<String> = takers.into_iter().flat_map(|t| t.join().unwrap()).collect();
    let apart: HashSet<_> = taken.iter().collect();
    assert_eq!((taken.len(), apart.len()), (PUSHERS * EACH, PUSHERS * EACH));
    assert_eq!(call(&mut client, "EXISTS q side"), Value::Int(0));
}

#[test]
fn one_that_goes_away_while_it_waits_takes_nothing() {
    let sidecar = start();
    for wait in ["BLPOP l 0", "BLMOVE l m LEFT LEFT 0", "BZPOPMIN l 0", "BLMPOP 0 2 l m LEFT"] {
        let mut gone = sidecar.client();
        gone.send(&wait.split(' ').collect::<Vec<_>>());
        until_blocked(&sidecar, 1);
        drop(gone);
        until_blocked(&sidecar, 0);
        let mut next = sidecar.client();
        call(&mut next, "RPUSH l mine");
        assert_eq!(call(&mut next, "BLPOP l 1"), Value::bulks(&["l", "mine"]));
    }
}

#[test]
fn what_was_watched_or_queued_goes_with_its_client() {
    let sidecar = start();
    for end in ["leaves", "RESET", "DISCARD"] {
        let (mut one, mut two) = (sidecar.client(), sidecar.client());
        one.pipeline(&[&["WATCH", "k"], &["MULTI"], &["SET", "k", "never"]]);
        match end {
            "leaves" => drop(one),
            word => drop(call(&mut one, word)),
        }
        assert_eq!(call(&mut two, "GET k"), Value::Nil);
        call(&mut two, "MULTI");
        call(&mut two, "PING");
        assert_eq!(call(&mut two, "EXEC").items().len(), 1);
    }
}

#[test]
fn a_transaction_is_bounded_in_memory() {
    let sidecar = start();
    let mut client = sidecar.client();
    let megabyte = "x".repeat(1 << 20);
    call(&mut client, "MULTI");
    for _ in 0..63 {
        assert_eq!(client.call(&["ECHO", &megabyte]).text(), "QUEUED");
    }
    let refused = client.call(&["ECHO", &megabyte]);
    assert!(refused.error().contains("too large"), "{refused:?}");
    let aborted = call(&mut client, "EXEC");
    assert!(aborted.error().starts_with("EXECABORT"), "{aborted:?}");
    assert_eq!(call(&mut client, "PING").text(), "PONG");
}

#[test]
fn a_transaction_for_which_there_is_no_memory_any_more_runs_nothing() {
    let sidecar = SidecarOptions::default().config("memory: {maxmemory: 4mb}").start();
    let (mut one, mut two) = (sidecar.client(), sidecar.client());
    let megabyte = "x".repeat(1 << 20);
    two.call(&["SET", "a", &megabyte]);
    call(&mut one, "MULTI");
    assert_eq!(one.call(&["SET", "b", &megabyte]).text(), "QUEUED");
    assert_eq!(one.call(&["SET", "c", &megabyte]).text(), "QUEUED");
    two.call(&["SET", "d", &megabyte]);
    let aborted = call(&mut one, "EXEC");
    let text = "EXECABORT Transaction discarded because of: OOM command not allowed";
    assert!(aborted.error().starts_with(text), "{aborted:?}");
    assert_eq!(call(&mut one, "EXISTS a b c d"), Value::Int(2));
    call(&mut one, "MULTI");
    call(&mut one, "DEL a");
    assert_eq!(call(&mut one, "EXEC"), Value::Array(vec![Value::Int(1)]));
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_holds_up_nobody() {
    let sidecar = start();
    let (mut slow, mut quick, mut publisher) =
        (sidecar.client(), sidecar.client(), sidecar.client());
    call(&mut slow, "SUBSCRIBE c");
    call(&mut quick, "SUBSCRIBE c");
    let megabyte = "x".repeat(1 << 20);
    let mut reached = 2;
    for round in 0..100 {
        if reached == 1 {
            break;
        }
        assert!(round < 99, "it still listens");
        reached = publisher.call(&["PUBLISH", "c", &megabyte]).int();
        assert_eq!(quick.read().items()[2].text().len(), megabyte.len());
    }
    sidecar.wait_for_log(&["did not read what it asked for"]);
    assert_eq!(call(&mut publisher, "PING").text(), "PONG");
}

#[test]
fn what_it_does_not_have_it_names() {
    let sidecar = start();
    let mut client = sidecar.client();
    for line in ["MONITOR", "DEBUG SLEEP 1", "XADD s * f v", "EVAL x 0", "CONFIG SET hz 5"] {
        let refused = call(&mut client, line);
        assert!(refused.error().contains("memory://"), "{line}: {refused:?}");
        call(&mut client, "MULTI");
        let refused = call(&mut client, line);
        assert!(refused.error().contains("memory://"), "{line} in MULTI: {refused:?}");
        assert!(call(&mut client, "EXEC").error().starts_with("EXECABORT"));
    }
    for line in ["CLIENT TRACKING on", "CLIENT HELP"] {
        let refused = call(&mut client, line);
        assert!(refused.error().contains("memory://"), "{line}: {refused:?}");
    }
}

#[test]
fn one_that_waits_is_shown_so() {
    let sidecar = start();
    let mut waiter = sidecar.client();
    let id = call(&mut waiter, "CLIENT ID").int();
    waiter.send(&["BLPOP", "l", "0"]);
    until_blocked(&sidecar, 1);
    let list = call(&mut sidecar.client(), &format!("CLIENT LIST ID {id}")).text();
    assert!(list.contains(" flags=b ") && list.contains(" cmd=blpop "), "{list}");
}
