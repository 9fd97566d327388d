use proptest::collection::vec;
use proptest::prelude::*;
use redis_protocol::resp2::decode::decode as oracle2;
use redis_protocol::resp3::decode::complete::decode as oracle3;

use super::super::{Protocol, encode};
use super::*;

/// Feeds `input` piece by piece: where the reply ended, if it did.
fn scan_cut(input: &[u8], cuts: &[usize]) -> Result<Option<usize>, ScanError> {
    let mut scanner = Scanner::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        match scanner.feed(&input[start..end])? {
            Progress::Complete { used } => {
                assert!(scanner.is_idle() && scanner.kind().is_none());
                return Ok(Some(start + used));
            }
            Progress::Partial => start = end,
        }
        let kind = if end == 0 { None } else { input.first().copied() };
        assert_eq!(scanner.kind(), kind);
    }
    Ok(None)
}

/// The outcome, having made sure that it is the same however the bytes arrive.
fn scan(input: &[u8]) -> Result<Option<usize>, ScanError> {
    let whole = scan_cut(input, &[]);
    let every: Vec<usize> = (0..input.len()).collect();
    assert_eq!(scan_cut(input, &every), whole, "byte by byte: {:?}", input.escape_ascii());
    for cut in 0..input.len() {
        assert_eq!(scan_cut(input, &[cut]), whole, "cut at {cut}: {:?}", input.escape_ascii());
    }
    whole
}

