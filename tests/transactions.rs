//! MULTI, EXEC, DISCARD and WATCH: on one connection from begin to end, and clean after it.

use crate::harness::{
    Client, Redis, Scenario, Sidecar, SidecarOptions, Value, compare_everywhere, eventually,
};

fn play(s: &Scenario, lines: &[&str]) {
    call_all(&mut s.client(), lines);
}

fn call_all(client: &mut Client, lines: &[&str]) {
    for line in lines {
        client.call(&line.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn queued_commands_run_together() {
    compare_everywhere(|s| {
        play(s, &["MULTI", "SET k 1", "INCR k", "HSET h f v", "HGETALL h", "EXEC", "GET k"]);
        play(s, &["MULTI", "EXEC", "PING"]);
        play(s, &["MULTI", "SET k 9", "DISCARD", "GET k"]);
        let lines: Vec<_> =
            ["MULTI", "SET k 5", "INCR k", "EXEC", "GET k"].map(|l| l.to_owned()).into();
        let commands: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
        let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
        s.client().pipeline(&commands);
    });
}

#[test]
fn mistakes_around_multi_are_named_as_redis_names_them() {
    compare_everywhere(|s| {
        play(s, &["EXEC", "DISCARD", "UNWATCH", "PING"]);
        play(s, &["MULTI", "MULTI", "WATCH k", "PING", "EXEC", "EXEC"]);
        play(s, &["MULTI", "NOSUCH a", "SET k v", "EXEC", "GET k"]);
        play(s, &["MULTI", "GET", "SET k v", "EXEC", "GET k"]);
        play(s, &["MULTI", "SELECT", "EXEC", "PING"]);
        play(s, &["MULTI", "SET k v", "EXEC now", "GET k", "EXEC"]);
        play(s, &["EXEC now", "MULTI now", "WATCH", "DISCARD now", "PING"]);
        play(s, &["MULTI", "NOSUCH", "DISCARD", "MULTI", "PING", "EXEC"]);
        play(s, &["SET s v", "MULTI", "LPUSH s x", "INCR n", "SELECT 99", "EXEC", "GET n"]);
    });
}

#[test]
fn commands_about_the_connection_inside_multi() {
    compare_everywhere(|s| {
        play(
            s,
            &[
                "MULTI",
                "CLIENT SETNAME me",
                "CLIENT GETNAME",
                "ECHO x",
                "PING",
                "EXEC",
                "CLIENT GETNAME",
            ],
        );
        play(
            s,
            &[
                "SET k zero",
                "MULTI",
                "SELECT 4",
                "SET k four",
                "EXEC",
                "GET k",
                "SELECT 0",
                "GET k",
            ],
        );
        play(s, &["SELECT 5", "MULTI", "SET k five", "EXEC", "GET k", "DBSIZE"]);
        play(s, &["MULTI", "AUTH x", "CLIENT NOSUCH", "HELLO 9", "EXEC", "PING"]);
        play(s, &["MULTI", "BLPOP nothing 0", "BLMOVE nothing l LEFT LEFT 0", "EXEC", "PING"]);
        if !s.is_memory {
            play(s, &["MULTI", "XREAD BLOCK 0 STREAMS s $", "EXEC", "PING"]);
        }
        play(s, &["MULTI", "SET k v", "RESET", "GET k", "EXEC"]);
        let mut client = s.client();
        client.pipeline(&[&["MULTI"], &["SET", "k", "quit"], &["QUIT"]]);
        client.expect_close();
        play(s, &["GET k"]);
    });
}

#[test]
fn a_watched_key_that_another_client_changes_makes_exec_null() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        one.call(&["SET", "k", "1"]);
        one.call(&["WATCH", "k", "other"]);
        one.call(&["GET", "k"]);
        two.call(&["SET", "k", "2"]);
        one.call(&["MULTI"]);
        one.call(&["SET", "k", "3"]);
        assert_eq!(one.call(&["EXEC"]), Value::Nil);
        assert_eq!(one.call(&["GET", "k"]), Value::bulk("2"));
        one.pipeline(&[&["WATCH", "k"], &["MULTI"], &["SET", "k", "4"], &["EXEC"]]);
        assert_eq!(two.call(&["GET", "k"]), Value::bulk("4"));
    });
}

#[test]
fn a_watch_ends_with_exec_discard_unwatch_or_reset() {
    compare_everywhere(|s| {
        for end in [&[&["MULTI"][..], &["DISCARD"]][..], &[&["UNWATCH"]], &[&["RESET"]]] {
            let (mut one, mut two) = (s.client(), s.client());
            one.call(&["WATCH", "k"]);
            end.iter().for_each(|args| drop(one.call(args)));
            two.call(&["INCR", "k"]);
            one.pipeline(&[&["MULTI"], &["INCR", "k"], &["EXEC"]]);
        }
        let mut one = s.client();
        one.pipeline(&[&["WATCH", "k"], &["INCR", "k"], &["MULTI"], &["INCR", "k"], &["EXEC"]]);
    });
}

