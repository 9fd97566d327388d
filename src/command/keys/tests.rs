//! Key positions of odd commands; tests/command_table.rs compares all of them with a server.

use super::super::{Kind, all, lookup, resolve};
use super::{Access, Keys, KeysError, asks_to_block, patterns, positions};

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(|word| if word == "''" { &b""[..] } else { word.as_bytes() }).collect()
}

fn found(line: &str) -> Result<Keys, KeysError> {
    let args = words(line);
    positions(lookup(args[0]).unwrap(), args.as_slice())
}

fn places(line: &str) -> Vec<usize> {
    found(line).unwrap().iter().map(|key| key.index).collect()
}

#[test]
fn a_key_named_like_an_option_hides_no_other() {
    assert_eq!(places("GEORADIUS k 1 2 3 km STORE STOREDIST STOREDIST real"), [1, 9]);
    assert_eq!(places("SORT k BY store GET get STORE store"), [1, 7]);
    assert_eq!(places("XREADGROUP GROUP STREAMS STREAMS STREAMS a b 0 0"), [5, 6]);
    assert_eq!(places("XREAD COUNT STREAMS STREAMS a 0"), [4]);
    assert_eq!(places("XREAD STREAMS STREAMS BLOCK 0 0"), [2, 3]);
    assert_eq!(places("MIGRATE h 1 '' 0 5 AUTH keys KEYS a b"), [9, 10]);
    assert_eq!(places("MIGRATE h 1 '' 0 5 AUTH2 keys keys KEYS keys"), [10]);
}

#[test]
fn the_last_of_two_stores_counts() {
    assert_eq!(places("SORT k STORE a STORE b"), [1, 5]);
    assert_eq!(places("GEORADIUSBYMEMBER k m 3 km STOREDIST a STORE b"), [1, 8]);
}

#[test]
fn a_destination_may_have_no_source() {
    assert_eq!(places("PFMERGE dst"), [1]);
}

#[test]
fn the_empty_key_is_a_key() {
    assert_eq!(places("GET ''"), [1]);
    assert_eq!(places("MIGRATE h 1 '' 0 5 COPY"), [3]);
}

#[test]
fn a_number_of_keys_is_believed_only_when_the_arguments_are_there() {
    assert_eq!(places("EVAL s 0 a b"), Vec::<usize>::new());
    assert_eq!(places("EVAL s 2 a b c"), [3, 4]);
    for number in ["3", "-1", "+1", "01", "1.0", "", "x", "99999999999999999999", "4294967298"] {
        let line = format!("EVAL s {} a b", if number.is_empty() { "''" } else { number });
        assert_eq!(found(&line).unwrap_err(), KeysError::Count("eval"), "{line}");
    }
}

#[test]
fn what_can_not_be_read_is_an_error() {
    assert_eq!(found("GET").unwrap_err(), KeysError::Arity("get"));
    assert_eq!(found("SET").unwrap_err(), KeysError::Arity("set"));
    assert_eq!(found("BLPOP 0").unwrap_err(), KeysError::Arity("blpop"));
    assert_eq!(found("EVAL s").unwrap_err(), KeysError::Arity("eval"));
    assert_eq!(found("RENAME a").unwrap_err(), KeysError::Arity("rename"));
    assert_eq!(found("SORT k STORE").unwrap_err(), KeysError::Option("sort"));
    assert_eq!(found("SORT k NEW STORE d").unwrap_err(), KeysError::Option("sort"));
    assert_eq!(found("SORT_RO k STORE d").unwrap_err(), KeysError::Option("sort_ro"));
    assert_eq!(found("XREAD COUNT 1 STREAMS").unwrap_err(), KeysError::Option("xread"));
    assert_eq!(found("XREAD STREAMS a b 0").unwrap_err(), KeysError::Count("xread"));
    assert_eq!(found("MIGRATE h 1").unwrap_err(), KeysError::Arity("migrate"));
    assert_eq!(found("MIGRATE h 1 k 0 5 KEYS a").unwrap_err(), KeysError::Option("migrate"));
    assert_eq!(found("OBJECT").unwrap_err(), KeysError::Arity("object"));
    assert_eq!(found("OBJECT NEW k").unwrap_err(), KeysError::Subcommand("object"));
    assert!(found("COMMAND").unwrap().is_empty());
}

