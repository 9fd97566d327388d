//! Random work on sorted sets, their blocking commands among it, against a real redis-server.
//! Commands that go by the order of names work on sets of one score: for others Redis promises nothing.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use redis_sidecar::wire::Protocol;

use super::hashes::{count as count_to_pick, cursor, scan_options};
use super::words::{name, words};
use super::{Command, random_work, run};
use crate::harness::Redis;

#[test]
fn random_work_on_sorted_sets_gets_the_replies_of_a_real_server() {
    random_work(40, any_command);
}

/// Past 128 members a set has another form, and its tree several nodes.
#[test]
fn random_work_on_large_sorted_sets_gets_the_replies_of_a_real_server() {
    random_work(6, || {
        let many = vec((any_score(), 0..2_000_u32), 100..400).prop_map(|pairs| {
            let pairs =
                pairs.into_iter().flat_map(|(score, member)| [score, name(&format!("m{member}"))]);
            [name("ZADD"), name("z1")].into_iter().chain(pairs).collect()
        });
        let far = (0..600_i32, 0..600_i32).prop_map(|(from, to)| (number(from), number(to)));
        prop_oneof![
            2 => many,
            1 => Just(words("ZRANDMEMBER z1 70 WITHSCORES")),
            1 => Just(words("ZSCAN z1 0 COUNT 30")),
            2 => (select(vec!["ZRANGE", "ZREVRANGE"]), far.clone())
                .prop_map(|(n, (from, to))| vec![name(n), name("z1"), from, to, name("WITHSCORES")]),
            1 => far.prop_map(|(from, to)| vec![name("ZREMRANGEBYRANK"), name("z1"), from, to]),
            2 => (select(vec!["ZRANK", "ZREVRANK", "ZSCORE", "ZREM"]), 0..2_000_u32)
                .prop_map(|(n, member)| vec![name(n), name("z1"), name(&format!("m{member}"))]),
            3 => any_command(),
        ]
    });
}

#[test]
fn scores_are_read_and_written_as_by_a_real_server() {
    let redis = Redis::start_plain();
    let work = vec(any::<u64>().prop_map(f64::from_bits), 1..20).prop_map(|scores| {
        let numbered = scores.iter().enumerate();
        let commands = numbered.flat_map(|(number, score)| {
            let score = name(&score.to_string());
            let short = name(&format!("{:.3e}", scores[number]));
            [
                vec![name("ZADD"), name("z"), score.clone(), name(&number.to_string())],
                vec![name("ZADD"), name("z"), short, name("short")],
                vec![name("ZINCRBY"), name("z"), score, name("sum")],
            ]
        });
        commands.chain([words("ZRANGE z 0 -1 WITHSCORES")]).collect::<Vec<Command>>()
    });
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        run(100, &redis, protocol, &work);
    }
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![6 => by_member(), 5 => by_range(), 3 => pops(), 4 => combined(), 1 => others()]
}

fn one_of(words: &'static str) -> impl Strategy<Value = Vec<u8>> + Clone {
    select(words.split(' ').collect::<Vec<_>>()).prop_map(name)
}

fn by_member() -> impl Strategy<Value = Command> {
    let pairs = vec((any_score(), member()), 0..5);
    let pairs =
        pairs.prop_map(|pairs| pairs.into_iter().flat_map(|(s, m)| [s, m]).collect::<Command>());
    let names = vec(member(), 1..5)
        .prop_map(|names| names.into_iter().flat_map(|m| [name("0"), m]).collect::<Command>());
    let options = vec(one_of("NX XX GT LT CH INCR nx ch FOO"), 0..3);
    prop_oneof![
        5 => (key(), pairs.clone()).prop_map(|(k, p)| [vec![name("ZADD"), k], p].concat()),
        4 => (key(), options, pairs).prop_map(|(k, o, p)| [vec![name("ZADD"), k], o, p].concat()),
        3 => (lex_key(), names).prop_map(|(k, p)| [vec![name("ZADD"), k], p].concat()),
        2 => (key(), any_score(), member()).prop_map(|(k, s, m)| vec![name("ZINCRBY"), k, s, m]),
        3 => (one_of("ZSCORE ZRANK ZREVRANK ZREM"), key(), member()).prop_map(|(n, k, m)| vec![n, k, m]),
        2 => (one_of("ZMSCORE ZREM"), key(), vec(member(), 0..4))
            .prop_map(|(n, k, m)| [vec![n, k], m].concat()),
        1 => (one_of("ZCARD TYPE DEL TTL"), key()).prop_map(|(n, k)| vec![n, k]),
    ]
}

