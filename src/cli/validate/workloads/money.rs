//! Payments and bet slips: what must happen once, or together, or not at all.

use crate::cli::script::Expect::{Error, Int, List, Members, Null, Ok as Fine, Text};
use crate::cli::script::Script;

pub(super) const PAYMENTS: &[Script] = &[
    Script::new(
        "a payment is taken once (SET NX)",
        &[
            ("SET @pay:1 pending NX EX 60", Fine),
            ("SET @pay:1 pending NX EX 60", Null),
            ("GET @pay:1", Text("pending")),
        ],
    ),
    Script::new(
        "debit and credit go together (MULTI)",
        &[
            ("SET @a 100 EX 60", Fine),
            ("SET @b 0 EX 60", Fine),
            ("MULTI", Fine),
            ("DECRBY @a 30", Text("QUEUED")),
            ("INCRBY @b 30", Text("QUEUED")),
            ("EXEC", List(&["70", "30"])),
        ],
    ),
    Script::new(
        "a balance read is a balance kept (WATCH)",
        &[
            ("SET @purse 10 EX 60", Fine),
            ("WATCH @purse", Fine),
            ("2> DECRBY @purse 5", Int(5)),
            ("MULTI", Fine),
            ("DECRBY @purse 10", Text("QUEUED")),
            ("EXEC", Null),
            ("GET @purse", Text("5")),
        ],
    ),
    Script::new(
        "no debit below nothing (EVAL)",
        &[
            ("SET @account 50 EX 60", Fine),
            (
                "EVAL 'local have = tonumber(redis.call(\"GET\", KEYS[1])) local want = tonumber(ARGV[1]) \
                 if have < want then return -1 end return redis.call(\"DECRBY\", KEYS[1], want)' 1 @account 20",
                Int(30),
            ),
            (
                "EVAL 'local have = tonumber(redis.call(\"GET\", KEYS[1])) local want = tonumber(ARGV[1]) \
                 if have < want then return -1 end return redis.call(\"DECRBY\", KEYS[1], want)' 1 @account 31",
                Int(-1),
            ),
        ],
    ),
    Script::new(
        "the ledger keeps the order (XADD)",
        &[
            ("XADD @ledger 1-0 debit 30", Text("1-0")),
            ("XADD @ledger 2-0 credit 30", Text("2-0")),
            ("XADD @ledger 1-5 late 1", Error("ERR")),
            ("XRANGE @ledger - +", List(&["1-0", "debit", "30", "2-0", "credit", "30"])),
        ],
    ),
    Script::new(
        "large amounts are exact",
        &[
            ("INCRBY @large 9007199254740993", Int(9_007_199_254_740_993)),
            ("INCRBY @large 2", Int(9_007_199_254_740_995)),
            ("INCRBY @large 9223372036854775807", Error("ERR")),
        ],
    ),
    Script::new(
        "a state changes as it was read (EVAL)",
        &[
            ("SET @state authorised EX 60", Fine),
            (
                "EVAL 'if redis.call(\"GET\", KEYS[1]) == ARGV[1] then redis.call(\"SET\", KEYS[1], ARGV[2], \
                 \"EX\", 60) return 1 end return 0' 1 @state authorised captured",
                Int(1),
            ),
            (
                "EVAL 'if redis.call(\"GET\", KEYS[1]) == ARGV[1] then redis.call(\"SET\", KEYS[1], ARGV[2], \
                 \"EX\", 60) return 1 end return 0' 1 @state authorised captured",
                Int(0),
            ),
        ],
    ),
];

pub(super) const BET_SLIPS: &[Script] = &[
    Script::new(
        "a slip and its place in the list",
        &[
            ("MULTI", Fine),
            ("HSET @slip:1 stake 10 odds 2.5 state open", Text("QUEUED")),
            ("EXPIRE @slip:1 60", Text("QUEUED")),
            ("ZADD @open 1700000000 slip:1", Text("QUEUED")),
            ("EXPIRE @open 60", Text("QUEUED")),
            ("EXEC", List(&["3", "1", "1", "1"])),
            ("ZRANGE @open 0 -1", List(&["slip:1"])),
        ],
    ),
    Script::new(
        "its selections keep their order",
        &[
            ("RPUSH @legs m1:home m2:draw m3:away", Int(3)),
            ("LINDEX @legs 1", Text("m2:draw")),
            ("LRANGE @legs 0 -1", List(&["m1:home", "m2:draw", "m3:away"])),
        ],
    ),
    Script::new(
        "odds of many matches at once",
        &[
            ("MSET @odds:1 1.95 @odds:2 3.4", Fine),
            ("MGET @odds:1 @odds:2 @odds:3", List(&["1.95", "3.4", "nil"])),
        ],
    ),
    Script::new(
        "settled once (HSET by EVAL)",
        &[
            ("HSET @slip:2 state open", Int(1)),
            (
                "EVAL 'if redis.call(\"HGET\", KEYS[1], \"state\") == \"open\" then redis.call(\"HSET\", KEYS[1], \
                 \"state\", \"won\") return 1 end return 0' 1 @slip:2",
                Int(1),
            ),
            (
                "EVAL 'if redis.call(\"HGET\", KEYS[1], \"state\") == \"open\" then redis.call(\"HSET\", KEYS[1], \
                 \"state\", \"won\") return 1 end return 0' 1 @slip:2",
                Int(0),
            ),
        ],
    ),
    Script::new(
        "who bet on both matches (SINTER)",
        &[
            ("SADD @on:1 ann bo cy", Int(3)),
            ("SADD @on:2 bo cy dan", Int(3)),
            ("SINTER @on:1 @on:2", Members(&["bo", "cy"])),
        ],
    ),
    Script::new(
        "the stake is reserved and released",
        &[
            ("HINCRBY @wallet free 100", Int(100)),
            ("HINCRBY @wallet free -10", Int(90)),
            ("HINCRBY @wallet held 10", Int(10)),
            ("HMGET @wallet free held", List(&["90", "10"])),
        ],
    ),
    Script::new(
        "a change of odds is told (PUBLISH)",
        &[
            ("2> SUBSCRIBE @odds-m1 @odds-m2", List(&["subscribe", "@odds-m1", "1"])),
            ("2<", List(&["subscribe", "@odds-m2", "2"])),
            ("PUBLISH @odds-m2 2.1", Int(1)),
            ("2<", List(&["message", "@odds-m2", "2.1"])),
        ],
    ),
];
