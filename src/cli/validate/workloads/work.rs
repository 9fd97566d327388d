//! Usage counters, queues, limiter.

use crate::cli::script::Expect::{Any, Between, Int, List, Members, Null, Ok as Fine, Text};
use crate::cli::script::Script;

pub(super) const COUNTERS: &[Script] = &[
    Script::new(
        "requests of a day",
        &[
            ("INCR @day", Int(1)),
            ("INCRBY @day 9", Int(10)),
            ("EXPIRE @day 60", Int(1)),
            ("GET @day", Text("10")),
        ],
    ),
    Script::new(
        "by field and by customer (HINCRBY)",
        &[
            ("HINCRBY @usage reads 5", Int(5)),
            ("HINCRBY @usage writes 2", Int(2)),
            ("HGETALL @usage", Members(&["reads", "5", "writes", "2"])),
        ],
    ),
    Script::new(
        "fractions (INCRBYFLOAT)",
        &[("INCRBYFLOAT @hours 0.25", Text("0.25")), ("INCRBYFLOAT @hours 1.5", Text("1.75"))],
    ),
    Script::new(
        "read and begin anew (GETSET)",
        &[
            ("INCRBY @period 12", Int(12)),
            ("GETSET @period 0", Text("12")),
            ("INCR @period", Int(1)),
        ],
    ),
    Script::new(
        "distinct visitors (PFADD)",
        &[
            ("PFADD @visitors a b c", Int(1)),
            ("PFADD @visitors a", Int(0)),
            ("PFCOUNT @visitors", Int(3)),
        ],
    ),
    Script::new(
        "active days (SETBIT)",
        &[
            ("SETBIT @days 0 1", Int(0)),
            ("SETBIT @days 6 1", Int(0)),
            ("BITCOUNT @days", Int(2)),
            ("GETBIT @days 3", Int(0)),
        ],
    ),
];

pub(super) const QUEUES: &[Script] = &[
    Script::new(
        "first in, first out",
        &[("LPUSH @fifo a b c", Int(3)), ("RPOP @fifo", Text("a")), ("RPOP @fifo", Text("b"))],
    ),
    Script::new(
        "a worker waits for a job (BRPOP)",
        &[
            ("BRPOP @jobs 4 &", Any),
            ("2> LPUSH @jobs job-1", Int(1)),
            ("1<", List(&["@jobs", "job-1"])),
        ],
    ),
    Script::new(
        "no job is lost on the way (LMOVE)",
        &[
            ("RPUSH @todo job-1", Int(1)),
            ("LMOVE @todo @doing LEFT RIGHT", Text("job-1")),
            ("LREM @doing 1 job-1", Int(1)),
            ("LLEN @doing", Int(0)),
        ],
    )
    .since(6, 2),
    Script::new(
        "the urgent queue comes first (BLPOP)",
        &[
            ("RPUSH @normal n", Int(1)),
            ("RPUSH @urgent u", Int(1)),
            ("BLPOP @urgent @normal 1", List(&["@urgent", "u"])),
        ],
    ),
    Script::new(
        "jobs for later (ZPOPMIN)",
        &[
            ("ZADD @later 200 second 100 first", Int(2)),
            ("ZRANGEBYSCORE @later -inf 150", List(&["first"])),
            ("ZPOPMIN @later", List(&["first", "100"])),
        ],
    ),
    Script::new(
        "a group of workers (XREADGROUP)",
        &[
            ("XADD @events 1-0 job a", Text("1-0")),
            ("XGROUP CREATE @events workers 0", Fine),
            (
                "XREADGROUP GROUP workers w1 COUNT 1 STREAMS @events >",
                List(&["@events", "1-0", "job", "a"]),
            ),
            ("XACK @events workers 1-0", Int(1)),
            ("XREADGROUP GROUP workers w1 COUNT 1 STREAMS @events >", Null),
        ],
    ),
    Script::new(
        "what was not confirmed (XPENDING)",
        &[
            ("XADD @work 1-0 job a", Text("1-0")),
            ("XGROUP CREATE @work workers 0", Fine),
            ("XREADGROUP GROUP workers w1 STREAMS @work >", Any),
            ("XPENDING @work workers", List(&["1", "1-0", "1-0", "w1", "1"])),
        ],
    ),
    Script::new(
        "only the newest stay (LTRIM)",
        &[
            ("LPUSH @recent a b c d", Int(4)),
            ("LTRIM @recent 0 1", Fine),
            ("LRANGE @recent 0 -1", List(&["d", "c"])),
        ],
    ),
];

pub(super) const LIMITER: &[Script] = &[
    Script::new(
        "so many in a window (INCR, EXPIRE)",
        &[
            ("INCR @window", Int(1)),
            ("EXPIRE @window 30", Int(1)),
            ("INCR @window", Int(2)),
            ("TTL @window", Between(25, 30)),
        ],
    ),
    Script::new(
        "a sliding window (ZADD)",
        &[
            ("ZADD @slide 1000 r1 2000 r2 3000 r3", Int(3)),
            ("ZREMRANGEBYSCORE @slide -inf 1500", Int(1)),
            ("ZCARD @slide", Int(2)),
        ],
    ),
    Script::new(
        "a bucket of tokens (EVAL)",
        &[
            ("SET @bucket 1 EX 60", Fine),
            (
                "EVAL 'local left = tonumber(redis.call(\"GET\", KEYS[1]) or \"0\") if left < 1 then return 0 end \
                 redis.call(\"DECR\", KEYS[1]) return 1' 1 @bucket",
                Int(1),
            ),
            (
                "EVAL 'local left = tonumber(redis.call(\"GET\", KEYS[1]) or \"0\") if left < 1 then return 0 end \
                 redis.call(\"DECR\", KEYS[1]) return 1' 1 @bucket",
                Int(0),
            ),
        ],
    ),
    Script::new(
        "a lock has one owner",
        &[
            ("SET @lock owner-1 NX PX 30000", Fine),
            ("SET @lock owner-2 NX PX 30000", Null),
            (
                "EVAL 'if redis.call(\"GET\", KEYS[1]) == ARGV[1] then return redis.call(\"DEL\", KEYS[1]) end \
                 return 0' 1 @lock owner-2",
                Int(0),
            ),
            (
                "EVAL 'if redis.call(\"GET\", KEYS[1]) == ARGV[1] then return redis.call(\"DEL\", KEYS[1]) end \
                 return 0' 1 @lock owner-1",
                Int(1),
            ),
        ],
    ),
    Script::new(
        "so many at the same time (SADD)",
        &[
            ("SADD @slots job-1 job-2", Int(2)),
            ("SCARD @slots", Int(2)),
            ("SREM @slots job-1", Int(1)),
            ("SCARD @slots", Int(1)),
        ],
    ),
];
