use super::super::encode;
use super::*;

fn parse(frame: &[u8], protocol: Protocol) -> Result<Reply, ReplyError> {
    Reply::parse(&Bytes::copy_from_slice(frame), protocol)
}

fn bulk(text: &'static str) -> Reply {
    Reply::Bulk(Bytes::from_static(text.as_bytes()))
}

#[test]
fn hello_is_read_in_both_protocols() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut frame = Vec::new();
        encode::map_header(&mut frame, protocol, 3);
        encode::bulk(&mut frame, b"server");
        encode::bulk(&mut frame, b"redis");
        encode::bulk(&mut frame, b"proto");
        encode::integer(&mut frame, 3);
        encode::bulk(&mut frame, b"modules");
        encode::array_header(&mut frame, 0);
        let hello = parse(&frame, protocol).unwrap();
        assert_eq!(hello.field("server"), Some(&bulk("redis")));
        assert_eq!(hello.field("proto"), Some(&Reply::Integer(3)));
        assert_eq!(hello.field("modules"), Some(&Reply::Array(vec![])));
        assert_eq!(hello.field("redis"), None);
    }
}

#[test]
fn every_type_becomes_a_value() {
    let frame =
        b"*12\r\n+OK\r\n-ERR no\r\n:-5\r\n$1\r\na\r\n=7\r\ntxt:abc\r\n_\r\n,1.5\r\n#t\r\n(123\r\n\
        ~1\r\n:1\r\n%1\r\n:1\r\n:2\r\n!6\r\nERR no\r\n";
    let expected = vec![
        Reply::Simple(Bytes::from_static(b"OK")),
        Reply::Error("ERR no".to_owned()),
        Reply::Integer(-5),
        bulk("a"),
        bulk("abc"),
        Reply::Null,
        Reply::Double(1.5),
        Reply::Boolean(true),
        Reply::BigNumber(Bytes::from_static(b"123")),
        Reply::Set(vec![Reply::Integer(1)]),
        Reply::Map(vec![(Reply::Integer(1), Reply::Integer(2))]),
        Reply::Error("ERR no".to_owned()),
    ];
    assert_eq!(parse(frame, Protocol::Resp3), Ok(Reply::Array(expected)));
    let frame = b"*4\r\n+OK\r\n-ERR no\r\n$-1\r\n*-1\r\n";
    let expected = vec![
        Reply::Simple(Bytes::from_static(b"OK")),
        Reply::Error("ERR no".to_owned()),
        Reply::Null,
        Reply::Null,
    ];
    assert_eq!(parse(frame, Protocol::Resp2), Ok(Reply::Array(expected)));
    let push = parse(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n", Protocol::Resp3).unwrap();
    assert!(matches!(push, Reply::Push(parts) if parts.len() == 2));
}

#[test]
fn depth_is_bounded_before_anything_recurses() {
    let nested = |depth| [b"*1\r\n".repeat(depth), b":1\r\n".to_vec()].concat();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        assert!(parse(&nested(MAX_DEPTH), protocol).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1), protocol), Err(ReplyError::TooDeep));
        assert_eq!(parse(&nested(100_000), protocol), Err(ReplyError::TooDeep));
    }
    // Wide is not deep, nor is the last element of each level.
    let wide = [b"*1000\r\n".to_vec(), b"*1\r\n*0\r\n".repeat(1000)].concat();
    assert!(parse(&wide, Protocol::Resp2).is_ok());
}

#[test]
fn what_is_not_exactly_one_readable_reply_is_an_error() {
    for frame in [&b""[..], b"+OK", b"+OK\r\n+OK\r\n", b"*1000000000\r\n:1\r\n"] {
        assert_eq!(parse(frame, Protocol::Resp3), Err(ReplyError::NotOneReply));
    }
    assert_eq!(parse(b"|1\r\n:1\r\n:1\r\n:1\r\n", Protocol::Resp3), Err(ReplyError::Attributes));
    let nested = parse(b"*1\r\n|1\r\n:1\r\n:1\r\n:1\r\n", Protocol::Resp3);
    assert_eq!(nested, Err(ReplyError::Attributes));
    assert!(matches!(parse(b"x", Protocol::Resp2), Err(ReplyError::Scan(_))));
    for frame in [&b"-\xff\r\n"[..], b"$-1\r\n", b"*-1\r\n", b"%1\r\n*0\r\n:1\r\n"] {
        let outcome = parse(frame, Protocol::Resp3);
        assert!(matches!(outcome, Err(ReplyError::Malformed(_))), "{outcome:?}");
    }
    // A type of the other protocol.
    assert!(parse(b"#t\r\n", Protocol::Resp2).is_err());
}