#[test]
fn every_type_ends_where_it_ends() {
    let replies: &[&[u8]] = &[
        b"+OK\r\n",
        b"+\r\n",
        b"-ERR a\rb\nc\r\r\n",
        b":0\r\n",
        b":-9223372036854775808\r\n",
        b":+5\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"$5\r\na\r\nbc\r\n",
        b"$12\r\n123456789012\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*2\r\n*1\r\n$1\r\na\r\n*0\r\n",
        b",1.5\r\n",
        b",-inf\r\n",
        b"#t\r\n",
        b"#f\r\n",
        b"(3492890328409238509324850943850943825024385\r\n",
        b"_\r\n",
        b"!21\r\nSYNTAX invalid syntax\r\n",
        b"=7\r\ntxt:abc\r\n",
        b"%0\r\n",
        b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n",
        b"~2\r\n:1\r\n:2\r\n",
        b">3\r\n+message\r\n+a\r\n+b\r\n",
        b"|1\r\n+ttl\r\n:9\r\n$1\r\na\r\n",
        b"|0\r\n:1\r\n",
        b"*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:2\r\n:3\r\n",
    ];
    for reply in replies {
        let followed = [reply, &b"+NEXT\r\n"[..]].concat();
        assert_eq!(scan(&followed), Ok(Some(reply.len())), "{:?}", reply.escape_ascii());
        assert_eq!(scan(&reply[..reply.len() - 1]), Ok(None), "{:?}", reply.escape_ascii());
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    let cases: &[(&[u8], ScanError)] = &[
        (b"PING\r\n", ScanError::UnknownType(b'P')),
        (b"\r\n", ScanError::UnknownType(b'\r')),
        (b"*1\r\nx", ScanError::UnknownType(b'x')),
        (b"$?\r\n", ScanError::Streamed),
        (b"*?\r\n", ScanError::Streamed),
        (b";4\r\n", ScanError::Streamed),
        (b".\r\n", ScanError::Streamed),
        (b"$\r\n", ScanError::InvalidLength),
        (b"$-\r\n", ScanError::InvalidLength),
        (b"$-2\r\n", ScanError::InvalidLength),
        (b"$+1\r\n", ScanError::InvalidLength),
        (b"%-1\r\n", ScanError::InvalidLength),
        (b"$1\n", ScanError::InvalidLength),
        (b"$1\rx", ScanError::InvalidLength),
        (b"*1a\r\n", ScanError::InvalidLength),
        (b"*4294967296\r\n", ScanError::LengthOutOfRange),
        (b"$9999999999999999999\r\n", ScanError::LengthOutOfRange),
        (b"$3\r\nabcd\r\n", ScanError::MissingCrlf),
        (b"$3\r\nabc\rx", ScanError::MissingCrlf),
        (b"$0\r\n\n\r", ScanError::MissingCrlf),
        (b":\r\n", ScanError::InvalidLine(b':')),
        (b":1x\r\n", ScanError::InvalidLine(b':')),
        (b":1-\r\n", ScanError::InvalidLine(b':')),
        (b":111111111111111111111\r\n", ScanError::InvalidLine(b':')),
        (b":1\r\r\n", ScanError::InvalidLine(b':')),
        (b"#x\r\n", ScanError::InvalidLine(b'#')),
        (b"#tt\r\n", ScanError::InvalidLine(b'#')),
        (b"_a\r\n", ScanError::InvalidLine(b'_')),
    ];
    for (input, error) in cases {
        assert_eq!(scan(input), Err(*error), "{:?}", input.escape_ascii());
    }
}

#[test]
fn depth_and_declared_counts_cost_no_more_than_the_levels_that_are_told_apart() {
    for mut scanner in [Scanner::new(), Scanner::bounded(128)] {
        for _ in 0..100_000 {
            assert_eq!(scanner.feed(b"*4294967295\r\n"), Ok(Progress::Partial));
        }
        assert_eq!(scanner.feed(b"$999999999999999999\r\nabc"), Ok(Progress::Partial));
        assert!(scanner.is_deep() && scanner.outer.len() <= 128);
    }
    assert!(size_of::<Scanner>() <= 80, "{}", size_of::<Scanner>());
}

#[test]
fn a_reply_is_deep_by_its_levels_and_not_by_its_length() {
    let nested = |depth| [b"*1\r\n".repeat(depth), b":1\r\n".to_vec()].concat();
    let wide = b"*5\r\n*1\r\n:1\r\n%1\r\n~1\r\n:1\r\n:2\r\n*0\r\n*-1\r\n*2\r\n*1\r\n:1\r\n:2\r\n";
    let mut scanner = Scanner::bounded(3);
    let cases = (0..8).map(|depth| (nested(depth), depth > 3)).chain([(wide.to_vec(), false)]);
    for (reply, is_deep) in cases {
        for cut in 0..reply.len() {
            let (front, rest) = reply.split_at(cut);
            assert_eq!(scanner.feed(front), Ok(Progress::Partial));
            assert_eq!(scanner.feed(rest), Ok(Progress::Complete { used: rest.len() }));
            assert_eq!(scanner.is_deep(), is_deep, "{:?} cut at {cut}", reply.escape_ascii());
        }
    }
}

#[test]
fn it_is_ready_for_the_next_reply_after_each() {
    let input = b"+OK\r\n$3\r\nabc\r\n:1\r\n*1\r\n_\r\n";
    let mut scanner = Scanner::default();
    let (mut at, mut ends) = (0, Vec::new());
    while let Ok(Progress::Complete { used }) = scanner.feed(&input[at..]) {
        at += used;
        ends.push(at);
    }
    assert_eq!(ends, [5, 14, 18, 25]);
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    "[ -~\u{e9}]{0,40}".prop_map(String::into_bytes)
}

/// Values that redis-protocol takes as keys.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![bulk(b'$'), any::<i64>().prop_map(|n| format!(":{n}\r\n").into_bytes())]
}

fn bulk(kind: u8) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..30), 1 => vec(any::<u8>(), 95..120)].prop_map(
        move |bytes| {
            let mut out = Vec::new();
            encode::bulk(&mut out, &bytes);
            out[0] = kind;
            out
        },
    )
}

fn framed(kind: char, parts: &[Vec<u8>], count: usize) -> Vec<u8> {
    [format!("{kind}{count}\r\n").into_bytes(), parts.concat()].concat()
}

