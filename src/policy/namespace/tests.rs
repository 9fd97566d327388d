use super::{Edit, Namespace, Shape, Stripper};
use crate::command::{lookup, resolve};
use crate::config;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use crate::wire::encode;
use proptest::prelude::*;

fn namespace(prefix: &str, channels: bool) -> Namespace {
    let prefix = Some(prefix.to_owned());
    Namespace::new(&config::Namespace { prefix, channels, allows_scripts: true }).unwrap()
}

fn frame(words: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::command(&mut frame, words);
    frame
}

/// The words as they go upstream, or the error.
fn upward(namespace: &Namespace, words: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
    let frame = frame(words);
    let request = Request::parse(&frame).unwrap();
    let mut out = Vec::new();
    let edit = namespace.rewrite(lookup(request.name()), &request, false, &mut out);
    let sent = match edit.map_err(|refusal| refusal.text)? {
        Edit::None => request,
        Edit::Prefixed => {
            let alike = request.within(&out);
            assert_eq!(alike, Request::parse(&out).unwrap());
            alike
        }
        Edit::Written => Request::parse(&out).unwrap(),
        Edit::Whole => return Ok(vec![b"whole".to_vec()]),
    };
    Ok(sent.args().map(<[u8]>::to_vec).collect())
}

fn text(namespace: &Namespace, words: &str) -> String {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    match upward(namespace, &words) {
        Ok(words) => words
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
        Err(text) => text,
    }
}

#[test]
fn keys_get_the_prefix_wherever_they_stand() {
    let own = namespace("s:", true);
    for (app, upstream) in [
        ("GET k", "GET s:k"),
        ("get k", "get s:k"),
        ("PING", "PING"),
        ("ECHO k", "ECHO k"),
        ("MSET a 1 b 2", "MSET s:a 1 s:b 2"),
        ("DEL a b c", "DEL s:a s:b s:c"),
        ("BLPOP a b 0", "BLPOP s:a s:b 0"),
        ("BITOP AND d a b", "BITOP AND s:d s:a s:b"),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "ZUNIONSTORE s:d 2 s:a s:b WEIGHTS 1 2"),
        ("ZUNION 2 a b", "ZUNION 2 s:a s:b"),
        ("LMPOP 1 a LEFT", "LMPOP 1 s:a LEFT"),
        // Of Redis 7.2 and 8.
        ("ZRANK k m WITHSCORE", "ZRANK s:k m WITHSCORE"),
        ("VADD k VALUES 2 1 0 m", "VADD s:k VALUES 2 1 0 m"),
        ("EVAL x 1 a v", "EVAL x 1 s:a v"),
        ("FCALL f 2 a b v", "FCALL f 2 s:a s:b v"),
        ("XREAD COUNT 1 STREAMS a b 0 0", "XREAD COUNT 1 STREAMS s:a s:b 0 0"),
        (
            "SORT k BY w_* GET # GET o_*->f STORE d",
            "SORT s:k BY s:w_* GET # GET s:o_*->f STORE s:d",
        ),
        ("SORT k BY nosort GET p", "SORT s:k BY nosort GET p"),
        ("GEORADIUS k 1 2 3 m STORE d", "GEORADIUS s:k 1 2 3 m STORE s:d"),
        ("OBJECT ENCODING k", "OBJECT ENCODING s:k"),
        ("MEMORY USAGE k", "MEMORY USAGE s:k"),
        ("MIGRATE h 1 k 0 1", "MIGRATE h 1 s:k 0 1"),
        ("XGROUP CREATE k g $", "XGROUP CREATE s:k g $"),
        ("WATCH a b", "WATCH s:a s:b"),
        ("CLUSTER KEYSLOT k", "CLUSTER KEYSLOT s:k"),
        ("COMMAND GETKEYS GET k", "COMMAND GETKEYS GET k"),
        ("KEYS k*", "KEYS s:k*"),
        ("SCAN 0", "SCAN 0 MATCH s:*"),
        ("SCAN 0 COUNT 5 MATCH a?", "SCAN 0 COUNT 5 MATCH s:a?"),
        ("SCAN 0 TYPE match MATCH a?", "SCAN 0 TYPE match MATCH s:a?"),
        ("SCAN 0 MATCH match COUNT 1", "SCAN 0 MATCH s:match COUNT 1"),
        ("PUBLISH c m", "PUBLISH s:c m"),
        ("SUBSCRIBE c __keyspace@0__:k", "SUBSCRIBE s:c __keyspace@0__:s:k"),
        ("SUBSCRIBE __keyevent@0__:del", "SUBSCRIBE __keyevent@0__:del"),
        ("SUBSCRIBE __redis__:invalidate", "SUBSCRIBE __redis__:invalidate"),
        ("PSUBSCRIBE c* __keyspace@*__:k*", "PSUBSCRIBE s:c* __keyspace@*__:s:k*"),
        ("PSUBSCRIBE __key*__:*", "PSUBSCRIBE __key*__:*"),
        ("PUBSUB CHANNELS", "PUBSUB CHANNELS s:*"),
        ("PUBSUB NUMSUB a b", "PUBSUB NUMSUB s:a s:b"),
        ("UNSUBSCRIBE", "UNSUBSCRIBE"),
        ("DBSIZE", "whole"),
        ("FLUSHALL ASYNC", "whole"),
    ] {
        assert_eq!(text(&own, app), upstream, "{app}");
    }
    let shared = namespace("s:", false);
    for words in ["PUBLISH c m", "SUBSCRIBE c", "PSUBSCRIBE c*", "PUBSUB CHANNELS", "SPUBLISH c m"]
    {
        assert_eq!(text(&shared, words), words, "{words}");
    }
    assert_eq!(text(&shared, "PSUBSCRIBE __keyspace@0__:*"), "PSUBSCRIBE __keyspace@0__:s:*");
}

