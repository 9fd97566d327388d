//! Transactions that cannot begin, or whose end is not known: nothing of them is applied by halves,
//! and no reply lands in another's place. With these, commands about the client's own connection that
//! were queued, since they alone are answered by us within EXEC's reply.

use std::time::Duration;

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value, compare, eventually};
use crate::slow_clients::Stopped;

const WITHOUT_MULTI: &str = "ERR EXEC without MULTI";

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// All lines in one write, then their replies.
#[track_caller]
fn packet(client: &mut Client, lines: &[&str]) -> Vec<Value> {
    let commands: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    client.pipeline(&commands.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[track_caller]
fn assert_all_refused(replies: &[Value], lines: &[&str]) {
    let (last, before) = replies.split_last().unwrap();
    for (reply, line) in before.iter().zip(lines) {
        assert!(matches!(reply, Value::Error(_)), "{line} was answered {reply:?}");
    }
    assert!(last.error().starts_with("EXECABORT"), "EXEC was answered {last:?}");
}

#[track_caller]
fn assert_transactions_work(client: &mut Client) {
    let replies = packet(client, &["WATCH w", "MULTI", "SET w 1", "GET w", "EXEC", "DEL w"]);
    assert_eq!(replies[4], Value::Array(vec![Value::ok(), Value::bulk("1")]), "{replies:?}");
    assert_eq!(call(client, "EXEC").error(), WITHOUT_MULTI);
}

/// A server, a sidecar that may take two connections of it, and two clients that hold both.
fn with_full_pool() -> (Redis, Sidecar, Vec<Client>) {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("upstream: {pool: {max: 2, acquire_timeout: 300ms}}")
        .env("SIDECAR_WORKERS", "1")
        .start();
    let mut holders = vec![sidecar.client(), sidecar.client()];
    for holder in &mut holders {
        holder.send(&["BLPOP", "nothing", "0"]);
    }
    eventually("both wait", || redis.info("blocked_clients") == 2);
    (redis, sidecar, holders)
}

fn let_go(redis: &Redis, holders: Vec<Client>) {
    drop(holders);
    eventually("the pool is free", || redis.info("blocked_clients") == 0);
}

#[test]
fn a_transaction_in_one_packet_that_finds_no_connection_applies_nothing() {
    let (redis, sidecar, holders) = with_full_pool();
    let lines = ["MULTI", "DECRBY from 100", "INCRBY to 100", "EXEC"];
    let mut clients = [sidecar.client(), sidecar.client().resp3()];
    for client in &mut clients {
        assert_all_refused(&packet(client, &lines), &lines);
        assert_eq!(redis.direct().call(&["EXISTS", "from", "to"]), Value::Int(0));
        assert_eq!(call(client, "ECHO after"), Value::bulk("after"));
        assert_eq!(call(client, "EXEC").error(), WITHOUT_MULTI);
    }
    let_go(&redis, holders);
    clients.iter_mut().for_each(assert_transactions_work);
}

#[test]
fn a_transaction_whose_watch_failed_in_the_same_packet_applies_nothing() {
    let (redis, sidecar, holders) = with_full_pool();
    let mut client = sidecar.client();
    let lines = ["WATCH k", "MULTI", "SET k 1", "EXEC"];
    let replies = packet(&mut client, &lines);
    assert!(matches!(replies[0], Value::Error(_)), "{replies:?}");
    assert!(replies[3].error().starts_with("EXECABORT"), "{replies:?}");
    assert_eq!(redis.direct().call(&["EXISTS", "k"]), Value::Int(0));
    assert_eq!(call(&mut client, "ECHO after"), Value::bulk("after"));
    let_go(&redis, holders);
    assert_transactions_work(&mut client);
}

#[test]
fn exec_that_finds_its_connection_lost_before_it_is_sent_is_discarded_in_redis_s_own_terms() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_WORKERS", "1").start();
    // EXEC with an answer of ours in it goes another way
    for queued in ["SET k 1", "CLIENT ID"] {
        let mut client = sidecar.client();
        assert_eq!(call(&mut client, "MULTI"), Value::ok());
        assert_eq!(call(&mut client, "INCR n"), Value::Simple("QUEUED".to_owned()));
        assert_eq!(call(&mut client, queued), Value::Simple("QUEUED".to_owned()));
        // EXEC is there first, and then the loss, when the sidecar looks
        let stopped = Stopped::stop_process(sidecar.id().into());
        client.send(&["EXEC"]);
        redis.direct().call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        drop(stopped);
        let reply = client.read();
        assert!(reply.error().starts_with("EXECABORT"), "{queued}: {reply:?}");
        assert_eq!(redis.direct().call(&["EXISTS", "n", "k"]), Value::Int(0));
        assert_transactions_work(&mut client);
    }
}

#[test]
fn a_watch_that_failed_fails_exec_although_multi_finds_a_connection() {
    let (redis, sidecar, mut holders) = with_full_pool();
    let mut client = sidecar.client();
    client.send_raw(b"WATCH k\r\nMULTI\r\nSET k 1\r\nEXEC\r\n");
    assert!(matches!(client.read(), Value::Error(_)));
    // MULTI waits for a connection by now, or is refused already
    drop(holders.pop());
    let replies = [client.read(), client.read(), client.read()];
    assert!(replies[2].error().starts_with("EXECABORT"), "{replies:?}");
    assert_eq!(redis.direct().call(&["EXISTS", "k"]), Value::Int(0));
    let_go(&redis, holders);
    assert_transactions_work(&mut client);
}

#[test]
fn multi_alone_that_finds_no_connection_begins_no_transaction() {
    let (redis, sidecar, holders) = with_full_pool();
    let mut client = sidecar.client();
    let refused = call(&mut client, "MULTI");
    assert!(refused.error().starts_with("UNAVAILABLE"), "{refused:?}");
    assert_eq!(call(&mut client, "SET k 1"), Value::ok());
    assert_eq!(redis.direct().call(&["GET", "k"]), Value::bulk("1"));
    assert_eq!(call(&mut client, "EXEC").error(), WITHOUT_MULTI);
    assert_eq!(call(&mut client, "DISCARD").error(), "ERR DISCARD without MULTI");
    let_go(&redis, holders);
    assert_transactions_work(&mut client);
}

#[test]
fn what_would_change_the_connection_is_refused_in_multi() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    for line in [
        "CLIENT TRACKING ON",
        "CLIENT TRACKING OFF",
        "CLIENT PAUSE 0",
        "CLIENT UNPAUSE",
        "CLIENT UNBLOCK 1",
        "CLIENT NO-TOUCH ON",
    ] {
        for is_one_packet in [true, false] {
            let mut client = sidecar.client().resp3();
            let lines = ["MULTI", "SET k 1", line, "GET k", "EXEC", "ECHO after"];
            let replies = if is_one_packet {
                packet(&mut client, &lines)
            } else {
                lines.map(|line| call(&mut client, line)).to_vec()
            };
            assert_eq!(replies[0], Value::ok(), "{line}: {replies:?}");
            assert!(matches!(replies[2], Value::Error(_)), "{line}: {replies:?}");
            assert!(replies[4].error().starts_with("EXECABORT"), "{line}: {replies:?}");
            assert_eq!(replies[5], Value::bulk("after"), "{line}: {replies:?}");
            assert_eq!(call(&mut client, "EXISTS k"), Value::Int(0), "{line}");
            assert_transactions_work(&mut client);
        }
    }
}