#[test]
fn no_command_is_too_short_or_too_long_to_be_read() {
    for spec in all().flat_map(|spec| spec.subcommands.iter().chain([spec])) {
        let mut args: Vec<Vec<u8>> = spec.name.split('|').map(|word| word.into()).collect();
        for filler in ["1", "store", "keys", "streams", "block", "get", "", "9", "*"] {
            let top = lookup(&args[0]).unwrap();
            let keys = positions(top, args.as_slice()).unwrap_or_default();
            assert!(keys.iter().all(|key| 0 < key.index && key.index < args.len()), "{args:?}");
            assert_eq!(keys.iter().count(), keys.len());
            assert!(patterns(top, args.as_slice()).all(|index| index < args.len()));
            asks_to_block(args.as_slice());
            args.push(filler.into());
        }
    }
}

#[test]
fn channels_are_no_keys() {
    assert!(found("SSUBSCRIBE a b").unwrap().is_empty());
    assert!(found("SPUBLISH a b").unwrap().is_empty());
    assert!(found("PUBLISH a b").unwrap().is_empty());
}

#[test]
fn only_patterns_that_look_up_keys_are_reported() {
    let line = "SORT k BY w_* LIMIT 0 2 GET # GET o_* GET plain GET o_*->f STORE by DESC";
    let at = |line: &str| {
        let args = words(line);
        patterns(lookup(args[0]).unwrap(), args.as_slice()).collect::<Vec<_>>()
    };
    assert_eq!(at(line), [3, 10, 14]);
    assert_eq!(at("SORT_RO k BY nosort GET *"), [5]);
    assert_eq!(at("SORT k STORE by GET a* BY b*"), [5, 7]);
    assert_eq!(at("GET k BY w_*"), Vec::<usize>::new());
}

#[test]
fn a_stream_read_blocks_only_when_asked() {
    let blocks = |line: &str| asks_to_block(words(line).as_slice());
    assert!(blocks("XREAD COUNT 1 block 0 STREAMS a 0"));
    assert!(blocks("XREADGROUP GROUP g c NOACK BLOCK 5 STREAMS a 0"));
    assert!(!blocks("XREADGROUP GROUP block block STREAMS block 0"));
    assert!(!blocks("XREAD STREAMS BLOCK 0"));
    assert!(!blocks("XREAD"));
    assert!(blocks("XREAD SOMETHING new BLOCK 0 STREAMS a 0"));
}

#[test]
fn access_follows_the_options() {
    let access = |line: &str| found(line).unwrap().iter().next().unwrap().access;
    assert!(!access("SET k v EX 5").reads());
    assert!(access("SET k v EX 5 get").reads());
    assert!(!access("BITFIELD k GET u8 0 GET u8 1").writes());
    assert!(access("BITFIELD k GET u8 0 OVERFLOW SAT SET u8 0 1").writes());
    assert!(access("BITFIELD k NEW").writes());
    assert!(access("DEL k").contains(Access::RM | Access::DELETE));
}

#[test]
fn resolve_finds_the_subcommand() {
    let name = |line: &str| resolve(words(line).as_slice()).map(|spec| spec.name);
    assert_eq!(name("Client setname x"), Some("client|setname"));
    assert_eq!(name("CLIENT"), Some("client"));
    assert_eq!(name("CLIENT NEW"), Some("client"));
    assert_eq!(name("GET setname"), Some("get"));
    assert_eq!(name("NEW x"), None);
    assert!(lookup(b"client").unwrap().subcommands.iter().all(|sub| sub.kind == Kind::Client));
}