#[test]
fn what_can_not_be_made_right_is_refused() {
    let own = namespace("s:", true);
    for words in [
        "SWAPDB 0 1",
        "MONITOR",
        "DEBUG SLEEP 0",
        "NOSUCH k",
        "SLOWLOG GET",
        "ACL LIST",
        "CLUSTER GETKEYSINSLOT 1 1",
        "SCRIPT FLUSH",
        "SHUTDOWN",
        "REPLICAOF a 1",
        "SIDECAR HOTKEYS",
        "MODULE LOAD x",
        "PSYNC ? -1",
    ] {
        assert!(text(&own, words).starts_with("DENIED '"), "{words}: {}", text(&own, words));
    }
    for (words, error) in [
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("ZUNION x a", "ERR syntax error"),
        ("SORT k NOSUCH", "ERR syntax error"),
        ("OBJECT NOSUCH k", "ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP."),
        ("XGROUP CREATE k", "ERR wrong number of arguments for 'xgroup|create' command"),
    ] {
        assert_eq!(text(&own, words), error, "{words}");
    }
    let prefix = Some("s:".to_owned());
    let config = config::Namespace { prefix, channels: true, allows_scripts: false };
    let strict = Namespace::new(&config).unwrap();
    for words in ["EVAL x 0", "FCALL f 0", "SCRIPT LOAD x", "FUNCTION LOAD x", "EVALSHA x 0"] {
        assert!(text(&strict, words).starts_with("DENIED '"), "{words}");
    }
}

#[test]
fn glob_characters_of_the_namespace_match_themselves_alone() {
    let own = namespace("a[1]?-^\\:", true);
    assert_eq!(text(&own, "KEYS k*"), "KEYS a\\[1\\]\\?\\-\\^\\\\:k*");
    assert!(crate::command::glob::matches(&own.glob(), b"a[1]?-^\\:k"));
    assert!(!crate::command::glob::matches(&own.glob(), b"a1x-^\\:k"));
}

fn strip(shape: Shape, reply: &[u8], cut: usize) -> Vec<u8> {
    let mut stripper = Stripper::new(shape);
    let mut out = Vec::new();
    stripper.feed(&reply[..cut], b"s:", &mut out);
    stripper.feed(&reply[cut..], b"s:", &mut out);
    out
}

