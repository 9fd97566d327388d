use proptest::collection::vec;
use proptest::prelude::*;
use redis_protocol::resp2::decode::decode as oracle;
use redis_protocol::resp2::types::OwnedFrame;

use super::super::encode;
use super::*;

/// What a client's bytes amount to, and where and why they end to make sense.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>, usize);

/// Decodes `input` as it arrives up to each of `cuts` in turn, then whole.
fn decode_cut(input: &[u8], limits: &Limits, cuts: impl Iterator<Item = usize>) -> Outcome {
    let mut decoder = Decoder::new();
    let (mut requests, mut start) = (Vec::new(), 0);
    for arrived in cuts.chain([input.len()]) {
        loop {
            let seen = &input[start..arrived];
            match decoder.decode(seen, limits) {
                Ok(Decoded::Incomplete) => break,
                Ok(Decoded::Request(request)) => {
                    assert!(seen.starts_with(request.bytes()));
                    requests.push(words(&request));
                    start += request.bytes().len();
                }
                Ok(Decoded::Inline { consumed, encoded }) => {
                    requests.push(words(&Request::parse(&encoded).unwrap()));
                    start += consumed;
                }
                Ok(Decoded::Empty { consumed }) => start += consumed,
                Err(error) => return (requests, Some(error), start),
            }
        }
    }
    (requests, None, start)
}

fn words(request: &Request<'_>) -> Vec<Vec<u8>> {
    let words: Vec<Vec<u8>> = request.args().map(<[u8]>::to_vec).collect();
    assert_eq!(request.argc(), words.len());
    assert_eq!(request.args().len(), words.len());
    assert_eq!(request.name(), words[0]);
    for (i, word) in words.iter().enumerate() {
        assert_eq!(request.arg(i), Some(&word[..]));
    }
    assert_eq!(request.arg(words.len()), None);
    words
}

/// The outcome, having made sure that it is the same however the bytes arrive.
fn decode_all(input: &[u8], limits: &Limits) -> Outcome {
    let whole = decode_cut(input, limits, std::iter::empty());
    assert_eq!(decode_cut(input, limits, 0..input.len()), whole, "byte by byte");
    for cut in 0..input.len() {
        assert_eq!(decode_cut(input, limits, [cut].into_iter()), whole, "cut at {cut}");
    }
    whole
}

