//! Random work on lists, their blocking commands among it, against a real redis-server.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::words::name;
use super::{Command, random_work};

#[test]
fn random_work_on_lists_gets_the_replies_of_a_real_server() {
    random_work(40, any_command);
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let words = |words: &'static str| select(words.split(' ').collect::<Vec<_>>()).prop_map(name);
    let push = words("LPUSH RPUSH LPUSHX RPUSHX lpush");
    prop_oneof![
        8 => (push, key(), vec(element(), 0..6)).prop_map(|(n, k, e)| [vec![n, k], e].concat()),
        3 => (words("LPOP RPOP"), key(), vec(count(), 0..2)).prop_map(|(n, k, c)| [vec![n, k], c].concat()),
        2 => (words("LLEN TYPE TTL DEL"), key()).prop_map(|(n, k)| vec![n, k]),
        2 => (words("LINDEX"), key(), index()).prop_map(|(n, k, i)| vec![n, k, i]),
        3 => (words("LRANGE LRANGE LTRIM"), key(), index(), index())
            .prop_map(|(n, k, a, b)| vec![n, k, a, b]),
        2 => (words("LREM LSET"), key(), index(), element()).prop_map(|(n, k, i, e)| vec![n, k, i, e]),
        2 => (key(), words("BEFORE AFTER after x"), element(), element())
            .prop_map(|(k, w, p, e)| vec![name("LINSERT"), k, w, p, e]),
        3 => (key(), element(), lpos_options()).prop_map(|(k, e, o)| [vec![name("LPOS"), k, e], o].concat()),
        3 => (key(), key(), side(), side()).prop_map(|(s, t, f, to)| vec![name("LMOVE"), s, t, f, to]),
        1 => (key(), key()).prop_map(|(s, t)| vec![name("RPOPLPUSH"), s, t]),
        1 => (key(), words("1000 -1")).prop_map(|(k, t)| vec![name("EXPIRE"), k, t]),
        1 => (key(), element()).prop_map(|(k, e)| vec![name("SET"), k, e]),
        2 => many().prop_map(|m| [vec![name("LMPOP")], m].concat()),
        1 => (timeout(), many()).prop_map(|(t, m)| [vec![name("BLMPOP"), t], m].concat()),
        2 => (words("BLPOP BRPOP"), vec(key(), 0..4), timeout())
            .prop_map(|(n, k, t)| [vec![n], k, vec![t]].concat()),
        1 => (key(), key(), side(), side(), timeout())
            .prop_map(|(s, t, f, to, time)| vec![name("BLMOVE"), s, t, f, to, time]),
        1 => (key(), key(), timeout()).prop_map(|(s, t, time)| vec![name("BRPOPLPUSH"), s, t, time]),
        1 => (words("LPUSH LPOP LLEN LRANGE LPOS LMPOP BLPOP LMOVE"), vec(element(), 0..5))
            .prop_map(|(n, a)| [vec![n], a].concat()),
    ]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["l1", "l1", "l2", "l2", "l3", "string", "none"]).prop_map(name)
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => select(vec!["a", "b", "c", "d", "", "1", "-5", "a\r\nb"]).prop_map(name),
        1 => vec(any::<u8>(), 0..200),
    ]
}

fn index() -> impl Strategy<Value = Vec<u8>> {
    let odd =
        ["9223372036854775807", "-9223372036854775808", "99999999999999999999", "x", "", "-0"];
    prop_oneof![
        8 => (-12..12_i32).prop_map(|index| name(&index.to_string())),
        1 => select(odd.to_vec()).prop_map(name),
    ]
}

fn count() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["0", "1", "2", "3", "100", "-1", "x", "9223372036854775807"]).prop_map(name)
}

fn side() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["LEFT", "RIGHT", "left", "right", "LEFT", "up"]).prop_map(name)
}

fn timeout() -> impl Strategy<Value = Vec<u8>> {
    let odd = ["-1", "x", "", "inf", "-inf", "nan", "1e30", "1 ", "9223372036854775807"];
    prop_oneof![
        4 => select(vec!["0", "1", "0.5", "-0.0001", "1e3", "0x10"]).prop_map(name),
        1 => select(odd.to_vec()).prop_map(name),
    ]
}

/// `numkeys key ... LEFT COUNT n`, right or wrong.
fn many() -> impl Strategy<Value = Command> {
    let counted = |keys: Vec<Vec<u8>>| [vec![name(&keys.len().to_string())], keys].concat();
    let keys = prop_oneof![
        6 => vec(key(), 1..4).prop_map(counted),
        1 => (select(vec!["0", "-1", "x", "2", "9223372036854775807"]), vec(key(), 0..3))
            .prop_map(|(number, keys)| [vec![name(number)], keys].concat()),
    ];
    let behind = prop_oneof![
        4 => Just(Vec::new()),
        3 => count().prop_map(|count| vec![name("COUNT"), count]),
        1 => select(vec!["COUNT", "FOO"]).prop_map(|word| vec![name(word)]),
        1 => (count(), count()).prop_map(|(one, other)| vec![name("COUNT"), one, name("COUNT"), other]),
    ];
    (keys, side(), behind).prop_map(|(keys, side, behind)| [keys, vec![side], behind].concat())
}

fn lpos_options() -> impl Strategy<Value = Command> {
    let number = prop_oneof![
        5 => (-3..4_i32).prop_map(|number| name(&number.to_string())),
        1 => select(vec!["x", "9223372036854775807", "-9223372036854775808"]).prop_map(name),
    ];
    let option = prop_oneof![
        6 => (select(vec!["RANK", "COUNT", "MAXLEN", "rank"]), number).prop_map(|(w, n)| vec![name(w), n]),
        1 => select(vec!["RANK", "COUNT", "FOO"]).prop_map(|word| vec![name(word)]),
    ];
    vec(option, 0..4).prop_map(|options| options.concat())
}