#[test]
fn keys_lose_the_prefix_wherever_a_reply_is_cut() {
    for (shape, reply, own) in [
        (Shape::Each, "*2\r\n$3\r\ns:a\r\n$2\r\ns:\r\n", "*2\r\n$1\r\na\r\n$0\r\n\r\n"),
        (Shape::Each, "*0\r\n", "*0\r\n"),
        (Shape::Each, "*1\r\n$3\r\nt:a\r\n", "*1\r\n$3\r\nt:a\r\n"),
        (Shape::Each, "*1\r\n$1\r\ns\r\n", "*1\r\n$1\r\ns\r\n"),
        (
            Shape::Within,
            "*2\r\n$3\r\ns:7\r\n*2\r\n$4\r\ns:s:\r\n$3\r\ns:b\r\n",
            "*2\r\n$3\r\ns:7\r\n*2\r\n$2\r\ns:\r\n$1\r\nb\r\n",
        ),
        (Shape::First, "*2\r\n$3\r\ns:k\r\n$3\r\ns:v\r\n", "*2\r\n$1\r\nk\r\n$3\r\ns:v\r\n"),
        (Shape::First, "*-1\r\n", "*-1\r\n"),
        (Shape::First, "_\r\n", "_\r\n"),
        (
            Shape::First,
            "*2\r\n$3\r\ns:k\r\n*1\r\n*2\r\n$3\r\ns:m\r\n,1.5\r\n",
            "*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\ns:m\r\n,1.5\r\n",
        ),
        (
            Shape::Heads,
            "*2\r\n*2\r\n$3\r\ns:a\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$3\r\ns:f\r\n$3\r\ns:v\r\n*2\r\n$3\r\ns:b\r\n*0\r\n",
            "*2\r\n*2\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$3\r\ns:f\r\n$3\r\ns:v\r\n*2\r\n$1\r\nb\r\n*0\r\n",
        ),
        (
            Shape::Heads,
            "%2\r\n$3\r\ns:a\r\n*1\r\n*2\r\n$3\r\ns:1\r\n*2\r\n$3\r\ns:f\r\n$3\r\ns:v\r\n$3\r\ns:b\r\n*0\r\n",
            "%2\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\ns:1\r\n*2\r\n$3\r\ns:f\r\n$3\r\ns:v\r\n$1\r\nb\r\n*0\r\n",
        ),
        (
            Shape::Errors,
            "-NOGROUP No such key 's:k' or consumer group 's:g'\r\n",
            "-NOGROUP No such key 'k' or consumer group 'g'\r\n",
        ),
        (Shape::Each, "+QUEUED\r\n", "+QUEUED\r\n"),
        (Shape::Each, "*2\r\n$3\r\ns:c\r\n:5\r\n", "*2\r\n$1\r\nc\r\n:5\r\n"),
    ] {
        for cut in 0..=reply.len() {
            let out = strip(shape, reply.as_bytes(), cut);
            let shown = String::from_utf8_lossy(&out);
            assert_eq!(shown, own, "{shape:?} {reply:?} cut at {cut}");
        }
    }
}

#[test]
fn a_line_ends_where_the_scanner_says_it_does() {
    // found by fuzzing: what no Redis sends must not make two replies of one
    let reply = b"*3\r\n-ERR 's:k\nof\r's:l'\r\n+s:\nx\r\n$3\r\ns:k\r\n";
    for cut in 0..reply.len() {
        let expected = b"*3\r\n-ERR 'k\nof\r'l'\r\n+s:\nx\r\n$1\r\nk\r\n";
        assert_eq!(strip(Shape::Each, reply, cut), expected, "cut at {cut}");
    }
}

