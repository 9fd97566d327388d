//! Replies: any bytes, however they arrive, end at the same places or with the same error; and a whole reply is
//! read as a value, or refused, in either protocol.

use super::pieces::Pieces;
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::reply::Reply;
use redis_sidecar::wire::scan::{Progress, ScanError, Scanner};

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut pieces = Pieces(data);
    let step = usize::from(pieces.byte()).max(1);
    let depth = usize::from(pieces.byte());
    let input = pieces.0;
    let whole = ends(Scanner::new(), input, input.len().max(1));
    assert_eq!(whole, ends(Scanner::new(), input, step), "cut into steps of {step}");
    assert_eq!(whole, ends(Scanner::bounded(depth), input, step), "telling {depth} levels apart");
    let mut start = 0;
    for end in whole.0 {
        let frame = input[start..end].to_vec().into();
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            // Whether it can be read is its own business; to panic is not.
            let _ = Reply::parse(&frame, protocol);
        }
        start = end;
    }
}

/// Where replies end, and why they stop to make sense.
fn ends(mut scanner: Scanner, input: &[u8], step: usize) -> (Vec<usize>, Option<ScanError>) {
    let (mut ends, mut at) = (Vec::new(), 0);
    for piece in input.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            match scanner.feed(rest) {
                Ok(Progress::Complete { used }) => {
                    assert!(used > 0 && scanner.is_idle());
                    at += used;
                    ends.push(at);
                    rest = &rest[used..];
                }
                Ok(Progress::Partial) => {
                    assert!(!scanner.is_idle());
                    at += rest.len();
                    break;
                }
                Err(error) => return (ends, Some(error)),
            }
        }
    }
    (ends, None)
}
