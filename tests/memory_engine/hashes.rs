//! Random work on hashes, small and large.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::select;

use super::strings::{float, value};
use super::words::name;
use super::{Command, random_work};

#[test]
fn random_work_on_hashes_gets_the_replies_of_a_real_server() {
    random_work(40, any_command);
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let word = |words: &'static str| select(words.split(' ').collect::<Vec<_>>()).prop_map(name);
    prop_oneof![
        6 => (word("HSET HSET HMSET hset"), key(), vec((field(), value()), 1..5))
            .prop_map(|(n, k, p)| [vec![n, k], p.into_iter().flat_map(|(f, v)| [f, v]).collect()].concat()),
        1 => (key(), 0..200_u32).prop_map(|(k, from)| many(&k, from)),
        3 => (word("HGETALL HKEYS HVALS HLEN HRANDFIELD TYPE DEL TTL"), key()).prop_map(|(n, k)| vec![n, k]),
        2 => (word("HGET HEXISTS HSTRLEN HDEL"), key(), field()).prop_map(|(n, k, f)| vec![n, k, f]),
        2 => (word("HMGET HDEL"), key(), vec(field(), 0..6)).prop_map(|(n, k, f)| [vec![n, k], f].concat()),
        2 => (word("HSETNX HINCRBY HINCRBYFLOAT"), key(), field(), value())
            .prop_map(|(n, k, f, v)| vec![n, k, f, v]),
        2 => (key(), field(), float()).prop_map(|(k, f, v)| vec![name("HINCRBYFLOAT"), k, f, v]),
        2 => (key(), count(), vec(word("WITHVALUES withvalues FOO"), 0..2))
            .prop_map(|(k, c, o)| [vec![name("HRANDFIELD"), k, c], o].concat()),
        2 => (key(), cursor(), scan_options()).prop_map(|(k, c, o)| [vec![name("HSCAN"), k, c], o].concat()),
        1 => (key(), word("ENCODING REFCOUNT")).prop_map(|(k, s)| vec![name("OBJECT"), s, k]),
        1 => (word("HSET HGET HDEL HLEN HINCRBY HSCAN HSETNX HRANDFIELD HMGET HMSET"), vec(field(), 0..5))
            .prop_map(|(n, a)| [vec![n], a].concat()),
    ]
}

/// Enough fields that the small form ends.
fn many(key: &[u8], from: u32) -> Command {
    let pairs = (from..from + 60).flat_map(|n| [name(&format!("f{n}")), name(&n.to_string())]);
    [name("HSET"), key.to_vec()].into_iter().chain(pairs).collect()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["h1", "h1", "h2", "h2", "h3", "a", "none"]).prop_map(name)
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    let long = "f".repeat(65);
    let known = ["a", "b", "c", "d", "e", "", "f1", "f2", "a\r\nb", &long];
    let known: Vec<Vec<u8>> = known.iter().map(|text| name(text)).collect();
    prop_oneof![
        9 => select(known),
        1 => vec(any::<u8>(), 0..70),
    ]
}

/// How many to pick, some more than there are.
pub(super) fn count() -> impl Strategy<Value = Vec<u8>> {
    let odd =
        ["x", "", "9223372036854775807", "4611686018427387904", "-9223372036854775808", "1.5"];
    prop_oneof![
        6 => (-5..8_i32).prop_map(|count| name(&count.to_string())),
        1 => select(vec!["50", "200", "-100"]).prop_map(name),
        1 => select(odd.to_vec()).prop_map(name),
    ]
}

pub(super) fn cursor() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["0", "0", "0", "0", "x", "", "1x", " 1", "18446744073709551616", "-"])
        .prop_map(name)
}

pub(super) fn scan_options() -> impl Strategy<Value = Command> {
    let option = prop_oneof![
        3 => select(vec!["1", "2", "7", "1000"]).prop_map(|n| vec![name("COUNT"), name(n)]),
        3 => select(vec!["*", "f*", "?", "[a-c]", "", "f1?"]).prop_map(|p| vec![name("MATCH"), name(p)]),
        1 => select(vec!["0", "-1", "x"]).prop_map(|n| vec![name("count"), name(n)]),
        1 => select(vec!["COUNT", "MATCH", "FOO", "TYPE"]).prop_map(|w| vec![name(w)]),
        1 => select(vec!["string", "hash", "SET", "nosuch"]).prop_map(|t| vec![name("TYPE"), name(t)]),
    ];
    vec(option, 0..3).prop_map(|options| options.concat())
}
