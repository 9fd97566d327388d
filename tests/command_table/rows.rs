//! Rows of the table, ours and a server's, side by side.

use std::collections::{BTreeMap, BTreeSet};

use redis::Value;
use redis_sidecar::command::Spec;
use redis_sidecar::command::keys::{Begin, Find, KeySpec};

use super::CORRECTED;

/// Arities that 7.2 has changed: before, and since. The table has either; where it matters (ZRANK) what takes more, since
/// an older server says itself that it does not.
const CHANGED: &[(&str, &str, &str)] = &[
    ("zrank", "3", "-3"),
    ("zrevrank", "3", "-3"),
    ("command|getkeys", "-4", "-3"),
    ("command|getkeysandflags", "-4", "-3"),
];

/// One row, ours or theirs, in a form that can be compared and read.
#[derive(Debug)]
pub(super) struct Row {
    columns: BTreeMap<&'static str, String>,
    subcommands: BTreeMap<String, Row>,
    since: (u8, u8),
}

impl Row {
    pub(super) fn of_spec(spec: &Spec, version: (u8, u8)) -> Self {
        let keys: Vec<String> = spec.keys.iter().map(key_of_spec).collect();
        let columns = BTreeMap::from([
            ("arity", spec.arity.to_string()),
            ("flags", joined(spec.flags.names())),
            ("range", format!("{} {} {}", spec.first_key, spec.last_key, spec.key_step)),
            ("categories", joined(spec.categories.names())),
            ("keys", keys.join("; ")),
        ]);
        let known = spec.subcommands.iter().filter(|sub| sub.since <= version);
        let subcommands =
            known.map(|sub| (sub.name.to_owned(), Self::of_spec(sub, version))).collect();
        Self { columns, subcommands, since: spec.since }
    }

    pub(super) fn is_of_module(&self) -> bool {
        self.columns["flags"].split(' ').any(|flag| flag == "module")
    }

    /// From one element of COMMAND's reply; its eighth column holds tips, which we do not keep.
    pub(super) fn of_reply(row: &Value) -> (String, Self) {
        let [name, arity, flags, first, last, step, categories, _, keys, subcommands] = list(row)
        else {
            panic!("ten columns in {row:?}")
        };
        let keys: Vec<String> = list(keys).iter().map(key_of_reply).collect();
        let columns = BTreeMap::from([
            ("arity", word(arity)),
            ("flags", joined(list(flags).iter().map(word))),
            ("range", format!("{} {} {}", word(first), word(last), word(step))),
            ("categories", joined(list(categories).iter().map(word))),
            ("keys", keys.join("; ")),
        ]);
        let subcommands = list(subcommands).iter().map(Self::of_reply).collect();
        (word(name).to_lowercase(), Self { columns, subcommands, since: (7, 0) })
    }
}

pub(super) fn compare(
    ours: &BTreeMap<String, Row>,
    theirs: &BTreeMap<String, Row>,
    version: (u8, u8),
    faults: &mut Vec<String>,
) {
    for (name, row) in ours.iter().filter(|(_, row)| row.since <= version) {
        let Some(other) = theirs.get(name) else {
            faults.push(format!("{name}: the server does not list it"));
            continue;
        };
        // What a module says of itself is coarse.
        let is_module = other.is_of_module();
        let is_corrected = version > (7, 0) && name == CORRECTED;
        for (column, value) in &row.columns {
            if is_module && *column != "range" || is_corrected && *column == "keys" {
                continue;
            }
            let settled = version == (7, 0) || row.since > (7, 0);
            let theirs = &other.columns[column];
            let changed = CHANGED.iter().find(|(changed, ..)| changed == name);
            let value = match changed {
                Some((_, before, since)) if *column == "arity" => {
                    if version < (7, 2) {
                        *before
                    } else {
                        *since
                    }
                }
                _ => value,
            };
            if theirs != value && (settled || ["arity", "keys"].contains(column)) {
                faults.push(format!("{name}, {column}: ours {value}, theirs {theirs}"));
            }
        }
        compare(&row.subcommands, &other.subcommands, version, faults);
    }
    let unknown = theirs.keys().filter(|name| !ours.contains_key(*name));
    faults.extend(unknown.map(|name| format!("{name}: the table does not have it")));
}

fn key_of_spec(key: &KeySpec) -> String {
    let begin = match key.begin {
        Begin::Index(index) => format!("index {index}"),
        Begin::Keyword(word, from) => format!("keyword {word} {from}"),
        Begin::Unknown => "unknown ".to_owned(),
    };
    let find = match key.find {
        Find::Range { last, step, limit } => format!("range {last} {step} {limit}"),
        Find::Count { number, first, step } => format!("keynum {number} {first} {step}"),
        Find::Unknown => "unknown ".to_owned(),
    };
    format!("{} from {begin} find {find}", joined(key.access.names()))
}

fn key_of_reply(key: &Value) -> String {
    let spec = |part: &str| {
        let part = field(key, part);
        let values: Vec<String> =
            list(field(part, "spec")).chunks(2).map(|pair| word(&pair[1])).collect();
        format!("{} {}", word(field(part, "type")), values.join(" "))
    };
    let flags = joined(list(field(key, "flags")).iter().map(word));
    format!("{flags} from {} find {}", spec("begin_search"), spec("find_keys"))
}

pub(super) fn joined<T: Into<String>>(words: impl Iterator<Item = T>) -> String {
    words.map(Into::into).collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(" ")
}

pub(super) fn list(value: &Value) -> &[Value] {
    let Value::Array(items) = value else { panic!("an array, not {value:?}") };
    items
}

pub(super) fn word(value: &Value) -> String {
    redis::from_redis_value_ref(value).expect("a string or a number")
}

/// A value of a map in RESP2: names and values in turn.
fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let pair = list(map).chunks(2).find(|pair| word(&pair[0]) == name);
    &pair.unwrap_or_else(|| panic!("{name} in {map:?}"))[1]
}
