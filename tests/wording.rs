//! Whatever Redis answers reaches the app in its words: unknown commands, wrong numbers of arguments, the rest.

use crate::harness::{compare, compare_without_namespace};

#[test]
fn what_redis_says_of_commands_it_does_not_know_reaches_the_app() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        let long = "x".repeat(300);
        for args in [
            &["NOSUCH"][..],
            &["nosuch", "a", "b"],
            &["JSON.GET", "doc", "$"],
            &["NOSUCH", &long, &long],
            &["No\r\nSuch", "a\r\nb"],
            &["", "a"],
            &["CLIENT", "NOSUCH"],
            &["CLIENT"],
            &["CONFIG", "NOSUCH", "a"],
            &["OBJECT", "NOSUCH", "k"],
            &["SCRIPT", "NOSUCH"],
            &["PUBSUB", "NOSUCH"],
        ] {
            client.call(args);
        }
    });
}

#[test]
fn wrong_numbers_of_arguments_are_refused_in_the_words_of_redis() {
    compare(|s| {
        let mut client = s.client();
        for line in [
            "GET",
            "get a b",
            "SET k",
            "SELECT",
            "SELECT 1 2",
            "AUTH",
            "AUTH a b c",
            "ECHO",
            "PING a b",
            "MULTI x",
            "EXEC x",
            "DISCARD x",
            "WATCH",
            "UNWATCH x",
            "SUBSCRIBE",
            "PSUBSCRIBE",
            "SSUBSCRIBE",
            "PUBLISH a",
            "BLPOP k",
            "XREAD",
            "EVAL x",
            "MONITOR x",
            "RESET x",
            "CLIENT SETNAME",
            "CLIENT GETNAME x",
            "CLIENT ID x",
            "CLIENT REPLY",
            "CLIENT KILL",
            "CLIENT UNBLOCK",
            "CLIENT NO-EVICT",
            "CLIENT PAUSE",
            "CLIENT INFO x",
            "CLIENT TRACKING",
            "CLIENT CACHING",
            "OBJECT ENCODING",
            "WAIT 1",
            "COMMAND COUNT x",
        ] {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
    });
}

#[test]
fn everything_else_passes_as_it_is() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        for line in [
            "set k 12345",
            "OBJECT ENCODING k",
            "OBJECT REFCOUNT k",
            "OBJECT HELP",
            "DEBUG SET-ACTIVE-EXPIRE 1",
            "CONFIG GET maxmemory-policy",
            "CONFIG SET maxmemory-policy allkeys-lru",
            "CONFIG GET maxmemory-policy",
            "CONFIG SET maxmemory-policy noeviction",
            "CONFIG SET nosuch 1",
            "WAIT 0 0",
            "WAIT 0 10",
            "DBSIZE",
            "COMMAND COUNT",
            "COMMAND GETKEYS MSET a 1 b 2",
            "COMMAND INFO GET NOSUCH",
            "ACL WHOAMI",
            "LASTSAVE x",
            "MEMORY USAGE k",
            "TYPE k",
            "SCAN 0",
            "KEYS *",
            "RANDOMKEY",
            "SWAPDB 0 1",
            "GET k",
            "SWAPDB 0 1",
            "GET k",
            "MOVE k 2",
            "EXISTS k",
            "LATENCY RESET",
            // Which commands are slow depends on the machine.
            "CONFIG SET slowlog-log-slower-than -1",
            "SLOWLOG RESET",
            "SLOWLOG LEN",
            "LOLWUT VERSION 1",
            "SORT nolist",
            "GEOADD g 13.361389 38.115556 p",
            "GEOPOS g p",
            "PFADD hll a b c",
            "PFCOUNT hll",
            "SETBIT b 7 1",
            "BITFIELD b GET u8 0",
            "REPLICAOF NO ONE",
            "CLUSTER INFO",
            "CLUSTER SLOTS",
            "READONLY",
            "ASKING",
            "FAILOVER",
            "DUMP nothing",
            "ROLE",
        ] {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
        assert!(client.unrecorded(&["INFO"]).text().contains("redis_version:7."));
        assert_eq!(client.unrecorded(&["TIME"]).items().len(), 2);
    });
}