fn by_range() -> impl Strategy<Value = Command> {
    let options = || vec(range_option(), 0..3).prop_map(|options| options.concat());
    let plain = |n: &'static str| (one_of(n), key());
    prop_oneof![
        3 => (one_of("ZRANGE ZREVRANGE"), key(), index(), index(), options())
            .prop_map(|(n, k, a, b, o)| [vec![n, k, a, b], o].concat()),
        3 => (one_of("ZRANGEBYSCORE ZREVRANGEBYSCORE"), key(), bound(), bound(), options())
            .prop_map(|(n, k, a, b, o)| [vec![n, k, a, b], o].concat()),
        2 => (one_of("ZRANGEBYLEX ZREVRANGEBYLEX"), lex_key(), lex(), lex(), options())
            .prop_map(|(n, k, a, b, o)| [vec![n, k, a, b], o].concat()),
        2 => (key(), bound(), bound(), options())
            .prop_map(|(k, a, b, o)| [vec![name("ZRANGE"), k, a, b, name("BYSCORE")], o].concat()),
        2 => (lex_key(), lex(), lex(), options())
            .prop_map(|(k, a, b, o)| [vec![name("ZRANGE"), k, a, b, name("BYLEX")], o].concat()),
        1 => (key(), key(), index(), index(), options())
            .prop_map(|(d, k, a, b, o)| [vec![name("ZRANGESTORE"), d, k, a, b], o].concat()),
        1 => (key(), key(), bound(), bound(), options())
            .prop_map(|(d, k, a, b, o)| [vec![name("ZRANGESTORE"), d, k, a, b, name("BYSCORE")], o].concat()),
        1 => (lex_key(), lex_key(), lex(), lex(), options())
            .prop_map(|(d, k, a, b, o)| [vec![name("ZRANGESTORE"), d, k, a, b, name("BYLEX")], o].concat()),
        2 => (plain("ZCOUNT ZREMRANGEBYSCORE"), bound(), bound()).prop_map(|((n, k), a, b)| vec![n, k, a, b]),
        1 => (plain("ZREMRANGEBYRANK"), index(), index()).prop_map(|((n, k), a, b)| vec![n, k, a, b]),
        1 => (one_of("ZLEXCOUNT ZREMRANGEBYLEX"), lex_key(), lex(), lex())
            .prop_map(|(n, k, a, b)| vec![n, k, a, b]),
    ]
}

fn pops() -> impl Strategy<Value = Command> {
    let timeout = || one_of("0 1 0.5 -1 x");
    let sides = || one_of("MIN MAX min max MIDDLE");
    let behind = || {
        prop_oneof![
            4 => Just(Vec::new()),
            3 => count().prop_map(|count| vec![name("COUNT"), count]),
            1 => one_of("COUNT FOO").prop_map(|word| vec![word]),
        ]
    };
    prop_oneof![
        3 => (one_of("ZPOPMIN ZPOPMAX"), key(), vec(count(), 0..2))
            .prop_map(|(n, k, c)| [vec![n, k], c].concat()),
        2 => (counted_keys(), sides(), behind())
            .prop_map(|(k, s, b)| [vec![name("ZMPOP")], k, vec![s], b].concat()),
        1 => (timeout(), counted_keys(), sides(), behind())
            .prop_map(|(t, k, s, b)| [vec![name("BZMPOP"), t], k, vec![s], b].concat()),
        2 => (one_of("BZPOPMIN BZPOPMAX"), vec(key(), 0..3), timeout())
            .prop_map(|(n, k, t)| [vec![n], k, vec![t]].concat()),
    ]
}

fn combined() -> impl Strategy<Value = Command> {
    let options = || vec(combine_option(), 0..3).prop_map(|options| options.concat());
    prop_oneof![
        3 => (one_of("ZUNION ZINTER ZDIFF"), counted_keys(), options())
            .prop_map(|(n, k, o)| [vec![n], k, o].concat()),
        3 => (one_of("ZUNIONSTORE ZINTERSTORE ZDIFFSTORE"), key(), counted_keys(), options())
            .prop_map(|(n, d, k, o)| [vec![n, d], k, o].concat()),
        1 => (counted_keys(), options()).prop_map(|(k, o)| [vec![name("ZINTERCARD")], k, o].concat()),
    ]
}