#[test]
fn messages_of_others_keys_are_not_shown() {
    let own = namespace("s:", true);
    let seen = |channel: &str, payload: &str| {
        let frame = frame(&[b"message", channel.as_bytes(), payload.as_bytes()]);
        let seen = own.own_message_frame(&frame, Protocol::Resp2)?;
        let request = Request::parse(&seen).unwrap();
        let words: Vec<_> = request.args().skip(1).map(String::from_utf8_lossy).collect();
        Some(words.join(" "))
    };
    assert_eq!(seen("s:c", "s:m").as_deref(), Some("c s:m"));
    assert_eq!(seen("c", "m"), None);
    assert_eq!(seen("__keyspace@0__:s:k", "set").as_deref(), Some("__keyspace@0__:k set"));
    assert_eq!(seen("__keyspace@0__:t:k", "set"), None);
    assert_eq!(seen("__keyevent@0__:set", "s:k").as_deref(), Some("__keyevent@0__:set k"));
    assert_eq!(seen("__keyevent@0__:set", "t:k"), None);
    let push = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$3\r\ns:a\r\n$3\r\nt:a\r\n";
    assert_eq!(&*own.own_push(push), b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
    assert_eq!(&*own.own_push(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nt:a\r\n"), b"");
    assert_eq!(
        &*own.own_push(b">2\r\n$10\r\ninvalidate\r\n_\r\n"),
        b">2\r\n$10\r\ninvalidate\r\n_\r\n"
    );
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(vec![
        b"shop:".to_vec(),
        b"shop:shop:".to_vec(),
        b"*".to_vec(),
        b"{a}".to_vec(),
        b"[x-z]".to_vec(),
        b"\r\n$3\r\n".to_vec(),
        b"\\".to_vec(),
        b"".to_vec(),
        b"#".to_vec(),
        b"MATCH".to_vec(),
        b"STREAMS".to_vec(),
        b"__keyspace@0__:".to_vec(),
    ]);
    prop::collection::vec(prop_oneof![odd, prop::collection::vec(any::<u8>(), 0..5)], 0..4)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_key_leaves_the_namespace(keys in prop::collection::vec(key(), 1..4), channels: bool) {
        let own = namespace("shop:", channels);
        for head in [&[b"DEL".as_slice()][..], &[b"WATCH"], &[b"PFCOUNT"], &[b"XREAD", b"STREAMS"]] {
            let mut words = head.to_vec();
            words.extend(keys.iter().map(Vec::as_slice));
            if head.len() == 2 {
                words.extend(keys.iter().map(|_| b"0".as_slice()));
            }
            let sent = upward(&own, &words).unwrap();
            for (key, sent) in keys.iter().zip(&sent[head.len()..]) {
                prop_assert_eq!(own.own(sent), Some(key.as_slice()));
            }
        }
        for key in &keys {
            let glob = upward(&own, &[b"KEYS", key]).unwrap().remove(1);
            prop_assert!(glob.starts_with(b"shop:"));
        }
    }

    #[test]
    fn channels_come_back_as_they_were_named(name in key(), channels: bool) {
        let own = namespace("shop:", channels);
        let sent = upward(&own, &[b"SUBSCRIBE", &name]).unwrap().remove(1);
        prop_assert_eq!(&*own.own_channel(&sent), name.as_slice());
        let sent = upward(&own, &[b"PSUBSCRIBE", &name]).unwrap().remove(1);
        prop_assert_eq!(&*own.own_pattern(&sent), name.as_slice());
    }

    #[test]
    fn replies_of_any_kind_are_passed_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
        // Whatever an upstream may send: no panic, and nothing is held back but a line and a prefix.
        for shape in [Shape::Each, Shape::Within, Shape::First, Shape::Heads, Shape::Errors] {
            let mut stripper = Stripper::new(shape);
            let mut out = Vec::new();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            stripper.feed(head, b"s:", &mut out);
            stripper.feed(tail, b"s:", &mut out);
            prop_assert!(out.len() <= bytes.len() + 2);
        }
    }
}

#[test]
fn every_command_of_the_table_is_dealt_with() {
    let mut refused = Vec::new();
    for spec in crate::command::all() {
        let exact: Vec<_> = if spec.subcommands.is_empty() {
            vec![spec]
        } else {
            spec.subcommands.iter().collect()
        };
        for spec in exact {
            if let super::Treatment::Refuse(why) = super::treatment(spec) {
                assert_ne!(why, "where its keys are is not known", "{}", spec.name);
                refused.push(spec.name);
            }
            let words: Vec<&str> = spec.name.split('|').collect();
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let frame = frame(&words);
            assert_eq!(resolve(&Request::parse(&frame).unwrap()).unwrap().name, spec.name);
        }
    }
    refused.sort_unstable();
    let page = include_str!("../../../docs/policy.md");
    for name in &refused {
        let words = match name.strip_prefix("cluster|") {
            Some(word) => word.to_uppercase(),
            None => name.replace('|', " ").to_uppercase(),
        };
        assert!(page.contains(&words), "docs/policy.md does not say why {words} is refused");
    }
}
