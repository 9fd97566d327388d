//! Random work on sets: integers, short members, many.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::hashes::{count, cursor, scan_options};
use super::words::name;
use super::{Command, random_work};

#[test]
fn random_work_on_sets_gets_the_replies_of_a_real_server() {
    random_work(40, any_command);
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let word = |words: &'static str| select(words.split(' ').collect::<Vec<_>>()).prop_map(name);
    let algebra = "SINTER SUNION SDIFF SINTERSTORE SUNIONSTORE SDIFFSTORE";
    prop_oneof![
        6 => (word("SADD SADD sadd SREM"), key(), vec(member(), 1..6)).prop_map(|(n, k, m)| [vec![n, k], m].concat()),
        2 => (key(), 0..900_u32, any::<bool>()).prop_map(|(k, from, ints)| many(&k, from, ints)),
        3 => (word("SMEMBERS SCARD SPOP SRANDMEMBER TYPE DEL TTL"), key()).prop_map(|(n, k)| vec![n, k]),
        2 => (word("SISMEMBER SREM SADD"), key(), member()).prop_map(|(n, k, m)| vec![n, k, m]),
        1 => (key(), vec(member(), 0..5)).prop_map(|(k, m)| [vec![name("SMISMEMBER"), k], m].concat()),
        2 => (word("SPOP SRANDMEMBER"), key(), count()).prop_map(|(n, k, c)| vec![n, k, c]),
        2 => (key(), key(), member()).prop_map(|(a, b, m)| vec![name("SMOVE"), a, b, m]),
        4 => (word(algebra), vec(key(), 1..5)).prop_map(|(n, k)| [vec![n], k].concat()),
        2 => (select(vec!["0", "1", "2", "3", "x", "-1"]), vec(key(), 0..4), limit())
            .prop_map(|(n, k, l)| [vec![name("SINTERCARD"), name(n)], k, l].concat()),
        2 => (key(), cursor(), scan_options()).prop_map(|(k, c, o)| [vec![name("SSCAN"), k, c], o].concat()),
        2 => (key(), word("ENCODING REFCOUNT")).prop_map(|(k, s)| vec![name("OBJECT"), s, k]),
        1 => (word("SADD SREM SCARD SPOP SMOVE SSCAN SMEMBERS SRANDMEMBER SINTER SDIFFSTORE"), vec(member(), 0..5))
            .prop_map(|(n, a)| [vec![n], a].concat()),
    ]
}

/// Enough members that the small forms end.
fn many(key: &[u8], from: u32, are_integers: bool) -> Command {
    let prefix = if are_integers { "" } else { "m" };
    let members = (from..from + 200).map(|number| name(&format!("{prefix}{number}")));
    [name("SADD"), key.to_vec()].into_iter().chain(members).collect()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["s1", "s1", "s2", "s2", "s3", "a", "none"]).prop_map(name)
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    let long = "m".repeat(65);
    let odd = ["a", "b", "c", "", "01", "-0", "a\r\nb", "9223372036854775808", &long];
    let odd: Vec<Vec<u8>> = odd.iter().map(|text| name(text)).collect();
    prop_oneof![
        6 => (-4..12_i32).prop_map(|number| name(&number.to_string())),
        3 => select(odd),
        1 => any::<i64>().prop_map(|number| name(&number.to_string())),
    ]
}

fn limit() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => Just(Vec::new()),
        2 => select(vec!["0", "1", "2", "-1", "x"]).prop_map(|n| vec![name("LIMIT"), name(n)]),
        1 => select(vec!["LIMIT", "FOO"]).prop_map(|word| vec![name(word)]),
    ]
}
