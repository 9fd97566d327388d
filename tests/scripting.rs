//! Scripts and functions: their keys, their errors, their caches, and how a runaway is stopped.

use std::time::Duration;

use crate::harness::{Redis, RedisOptions, Sidecar, Value, compare_without_namespace, eventually};

#[test]
fn eval_takes_keys_and_arguments_and_returns_every_type() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        for args in [
            &["return {KEYS[1], KEYS[2], ARGV[1]}", "2", "a", "b", "c"][..],
            &["return redis.call('SET', KEYS[1], ARGV[1])", "1", "k", "v"],
            &["return redis.call('GET', KEYS[1])", "1", "k"],
            &["return {1, 'two', false, true, 3.7, {4}}", "0"],
            &["redis.setresp(3) return redis.call('HGETALL', 'nothing')", "0"],
            &["return {double = 3.25}", "0"],
            &["return redis.status_reply('FINE')", "0"],
            &["return redis.error_reply('MY error')", "0"],
            &["return nil", "0"],
            &["return", "0"],
            &["return redis.call('NOSUCH')", "0"],
            &["return redis.call('LPUSH', 'k', 'x')", "0"],
            &["return redis.pcall('LPUSH', 'k', 'x')", "0"],
            &["error('boom')", "0"],
            &["syntax error here", "0"],
            &["return 1", "x"],
            &["return 1", "5", "a"],
            &["return 1", "-1"],
            &["return redis.call('SELECT', 3)", "0"],
            &["return redis.call('GET', 'k')", "0"],
        ] {
            client.call(&[&["EVAL"], args].concat());
        }
        client.call(&["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "k"]);
        client.call(&["EVAL_RO", "return redis.call('DEL', KEYS[1])", "1", "k"]);
    });
}

#[test]
fn scripts_are_loaded_found_and_flushed() {
    compare_without_namespace(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        let sha = one.call(&["SCRIPT", "LOAD", "return ARGV[1]"]).text();
        two.call(&["EVALSHA", &sha, "0", "hello"]);
        two.call(&["EVALSHA", &sha.to_uppercase(), "0", "hello"]);
        two.call(&["EVALSHA_RO", &sha, "0", "hello"]);
        two.call(&["SCRIPT", "EXISTS", &sha, "0000"]);
        one.call(&["SCRIPT", "FLUSH"]);
        two.call(&["EVALSHA", &sha, "0", "hello"]);
        two.call(&["SCRIPT", "EXISTS", &sha]);
        one.call(&["EVAL", "return ARGV[1]", "0", "x"]);
        two.call(&["EVALSHA", &sha, "0", "again"]);
        one.pipeline(&[
            &["SCRIPT", "FLUSH", "SYNC"],
            &["SCRIPT", "LOAD", "bad("],
            &["SCRIPT", "KILL"],
        ]);
    });
}

#[test]
fn functions() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        let library = "#!lua name=lib\n\
            redis.register_function('put', function(keys, args) \
            return redis.call('SET', keys[1], args[1]) end)\n\
            redis.register_function{function_name='take', \
            callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}";
        client.call(&["FUNCTION", "LOAD", library]);
        client.call(&["FUNCTION", "LOAD", library]);
        client.call(&["FUNCTION", "LOAD", "REPLACE", library]);
        client.call(&["FCALL", "put", "1", "k", "v"]);
        client.call(&["FCALL_RO", "take", "1", "k"]);
        client.call(&["FCALL_RO", "put", "1", "k", "v"]);
        client.call(&["FCALL", "nosuch", "0"]);
        // the order of the functions in a library is the server's own
        let list = client.unrecorded(&["FUNCTION", "LIST"]);
        assert_eq!(list.items()[0].field("functions").items().len(), 2);
        let dump = client.unrecorded(&["FUNCTION", "DUMP"]);
        client.call(&["FUNCTION", "DELETE", "lib"]);
        client.call(&["FUNCTION", "DELETE", "lib"]);
        let Value::Bulk(dump) = dump else { panic!("{dump:?}") };
        client.call(&[b"FUNCTION".as_slice(), b"RESTORE", &dump]);
        client.call(&["FCALL", "take", "1", "k"]);
        client.call(&["FUNCTION", "STATS"]);
        client.call(&["FUNCTION", "KILL"]);
        client.call(&["FUNCTION", "FLUSH"]);
        client.call(&["FCALL", "take", "1", "k"]);
    });
}