fn error_of(input: &[u8], limits: &Limits) -> Option<String> {
    decode_all(input, limits).1.map(|error| error.to_string())
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[test]
fn each_protocol_error_has_the_text_of_redis() {
    let multibulk = "Protocol error: invalid multibulk length";
    let bulk = "Protocol error: invalid bulk length";
    let quotes = "Protocol error: unbalanced quotes in request";
    let cases: &[(&[u8], &str)] = &[
        (b"*\r\n", multibulk),
        (b"*x\r\n", multibulk),
        (b"*+3\r\n", multibulk),
        (b"*01\r\n$4\r\nPING\r\n", multibulk),
        (b"*-0\r\n", multibulk),
        (b"*1 \r\n", multibulk),
        (b"*1\n\r\n", multibulk),
        (b"*1\0\r\n", multibulk),
        (b"*2147483648\r\n", multibulk),
        (b"*99999999999999999999\r\n", multibulk),
        (b"*1\r\n$-1\r\n", bulk),
        (b"*1\r\n$\r\n", bulk),
        (b"*1\r\n$+4\r\nPING\r\n", bulk),
        (b"*1\r\n$04\r\nPING\r\n", bulk),
        (b"*1\r\n$4x\r\nPING\r\n", bulk),
        (b"*1\r\n$536870913\r\n", bulk),
        (b"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'"),
        (b"*1\r\n:1\r\n", "Protocol error: expected '$', got ':'"),
        (b"*1\r\n\r\n", "Protocol error: expected '$', got ' '"),
        (b"*1\r\n\n\r\n", "Protocol error: expected '$', got ' '"),
        (b"ECHO \"open\r\n", quotes),
        (b"ECHO 'open\r\n", quotes),
        (b"ECHO \"a\"b\r\n", quotes),
        (b"ECHO 'a'b\r\n", quotes),
        (b"ECHO \"\\\"\r\n", quotes),
    ];
    for (input, text) in cases {
        let shown = String::from_utf8_lossy(input);
        assert_eq!(error_of(input, &Limits::DEFAULT).as_deref(), Some(*text), "{shown:?}");
    }
}

#[test]
fn a_line_is_judged_only_once_it_has_ended_as_redis_does() {
    for input in [&b"*x"[..], b"*x\r", b"*1\r\nP", b"*1\r\nP\r", b"*3\n$3\n", b"ECHO \"a\\"] {
        assert_eq!(decode_all(input, &Limits::DEFAULT), (vec![], None, 0));
    }
}

#[test]
fn before_auth_a_client_may_send_ten_arguments_of_16_kib() {
    let limits = &Limits::UNAUTHENTICATED;
    for (input, text) in [
        (&b"*11\r\n"[..], "Protocol error: unauthenticated multibulk length"),
        (b"*2147483647\r\n", "Protocol error: unauthenticated multibulk length"),
        (b"*2147483648\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length"),
        (b"*1\r\n$536870912\r\n", "Protocol error: unauthenticated bulk length"),
        (b"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length"),
    ] {
        assert_eq!(error_of(input, limits).as_deref(), Some(text));
    }
    let mut most = Vec::new();
    encode::command(&mut most, &[[b'a'; 16_384].as_slice(); 10]);
    let (requests, error, used) = decode_cut(&most, limits, std::iter::empty());
    assert_eq!((requests.len(), error, used), (1, None, most.len()));
}

#[test]
fn a_bulk_that_crlf_does_not_close_is_refused_though_redis_skips_the_two_bytes() {
    let text = Some("Protocol error: invalid bulk length");
    let input = [b"*1\r\n$4\r\nPINGxx", PING].concat();
    assert_eq!(error_of(&input, &Limits::DEFAULT).as_deref(), text);
    assert_eq!(error_of(b"*1\r\n$4\r\nPING\rx", &Limits::DEFAULT).as_deref(), text);
    assert_eq!(error_of(b"*1\r\n$4\rXPING\r\n", &Limits::DEFAULT).as_deref(), text);
    let text = Some("Protocol error: invalid multibulk length");
    assert_eq!(error_of(b"*1\rX$4\r\nPING\r\n", &Limits::DEFAULT).as_deref(), text);
}

#[test]
fn a_line_of_64_kib_without_an_end_is_refused() {
    let cases: [(&[u8], u8, ProtocolError); 4] = [
        (b"", b'a', ProtocolError::InlineTooLong),
        (b"*", b'1', ProtocolError::MultibulkLineTooLong),
        (b"*1\r\n$", b'1', ProtocolError::BulkLineTooLong),
        (b"*1\r\n", b'x', ProtocolError::BulkLineTooLong),
    ];
    for (start, filler, error) in cases {
        let line_at = start.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut input = start.to_vec();
        input.resize(line_at + 65_536, filler);
        let thousands = || (0..input.len()).step_by(1000);
        assert_eq!(decode_cut(&input, &Limits::DEFAULT, thousands()), (vec![], None, 0));
        let mut longer = input.clone();
        longer.extend([filler]);
        let refused = (vec![], Some(error), 0);
        assert_eq!(decode_cut(&longer, &Limits::DEFAULT, thousands()), refused);
        // No difference where the end comes after all, but too late.
        longer.extend(b"\r\n");
        assert_eq!(decode_cut(&longer, &Limits::DEFAULT, thousands()), refused);
        assert_eq!(decode_cut(&longer, &Limits::DEFAULT, std::iter::empty()), refused);
    }
}

#[test]
fn the_sum_of_all_arguments_is_bounded_too() {
    let limits = Limits { max_request: 64, ..Limits::DEFAULT };
    let mut input = Vec::new();
    encode::command(&mut input, &[b"DEL", &[b'a'; 20], &[b'b'; 20]]);
    assert_eq!(input.len(), 67);
    let error = error_of(&input, &limits);
    assert_eq!(error.as_deref(), Some("Protocol error: too big request"));
    let limits = Limits { max_request: 67, ..limits };
    assert_eq!(error_of(&input, &limits), None);
}

#[test]
fn declared_lengths_are_believed_only_as_bytes_arrive() {
    let mut decoder = Decoder::new();
    let input = b"*1048576\r\n$536870912\r\nabc";
    assert_eq!(decoder.decode(input, &Limits::DEFAULT), Ok(Decoded::Incomplete));
    assert_eq!(decoder.progress(), 22 + 536_870_912 + 2);
    assert!(size_of::<Decoder>() <= 64);
    let error = error_of(b"*1048577\r\n", &Limits::DEFAULT);
    assert_eq!(error.as_deref(), Some("Protocol error: invalid multibulk length"));
}

#[test]
fn empty_requests_are_passed_over() {
    for empty in [&b"*0\r\n"[..], b"*-1\r\n", b"*-5\r\n", b"\r\n", b"\n", b"  \t \r\n", b"\r\r\n"] {
        let input = [empty, PING].concat();
        let ping = vec![vec![b"PING".to_vec()]];
        assert_eq!(decode_all(&input, &Limits::DEFAULT), (ping, None, input.len()), "{empty:?}");
    }
}

#[test]
fn inline_requests_are_split_as_redis_splits_them() {
    let cases: &[(&[u8], &[&[u8]])] = &[
        (b"PING\r\n", &[b"PING"]),
        (b"PING\n", &[b"PING"]),
        (b" \x0bECHO\t hi \n", &[b"ECHO", b"hi"]),
        (b"ECHO \"a\\x41\\n\\q b\"\r\n", &[b"ECHO", b"aA\nq b"]),
        (b"ECHO \"\\r\\t\\b\\a\\xfF\"\r\n", &[b"ECHO", b"\r\t\x08\x07\xff"]),
        (b"ECHO 'it\\'s \\n'\r\n", &[b"ECHO", b"it's \\n"]),
        (b"ECHO a\"b c\"\r\n", &[b"ECHO", b"ab c"]),
        (b"ECHO a\"b c\"\x0bd\r\n", &[b"ECHO", b"ab c", b"d"]),
        (b"ECHO a\x0bb\r\n", &[b"ECHO", b"a\x0bb"]),
        (b"ECHO \"\" ''\r\n", &[b"ECHO", b"", b""]),
        (b"ECHO \"\\x4\"\r\n", &[b"ECHO", b"x4"]),
        (b"$4\r\n", &[b"$4"]),
    ];
    for (input, words) in cases {
        let shown = String::from_utf8_lossy(input);
        let expected = vec![words.iter().map(|word| word.to_vec()).collect::<Vec<_>>()];
        let outcome = (expected, None, input.len());
        assert_eq!(decode_all(input, &Limits::DEFAULT), outcome, "{shown:?}");
    }
}

#[test]
fn http_is_told_from_redis() {
    for input in [
        &b"POST / HTTP/1.1\r\n"[..],
        b"host: x\r\n",
        b"*1\r\n$4\r\npoST\r\n",
        b"*2\r\n$5\r\nHost:\r\n$1\r\nx\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        assert_eq!(decode_all(input, &Limits::DEFAULT).1, Some(ProtocolError::HttpRequest));
    }
    assert_eq!(error_of(b"*2\r\n$3\r\nGET\r\n$4\r\nPOST\r\n", &Limits::DEFAULT), None);
}

#[test]
fn a_request_is_parsed_only_from_exactly_one_frame() {
    assert!(Request::parse(PING).is_some());
    assert!(Request::parse(&PING[1..]).is_none());
    assert!(Request::parse(&PING[..PING.len() - 1]).is_none());
    assert!(Request::parse(&[PING, b"x"].concat()).is_none());
    assert!(Request::parse(b"").is_none());
}

fn arguments() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop_oneof![
        4 => vec(any::<u8>(), 0..24),
        1 => vec(any::<u8>(), 95..130),
        1 => "[A-Za-z$*\r\n0-9]{0,12}".prop_map(String::into_bytes),
    ];
    vec(word, 1..12)
}

