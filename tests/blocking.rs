//! Commands that wait: each on a connection of its own, holding up nobody, losing nothing.

use std::time::{Duration, Instant};

use crate::harness::{
    Client, Redis, Scenario, Sidecar, SidecarOptions, Value, compare, compare_everywhere,
    eventually,
};

/// Waits until the server behind `s` has `count` clients that block.
fn until_blocked(s: &Scenario, count: usize) {
    let mut looker = s.bystander();
    let wanted = format!("blocked_clients:{count}\r\n");
    eventually(&wanted, || looker.call(&["INFO", "clients"]).text().contains(&wanted));
}

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// All lines, but for those about streams where there are none.
fn call_all(s: &Scenario, lines: &[&str]) {
    let mut client = s.client();
    for line in lines.iter().filter(|line| !(s.is_memory && line.starts_with('X'))) {
        call(&mut client, line);
    }
}

#[test]
fn what_is_there_already_comes_at_once() {
    compare_everywhere(|s| {
        call_all(
            s,
            &[
                "RPUSH l a b c d e f g h",
                "BLPOP l 0",
                "BRPOP l 0",
                "BLMOVE l m LEFT RIGHT 0",
                "BRPOPLPUSH l m 0",
                "BLPOP none l 0",
                "BLMPOP 0 2 none l LEFT COUNT 2",
                "LRANGE m 0 -1",
                "ZADD z 1 a 2 b 3 c 4 d",
                "BZPOPMIN z 0",
                "BZPOPMAX z 0",
                "BZMPOP 0 1 z MIN COUNT 5",
                "XADD s 1-1 f v",
                "XREAD BLOCK 0 STREAMS s 0",
                "XGROUP CREATE s g 0",
                "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
                "PING",
            ],
        );
    });
}

#[test]
fn nothing_in_time_is_null() {
    compare_everywhere(|s| {
        call_all(
            s,
            &[
                "BLPOP l 0.01",
                "BRPOP l l2 0.01",
                "BLMOVE l m LEFT LEFT 0.01",
                "BLMPOP 0.01 1 l LEFT",
                "BZPOPMIN z 0.01",
                "BZMPOP 0.01 1 z MAX",
                "XREAD BLOCK 10 STREAMS s $",
                "PING",
                "BLPOP l 1",
            ],
        );
    });
}

#[test]
fn mistakes_are_named_as_redis_names_them() {
    compare_everywhere(|s| {
        call_all(
            s,
            &[
                "SET k v",
                "BLPOP k 0",
                "BLPOP l -1",
                "BLPOP l x",
                "BLMPOP 0 0 l LEFT",
                "BLMOVE l m UP LEFT 0",
                "XREAD BLOCK x STREAMS s $",
                "XREAD BLOCK 0 STREAMS s",
                "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
                "BZPOPMIN k 0",
                "PING",
            ],
        );
    });
}

#[test]
fn a_push_wakes_the_one_that_waits() {
    compare_everywhere(|s| {
        let mut pusher = s.client();
        for (wait, push) in [
            ("BLPOP l 0", "LPUSH l a"),
            ("BRPOP other l 0", "LPUSH l a"),
            ("BLMOVE l m LEFT RIGHT 0", "RPUSH l a"),
            ("BRPOPLPUSH l m 0", "RPUSH l a"),
            ("BLMPOP 0 1 l RIGHT", "RPUSH l a"),
            ("BZPOPMIN z 0", "ZADD z 1.5 a"),
            ("BZPOPMAX z 0", "ZADD z 1.5 a"),
            ("BZMPOP 0 1 z MIN", "ZADD z 2 a"),
            ("XREAD BLOCK 0 STREAMS s $", "XADD s 5-1 f v"),
        ] {
            if s.is_memory && push.starts_with('X') {
                continue;
            }
            let mut waiter = s.client();
            call(&mut waiter, "DEL l m z s");
            waiter.send(&wait.split(' ').collect::<Vec<_>>());
            until_blocked(s, 1);
            call(&mut pusher, push);
            waiter.read();
            call(&mut waiter, "PING");
        }
    });
}

