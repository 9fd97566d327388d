//! Key positions: whatever arguments a command of the table has, its keys are among them, or it is refused.

use super::pieces::Pieces;
use redis_sidecar::command::{self, Spec, keys};
use redis_sidecar::routing::target::{Situation, patience, target};
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;

/// Words that mean something somewhere, so that random commands do too.
const WORDS: [&str; 32] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "KEYS",
    "STREAMS",
    "STORE",
    "STOREDIST",
    "GET",
    "BY",
    "#",
    "nosort*",
    "WEIGHTS",
    "AGGREGATE",
    "LIMIT",
    "COUNT",
    "BLOCK",
    "GROUP",
    "NOACK",
    "AUTH",
    "AUTH2",
    "COPY",
    "REPLACE",
    "MATCH",
    "ASC",
    "ALPHA",
    "LEFT",
    "RIGHT",
    "MIN",
    "",
    "key",
];

/// Runs the target: which command, then its arguments.
pub fn run(data: &[u8]) {
    let (spec, args) = command(&mut Pieces(data));
    if let Ok(found) = keys::positions(spec, args.as_slice()) {
        for position in found.iter() {
            assert!(position.index > 0 && position.index < args.len(), "{args:?}: {position:?}");
        }
    }
    for index in keys::patterns(spec, args.as_slice()) {
        assert!(index < args.len(), "{args:?}: a pattern at {index}");
    }
    let _ = keys::asks_to_block(args.as_slice());
    let mut frame = Vec::new();
    let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    encode::command(&mut frame, &words);
    let request = Request::parse(&frame).expect("what we encode is a request");
    let _ = target(Some(spec), &request, Situation::default());
    let _ = patience(Some(spec), &request);
}

/// A command of the table, and random arguments for it.
pub(super) fn command(pieces: &mut Pieces<'_>) -> (&'static Spec, Vec<Vec<u8>>) {
    let all: Vec<_> = command::all().collect();
    let spec = all[pieces.number() % all.len()];
    let mut args: Vec<Vec<u8>> = vec![spec.name.as_bytes().to_vec()];
    if spec.is_container() && !spec.subcommands.is_empty() {
        let subcommand = &spec.subcommands[usize::from(pieces.byte()) % spec.subcommands.len()];
        let word = subcommand.name.rsplit('|').next().unwrap_or_default();
        args.push(word.as_bytes().to_vec());
    }
    while !pieces.0.is_empty() && args.len() < 64 {
        args.push(match pieces.byte() {
            word @ 0..=127 => WORDS[usize::from(word) % WORDS.len()].as_bytes().to_vec(),
            length => pieces.take(usize::from(length) % 12).to_vec(),
        });
    }
    (spec, args)
}