fn encoded(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut input = Vec::new();
    for request in requests {
        let words: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        encode::command(&mut input, &words);
    }
    input
}

/// Bytes that look enough like RESP to get deep into the decoder.
fn almost_resp() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"*1\r\n".to_vec()),
        Just(b"*2\r\n$1\r\na\r\n".to_vec()),
        Just(b"$3\r\nabc\r\n".to_vec()),
        Just(b"$-1\r\n".to_vec()),
        "[*$:\r\n0-9\"' -]{1,4}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn requests_are_found_as_they_were_encoded(requests in vec(arguments(), 1..4)) {
        let input = encoded(&requests);
        prop_assert_eq!(decode_all(&input, &Limits::DEFAULT), (requests, None, input.len()));
    }

    #[test]
    fn what_is_accepted_is_what_redis_protocol_reads(
        requests in vec(arguments(), 1..3),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut input = encoded(&requests);
        for (index, byte) in changes {
            let at = index.index(input.len());
            input[at] = byte;
        }
        decode_all(&input, &Limits::DEFAULT);
        if let Ok(Decoded::Request(request)) = Decoder::new().decode(&input, &Limits::DEFAULT) {
            let (frame, length) = oracle(&input).unwrap().unwrap();
            prop_assert_eq!(length, request.bytes().len());
            let expected = words(&request).into_iter().map(OwnedFrame::BulkString).collect();
            prop_assert_eq!(frame, OwnedFrame::Array(expected));
        }
    }

    #[test]
    fn garbage_is_judged_the_same_however_it_arrives(input in almost_resp()) {
        decode_all(&input, &Limits::DEFAULT);
        let tight = Limits { max_arguments: 2, max_bulk: 3, max_request: 20, max_inline: 8, unauthenticated: false };
        decode_all(&input, &tight);
        decode_all(&input, &Limits { unauthenticated: true, ..tight });
    }

    #[test]
    fn noise_is_judged_the_same_however_it_arrives(input in vec(any::<u8>(), 0..80)) {
        decode_all(&input, &Limits::DEFAULT);
    }
}
