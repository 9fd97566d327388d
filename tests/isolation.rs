//! What one client does to its connection is never met by another: its database, its protocol, what it
//! watches, tracks or debugs. And what a client was told, it can rely on: RESET, subscriptions, silence.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{
    Client, Redis, RedisOptions, Sidecar, SidecarOptions, Value, compare, eventually,
};
use crate::slow_clients::Stopped;

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

fn one_worker(redis: &Redis) -> SidecarOptions {
    SidecarOptions::upstream(redis).env("SIDECAR_WORKERS", "1")
}

/// With one connection to lend, the next client stands where the last one was.
fn with_one_checkout(redis: &Redis) -> Sidecar {
    one_worker(redis).config("upstream: {pool: {max: 1}}").start()
}

fn keys_of_first_database(redis: &Redis) -> Value {
    redis.direct().call(&["KEYS", "*"])
}

#[test]
fn each_database_has_a_connection_of_its_own() {
    let redis = Redis::start();
    let sidecar = one_worker(&redis).start();
    let mut clients: Vec<_> = (0..9).map(|_| sidecar.client()).collect();
    for round in 0..5 {
        for (n, client) in clients.iter_mut().enumerate() {
            let db = ["0", "3", "7"][n % 3];
            assert_eq!(client.call(&["SELECT", db]), Value::ok());
            assert_eq!(client.call(&["SET", &format!("k{n}"), db]), Value::ok(), "round {round}");
        }
        // a SELECT of a new database is tried on a connection that is lent
        let mut lines = redis.connections();
        lines.retain(|line| line.contains(" cmd=set "));
        for db in [" db=0 ", " db=3 ", " db=7 "] {
            let count = lines.iter().filter(|line| line.contains(db)).count();
            assert_eq!(count, 1, "round {round}: connections with{db}in {lines:#?}");
        }
    }
}

#[test]
fn a_database_that_is_gone_after_a_restart_is_never_mistaken_for_another() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("databases.conf");
    fs::write(&file, "databases 16").unwrap();
    let lines = vec![format!("include {}", file.display())];
    let mut redis = Redis::start_with(RedisOptions { lines, ..RedisOptions::default() });
    let sidecar = one_worker(&redis).env("REDIS_COMMAND_TIMEOUT", "2000").start();
    let (mut tenth, mut first) = (sidecar.client(), sidecar.client());
    assert_eq!(call(&mut tenth, "SELECT 10"), Value::ok());
    assert_eq!(call(&mut tenth, "SET a 1"), Value::ok());
    assert_eq!(call(&mut first, "SET a 1"), Value::ok());
    redis.kill();
    fs::write(&file, "databases 4").unwrap();
    redis.restart();
    for round in 0..3 {
        let reply = call(&mut tenth, "SET secret of-10");
        assert!(matches!(reply, Value::Error(_)), "round {round}: {reply:?}");
        let replies = tenth.pipeline(&[&["MULTI"], &["SET", "secret", "of-10"], &["EXEC"]]);
        assert!(matches!(replies[2], Value::Error(_)), "round {round}: {replies:?}");
        assert_eq!(call(&mut first, "SET mine 1"), Value::ok(), "round {round}");
    }
    assert_eq!(keys_of_first_database(&redis), Value::bulks(&["mine"]));
    let mut new = sidecar.client();
    assert_eq!(call(&mut new, "SELECT 10").error(), "ERR DB index is out of range");
    assert_eq!(call(&mut tenth, "SELECT 2"), Value::ok());
    assert_eq!(call(&mut tenth, "SET b of-2"), Value::ok());
    assert_eq!(keys_of_first_database(&redis), Value::bulks(&["mine"]));
}

#[test]
fn a_database_that_may_no_longer_be_selected_is_never_mistaken_for_another() {
    let redis = Redis::start();
    let sidecar = one_worker(&redis).env("REDIS_COMMAND_TIMEOUT", "2000").start();
    let (mut second, mut first) = (sidecar.client(), sidecar.client());
    assert_eq!(call(&mut second, "SELECT 1"), Value::ok());
    assert_eq!(call(&mut second, "SET a 1"), Value::ok());
    let mut operator = redis.direct();
    assert_eq!(operator.call(&["ACL", "SETUSER", "default", "-select"]), Value::ok());
    // what stands in its database already may stay there
    let _ = call(&mut second, "SET secret of-1");
    operator.call(&["CLIENT", "KILL", "TYPE", "normal"]);
    // this client may learn of the loss, or not
    let _ = call(&mut first, "GET a");
    let reply = call(&mut second, "SET secret of-1");
    assert!(matches!(reply, Value::Error(_)), "{reply:?}");
    assert_eq!(keys_of_first_database(&redis), Value::Array(Vec::new()));
    assert_eq!(call(&mut first, "SET mine 1"), Value::ok());
    assert_eq!(operator.call(&["ACL", "SETUSER", "default", "+select"]), Value::ok());
    eventually("it goes on in its database", || call(&mut second, "SET b 1") == Value::ok());
    assert_eq!(keys_of_first_database(&redis), Value::bulks(&["mine"]));
}

