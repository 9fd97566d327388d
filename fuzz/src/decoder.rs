//! Requests: any bytes, however they arrive, give the same requests or the same error, and what is a request
//! reads back as what it was.

use super::pieces::Pieces;
use redis_sidecar::wire::decode::{Decoded, Decoder, Limits, ProtocolError, Request};

/// What a client's bytes amount to: its requests, why they end to make sense, and where.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>, usize);

/// Runs the target.
pub fn run(data: &[u8]) {
    let mut pieces = Pieces(data);
    let limits = match pieces.byte() % 3 {
        0 => Limits::DEFAULT,
        1 => Limits::UNAUTHENTICATED,
        _ => Limits {
            max_arguments: 3,
            max_bulk: 8,
            max_request: 48,
            max_inline: 16,
            unauthenticated: false,
        },
    };
    let step = usize::from(pieces.byte());
    let input = pieces.0;
    let whole = decode(input, &limits, input.len().max(1));
    let cut = decode(input, &limits, step.max(1));
    assert_eq!(whole, cut, "cut into steps of {step}");
}

/// Decodes `input` as it arrives, `step` bytes at a time.
fn decode(input: &[u8], limits: &Limits, step: usize) -> Outcome {
    let mut decoder = Decoder::new();
    let (mut requests, mut start, mut arrived) = (Vec::new(), 0, 0);
    while arrived < input.len() {
        arrived = (arrived + step).min(input.len());
        loop {
            match decoder.decode(&input[start..arrived], limits) {
                Ok(Decoded::Incomplete) => break,
                Ok(Decoded::Request(request)) => {
                    start += request.bytes().len();
                    requests.push(words(&request));
                }
                Ok(Decoded::Inline { consumed, encoded }) => {
                    let request = Request::parse(&encoded).expect("an inline request is one");
                    requests.push(words(&request));
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
    assert_eq!(words.len(), request.argc());
    assert_eq!(words.first().map(Vec::as_slice), Some(request.name()));
    assert_eq!(request.arg(words.len() - 1), words.last().map(Vec::as_slice));
    assert_eq!(Request::parse(request.bytes()).map(|again| again.argc()), Some(words.len()));
    words
}
