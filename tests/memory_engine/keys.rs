//! Random work on keys, whatever they hold, in two databases.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;

use super::Command;
use super::hashes::{cursor, scan_options};
use super::strings::{condition, time};
use super::words::{name, words};

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let word = |words: &'static str| select(words.split(' ').collect::<Vec<_>>()).prop_map(name);
    prop_oneof![
        4 => (word("RENAME RENAMENX COPY"), key(), key()).prop_map(|(n, a, b)| vec![n, a, b]),
        2 => (key(), key(), vec(copy_option(), 0..3)).prop_map(|(a, b, o)| [vec![name("COPY"), a, b], o.concat()].concat()),
        2 => (key(), database()).prop_map(|(k, d)| vec![name("MOVE"), k, d]),
        1 => (database(), database()).prop_map(|(a, b)| vec![name("SWAPDB"), a, b]),
        2 => select(vec!["SELECT 0", "SELECT 0", "SELECT 1"]).prop_map(words),
        3 => (word("TYPE TTL DEL EXISTS TOUCH UNLINK PERSIST"), key()).prop_map(|(n, k)| vec![n, k]),
        2 => (word("EXPIRE PEXPIRE EXPIREAT PEXPIREAT"), key(), time(), vec(condition(), 0..3))
            .prop_map(|(n, k, t, c)| [vec![n, k, t], c].concat()),
        3 => (word("ENCODING encoding REFCOUNT IDLETIME FREQ FOO"), key()).prop_map(|(s, k)| vec![name("OBJECT"), s, k]),
        3 => (cursor(), scan_options()).prop_map(|(c, o)| [vec![name("SCAN"), c], o].concat()),
        1 => (word("RENAME COPY MOVE SWAPDB SCAN OBJECT RENAMENX RANDOMKEY"), vec(key(), 0..5))
            .prop_map(|(n, a)| [vec![n], a].concat()),
        3 => (word("SORT SORT sort SORT_RO"), sorted_key(), vec(sort_option(), 0..4))
            .prop_map(|(n, k, o)| [vec![n, k], o.concat()].concat()),
        1 => select(vec!["DBSIZE", "RANDOMKEY", "KEYS *", "OBJECT HELP"]).prop_map(words),
    ]
}

/// Those of all groups.
fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["a", "b", "c", "h1", "h2", "s1", "s2", "l1", "l2", "z1", "z2", "none"])
        .prop_map(name)
}

fn sorted_key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["s1", "s2", "l1", "l2", "z1", "z2", "z1", "l1", "a", "none"]).prop_map(name)
}

/// Without BY, which leaves the order of a set, and of elements of one weight, to chance.
fn sort_option() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => select(vec!["ALPHA", "ALPHA", "alpha", "DESC", "ASC", "FOO", "LIMIT"])
            .prop_map(|w| vec![name(w)]),
        2 => (select(vec!["0", "1", "2", "-1", "100", "x"]), select(vec!["0", "1", "3", "-1", "100", "x"]))
            .prop_map(|(a, b)| vec![name("LIMIT"), name(a), name(b)]),
        2 => select(vec!["#", "*", "h1", "h1->*", "a", "f*", "*->a", "nosuch*"])
            .prop_map(|p| vec![name("GET"), name(p)]),
        1 => key().prop_map(|k| vec![name("STORE"), k]),
    ]
}

fn database() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["0", "1", "1", "0", "15", "16", "-1", "x", "", "9999999999"]).prop_map(name)
}

fn copy_option() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => database().prop_map(|database| vec![name("DB"), database]),
        3 => select(vec!["REPLACE", "replace", "REPLACE", "FOO", "DB"]).prop_map(|w| vec![name(w)]),
    ]
}