#[test]
fn several_that_wait_are_served_in_turn() {
    compare_everywhere(|s| {
        let mut waiters: Vec<Client> = (0..5).map(|_| s.client()).collect();
        for (count, waiter) in waiters.iter_mut().enumerate() {
            waiter.send(&["BLPOP", "l", "0"]);
            until_blocked(s, count + 1);
        }
        s.client().call(&["RPUSH", "l", "1", "2", "3", "4", "5"]);
        for (turn, waiter) in waiters.iter_mut().enumerate() {
            assert_eq!(waiter.read(), Value::bulks(&["l", &(turn + 1).to_string()]));
        }
    });
}

#[test]
fn those_that_wait_hold_up_no_other() {
    compare_everywhere(|s| {
        let mut other = s.client();
        let mut waiters: Vec<Client> = (0..8).map(|_| s.client()).collect();
        for waiter in &mut waiters {
            waiter.send(&["BLPOP", "l", "0"]);
        }
        until_blocked(s, 8);
        for round in 0..100 {
            let value = round.to_string();
            other.pipeline(&[&["SET", "k", &value], &["GET", "k"]]);
        }
    });
}

#[test]
fn what_was_sent_behind_a_wait_is_answered_behind_it() {
    compare_everywhere(|s| {
        let mut waiter = s.client();
        waiter.send_raw(b"SET k 1\r\nBLPOP l 0\r\nGET k\r\nBLPOP l 0\r\nSELECT 1\r\nGET k\r\n");
        waiter.read();
        until_blocked(s, 1);
        let mut other = s.client();
        other.call(&["SET", "k", "2"]);
        other.call(&["RPUSH", "l", "a"]);
        assert_eq!(waiter.read(), Value::bulks(&["l", "a"]));
        assert_eq!(waiter.read(), Value::bulk("2"));
        other.call(&["RPUSH", "l", "b"]);
        (0..3).for_each(|_| drop(waiter.read()));
    });
}

#[test]
fn a_wait_is_in_the_database_of_its_client() {
    compare_everywhere(|s| {
        let (mut waiter, mut pusher) = (s.client(), s.client());
        waiter.call(&["SELECT", "4"]);
        waiter.send(&["BLPOP", "l", "0"]);
        until_blocked(s, 1);
        pusher.call(&["RPUSH", "l", "in 0"]);
        pusher.call(&["SELECT", "4"]);
        pusher.call(&["RPUSH", "l", "in 4"]);
        assert_eq!(waiter.read(), Value::bulks(&["l", "in 4"]));
        waiter.call(&["RPUSH", "l", "again"]);
        pusher.call(&["LLEN", "l"]);
    });
}

#[test]
fn one_that_goes_away_while_it_waits_swallows_nothing() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    for resp3 in [false, true] {
        for wait in ["BLPOP l 0", "BLMOVE l m LEFT LEFT 0", "BZPOPMIN l 0"] {
            let mut gone = sidecar.client();
            if resp3 {
                gone = gone.resp3();
            }
            gone.send(&wait.split(' ').collect::<Vec<_>>());
            eventually("it waits", || redis.info("blocked_clients") == 1);
            drop(gone);
            eventually("it waits no more", || redis.info("blocked_clients") == 0);
            let mut next = sidecar.client();
            next.call(&["RPUSH", "l", "mine"]);
            assert_eq!(next.call(&["BLPOP", "l", "1"]), Value::bulks(&["l", "mine"]));
        }
    }
}