fn others() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => (one_of("ZADD ZRANGE ZRANGEBYSCORE ZUNION ZMPOP ZRANK ZPOPMIN BZPOPMIN"), vec(member(), 0..5))
            .prop_map(|(n, a)| [vec![n], a].concat()),
        1 => (key(), one_of("x -9223372036854775808")).prop_map(|(k, c)| vec![name("ZRANDMEMBER"), k, c]),
        1 => one_of("x 1 -9223372036854775807").prop_map(|c| {
            vec![name("ZRANDMEMBER"), name("nowhere"), c, name("WITHSCORES")]
        }),
        1 => (key(), one_of("WITHSCORES FOO")).prop_map(|(k, w)| vec![name("ZRANDMEMBER"), k, name("0"), w]),
        1 => (key(), one_of("1000")).prop_map(|(k, t)| vec![name("EXPIRE"), k, t]),
        1 => Just(words("SET wrong v")),
        1 => Just(words("SET string v")),
        2 => (key(), count_to_pick()).prop_map(|(k, c)| vec![name("ZRANDMEMBER"), k, c]),
        1 => (key(), count_to_pick()).prop_map(|(k, c)| vec![name("ZRANDMEMBER"), k, c, name("WITHSCORES")]),
        1 => (key(), cursor(), scan_options()).prop_map(|(k, c, o)| [vec![name("ZSCAN"), k, c], o].concat()),
        1 => key().prop_map(|k| words("OBJECT ENCODING").into_iter().chain([k]).collect()),
        1 => Just(words("RPUSH list v")),
    ]
}

fn key() -> impl Strategy<Value = Vec<u8>> + Clone {
    one_of("z1 z1 z2 z2 z3 string list none")
}

fn lex_key() -> impl Strategy<Value = Vec<u8>> + Clone {
    one_of("x1 x1 x2 x2 wrong none2")
}

fn number(value: i32) -> Vec<u8> {
    name(&value.to_string())
}

fn any_score() -> impl Strategy<Value = Vec<u8>> + Clone {
    let odd = "nan abc 1e400 -1e400 1e-400 0x1p3 0x 1e 5. .5 . + - +5 --5 infinity -INF 1_0 nan(1)";
    prop_oneof![
        6 => (-5..6_i32).prop_map(number),
        3 => one_of("0.1 -2.5 1e17 3.0000000000000001e+20 1e-7 -0 inf +inf -inf 9007199254740993 1e300"),
        1 => any::<f64>().prop_map(|score| name(&format!("{score:e}"))),
        1 => prop_oneof![one_of(odd), select(vec!["", " 1", "1 ", "1\u{0}"]).prop_map(name)],
    ]
}

fn member() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        9 => select(vec!["a", "b", "c", "d", "e", "aa", "ab", "", "B", "1", "-0", "a\r\n"]).prop_map(name),
        1 => vec(any::<u8>(), 0..80),
    ]
}

fn index() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (-8..9_i32).prop_map(number),
        1 => one_of("9223372036854775807 -9223372036854775808 99999999999999999999 x (1"),
    ]
}

fn bound() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-6..7_i32).prop_map(number),
        3 => (-6..7_i32).prop_map(|score| name(&format!("({score}"))),
        3 => one_of("-inf +inf inf (-inf (inf 0.1 (0.1 -0 1e400 ( x nan 1e (x"),
        1 => select(vec!["", " 1", "( 1", "1 ", "1\u{0}x"]).prop_map(name),
    ]
}

fn lex() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (one_of("[ ("), member()).prop_map(|(kind, member)| [kind, member].concat()),
        2 => one_of("- + -"),
        1 => select(vec!["", "a", "-a", "+a", "-\u{0}a", "+\u{0}", "["]).prop_map(name),
    ]
}

fn count() -> impl Strategy<Value = Vec<u8>> {
    one_of("0 1 2 3 100 -1 x 9223372036854775807")
}

fn range_option() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => Just(vec![name("WITHSCORES")]),
        2 => Just(vec![name("REV")]),
        3 => (index(), index()).prop_map(|(offset, count)| vec![name("LIMIT"), offset, count]),
        1 => one_of("LIMIT BYSCORE FOO withscores rev").prop_map(|word| vec![word]),
    ]
}

fn combine_option() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => Just(vec![name("WITHSCORES")]),
        4 => vec(any_score(), 1..4).prop_map(|weights| [vec![name("WEIGHTS")], weights].concat()),
        3 => one_of("SUM MIN MAX max AVG").prop_map(|how| vec![name("AGGREGATE"), how]),
        2 => count().prop_map(|count| vec![name("LIMIT"), count]),
        1 => one_of("WEIGHTS AGGREGATE LIMIT FOO").prop_map(|word| vec![word]),
    ]
}

fn counted_keys() -> impl Strategy<Value = Command> {
    let counted = |keys: Vec<Vec<u8>>| [vec![name(&keys.len().to_string())], keys].concat();
    let source = || one_of("z1 z1 z2 z2 z3 none x1 z1 z2 z3 string");
    prop_oneof![
        8 => vec(source(), 1..4).prop_map(counted),
        1 => (one_of("0 -1 x 2 9223372036854775807"), vec(source(), 0..3))
            .prop_map(|(number, keys)| [vec![number], keys].concat()),
    ]
}
