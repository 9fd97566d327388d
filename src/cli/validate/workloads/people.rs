//! Profiles, leaderboards, sessions.

use crate::cli::script::Expect::{Between, Gone, Int, List, Members, Null, Ok as Fine, Text};
use crate::cli::script::Script;

pub(super) const PROFILES: &[Script] = &[
    Script::new(
        "a profile is written and read whole",
        &[
            ("HSET @user:1 name Ann mail ann@example.com plan gold", Int(3)),
            (
                "HGETALL @user:1",
                Members(&["name", "Ann", "mail", "ann@example.com", "plan", "gold"]),
            ),
        ],
    ),
    Script::new(
        "one field changes, the others stay",
        &[
            ("HSET @user:2 name Bo plan free", Int(2)),
            ("HSET @user:2 plan gold", Int(0)),
            ("HMGET @user:2 name plan age", List(&["Bo", "gold", "nil"])),
        ],
    ),
    Script::new(
        "a default is set once (HSETNX)",
        &[
            ("HSETNX @user:3 locale en", Int(1)),
            ("HSETNX @user:3 locale lv", Int(0)),
            ("HGET @user:3 locale", Text("en")),
        ],
    ),
    Script::new(
        "visits and balance are counted in it",
        &[
            ("HINCRBY @user:4 visits 1", Int(1)),
            ("HINCRBY @user:4 visits 1", Int(2)),
            ("HINCRBYFLOAT @user:4 balance 10.5", Text("10.5")),
        ],
    ),
    Script::new(
        "a document keeps every byte",
        &[
            ("SET @doc '{\"name\":\"Zoë\",\"tags\":[1,2],\"note\":\"a b\"}' EX 60", Fine),
            ("GET @doc", Text("{\"name\":\"Zoë\",\"tags\":[1,2],\"note\":\"a b\"}")),
            ("STRLEN @doc", Int(41)),
        ],
    ),
    Script::new(
        "a cached profile expires",
        &[("SET @cached v PX 40", Fine), ("GET @cached", Gone), ("EXISTS @cached", Int(0))],
    ),
    Script::new(
        "many profiles in one go (MGET)",
        &[
            ("MSET @p1 a @p2 b @p3 c", Fine),
            ("MGET @p3 @p1 @nobody @p2", List(&["c", "a", "nil", "b"])),
        ],
    ),
];

pub(super) const LEADERBOARDS: &[Script] = &[
    Script::new(
        "the best come first",
        &[
            ("ZADD @board 300 ann 100 bo 200 cy", Int(3)),
            ("ZREVRANGE @board 0 1 WITHSCORES", List(&["ann", "300", "cy", "200"])),
        ],
    ),
    Script::new(
        "points are added",
        &[
            ("ZADD @points 10 ann 15 bo", Int(2)),
            ("ZINCRBY @points 7 ann", Text("17")),
            ("ZREVRANK @points ann", Int(0)),
        ],
    ),
    Script::new(
        "only a better score counts (ZADD GT)",
        &[
            ("ZADD @record 50 ann", Int(1)),
            ("ZADD @record GT CH 40 ann", Int(0)),
            ("ZADD @record GT CH 60 ann", Int(1)),
            ("ZSCORE @record ann", Text("60")),
        ],
    )
    .since(6, 2),
    Script::new(
        "neighbours of a player",
        &[
            ("ZADD @near 1 a 2 b 3 c 4 d 5 e", Int(5)),
            ("ZRANK @near c", Int(2)),
            ("ZRANGE @near 1 3", List(&["b", "c", "d"])),
        ],
    ),
    Script::new(
        "pages by score",
        &[
            ("ZADD @page 1 a 2 b 3 c 4 d", Int(4)),
            ("ZRANGEBYSCORE @page (1 +inf LIMIT 0 2", List(&["b", "c"])),
            ("ZCOUNT @page 2 3", Int(2)),
        ],
    ),
    Script::new(
        "two boards become one (ZUNIONSTORE)",
        &[
            ("ZADD @week 5 ann 3 bo", Int(2)),
            ("ZADD @last 4 bo", Int(1)),
            ("ZUNIONSTORE @both 2 @week @last", Int(2)),
            ("ZREVRANGE @both 0 -1 WITHSCORES", List(&["bo", "7", "ann", "5"])),
        ],
    ),
    Script::new(
        "only the top stays (ZREMRANGEBYRANK)",
        &[
            ("ZADD @top 1 a 2 b 3 c 4 d", Int(4)),
            ("ZREMRANGEBYRANK @top 0 -3", Int(2)),
            ("ZRANGE @top 0 -1", List(&["c", "d"])),
        ],
    ),
];

pub(super) const SESSIONS: &[Script] = &[
    Script::new(
        "a session lives for its time",
        &[
            ("SET @session:1 token EX 30", Fine),
            ("GET @session:1", Text("token")),
            ("TTL @session:1", Between(25, 30)),
        ],
    ),
    Script::new(
        "each visit makes it longer (EXPIRE)",
        &[
            ("SET @session:2 token EX 10", Fine),
            ("EXPIRE @session:2 60", Int(1)),
            ("TTL @session:2", Between(55, 60)),
        ],
    ),
    Script::new(
        "read and made longer in one (GETEX)",
        &[
            ("SET @session:3 token EX 10", Fine),
            ("GETEX @session:3 EX 60", Text("token")),
            ("TTL @session:3", Between(55, 60)),
        ],
    )
    .since(6, 2),
    Script::new(
        "its fields change one by one",
        &[
            ("HSET @session:4 user 7 cart 0", Int(2)),
            ("HINCRBY @session:4 cart 2", Int(2)),
            ("EXPIRE @session:4 30", Int(1)),
            ("HGETALL @session:4", Members(&["user", "7", "cart", "2"])),
        ],
    ),
    Script::new(
        "all sessions of a user",
        &[
            ("SADD @of:7 s1 s2", Int(2)),
            ("SREM @of:7 s1", Int(1)),
            ("SMEMBERS @of:7", Members(&["s2"])),
        ],
    ),
    Script::new(
        "logged out is gone",
        &[
            ("SET @session:5 token EX 30", Fine),
            ("DEL @session:5", Int(1)),
            ("GET @session:5", Null),
        ],
    ),
    Script::new(
        "a login code works once (GETDEL)",
        &[
            ("SET @code 123456 EX 30", Fine),
            ("GETDEL @code", Text("123456")),
            ("GETDEL @code", Null),
        ],
    )
    .since(6, 2),
];
