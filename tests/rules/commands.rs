//! Which commands pass: by profile, by name and by category, alone and within a transaction.

use super::{both, call, expect};
use crate::harness::{Client, Value};

const REFUSED: &str = "-NOPERM User default has no permissions to run the";

#[test]
fn an_app_can_not_wipe_the_database_by_a_slip() {
    both("commands: {profile: app, deny: [set, '@hash'], allow: [hget]}", |bench| {
        let mut client = bench.sidecar.client();
        let is_cloud = bench.redis.is_some();
        expect(
            &mut client,
            &[
                ("RPUSH l a", "1"),
                ("FLUSHALL", &format!("{REFUSED} 'flushall' command (profile.app)")),
                ("flushdb async", &format!("{REFUSED} 'flushdb' command (profile.app)")),
                (
                    "CONFIG SET maxmemory 1",
                    &format!("{REFUSED} 'config|set' command (profile.app)"),
                ),
                ("DEBUG SLEEP 0", REFUSED),
                ("MONITOR", REFUSED),
                ("SHUTDOWN NOSAVE", REFUSED),
                ("SET k v", &format!("{REFUSED} 'set' command (commands.deny)")),
                ("HSET h f v", &format!("{REFUSED} 'hset' command (commands.deny)")),
                ("HGET h f", "nil"),
                ("CLIENT SETNAME app", "OK"),
                ("CLIENT PAUSE 10", REFUSED),
                ("PING", "PONG"),
                ("LLEN l", "1"),
            ],
        );
        assert!(call(&mut client, "INFO").text().contains("redis_version"));
        assert!(!is_cloud || call(&mut client, "ROLE").items().len() == 3);
        let inline = "FLUSHALL\r\nLLEN l\r\n";
        client.send_raw(inline.as_bytes());
        assert!(client.read().error().starts_with("NOPERM"));
        assert_eq!(client.read(), Value::Int(1));
    });
}

#[test]
fn who_only_reads_writes_nothing() {
    both("commands: {profile: read_only}", |bench| {
        let mut client = bench.sidecar.client();
        expect(
            &mut client,
            &[
                ("GET k", "nil"),
                ("SET k v", &format!("{REFUSED} 'set' command (profile.read_only)")),
                ("GETEX k", REFUSED),
                ("EVAL return_1 0", REFUSED),
                ("SORT l", REFUSED),
                ("JSON.SET k $ 1", REFUSED),
                ("EXISTS k", "0"),
                ("KEYS *", ""),
                ("PUBLISH news x", "0"),
                ("SUBSCRIBE news", "subscribe news 1"),
                ("UNSUBSCRIBE news", "unsubscribe news 0"),
                ("PUBLISH news x", "0"),
            ],
        );
        let replies = client.pipeline(&[&["WATCH", "k"], &["MULTI"], &["GET", "k"], &["EXEC"]]);
        assert_eq!(replies[3], Value::Array(vec![Value::Nil]));
    });
}

#[test]
fn a_refusal_within_multi_makes_exec_fail_as_in_redis() {
    both("commands: {deny: [del]}", |bench| {
        let mut client = bench.sidecar.client();
        for send_at_once in [true, false] {
            let lines = ["MULTI", "SET k v", "DEL k", "INCR n", "EXEC"];
            let words: Vec<Vec<&str>> =
                lines.iter().map(|line| line.split(' ').collect()).collect();
            let commands: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
            let replies: Vec<Value> = match send_at_once {
                true => client.pipeline(&commands),
                false => commands.iter().map(|command| client.call(command)).collect(),
            };
            let queued = Value::Simple("QUEUED".to_owned());
            assert_eq!(replies[1], queued);
            assert!(replies[2].error().starts_with("NOPERM"), "{replies:?}");
            assert_eq!(replies[3], queued);
            assert!(replies[4].error().starts_with("EXECABORT"), "{replies:?}");
            assert_eq!(client.call(&["EXISTS", "k", "n"]), Value::Int(0), "nothing was run");
        }
        let replies = client.pipeline(&[&["MULTI"], &["SET", "k", "v"], &["EXEC"]]);
        assert_eq!(replies[2], Value::Array(vec![Value::ok()]), "the next one is not concerned");
        let replies = client.pipeline(&[&["MULTI"], &["DEL", "k"], &["DISCARD"], &["GET", "k"]]);
        assert_eq!(replies[2..], [Value::ok(), Value::bulk("v")]);
    });
}

#[test]
fn a_list_of_what_may_be_run_is_enough_for_a_client_to_work() {
    both("commands: {deny: ['@all'], allow: [get, set, ping, 'client|setname']}", |bench| {
        let mut client = bench.sidecar.client();
        let hello = client.call(&["HELLO", "3"]);
        assert!(matches!(hello, Value::Map(_)), "{hello:?}");
        expect(
            &mut client,
            &[
                ("SET k v", "OK"),
                ("GET k", "v"),
                ("CLIENT SETNAME n", "OK"),
                ("CLIENT ID", REFUSED),
                ("MULTI", REFUSED),
                ("UNKNOWN x", REFUSED),
                ("RESET", "RESET"),
                ("QUIT", "OK"),
            ],
        );
        client.expect_close();
    });
}

#[test]
fn before_auth_and_in_a_subscriber_the_usual_errors_come_first() {
    let config = "{listen: {password: secret}, commands: {deny: [set]}}";
    both(config, |bench| {
        let mut client: Client = bench.sidecar.client();
        expect(
            &mut client,
            &[
                ("SET k v", "-NOAUTH"),
                ("AUTH secret", "OK"),
                ("SET k v", "-NOPERM"),
                ("CLIENT REPLY SKIP", ""),
            ][..3],
        );
        client.send(&["CLIENT", "REPLY", "SKIP"]);
        client.send(&["SET", "k", "v"]);
        assert_eq!(client.call(&["GET", "k"]), Value::Nil, "the refusal was not wanted");
    });
}
