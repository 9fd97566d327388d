//! The replies that we make ourselves, and the commands that we send ourselves, appended to a buffer.
//! Decides how a value looks in either protocol, so that callers name the value and not its bytes.
//! Invariant: whatever text is given, exactly one well-formed value (or header) is written.

use super::{Protocol, double as digits, number};

/// `+text`. CR and LF become blanks: they would end the line.
pub fn simple(out: &mut Vec<u8>, text: impl AsRef<[u8]>) {
    line(out, b'+', text.as_ref());
}

/// `-text`, where `text` begins with the error's code (`ERR`, `NOAUTH`, ...). CR and LF become blanks.
pub fn error(out: &mut Vec<u8>, text: impl AsRef<[u8]>) {
    line(out, b'-', text.as_ref());
}

/// `:value`
pub fn integer(out: &mut Vec<u8>, value: i64) {
    out.push(b':');
    if value < 0 {
        out.push(b'-');
    }
    number::write(out, value.unsigned_abs());
    out.extend_from_slice(b"\r\n");
}

/// `$length` alone; the bytes and a CRLF are to follow.
#[inline]
pub fn bulk_header(out: &mut Vec<u8>, length: usize) {
    header(out, b'$', length);
}

/// `$length` and the bytes.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 16);
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Plain text for people (as in INFO): a verbatim string in RESP3, a bulk in RESP2.
pub fn verbatim(out: &mut Vec<u8>, protocol: Protocol, text: &[u8]) {
    match protocol {
        Protocol::Resp2 => bulk(out, text),
        Protocol::Resp3 => {
            header(out, b'=', text.len() + 4);
            out.extend_from_slice(b"txt:");
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// No value, where a bulk could have been.
pub fn null(out: &mut Vec<u8>, protocol: Protocol) {
    out.extend_from_slice(match protocol {
        Protocol::Resp2 => b"$-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// No value, where an array could have been.
pub fn null_array(out: &mut Vec<u8>, protocol: Protocol) {
    out.extend_from_slice(match protocol {
        Protocol::Resp2 => b"*-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// An array of `length` values, which must follow.
pub fn array_header(out: &mut Vec<u8>, length: usize) {
    header(out, b'*', length);
}

/// A map of `pairs` keys and values, which must follow in turn; a flat array in RESP2.
pub fn map_header(out: &mut Vec<u8>, protocol: Protocol, pairs: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', pairs.saturating_mul(2)),
        Protocol::Resp3 => header(out, b'%', pairs),
    }
}

/// A set of `length` values, which must follow; an array in RESP2.
pub fn set_header(out: &mut Vec<u8>, protocol: Protocol, length: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', length),
        Protocol::Resp3 => header(out, b'~', length),
    }
}

/// A message outside the order of replies, of `length` values, which must follow; an array in RESP2.
pub fn push_header(out: &mut Vec<u8>, protocol: Protocol, length: usize) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', length),
        Protocol::Resp3 => header(out, b'>', length),
    }
}

/// A floating-point number in the 17 digits of Redis 7.0; a bulk in RESP2.
pub fn double(out: &mut Vec<u8>, protocol: Protocol, value: f64) {
    if protocol == Protocol::Resp2 {
        return bulk(out, &double_text(value));
    }
    out.push(b',');
    digits::write(out, value);
    out.extend_from_slice(b"\r\n");
}

/// The digits that [`double`] sends, for where Redis sends a number as a text.
pub fn double_text(value: f64) -> Vec<u8> {
    // The longest is -1.2345678901234567e-308.
    let mut text = Vec::with_capacity(24);
    digits::write(&mut text, value);
    text
}

/// True or false; 1 or 0 in RESP2.
pub fn boolean(out: &mut Vec<u8>, protocol: Protocol, value: bool) {
    match protocol {
        Protocol::Resp2 => integer(out, i64::from(value)),
        Protocol::Resp3 => out.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
    }
}

/// A request, as a client sends it.
pub fn command(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    array_header(out, arguments.len());
    for argument in arguments {
        bulk(out, argument);
    }
}

#[inline]
fn header(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    number::write(out, length as u64);
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.reserve(text.len() + 3);
    out.push(kind);
    let start = out.len();
    out.extend_from_slice(text);
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_can_not_end_its_line() {
        assert_eq!(written(|out| simple(out, "OK")), "+OK\r\n");
        assert_eq!(written(|out| error(out, "ERR a\r\n+b\n")), "-ERR a  +b \r\n");
        assert_eq!(written(|out| simple(out, b"a\rb")), "+a b\r\n");
    }

    #[test]
    fn numbers_and_bulks_are_as_redis_writes_them() {
        for value in [0, 7, -1, 42, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| integer(out, value)), format!(":{value}\r\n"));
        }
        assert_eq!(written(|out| bulk(out, b"")), "$0\r\n\r\n");
        assert_eq!(written(|out| bulk(out, b"a\r\nb")), "$4\r\na\r\nb\r\n");
        assert_eq!(
            written(|out| command(out, &[b"GET", b"key"])),
            "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"
        );
    }

    #[test]
    fn each_protocol_has_its_own_forms() {
        type Write = fn(&mut Vec<u8>, Protocol);
        let cases: [(Write, &str, &str); 12] = [
            (null, "$-1\r\n", "_\r\n"),
            (null_array, "*-1\r\n", "_\r\n"),
            (|out, p| verbatim(out, p, b"abc"), "$3\r\nabc\r\n", "=7\r\ntxt:abc\r\n"),
            (|out, p| map_header(out, p, 12), "*24\r\n", "%12\r\n"),
            (|out, p| set_header(out, p, 3), "*3\r\n", "~3\r\n"),
            (|out, p| push_header(out, p, 3), "*3\r\n", ">3\r\n"),
            (|out, p| boolean(out, p, true), ":1\r\n", "#t\r\n"),
            (|out, p| boolean(out, p, false), ":0\r\n", "#f\r\n"),
            (|out, p| double(out, p, 1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|out, p| double(out, p, f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
            (|out, p| double(out, p, f64::NAN), "$3\r\nnan\r\n", ",nan\r\n"),
            (
                |out, p| double(out, p, -1e300),
                "$24\r\n-1.0000000000000001e+300\r\n",
                ",-1.0000000000000001e+300\r\n",
            ),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(|out| write(out, Protocol::Resp2)), resp2);
            assert_eq!(written(|out| write(out, Protocol::Resp3)), resp3);
        }
    }
}
