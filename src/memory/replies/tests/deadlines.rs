//! No reply outlives its key, as far as its time to live is known.

use super::{Bench, SECOND};

#[test]
fn no_entry_outlives_its_key() {
    for (set, time) in [
        ("SET k v EX 10", 10),
        ("SETEX k 10 v", 10),
        ("PSETEX k 10000 v", 10),
        ("EXPIRE k 10", 10),
        ("PEXPIRE k 10000 NX", 10),
        ("GETEX k EX 10", 10),
    ] {
        let mut bench = Bench::new();
        let reply = match set.split(' ').next().unwrap() {
            "EXPIRE" | "PEXPIRE" => ":1\r\n",
            "GETEX" => "$1\r\nv\r\n",
            _ => "+OK\r\n",
        };
        bench.run(set, reply);
        bench.pass(SECOND);
        bench.run("GET k", "$1\r\nv\r\n");
        bench.run("MGET j k", "*2\r\n$-1\r\n$1\r\nv\r\n");
        bench.pass(SECOND * (time - 2));
        assert!(bench.find("GET k").is_some() && bench.find("MGET j k").is_some(), "{set}");
        bench.pass(SECOND);
        assert_eq!((bench.find("GET k"), bench.find("MGET j k")), (None, None), "{set}");
    }
}

#[test]
fn deadlines_follow_what_is_told_of_them() {
    let mut bench = Bench::new();
    bench.run("SET k v EX 10", "+OK\r\n");
    bench.run("GET k", "$1\r\nv\r\n");
    bench.run("EXPIRE k 100", ":1\r\n");
    bench.run("GET k", "$1\r\nv\r\n");
    bench.pass(SECOND * 50);
    assert!(bench.find("GET k").is_some(), "a later deadline");
    bench.run("APPEND k w", ":2\r\n");
    bench.run("GET k", "$2\r\nvw\r\n");
    bench.pass(SECOND * 50);
    assert_eq!(bench.find("GET k"), None, "a write that keeps the deadline");
    bench.run("PERSIST k", ":1\r\n");
    bench.run("GET k", "$2\r\nvw\r\n");
    bench.pass(SECOND * 50);
    assert!(bench.find("GET k").is_some(), "none any more");
    bench.run("TTL k", ":20\r\n");
    bench.pass(SECOND * 20);
    assert_eq!(bench.find("GET k"), None, "TTL told of one");
    bench.run("RENAME k l", "+OK\r\n");
    bench.run("SET k v", "+OK\r\n");
    bench.run("EXPIRE k 5", ":1\r\n");
    bench.run("RENAME k m", "+OK\r\n");
    bench.run("GET m", "$1\r\nv\r\n");
    bench.pass(SECOND * 5);
    assert_eq!(bench.find("GET m"), None, "taken along by RENAME");
}

#[test]
fn pipelines_that_renew_a_deadline_do_so_each_time() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        let set = bench.send("HSET h f v", 1);
        let expire = bench.send("EXPIRE h 10", 1);
        bench.answer("HSET h f v", 1, set, ":0\r\n");
        bench.answer("EXPIRE h 10", 1, expire, ":1\r\n");
        bench.run("HGET h f", "$1\r\nv\r\n");
        bench.pass(SECOND * 6);
        assert!(bench.find("HGET h f").is_some());
    }
}

#[test]
fn a_time_to_live_that_was_told_counts_however_much_else_is_kept() {
    let mut bench = Bench::new();
    bench.run("GET k", "$1\r\nv\r\n");
    // more in one moment than are kept
    for n in 0..2_000 {
        bench.run(&format!("GET other:{n}"), "$1\r\nv\r\n");
    }
    assert_eq!(bench.find("GET other:1999"), None);
    bench.run("PTTL k", ":5000\r\n");
    bench.pass(SECOND * 4);
    assert!(bench.find("GET k").is_some());
    bench.pass(SECOND);
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn a_time_to_live_that_a_write_may_have_changed_meanwhile_does_not_count() {
    let mut bench = Bench::new();
    bench.run("SET k v EX 5", "+OK\r\n");
    let ttl = bench.send("TTL k", 2);
    let expire = bench.send("PEXPIRE k 3000", 1);
    bench.answer("PEXPIRE k 3000", 1, expire, ":1\r\n");
    bench.answer("TTL k", 2, ttl, ":100\r\n");
    bench.run("GET k", "$1\r\nv\r\n");
    bench.pass(SECOND * 3);
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn of_two_connections_that_set_a_deadline_at_once_the_earlier_one_counts() {
    let mut bench = Bench::new();
    let long = bench.send("EXPIRE k 100", 1);
    let short = bench.send("EXPIRE k 5", 2);
    bench.answer("EXPIRE k 5", 2, short, ":1\r\n");
    bench.answer("EXPIRE k 100", 1, long, ":1\r\n");
    bench.run("GET k", "$1\r\nv\r\n");
    bench.pass(SECOND * 5);
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn a_write_that_was_refused_teaches_nothing() {
    let mut bench = Bench::new();
    bench.run("SET k v EX 10", "+OK\r\n");
    bench.run("SET k w", "-OOM x\r\n");
    bench.run("GET k", "$1\r\nv\r\n");
    bench.pass(SECOND * 9);
    assert!(bench.find("GET k").is_some());
    bench.pass(SECOND);
    assert_eq!(bench.find("GET k"), None);
}
