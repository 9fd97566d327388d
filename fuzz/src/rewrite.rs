//! A namespace: whatever a command is, all keys of what goes upstream lie in it, and it takes nothing else away; and a
//! reply is a reply still, and the same however it arrives.

use super::keys::command;
use super::pieces::Pieces;
use redis_sidecar::command::keys::{self, KeysError};
use redis_sidecar::command::{self, Spec};
use redis_sidecar::config::{Config, Rule, Sources, Ttl};
use redis_sidecar::policy::namespace::Namespace;
use redis_sidecar::policy::rules::Meters;
use redis_sidecar::policy::{App, Asked, Draft, Shape, Stripper, Verdict, requests};
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;
use redis_sidecar::wire::scan::{Progress, Scanner};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Has glob characters in it, and begins as a key might.
const PREFIX: &str = "a[b?:";

/// Runs the target: whether within MULTI, in steps of how many bytes; a command; what is left is its reply.
pub fn run(data: &[u8]) {
    static APP: OnceLock<Arc<App>> = OnceLock::new();
    let app = APP.get_or_init(|| within(PREFIX).expect("a namespace"));
    let mut pieces = Pieces(data);
    let (in_multi, step) = (pieces.byte() & 1 == 1, usize::from(pieces.byte()).max(1));
    let (spec, args) = command(&mut pieces);
    let mut frame = Vec::new();
    let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    encode::command(&mut frame, &words);
    let request = Request::parse(&frame).expect("what we encode is a request");
    let (mut draft, number) = (Draft::default(), command::find(request.name()).1);
    let asked = Asked { spec: Some(spec), number, request: &request, in_multi, at: None };
    let verdict = app.judge(&asked, &mut Meters::default(), &mut draft);
    let out = &draft.command;
    match verdict {
        Verdict::Prefixed => {
            let judged = request.within(out);
            assert_eq!(judged.argc(), Request::parse(out).map_or(0, |whole| whole.argc()));
            assert_within(spec, &judged);
        }
        Verdict::Rewritten => {
            assert_within(spec, &Request::parse(out).expect("what is written is a request"));
        }
        Verdict::Pass => assert_within(spec, &request),
        Verdict::Whole | Verdict::Refused(_) => {}
    }
    for behind in requests(&draft.behind) {
        assert_within(command::lookup(behind.name()).expect("a command of ours"), &behind);
    }
    let shape = Shape::of(command::resolve(&request).unwrap_or(spec));
    if let Some(namespace) = app.namespace() {
        strip(namespace, shape, data, step);
    }
}

/// An app whose keys begin so.
fn within(prefix: &str) -> Option<Arc<App>> {
    let mut config = Config::load(&Sources::default()).expect("the defaults");
    config.namespace.prefix = Some(prefix.to_owned());
    let ttl = Ttl { default: Some(Duration::from_secs(60)), max: None, require: false };
    config.rules = vec![Rule { ttl: Some(ttl), ..Rule::of("*") }];
    App::new(&config, Instant::now())
}

fn assert_within(spec: &'static Spec, request: &Request<'_>) {
    let found = match keys::positions(spec, request) {
        Ok(found) => found,
        // The server refuses it whatever its keys are.
        Err(KeysError::Arity(_) | KeysError::Subcommand(_)) => return,
        Err(error) => panic!("{}: {error}", request.bytes().escape_ascii()),
    };
    for position in found.iter() {
        let key = request.arg(position.index).unwrap_or_default();
        assert!(key.starts_with(PREFIX.as_bytes()), "{}: {}", spec.name, key.escape_ascii());
    }
}

/// The first reply that is in `data`, wherever it begins.
fn strip(namespace: &Namespace, shape: Shape, data: &[u8], step: usize) {
    let Some(start) = data.iter().position(|byte| b"*%~$+-".contains(byte)) else { return };
    let Ok(Progress::Complete { used }) = Scanner::new().feed(&data[start..]) else { return };
    let reply = &data[start..start + used];
    let (mut whole, mut cut) = (Vec::new(), Vec::new());
    namespace.strip(shape, reply, &mut whole);
    let mut stripper = Stripper::new(shape);
    for piece in reply.chunks(step) {
        stripper.feed(piece, namespace.prefix(), &mut cut);
    }
    assert_eq!(whole.escape_ascii().to_string(), cut.escape_ascii().to_string());
    assert!(whole.len() <= reply.len());
    let ended = Scanner::new().feed(&whole);
    assert_eq!(ended, Ok(Progress::Complete { used: whole.len() }), "{}", whole.escape_ascii());
}