#[test]
fn answers_within_exec_stand_in_their_places() {
    compare(|s| {
        for lines in [
            &["MULTI", "UNWATCH", "CLIENT GETNAME", "SET a 1", "EXEC", "PING"][..],
            &["MULTI", "CLIENT GETNAME", "UNWATCH", "SET a 1", "CLIENT GETNAME", "EXEC", "PING"],
            &["WATCH a", "MULTI", "UNWATCH", "GET a", "CLIENT GETNAME", "UNWATCH", "EXEC", "PING"],
            &["MULTI", "MULTI", "CLIENT GETNAME", "WATCH a", "GET a", "CLIENT GETNAME", "EXEC"],
            &["MULTI", "SELECT 3", "UNWATCH", "CLIENT GETNAME", "SELECT 0", "GET a", "EXEC"],
        ] {
            let mut client = s.client();
            call(&mut client, "CLIENT SETNAME me");
            packet(&mut client, lines);
            lines.iter().for_each(|line| drop(call(&mut client, line)));
        }
    });
}

#[test]
fn a_reply_to_exec_that_is_larger_than_any_queue_comes_whole() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut direct = redis.direct();
    let length = 10_000_000;
    let mut lines = vec!["MULTI".to_owned(), "CLIENT GETNAME".to_owned()];
    for n in 0..8 {
        direct.call(&["SETRANGE", &format!("big{n}"), &(length - 1).to_string(), "x"]);
        lines.push(format!("GET big{n}"));
    }
    lines.extend(["EXEC".to_owned(), "PING".to_owned()]);
    let mut client = sidecar.client();
    client.set_patience(Duration::from_secs(60));
    client.send_raw((lines.join("\r\n") + "\r\n").as_bytes());
    assert_eq!(client.read(), Value::ok());
    for _ in 0..9 {
        assert_eq!(client.read(), Value::Simple("QUEUED".to_owned()));
    }
    let results = client.read();
    assert_eq!(results.items().len(), 9);
    assert_eq!(results.items()[0], Value::Nil);
    for result in &results.items()[1..] {
        assert!(matches!(result, Value::Bulk(bytes) if bytes.len() == length));
    }
    assert_eq!(client.read(), Value::Simple("PONG".to_owned()));
}

#[test]
fn a_tracked_client_whose_select_in_exec_timed_out_is_closed() {
    let redis = Redis::start();
    let options = SidecarOptions::upstream(&redis).env("REDIS_COMMAND_TIMEOUT", "500");
    let sidecar = options.start();
    let mut client = sidecar.client().resp3();
    for line in ["CLIENT TRACKING ON", "MULTI", "SELECT 3"] {
        assert!(matches!(call(&mut client, line), Value::Simple(_)), "{line}");
    }
    let stopped = Stopped::stop(&redis);
    client.send(&["EXEC"]);
    if let Some(reply) = client.read_or_close() {
        assert!(reply.error().starts_with("TIMEOUT"), "{reply:?}");
        // which database the next command would meet is not known
        let _ = client.try_send(b"SET wrong 1\r\n");
        assert_eq!(client.read_or_close(), None);
    }
    drop(stopped);
    let mut direct = redis.direct();
    for db in ["0", "3"] {
        direct.call(&["SELECT", db]);
        assert_eq!(direct.call(&["KEYS", "*"]), Value::Array(Vec::new()), "in {db}");
    }
    assert_transactions_work(&mut sidecar.client());
}