#[test]
fn a_select_that_redis_refuses_leaves_a_pipeline_where_it_was() {
    compare(|s| {
        let mut client = s.client();
        call(&mut client, "SELECT 2");
        client.pipeline(&[
            &["SELECT", "99"],
            &["SET", "k", "two"],
            &["SELECT", "3"],
            &["GET", "k"],
        ]);
        client.pipeline(&[&["SELECT", "99"], &["SELECT", "2"], &["SELECT", "16"], &["GET", "k"]]);
    });
}

/// A server that runs a script without end, beside clients of two databases; the last one commands it.
fn busy() -> (Redis, Sidecar, [Client; 2], Client) {
    let lines = vec!["busy-reply-threshold 50".to_owned()];
    let redis = Redis::start_with(RedisOptions { lines, ..RedisOptions::default() });
    let sidecar = one_worker(&redis).start();
    let mut clients = [sidecar.client(), sidecar.client()];
    for (client, db) in clients.iter_mut().zip(["0", "1"]) {
        assert_eq!(client.call(&["SELECT", db]), Value::ok());
        assert_eq!(client.call(&["SET", "k", db]), Value::ok());
    }
    let (mut runner, mut operator) = (redis.direct(), redis.direct());
    runner.send(&["EVAL", "while true do end", "0"]);
    eventually(
        "the script has run for long",
        || matches!(operator.call(&["PING"]), Value::Error(text) if text.starts_with("BUSY")),
    );
    (redis, sidecar, clients, operator)
}

#[test]
fn a_busy_script_is_named_to_clients_of_every_database() {
    let (_redis, _sidecar, mut clients, mut operator) = busy();
    for _ in 0..3 {
        for client in &mut clients {
            let reply = call(client, "GET k");
            assert!(reply.error().starts_with("BUSY"), "{reply:?}");
        }
    }
    assert_eq!(operator.call(&["SCRIPT", "KILL"]), Value::ok());
    for (client, db) in clients.iter_mut().zip(["0", "1"]) {
        eventually("the script is over", || call(client, "GET k") == Value::bulk(db));
    }
}

#[test]
fn a_busy_script_is_named_to_a_client_that_selects_another_database() {
    let (_redis, _sidecar, mut clients, mut operator) = busy();
    let reply = call(&mut clients[0], "SELECT 5");
    assert!(reply.error().starts_with("BUSY"), "{reply:?}");
    assert_eq!(operator.call(&["SCRIPT", "KILL"]), Value::ok());
    eventually("the script is over", || call(&mut clients[0], "SELECT 5") == Value::ok());
    assert_eq!(call(&mut clients[0], "GET k"), Value::Nil);
}

#[test]
fn a_protocol_changed_while_watching_is_not_met_by_the_next_client() {
    let redis = Redis::start();
    redis.direct().call(&["HSET", "h", "f", "v"]);
    let sidecar = with_one_checkout(&redis);
    let (mut one, mut two) = (sidecar.client(), sidecar.client());
    for (protocol, other) in [("3", "2"), ("2", "3"), ("3", "2")] {
        one.call(&["HELLO", other]);
        two.call(&["HELLO", other]);
        assert_eq!(call(&mut one, "WATCH k"), Value::ok());
        one.call(&["HELLO", protocol]);
        assert_eq!(matches!(call(&mut one, "HGETALL h"), Value::Map(_)), protocol == "3");
        assert_eq!(call(&mut one, "UNWATCH"), Value::ok());
        let results = two.pipeline(&[&["MULTI"], &["HGETALL", "h"], &["EXEC"]]);
        let is_map = matches!(results[2].items()[0], Value::Map(_));
        assert_eq!(is_map, other == "3", "RESP{other} was asked for: {results:?}");
        two.send(&["BLPOP", "none", "0.01"]);
        let nil: &[u8] = if other == "3" { b"_\r\n" } else { b"*-1\r\n" };
        assert_eq!(two.read_raw_reply(), nil);
    }
}

#[test]
fn tracking_that_ends_leaves_what_is_watched_to_the_watcher() {
    let redis = Redis::start();
    let sidecar = one_worker(&redis).start();
    let mut watcher = sidecar.client().resp3();
    for line in ["CLIENT TRACKING ON", "WATCH k", "CLIENT TRACKING OFF"] {
        assert_eq!(call(&mut watcher, line), Value::ok(), "{line}");
    }
    redis.direct().call(&["SET", "k", "changed"]);
    for _ in 0..3 {
        let mut innocent = sidecar.client();
        let replies = innocent.pipeline(&[&["MULTI"], &["SET", "z", "1"], &["EXEC"]]);
        assert_eq!(replies[2], Value::Array(vec![Value::ok()]), "watched for another");
    }
    call(&mut watcher, "MULTI");
    call(&mut watcher, "SET k overwritten");
    assert_eq!(call(&mut watcher, "EXEC"), Value::Nil);
    assert_eq!(call(&mut watcher, "GET k"), Value::bulk("changed"));
}