#[test]
fn client_unblock_by_the_id_that_the_app_knows() {
    compare_everywhere(|s| {
        let mut operator = s.client();
        for how in [&[][..], &["TIMEOUT"], &["ERROR"]] {
            let mut waiter = s.client();
            let id = waiter.unrecorded(&["CLIENT", "ID"]).int().to_string();
            operator.call(&["CLIENT", "UNBLOCK", &id]);
            waiter.send(&["BLPOP", "l", "0"]);
            until_blocked(s, 1);
            operator.call(&[&["CLIENT", "UNBLOCK", &id], how].concat());
            waiter.read();
            waiter.call(&["PING"]);
        }
        operator.call(&["CLIENT", "UNBLOCK", "999999"]);
        operator.call(&["CLIENT", "UNBLOCK", "x"]);
        operator.call(&["CLIENT", "UNBLOCK", "1", "NOSUCH"]);
    });
}

#[test]
fn one_that_waits_can_be_killed() {
    compare_everywhere(|s| {
        let mut waiter = s.client();
        let id = waiter.unrecorded(&["CLIENT", "ID"]).int().to_string();
        waiter.send(&["BLPOP", "l", "0"]);
        until_blocked(s, 1);
        s.client().call(&["CLIENT", "KILL", "ID", &id]);
        waiter.expect_close();
        until_blocked(s, 0);
        s.client().call(&["RPUSH", "l", "kept"]);
        s.client().call(&["LLEN", "l"]);
    });
}

#[test]
fn a_wait_may_last_longer_than_any_other_command() {
    let redis = Redis::start();
    let config = "upstream: {command_timeout: 300ms}";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let mut waiter = sidecar.client();
    let start = Instant::now();
    assert_eq!(waiter.call(&["BLPOP", "l", "1"]), Value::Nil);
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert_eq!(waiter.call(&["XREAD", "BLOCK", "700", "STREAMS", "s", "$"]), Value::Nil);
}

#[test]
fn a_full_pool_is_a_clear_error_and_not_the_end() {
    let redis = Redis::start();
    let config = "upstream: {pool: {max: 1, acquire_timeout: 200ms}}";
    let options = SidecarOptions::upstream(&redis).config(config).env("SIDECAR_WORKERS", "1");
    let sidecar = options.start();
    let (mut first, mut second) = (sidecar.client(), sidecar.client());
    first.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    let refused = second.call(&["BLPOP", "l", "0"]);
    assert!(refused.error().starts_with("UNAVAILABLE"), "{refused:?}");
    assert_eq!(second.call(&["RPUSH", "l", "v"]), Value::Int(1));
    assert_eq!(first.read(), Value::bulks(&["l", "v"]));
    assert_eq!(second.call(&["BLPOP", "l", "0.01"]), Value::Nil);
}

#[test]
fn one_that_waits_for_a_connection_gets_the_next_that_is_free() {
    let redis = Redis::start();
    let config = "upstream: {pool: {max: 1}}";
    let options = SidecarOptions::upstream(&redis).config(config).env("SIDECAR_WORKERS", "1");
    let sidecar = options.start();
    let (mut first, mut second) = (sidecar.client(), sidecar.client());
    first.send(&["BLPOP", "a", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    second.send(&["BLPOP", "b", "0"]);
    let mut pusher = sidecar.client();
    pusher.pipeline(&[&["RPUSH", "b", "for b"], &["RPUSH", "a", "for a"]]);
    assert_eq!(first.read(), Value::bulks(&["a", "for a"]));
    assert_eq!(second.read(), Value::bulks(&["b", "for b"]));
}

#[test]
fn waiting_for_replicas_holds_up_no_other() {
    compare(|s| {
        let (mut waiter, mut other) = (s.client(), s.client());
        waiter.call(&["SET", "k", "v"]);
        waiter.call(&["WAIT", "1", "20"]);
        waiter.send(&["WAIT", "1", "60000"]);
        until_blocked(s, 1);
        for _ in 0..50 {
            other.call(&["GET", "k"]);
        }
        drop(waiter);
        until_blocked(s, 0);
    });
}