#[test]
fn a_watch_sees_the_database_of_its_client() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        one.call(&["SELECT", "7"]);
        one.call(&["WATCH", "k"]);
        two.call(&["SET", "k", "in 0"]);
        one.pipeline(&[&["MULTI"], &["SET", "k", "in 7"], &["EXEC"], &["WATCH", "k"]]);
        two.call(&["SELECT", "7"]);
        two.call(&["DEL", "k"]);
        one.pipeline(&[&["MULTI"], &["GET", "k"], &["EXEC"]]);
    });
}

#[test]
fn a_long_transaction_in_one_write() {
    compare_everywhere(|s| {
        let mut client = s.client();
        let mut commands: Vec<&[&str]> = vec![&["MULTI"]];
        commands.extend([&["INCR", "n"][..]; 2_000]);
        commands.push(&["EXEC"]);
        commands.push(&["GET", "n"]);
        client.pipeline(&commands);
    });
}

#[test]
fn transactions_of_many_clients_do_not_mix() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let mut client = sidecar.client();
            scope.spawn(move || {
                let (key, tag) = (format!("k{worker}"), format!("tag-{worker}"));
                for _ in 0..50 {
                    let replies = client.pipeline(&[
                        &["MULTI"],
                        &["SET", &key, &tag],
                        &["GET", &key],
                        &["INCR", "total"],
                        &["EXEC"],
                    ]);
                    let results = replies[4].items();
                    assert_eq!(results[1], Value::bulk(&tag));
                    assert!(results[2].int() > 0);
                }
            });
        }
    });
    assert_eq!(sidecar.client().call(&["GET", "total"]), Value::bulk("400"));
}

/// With one connection to lend, the next client stands where the last one was.
fn with_one_checkout(redis: &Redis) -> Sidecar {
    SidecarOptions::upstream(redis)
        .config("upstream: {pool: {max: 1}}")
        .env("SIDECAR_WORKERS", "1")
        .start()
}

#[test]
fn a_client_that_leaves_inside_multi_leaves_nothing_behind() {
    let redis = Redis::start();
    let sidecar = with_one_checkout(&redis);
    for round in 0..10 {
        let mut gone = sidecar.client();
        gone.pipeline(&[&["SELECT", "3"], &["MULTI"], &["SET", "k", "never"]]);
        drop(gone);
        let mut next = sidecar.client();
        assert_eq!(next.call(&["MULTI"]), Value::ok(), "round {round}");
        next.call(&["INCR", "n"]);
        assert_eq!(next.call(&["EXEC"]), Value::Array(vec![Value::Int(round + 1)]));
        assert_eq!(next.call(&["EXISTS", "k"]), Value::Int(0));
    }
    assert_eq!(redis.direct().call(&["GET", "n"]), Value::bulk("10"));
}

#[test]
fn a_client_that_leaves_while_watching_disturbs_no_other() {
    let redis = Redis::start();
    let sidecar = with_one_checkout(&redis);
    for round in 1..=10 {
        let mut gone = sidecar.client().resp3();
        assert_eq!(gone.call(&["WATCH", "k"]), Value::ok());
        assert_eq!(gone.call(&["SET", "k", "dirty"]), Value::ok());
        drop(gone);
        let mut next = sidecar.client();
        next.call(&["MULTI"]);
        next.call(&["HINCRBY", "h", "f", "1"]);
        next.call(&["HGETALL", "h"]);
        let results = next.call(&["EXEC"]);
        assert_eq!(results.items()[0], Value::Int(round));
        assert!(matches!(results.items()[1], Value::Array(_)), "RESP2 was asked: {results:?}");
    }
}

#[test]
fn what_a_watching_client_held_upstream_goes_with_it() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    client.pipeline(&[&["WATCH", "k"], &["MULTI"], &["PING"]]);
    assert!(
        redis.connections().iter().any(|line| line.contains("multi=1")),
        "{:?}",
        redis.connections()
    );
    drop(client);
    eventually("no connection upstream is left in MULTI", || {
        redis.connections().iter().all(|line| line.contains("multi=-1"))
    });
}

#[test]
fn subscriptions_queued_in_multi_are_confirmed_where_their_command_stands() {
    compare_everywhere(|s| {
        let mut client = s.client();
        call_all(&mut client, &["MULTI", "SUBSCRIBE a b c", "SET k v", "PSUBSCRIBE p*", "EXEC"]);
        // EXEC counts commands, not confirmations: two more come behind what it counts
        (0..2).for_each(|_| drop(client.read()));
        for channel in ["a", "c", "p1"] {
            s.bystander().call(&["PUBLISH", channel, "news"]);
            client.read();
        }
        if s.protocol == 3 {
            call_all(
                &mut client,
                &["MULTI", "UNSUBSCRIBE a", "GET k", "SUBSCRIBE d", "EXEC", "GET k"],
            );
        }
        call_all(&mut client, &["PUNSUBSCRIBE p*", "UNSUBSCRIBE b"]);
    });
}
