//! The commands that are measured, by family: what apps do most, on keys of our own.

use crate::cli::script::Expect::{Between, Int, List, Ok as Fine, Text};
use crate::cli::script::Script;

/// Each family with a play of its commands.
pub(super) const FAMILIES: [Script; 10] = [
    Script::new("ping", &[("PING", Text("PONG"))]),
    Script::new(
        "strings",
        &[("SET @string v EX 60", Fine), ("GET @string", Text("v")), ("DEL @string", Int(1))],
    ),
    Script::new("counters", &[("INCRBY @counter 2", Int(2)), ("DEL @counter", Int(1))]),
    Script::new(
        "hashes",
        &[("HSET @hash f v", Int(1)), ("HGET @hash f", Text("v")), ("DEL @hash", Int(1))],
    ),
    Script::new(
        "lists",
        &[("RPUSH @list a b", Int(2)), ("LPOP @list", Text("a")), ("DEL @list", Int(1))],
    ),
    Script::new(
        "sets",
        &[("SADD @set a", Int(1)), ("SMEMBERS @set", List(&["a"])), ("DEL @set", Int(1))],
    ),
    Script::new(
        "sorted sets",
        &[("ZADD @zset 1 a", Int(1)), ("ZRANGE @zset 0 -1", List(&["a"])), ("DEL @zset", Int(1))],
    ),
    Script::new("scripts", &[("EVAL 'return ARGV[1]' 0 v", Text("v"))]),
    Script::new(
        "transactions",
        &[("MULTI", Fine), ("PING", Text("QUEUED")), ("EXEC", List(&["PONG"]))],
    ),
    Script::new(
        "pub/sub",
        &[
            ("2> SUBSCRIBE @channel", List(&["subscribe", "@channel", "1"])),
            ("PUBLISH @channel m", Between(1, i64::MAX)),
            ("2<", List(&["message", "@channel", "m"])),
        ],
    ),
];
