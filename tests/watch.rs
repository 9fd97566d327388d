//! WATCH: which changes make EXEC null, and which are none; the same from Redis and from memory.

use std::thread;

use crate::harness::{Client, Scenario, SidecarOptions, Value, compare_everywhere, eventually};

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// Prepares, watches `k`, lets another client say `change`, and runs a transaction.
fn watch_through(s: &Scenario, prepare: &[&str], change: &str) {
    let (mut one, mut two) = (s.client(), s.client());
    call(&mut two, "FLUSHALL");
    prepare.iter().for_each(|line| drop(call(&mut two, line)));
    call(&mut one, "WATCH k unrelated");
    call(&mut two, change);
    for line in ["MULTI", "ECHO run", "EXEC"] {
        call(&mut one, line);
    }
}

#[test]
fn every_change_of_a_key_is_seen() {
    compare_everywhere(|s| {
        for change in [
            "SET k 1",
            "SET k w",
            "DEL k",
            "UNLINK k",
            "APPEND k x",
            "SETRANGE k 0 1",
            "INCR k",
            "GETDEL k",
            "GETEX k EX 100",
            "EXPIRE k 100",
            "PEXPIRE k -1",
            "RENAME k other",
            "RENAME j k",
            "COPY j k REPLACE",
            "MOVE k 3",
            "FLUSHDB",
            "FLUSHALL",
            "SWAPDB 0 5",
            "SWAPDB 5 0",
            "MSET a 1 k 2",
        ] {
            watch_through(s, &["SET k 1", "SET j 2"], change);
        }
        for (prepare, change) in [
            ("SET k 1 EX 100", "PERSIST k"),
            ("RPUSH k a b", "LPOP k"),
            ("RPUSH k a b", "LREM k 0 a"),
            ("SADD k a", "SADD k b"),
            ("SADD k a", "SREM k a"),
            ("HSET k f v", "HSET k f v"),
            ("HSET k f v", "HDEL k f"),
            ("ZADD k 1 m", "ZADD k 2 m"),
            ("ZADD k 1 m", "ZREM k m"),
            ("PING", "SETNX k v"),
            ("PING", "RPUSH k v"),
        ] {
            watch_through(s, &[prepare], change);
        }
    });
}

#[test]
fn what_changes_nothing_is_not_seen() {
    compare_everywhere(|s| {
        for (prepare, change) in [
            ("SET k 1", "GET k"),
            ("SET k 1", "SETNX k 2"),
            ("SET k 1", "SET k 2 NX"),
            ("SET k 1", "PERSIST k"),
            ("SET k 1", "LPUSH k x"),
            ("SET k 1", "SET other 2"),
            ("SET k 1 EX 100", "EXPIRE k 200 NX"),
            ("SET k x", "INCR k"),
            ("PING", "DEL k"),
            ("PING", "EXPIRE k 10"),
            ("PING", "SET k v XX"),
            ("PING", "FLUSHALL"),
            ("PING", "SWAPDB 0 5"),
            ("PING", "LPUSHX k v"),
            ("SADD k a", "SADD k a"),
            ("SADD k a", "SREM k b"),
            ("HSET k f v", "HDEL k g"),
            ("HSET k f v", "HSETNX k f w"),
            ("ZADD k 1 m", "ZADD k 1 m"),
            ("ZADD k 1 m", "ZADD k XX GT 0 m"),
            ("RPUSH k a", "LREM k 0 b"),
        ] {
            watch_through(s, &[prepare], change);
        }
    });
}

#[test]
fn a_key_that_expires_is_a_key_that_changes() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.bystander());
        call(&mut one, "SET k v PX 30");
        call(&mut one, "WATCH k");
        eventually("it expires", || call(&mut two, "EXISTS k") == Value::Int(0));
        for line in ["MULTI", "SET k w", "EXEC", "WATCH k", "MULTI", "SET k w", "EXEC"] {
            call(&mut one, line);
        }
    });
}

#[test]
fn a_watch_is_on_its_database_wherever_its_client_goes() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        for (db, change) in [(0, "SET k 1"), (1, "SET k 1"), (1, "FLUSHDB"), (0, "SWAPDB 1 2")] {
            call(&mut one, "SELECT 1");
            call(&mut one, "SET k 0");
            call(&mut one, "WATCH k");
            call(&mut one, "SELECT 2");
            call(&mut two, &format!("SELECT {db}"));
            call(&mut two, change);
            for line in ["MULTI", "GET k", "EXEC"] {
                call(&mut one, line);
            }
        }
    });
}

#[test]
fn counters_under_watch_add_up() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 100;
    let sidecar = SidecarOptions::default().start();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut client = sidecar.client();
            scope.spawn(move || {
                let mut done = 0;
                while done < ROUNDS {
                    call(&mut client, "WATCH n");
                    let next = match call(&mut client, "GET n") {
                        Value::Nil => 1,
                        found => found.text().parse::<u64>().unwrap() + 1,
                    };
                    call(&mut client, "MULTI");
                    call(&mut client, &format!("SET n {next}"));
                    done += usize::from(call(&mut client, "EXEC") != Value::Nil);
                }
            });
        }
    });
    let total = (CLIENTS * ROUNDS).to_string();
    assert_eq!(sidecar.client().call(&["GET", "n"]), Value::bulk(total));
}