fn resp2() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        key(),
        line().prop_map(|text| [b"+", &text[..], b"\r\n"].concat()),
        line().prop_map(|text| [b"-", &text[..], b"\r\n"].concat()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
    ];
    leaf.prop_recursive(6, 40, 6, |value| {
        vec(value, 0..6).prop_map(|values| framed('*', &values, values.len()))
    })
}

fn resp3() -> impl Strategy<Value = Vec<u8>> {
    let written = |write: fn(&mut Vec<u8>, f64)| {
        move |value: f64| {
            let mut out = Vec::new();
            write(&mut out, value);
            out
        }
    };
    let leaf = prop_oneof![
        4 => key(),
        1 => bulk(b'!'),
        1 => line().prop_map(|text| [b"+", &text[..], b"\r\n"].concat()),
        1 => line().prop_map(|text| [b"-", &text[..], b"\r\n"].concat()),
        1 => any::<f64>().prop_map(written(|out, value| encode::double(out, Protocol::Resp3, value))),
        1 => any::<bool>().prop_map(|value| if value { b"#t\r\n".to_vec() } else { b"#f\r\n".to_vec() }),
        1 => Just(b"_\r\n".to_vec()),
        1 => "[1-9][0-9]{0,60}".prop_map(|digits| format!("({digits}\r\n").into_bytes()),
        1 => line().prop_map(|text| {
            let mut out = Vec::new();
            encode::verbatim(&mut out, Protocol::Resp3, &text);
            out
        }),
        1 => (key(), key(), key()).prop_map(|(a, b, c)| [b"|1\r\n", &a[..], &b, &c].concat()),
    ];
    leaf.prop_recursive(6, 40, 6, |value| {
        prop_oneof![
            vec(value.clone(), 0..6).prop_map(|values| framed('*', &values, values.len())),
            vec(key(), 0..6).prop_map(|values| framed('~', &values, values.len())),
            vec((key(), value), 0..4).prop_map(|pairs| {
                let parts: Vec<_> = pairs.into_iter().flat_map(|(k, v)| [k, v]).collect();
                framed('%', &parts, parts.len() / 2)
            }),
        ]
    })
}

fn almost_resp() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        resp3(),
        Just(b"\r\n".to_vec()),
        Just(b"*2\r\n".to_vec()),
        Just(b"|1\r\n".to_vec()),
        "[-+:$*%~>|#_,(!=\r\n0-9tf]{1,4}".prop_map(String::into_bytes),
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn resp2_ends_where_redis_protocol_says(reply in resp2(), behind in vec(any::<u8>(), 0..8)) {
        let input = [&reply[..], &behind].concat();
        let expected = oracle2(&input).unwrap().map(|(_, used)| used);
        prop_assert_eq!(expected, Some(reply.len()));
        prop_assert_eq!(scan(&input), Ok(expected));
    }

    #[test]
    fn resp3_ends_where_redis_protocol_says(reply in resp3(), behind in vec(any::<u8>(), 0..8)) {
        let input = [&reply[..], &behind].concat();
        let expected = oracle3(&input).unwrap().map(|(_, used)| used);
        prop_assert_eq!(expected, Some(reply.len()));
        prop_assert_eq!(scan(&input), Ok(expected));
    }

    #[test]
    fn changed_replies_are_judged_the_same_however_they_arrive(
        reply in resp3(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut input = reply;
        for (index, byte) in changes {
            let at = index.index(input.len());
            input[at] = byte;
        }
        if let (Ok(Some(used)), Ok(Some((_, expected)))) = (scan(&input), oracle3(&input)) {
            prop_assert_eq!(used, expected);
        }
    }

    #[test]
    fn garbage_is_judged_the_same_however_it_arrives(input in almost_resp()) {
        let _ = scan(&input);
    }

    #[test]
    fn noise_is_judged_the_same_however_it_arrives(input in vec(any::<u8>(), 0..60)) {
        let _ = scan(&input);
    }
}
