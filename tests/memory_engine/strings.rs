//! Random work on strings, counters and deadlines.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::words::{name, words};
use super::{Command, random_work};

#[test]
fn random_work_on_strings_gets_the_replies_of_a_real_server() {
    random_work(40, any_command);
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let word = |words: &'static str| select(words.split(' ').collect::<Vec<_>>()).prop_map(name);
    let on_key = "GET INCR DECR TTL PTTL PEXPIRETIME PERSIST TYPE STRLEN GETDEL GETEX EXPIRETIME \
                  DEL EXISTS UNLINK TOUCH KEYS";
    prop_oneof![
        4 => (word(on_key), key()).prop_map(|(n, k)| vec![n, k]),
        3 => (word("SET SETNX GETSET APPEND INCRBY DECRBY INCRBYFLOAT"), key(), value())
            .prop_map(|(n, k, v)| vec![n, k, v]),
        3 => (key(), value(), options()).prop_map(|(k, v, o)| [vec![name("SET"), k, v], o].concat()),
        2 => (key(), options()).prop_map(|(k, o)| [vec![name("GETEX"), k], o].concat()),
        2 => (word("EXPIRE PEXPIRE EXPIREAT PEXPIREAT"), key(), time(), vec(condition(), 0..3))
            .prop_map(|(n, k, t, c)| [vec![n, k, t], c].concat()),
        2 => (key(), float()).prop_map(|(k, f)| vec![name("INCRBYFLOAT"), k, f]),
        2 => (word("GETRANGE SUBSTR"), key(), offset(), offset()).prop_map(|(n, k, a, b)| vec![n, k, a, b]),
        2 => (key(), offset(), value()).prop_map(|(k, o, v)| vec![name("SETRANGE"), k, o, v]),
        1 => (word("SETEX PSETEX SET MSET"), key(), time(), value())
            .prop_map(|(n, k, t, v)| vec![n, k, t, v]),
        1 => (word("MGET DEL EXISTS TOUCH MSET MSETNX"), vec(key(), 0..5))
            .prop_map(|(n, k)| [vec![n], k].concat()),
        1 => (word("MSET MSETNX"), vec((key(), value()), 1..4))
            .prop_map(|(n, p)| [vec![n], p.into_iter().flat_map(|(k, v)| [k, v]).collect()].concat()),
        1 => (key(), key(), vec(lcs_option(), 0..4)).prop_map(|(a, b, o)| [vec![name("LCS"), a, b], o.concat()].concat()),
        1 => (word("SET GETEX SETRANGE LCS INCRBYFLOAT GETRANGE STRLEN SUBSTR MSETNX APPEND"), vec(value(), 0..4))
            .prop_map(|(n, a)| [vec![n], a].concat()),
        1 => select(vec!["DBSIZE", "KEYS *", "PING", "ECHO a", "FLUSHDB", "GET", "FOO a b", "TTL a b"])
            .prop_map(words),
    ]
}

pub(super) fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["a", "b", "c", "a", "b", "\u{0}", "", "k\r\n", "s1", "h1"]).prop_map(name)
}

/// What may be a number, or nearly.
pub(super) fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "",
        "0",
        "1",
        "-1",
        "10",
        "-0",
        "01",
        " 1",
        "1 ",
        "+1",
        "1.5",
        "abc",
        "a\r\nb",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "99999999999999999999",
    ];
    prop_oneof![
        4 => select(known.to_vec()).prop_map(name),
        1 => any::<i64>().prop_map(|number| name(&number.to_string())),
        1 => vec(any::<u8>(), 0..70),
    ]
}

pub(super) fn float() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "0.1",
        "-0.1",
        "1e3",
        "3.0",
        "-5",
        "0",
        "-0.0",
        "1e17",
        "1.23456789e-5",
        "5e-18",
        "inf",
        "-inf",
        "nan",
        "1e5000",
        "1e-5000",
        ".5",
        "5.",
        ".",
        "1e",
        "abc",
        "",
        " 1",
        "1 ",
        "1e30",
        "123456789.123456789",
        "0.30000000000000004",
        "9223372036854775807",
        "+7",
        "-",
        "1..2",
    ];
    prop_oneof![
        3 => select(known.to_vec()).prop_map(name),
        2 => (-1_000_000..1_000_000_i64, 0..9_u32)
            .prop_map(|(n, d)| name(&format!("{}", n as f64 / 10_f64.powi(d.cast_signed())))),
        1 => any::<i64>().prop_map(|bits| name(&format!("{}e{}", bits, bits % 40))),
    ]
}

fn offset() -> impl Strategy<Value = Vec<u8>> {
    let odd = [
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
        "x",
        "",
        "536870912",
    ];
    prop_oneof![
        8 => (-12..80_i32).prop_map(|offset| name(&offset.to_string())),
        1 => select(odd.to_vec()).prop_map(name),
    ]
}

fn lcs_option() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => select(vec!["IDX", "LEN", "WITHMATCHLEN", "idx", "MINMATCHLEN", "FOO"])
            .prop_map(|word| vec![name(word)]),
        1 => select(vec!["-1", "0", "1", "2", "4", "x"]).prop_map(|n| vec![name("MINMATCHLEN"), name(n)]),
    ]
}

/// Far in the future or in the past, never about to come, so that both clocks agree.
pub(super) fn time() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "100000",
        "200000",
        "0",
        "-1",
        "-100000",
        "99999999999",
        "99999999999999",
        "abc",
        "",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775",
        "9223372036854776",
    ];
    select(known.to_vec()).prop_map(name)
}

pub(super) fn condition() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["NX", "XX", "GT", "LT", "gt", "xx", "FOO"]).prop_map(name)
}

fn options() -> impl Strategy<Value = Command> {
    let word = select(vec!["NX", "XX", "GET", "KEEPTTL", "PERSIST", "get", "nx", "XYZ", ""]);
    let unit = select(vec!["EX", "PX", "EXAT", "PXAT", "ex"]);
    let option = prop_oneof![
        3 => word.prop_map(|word| vec![name(word)]),
        2 => (unit.clone(), future()).prop_map(|(unit, time)| vec![name(unit), time]),
        1 => unit.prop_map(|unit| vec![name(unit)]),
        1 => Just(Vec::new()),
    ];
    vec(option, 0..3).prop_map(|options| options.concat())
}

/// As [`time`], without what `SET EXAT` takes for a moment long past: when such a key is
/// removed, now or when someone asks, shows in DBSIZE, and Redis is free in that.
fn future() -> impl Strategy<Value = Vec<u8>> {
    let known = ["99999999999", "99999999999999", "0", "-1", "abc", "9223372036854775807"];
    select(known.to_vec()).prop_map(name)
}