#[test]
fn reset_comes_after_the_replies_that_are_on_their_way() {
    compare(|s| {
        let mut client = s.client();
        call(&mut client, "HSET h f v");
        client.pipeline(&[&["GET", "a"], &["RESET"], &["HGETALL", "h"], &["GET", "a"]]);
        let mut client = s.client();
        client.pipeline(&[&["MULTI"], &["SET", "a", "1"], &["RESET"], &["GET", "a"], &["EXEC"]]);
        let mut client = s.client();
        client.pipeline(&[&["SELECT", "3"], &["SET", "q", "three"], &["RESET"], &["GET", "q"]]);
        let mut client = s.fresh_client().resp3();
        call(&mut client, "CLIENT TRACKING ON");
        client.pipeline(&[&["SET", "q", "1"], &["GET", "q"], &["RESET"], &["HGETALL", "h"]]);
        let mut client = s.client();
        client.pipeline(&[&["WATCH", "q"], &["GET", "q"], &["RESET"], &["GET", "q"]]);
    });
}

#[test]
fn a_silenced_client_is_not_told_of_its_timeouts() {
    let redis = Redis::start();
    let sidecar = one_worker(&redis).env("REDIS_COMMAND_TIMEOUT", "400").start();
    let (mut silenced, mut other) = (sidecar.client(), sidecar.client());
    silenced.send_raw(b"CLIENT REPLY OFF\r\nSET a 1\r\n");
    eventually("it is applied", || redis.direct().call(&["GET", "a"]) == Value::bulk("1"));
    let stopped = Stopped::stop(&redis);
    silenced.send(&["SET", "a", "2"]);
    silenced.expect_silence(Duration::from_millis(50));
    // sent later, so it times out later
    let late = call(&mut other, "GET a");
    assert!(late.error().starts_with("TIMEOUT"), "{late:?}");
    drop(stopped);
    eventually("it is applied", || redis.direct().call(&["GET", "a"]) == Value::bulk("2"));
    silenced.send_raw(b"CLIENT REPLY ON\r\nGET a\r\nECHO end\r\n");
    assert_eq!(silenced.read(), Value::ok());
    assert_eq!(silenced.read(), Value::bulk("2"));
    assert_eq!(silenced.read(), Value::bulk("end"));
}

#[test]
fn a_client_that_debugs_its_scripts_leaves_those_of_others_alone() {
    let redis = Redis::start();
    let sidecar = with_one_checkout(&redis);
    let (mut debugger, mut other) = (sidecar.client(), sidecar.client());
    let _ = call(&mut debugger, "SCRIPT DEBUG YES");
    assert_eq!(other.call(&["EVAL", "return 1", "0"]), Value::Int(1));
    drop(debugger);
    let replies = other.pipeline(&[&["MULTI"], &["EVAL", "return 2", "0"], &["EXEC"]]);
    assert_eq!(replies[2], Value::Array(vec![Value::Int(2)]));
    assert_eq!(other.call(&["EVAL", "return 3", "0"]), Value::Int(3));
}

/// Publishes to `channel` until some connection hears it, which must be at once.
#[track_caller]
fn assert_heard(redis: &Redis, client: &mut Client, kind: &str, message: &str) {
    let publish = if kind == "SSUBSCRIBE" { "SPUBLISH" } else { "PUBLISH" };
    let heard = redis.direct().call(&[publish, "c", message]).int();
    assert!(heard > 0, "{kind} was confirmed, and nobody hears {message}");
    assert_eq!(client.read().items().last(), Some(&Value::bulk(message)));
}

#[test]
fn a_subscription_is_confirmed_only_when_it_stands_upstream() {
    let mut redis = Redis::start();
    let sidecar = one_worker(&redis).start();
    for kind in ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"] {
        let mut before = sidecar.client();
        assert_eq!(before.call(&[kind, "c"]).items()[2], Value::Int(1));
        redis.kill();
        eventually("the loss is known", || sidecar.http("/ready").0 == 503);
        let mut during = sidecar.client();
        during.send(&[kind, "c"]);
        during.expect_silence(Duration::from_millis(300));
        redis.restart();
        let mut after = sidecar.client();
        after.send(&[kind, "c"]);
        assert_eq!(during.read().items()[2], Value::Int(1), "{kind}");
        assert_heard(&redis, &mut during, kind, "one");
        assert_eq!(after.read().items()[2], Value::Int(1), "{kind}");
    }
}

#[test]
fn a_subscriber_whose_channel_is_forbidden_at_the_renewal_is_closed() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let (mut refused, mut allowed) = (sidecar.client(), sidecar.client());
    assert_eq!(call(&mut refused, "SUBSCRIBE c").items()[2], Value::Int(1));
    assert_eq!(call(&mut allowed, "SUBSCRIBE ok").items()[2], Value::Int(1));
    // Redis closes what is subscribed to a channel that its user may no longer hear
    let words = ["ACL", "SETUSER", "default", "resetchannels", "&ok"];
    assert_eq!(redis.direct().call(&words), Value::ok());
    refused.read_to_close();
    eventually("the other is subscribed again", || {
        redis.direct().call(&["PUBLISH", "ok", "m"]) == Value::Int(1)
    });
    assert_eq!(allowed.read(), Value::bulks(&["message", "ok", "m"]));
}
