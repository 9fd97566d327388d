//! Who gets what when a wait meets a transaction, a move or a rename; the same from Redis and from memory.

use crate::harness::{Client, Scenario, Value, compare_everywhere, eventually};

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// A new client that waits, the `count`th of all.
fn waiter(s: &Scenario, count: usize, line: &str) -> Client {
    let mut client = s.client();
    client.send(&line.split(' ').collect::<Vec<_>>());
    let mut looker = s.bystander();
    let wanted = format!("blocked_clients:{count}\r\n");
    eventually(&wanted, || looker.call(&["INFO", "clients"]).text().contains(&wanted));
    client
}

#[test]
fn those_that_wait_are_served_after_the_transaction() {
    compare_everywhere(|s| {
        let mut pusher = s.client();
        let mut first = waiter(s, 1, "BLPOP l 0");
        let mut second = waiter(s, 2, "BLPOP l 0");
        for line in ["MULTI", "RPUSH l a", "DEL l", "EXEC"] {
            call(&mut pusher, line);
        }
        for line in ["MULTI", "RPUSH l a b c", "LPOP l", "EXEC"] {
            call(&mut pusher, line);
        }
        assert_eq!(first.read(), Value::bulks(&["l", "b"]));
        assert_eq!(second.read(), Value::bulks(&["l", "c"]));
        call(&mut pusher, "EXISTS l");
    });
}

#[test]
fn of_several_keys_the_first_to_come_is_taken() {
    compare_everywhere(|s| {
        let mut pusher = s.client();
        for (wait, second, first) in [
            ("BLPOP a b 0", "RPUSH a 1", "RPUSH b 2"),
            ("BLMPOP 0 2 a b RIGHT COUNT 2", "RPUSH a 1 2", "RPUSH b 3 4 5"),
            ("BZPOPMAX a b 0", "ZADD a 1 x 2 y", "ZADD b 3 z"),
            ("BZMPOP 0 3 a b c MIN COUNT 5", "ZADD a 1 x", "ZADD b 3 z"),
        ] {
            let mut waiter = waiter(s, 1, wait);
            for line in ["MULTI", first, second, "EXEC"] {
                call(&mut pusher, line);
            }
            waiter.read();
            call(&mut pusher, "DEL a b");
        }
    });
}

#[test]
fn a_move_serves_the_next_that_waits() {
    compare_everywhere(|s| {
        let mut last = waiter(s, 1, "BRPOP c 0");
        let mut second = waiter(s, 2, "BRPOPLPUSH b c 0");
        let mut first = waiter(s, 3, "BLMOVE a b LEFT RIGHT 0");
        let mut pusher = s.client();
        call(&mut pusher, "RPUSH a x");
        for client in [&mut first, &mut second, &mut last] {
            client.read();
        }
        let mut round = waiter(s, 1, "BLMOVE a a LEFT RIGHT 0");
        let mut behind = waiter(s, 2, "BLPOP a 0");
        call(&mut pusher, "RPUSH a 1 2");
        round.read();
        behind.read();
        call(&mut pusher, "LRANGE a 0 -1");
        // an ordinary move wakes as well
        let mut waiting = waiter(s, 1, "BLPOP d 0");
        call(&mut pusher, "LMOVE a d LEFT LEFT");
        waiting.read();
    });
}

#[test]
fn a_key_of_another_type_wakes_nobody() {
    compare_everywhere(|s| {
        let mut pusher = s.client();
        let mut list = waiter(s, 1, "BLPOP k 0");
        let mut sorted = waiter(s, 2, "BZPOPMIN k 0");
        for line in ["SET k v", "DEL k", "SADD k m", "DEL k", "RPUSH k for-list", "ZADD k 1 m"] {
            call(&mut pusher, line);
        }
        list.read();
        sorted.read();
        // one that waits for a move whose end holds something else takes nothing
        let mut mover = waiter(s, 1, "BLMOVE from to LEFT LEFT 0");
        call(&mut pusher, "SET to v");
        call(&mut pusher, "RPUSH from x");
        assert!(mover.read().error().starts_with("WRONGTYPE"));
        call(&mut pusher, "LRANGE from 0 -1");
    });
}

#[test]
fn a_key_that_comes_by_its_name_or_its_database_wakes() {
    compare_everywhere(|s| {
        let (mut here, mut there) = (s.client(), s.client());
        call(&mut there, "SELECT 1");
        call(&mut here, "RPUSH other renamed");
        let mut client = waiter(s, 1, "BLPOP l 0");
        call(&mut here, "RENAME other l");
        client.read();
        call(&mut there, "RPUSH l swapped");
        let mut client = waiter(s, 1, "BLPOP l 0");
        call(&mut here, "SWAPDB 0 1");
        client.read();
        call(&mut here, "RPUSH other copied");
        let mut client = waiter(s, 1, "BLPOP l 0");
        call(&mut here, "COPY other l");
        client.read();
        call(&mut there, "RPUSH l moved");
        let mut client = waiter(s, 1, "BLPOP l 0");
        call(&mut there, "MOVE l 0");
        client.read();
    });
}

#[test]
fn a_wait_that_was_served_or_ended_is_over() {
    compare_everywhere(|s| {
        let mut pusher = s.client();
        let mut client = waiter(s, 1, "BLPOP a b a 0");
        call(&mut pusher, "RPUSH b 1");
        client.read();
        call(&mut pusher, "RPUSH a 2");
        call(&mut pusher, "LLEN a");
        call(&mut client, "BLPOP none 0.01");
        call(&mut pusher, "RPUSH none kept");
        call(&mut pusher, "LLEN none");
    });
}
