//! With no Redis at all: the sidecar's own memory answers, and an app starts on a bare machine.

use crate::harness::{Redis, SidecarOptions, Sides, Value, eventually};

#[test]
fn plain_commands_answer_as_redis_does() {
    Sides::start_in_memory().compare(|s| {
        let mut client = s.client();
        for line in [
            "PING",
            "PING hello",
            "ECHO hello",
            "SET k v",
            "GET k",
            "GET nothing",
            "SET k w NX",
            "SET k w XX GET",
            "EXISTS k nothing k",
            "DEL k nothing",
            "INCR n",
            "INCR n",
            "SET n x",
            "INCR n",
            "TTL n",
            "EXPIRE n 100",
            "TTL n",
            "EXPIRE nothing 100",
            "TTL nothing",
            "SET n 1 EX 50",
            "TTL n",
            "SET n 1",
            "TTL n",
            "GET",
            "SET k",
            "EXPIRE n x",
            "NOSUCH a b",
            "SELECT 3",
            "GET n",
            "SET k three",
            "SELECT 0",
            "GET k",
            "SELECT 99",
            "CLIENT SETNAME me",
            "CLIENT GETNAME",
            "FLUSHALL",
            "GET n",
            "RESET",
            "CLIENT GETNAME",
        ] {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
        client.pipeline(&[
            &["SET", "a", "1"],
            &["INCR", "a"],
            &["CLIENT", "GETNAME"],
            &["GET", "a"],
        ]);
        client.send_raw(&b"INCR n\r\n".repeat(10_000));
        (0..10_000).for_each(|_| drop(client.read()));
        assert_eq!(s.client().call(&["GET", "n"]), Value::bulk("10000"));
        client.call(&["QUIT"]);
        client.expect_close();
    });
}

#[test]
fn it_describes_itself() {
    let sidecar = SidecarOptions::default().start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["HELLO", "3"]).field("proto"), Value::Int(3));
    assert!(client.call(&["INFO"]).text().contains("redis_version:"));
    assert!(client.call(&["COMMAND", "COUNT"]).int() > 10);
    eventually("/ready says so", || sidecar.http("/ready").0 == 200);
}

#[test]
fn a_disabled_or_mocked_upstream_is_memory() {
    let redis = Redis::start();
    for options in [
        SidecarOptions::default().env("REDIS_URL", "disabled"),
        SidecarOptions::upstream(&redis).env("USE_MOCK_REDIS", "1"),
    ] {
        let sidecar = options.start();
        assert_eq!(sidecar.client().call(&["SET", "k", "v"]), Value::ok());
        assert_eq!(sidecar.client().call(&["GET", "k"]), Value::bulk("v"));
    }
    assert!(redis.connections().is_empty());
}
