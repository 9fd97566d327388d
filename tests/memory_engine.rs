//! The embedded engine against a real redis-server: the same commands, the same replies, in both
//! protocols (`pair` says what counts as the same). A script of known cases, and random work: one
//! file for each group of commands makes it, and `mixed` puts all on the same keys.
//!
//! A failure shows the shortest sequence that fails, as lines for `regressions.txt`, and its seed.
//! Each run plays another seed: MEMORY_ENGINE_SEED plays one again, MEMORY_ENGINE_STEPS is how many commands each test
//! should try.

mod hashes;
mod keys;
mod lists;
mod pair;
mod sets;
mod sorted_sets;
mod strings;
mod words;

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use redis_sidecar::wire::Protocol;

use crate::harness::Redis;
use pair::Pair;
use words::{name, show, words};

/// A name and its arguments.
type Command = Vec<Vec<u8>>;

const SCRIPT: &str = include_str!("memory_engine/script.txt");
const REGRESSIONS: &str = include_str!("memory_engine/regressions.txt");

/// Commands in one sequence.
const LENGTH: u32 = 100;

#[test]
fn every_line_of_the_script_gets_the_reply_of_a_real_server() {
    play_script(SCRIPT);
}

/// Each block of lines is a sequence on which both once differed.
#[test]
fn what_once_differed_from_a_real_server_does_so_no_more() {
    REGRESSIONS.split("\n\n").for_each(play_script);
}

#[test]
fn databases_are_apart_as_in_a_real_server() {
    play_script(
        "SET k zero\nSELECT 15\nGET k\nSET k fifteen\nDBSIZE\nSELECT 0\nGET k\nSELECT 15\n\
         FLUSHDB\nSELECT 0\nGET k\nSELECT 15\nSET k again\nSELECT 0\nFLUSHALL\nSELECT 15\nEXISTS k",
    );
}

#[test]
fn glob_patterns_match_as_in_a_real_server() {
    let piece = select(vec!["a", "b", "-", "]", "[", "^", "\\", "*", "?", "c"]);
    let text = vec(select(vec!["a", "b", "-", "]", "^", "\\", "c", "*"]), 0..5);
    let text = text.prop_map(|pieces| pieces.concat());
    let pattern = vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    let work = (pattern, vec(text, 1..6)).prop_map(|(pattern, texts)| {
        let stored = texts.iter().map(|text| vec![name("SET"), name(text), name("v")]);
        stored.chain([vec![name("KEYS"), name(&pattern)]]).collect::<Vec<Command>>()
    });
    run(4, &Redis::start_plain(), Protocol::Resp2, &work);
}

#[test]
fn commands_of_all_groups_on_the_same_keys_get_the_replies_of_a_real_server() {
    random_work(40, || {
        prop_oneof![
            3 => strings::any_command(),
            3 => hashes::any_command(),
            3 => sets::any_command(),
            3 => lists::any_command(),
            3 => sorted_sets::any_command(),
            3 => keys::any_command(),
        ]
    });
}

fn play_script(script: &str) {
    let redis = Redis::start_plain();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut pair = Pair::new(&redis, protocol);
        pair.wipe();
        for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            pair.agree_on(&words(line)).unwrap_or_else(|fault| panic!("{fault}"));
        }
    }
}

/// Random sequences in both protocols, `cases` in each.
fn random_work<S: Strategy<Value = Command>>(cases: u32, any_command: impl Fn() -> S) {
    let redis = Redis::start_plain();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let length = 1..usize::try_from(2 * LENGTH).unwrap();
        run(cases, &redis, protocol, &vec(any_command(), length));
    }
}

fn run(cases: u32, redis: &Redis, protocol: Protocol, work: &impl Strategy<Value = Vec<Command>>) {
    let variable = |name| std::env::var(name).ok().map(|text: String| text.parse().unwrap());
    let cases = variable("MEMORY_ENGINE_STEPS").map_or(u64::from(cases), |s| s / u64::from(LENGTH));
    let seed = variable("MEMORY_ENGINE_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    // What the engine picks by chance is played again, too.
    fastrand::seed(seed);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(cases.max(1)).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let pair = RefCell::new(Pair::new(redis, protocol));
    let outcome = TestRunner::new_with_rng(config, rng).run(work, |commands| {
        let mut pair = pair.borrow_mut();
        pair.wipe();
        commands
            .iter()
            .try_for_each(|command| pair.agree_on(command))
            .map_err(TestCaseError::fail)?;
        pair.agree_on(&words("KEYS *")).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, commands)) => {
            let lines: Vec<String> = commands.iter().map(|command| show(command)).collect();
            panic!("MEMORY_ENGINE_SEED={seed}\n{}\n\n{reason}", lines.join("\n"));
        }
        Err(TestError::Abort(reason)) => panic!("MEMORY_ENGINE_SEED={seed}: {reason}"),
    }
}