#[test]
fn a_script_runs_in_the_database_of_its_client() {
    compare_without_namespace(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        one.call(&["SELECT", "8"]);
        one.call(&["EVAL", "return redis.call('SET', KEYS[1], 'eight')", "1", "k"]);
        two.call(&["EVAL", "return redis.call('GET', KEYS[1])", "1", "k"]);
        one.call(&["EVAL", "redis.call('SELECT', 9) return redis.call('SET', 'k', 'nine')", "0"]);
        one.call(&["GET", "k"]);
        two.call(&["DBSIZE"]);
        one.pipeline(&[&["MULTI"], &["EVAL", "return redis.call('GET', 'k')", "0"], &["EXEC"]]);
    });
}

#[test]
fn a_runaway_script_can_be_killed_by_another_client() {
    let redis = Redis::start_with(RedisOptions {
        lines: vec!["busy-reply-threshold 50".to_owned()],
        ..RedisOptions::default()
    });
    let sidecar = Sidecar::start(&redis);
    let (mut runaway, mut operator) = (sidecar.client(), sidecar.client());
    operator.call(&["PING"]);
    runaway.send(&["EVAL", "while true do end", "0"]);
    operator.set_patience(Duration::from_secs(10));
    // NOTBUSY until the script has run for the threshold; its own lane says nothing meanwhile
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while operator.call(&["SCRIPT", "KILL"]) != Value::ok() {
        assert!(std::time::Instant::now() < end, "SCRIPT KILL never reached the server");
    }
    assert!(runaway.read().error().contains("Script killed by user"));
    assert_eq!(runaway.call(&["PING"]), Value::Simple("PONG".to_owned()));
}

/// A script keeps Redis: SELECT is answered with BUSY, too, but the script can be killed, and everybody is told why
/// nothing goes on.
#[test]
fn while_a_script_keeps_redis_other_databases_hear_so_and_it_can_be_killed() {
    let redis = Redis::start_with(RedisOptions {
        lines: vec!["busy-reply-threshold 50".to_owned()],
        ..RedisOptions::default()
    });
    let sidecar = Sidecar::start(&redis);
    let [mut runaway, mut first, mut second] = [0, 7, 9].map(|db| {
        let mut client = sidecar.client();
        assert_eq!(client.call(&["SELECT", &db.to_string()]), Value::ok());
        client
    });
    runaway.send(&["EVAL", "while true do end", "0"]);
    let busy = |redis: &Redis| match redis.direct().call(&["GET", "k"]) {
        Value::Error(text) => text.starts_with("BUSY "),
        _ => false,
    };
    eventually("the script keeps Redis", || busy(&redis));
    // their lanes are not there yet, and can't be brought to their databases
    for client in [&mut first, &mut second] {
        for command in [&["GET", "k"][..], &["SET", "k", "v"], &["BLPOP", "l", "1"]] {
            let reply = client.call(command);
            assert!(reply.error().starts_with("BUSY Redis is busy running a script"), "{reply:?}");
        }
    }
    assert_eq!(second.call(&["SCRIPT", "KILL"]), Value::ok());
    assert!(runaway.read().error().contains("Script killed by user"));
    for client in [&mut first, &mut second] {
        assert_eq!(client.call(&["GET", "k"]), Value::Nil);
        assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    }
    assert_eq!(
        first.call(&["DBSIZE"]),
        Value::Int(1),
        "something was written while Redis was kept"
    );
    assert!(!sidecar.log_contains("upstream away"), "{}", sidecar.log());
}
