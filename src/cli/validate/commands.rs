//! The commands that apps are made of, one check for each kind.

use super::Trial;
use super::report::Verdict;
use crate::cli::script::Expect::{
    Any, Between, Error, Gone, Int, List, Members, Null, Ok as Fine, Text,
};
use crate::cli::script::{Script, Trouble, flat};
use crate::wire::reply::Reply;

pub(super) const GROUP: &str = "Commands";

/// Pages of SCAN that are read: a large keyspace is not walked to its end.
const PAGES: usize = 20;

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("PING", &[("PING", Text("PONG")), ("PING hello", Text("hello"))]),
    Script::new(
        "SET, GET, DEL",
        &[
            ("GET @string", Null),
            ("SET @string 'a value'", Fine),
            ("GET @string", Text("a value")),
            ("DEL @string", Int(1)),
            ("EXISTS @string", Int(0)),
        ],
    ),
    Script::new(
        "MSET, MGET",
        &[("MSET @m1 a @m2 b", Fine), ("MGET @m1 @m2 @m3", List(&["a", "b", "nil"]))],
    ),
    Script::new(
        "hashes",
        &[
            ("HSET @hash name Ann city Riga", Int(2)),
            ("HGET @hash name", Text("Ann")),
            ("HINCRBY @hash visits 3", Int(3)),
            ("HGETALL @hash", Members(&["name", "Ann", "city", "Riga", "visits", "3"])),
            ("HDEL @hash city", Int(1)),
        ],
    ),
    Script::new(
        "lists",
        &[
            ("RPUSH @list a b c", Int(3)),
            ("LRANGE @list 0 -1", List(&["a", "b", "c"])),
            ("LPOP @list", Text("a")),
            ("RPOP @list", Text("c")),
            ("LLEN @list", Int(1)),
        ],
    ),
    Script::new(
        "sets",
        &[
            ("SADD @set a b a", Int(2)),
            ("SISMEMBER @set a", Int(1)),
            ("SMEMBERS @set", Members(&["a", "b"])),
            ("SREM @set a", Int(1)),
            ("SCARD @set", Int(1)),
        ],
    ),
    Script::new(
        "sorted sets",
        &[
            ("ZADD @zset 1 a 2 b 3 c", Int(3)),
            ("ZRANGE @zset 0 -1 WITHSCORES", List(&["a", "1", "b", "2", "c", "3"])),
            ("ZSCORE @zset b", Text("2")),
            ("ZREVRANK @zset c", Int(0)),
            ("ZRANGEBYSCORE @zset 2 +inf", List(&["b", "c"])),
        ],
    ),
    Script::new(
        "INCR",
        &[
            ("INCR @number", Int(1)),
            ("INCRBY @number 41", Int(42)),
            ("DECR @number", Int(41)),
            ("SET @word abc", Fine),
            ("INCR @word", Error("ERR")),
        ],
    ),
    Script::new(
        "wrong types are refused",
        &[("RPUSH @typed a", Int(1)), ("GET @typed", Error("WRONGTYPE"))],
    ),
    Script::new(
        "SETEX, TTL, expiry",
        &[
            ("SETEX @long 30 v", Fine),
            ("TTL @long", Between(25, 30)),
            ("SET @short v PX 40", Fine),
            ("GET @short", Gone),
        ],
    ),
    Script::new(
        "pub/sub round trip",
        &[
            ("2> SUBSCRIBE @channel", List(&["subscribe", "@channel", "1"])),
            ("PUBLISH @channel hello", Between(1, i64::MAX)),
            ("2<", List(&["message", "@channel", "hello"])),
        ],
    ),
    Script::new(
        "MULTI, EXEC",
        &[
            ("MULTI", Fine),
            ("SET @t1 a EX 60", Text("QUEUED")),
            ("INCR @t2", Text("QUEUED")),
            ("EXPIRE @t2 60", Text("QUEUED")),
            ("EXEC", List(&["OK", "1", "1"])),
        ],
    ),
    Script::new(
        "WATCH sees others' writes",
        &[
            ("SET @watched a EX 60", Fine),
            ("WATCH @watched", Fine),
            ("2> SET @watched b EX 60", Fine),
            ("MULTI", Fine),
            ("SET @watched c EX 60", Text("QUEUED")),
            ("EXEC", Null),
            ("GET @watched", Text("b")),
        ],
    ),
    Script::new(
        "EVALSHA",
        &[
            (
                "SCRIPT LOAD 'return {KEYS[1], ARGV[1]}'",
                Text("d006f1a90249474274c76f5be725b8f5804a346b"),
            ),
            (
                "EVALSHA d006f1a90249474274c76f5be725b8f5804a346b 1 @script v",
                List(&["@script", "v"]),
            ),
            ("EVALSHA ffffffffffffffffffffffffffffffffffffffff 0", Error("NOSCRIPT")),
        ],
    ),
    Script::new(
        "blocking pop",
        &[
            ("BLPOP @queue 4 &", Any),
            ("2> RPUSH @queue job", Int(1)),
            ("1<", List(&["@queue", "job"])),
        ],
    ),
    Script::new(
        "streams",
        &[
            ("XADD @stream 1-1 kind created", Text("1-1")),
            ("XADD @stream 2-1 kind paid", Text("2-1")),
            ("XRANGE @stream - +", List(&["1-1", "kind", "created", "2-1", "kind", "paid"])),
            ("XLEN @stream", Int(2)),
        ],
    ),
    Script::new(
        "CLIENT TRACKING",
        &[
            ("SET @tracked a EX 60", Fine),
            ("3> CLIENT TRACKING ON", Fine),
            ("3> GET @tracked", Text("a")),
            ("SET @tracked b EX 60", Fine),
            ("3<", List(&["invalidate", "@tracked"])),
        ],
    ),
];

impl Trial<'_, '_> {
    /// A key of ours is found, unless the keyspace is too large to be walked.
    pub(super) async fn scan(&mut self) -> Result<Verdict, Trouble> {
        let key = self.player.keys.name("scanned");
        let pattern = format!("{}*", self.player.keys.prefix().replace(['[', ']', '?', '*'], "?"));
        let link = self.player.link(0).await?;
        if let Reply::Error(text) = link.call(&["SET", &key, "v", "EX", "60"]).await? {
            return Ok(self.at.of_refusal("SET", &text));
        }
        let mut cursor = "0".to_owned();
        for page in 1..=PAGES {
            let reply = link.call(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"]).await?;
            if let Reply::Error(text) = &reply {
                return Ok(self.at.of_refusal("SCAN", text));
            }
            let found = flat(&reply);
            if found.contains(&key) {
                return Ok(Verdict::Passed(format!("found on page {page}")));
            }
            cursor = found.into_iter().next().unwrap_or_default();
            if cursor == "0" {
                return Ok(Verdict::failed(
                    "a key that is there was not found",
                    "see what stands between",
                ));
            }
        }
        Ok(Verdict::Passed(format!("{PAGES} pages of many; the keyspace is large")))
    }
}
