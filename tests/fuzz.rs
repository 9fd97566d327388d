//! A smoke of each fuzz target: its seeds, and the same with bytes changed, put in and taken out, always in the same
//! way. What a run with `cargo fuzz` finds gets a test beside what it is about, and its input becomes a seed.

use std::fs;
use std::path::Path;

#[allow(unreachable_pub, reason = "it is a crate of its own too, for cargo fuzz")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Runs a target on its seeds, and on `times` inputs made of them.
fn smoke(name: &str, times: usize, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(seeds.len() >= 2, "{name} has too few seeds");
    seeds.iter().for_each(|seed| run(seed));
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..times {
        let mut input = seeds[dice.usize(..seeds.len())].clone();
        for _ in 0..dice.usize(1..6) {
            change(&mut input, &seeds, &mut dice);
        }
        run(&input);
    }
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut fastrand::Rng) {
    let at = dice.usize(..=input.len());
    let end = (at + dice.usize(..16)).min(input.len());
    match dice.u8(..5) {
        0 => input.insert(at, dice.u8(..)),
        1 => drop(input.drain(at..end)),
        2 => input.extend_from_within(at..end),
        3 => input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << dice.u8(..8)),
        _ => {
            let other = &seeds[dice.usize(..seeds.len())];
            let from = dice.usize(..other.len());
            let to = (from + dice.usize(..64)).min(other.len());
            input.splice(at..at, other[from..to].iter().copied());
        }
    }
}

#[test]
fn decoder() {
    smoke("decoder", 5_000, targets::decoder::run);
}

#[test]
fn scanner() {
    smoke("scanner", 5_000, targets::scanner::run);
}

#[test]
fn config() {
    smoke("config", 200, targets::config::run);
}

#[test]
fn keys() {
    smoke("keys", 20_000, targets::keys::run);
}

#[test]
fn rewrite() {
    smoke("rewrite", 20_000, targets::rewrite::run);
}

#[test]
fn session() {
    smoke("session", 300, targets::session::run);
}

#[test]
fn upstream() {
    smoke("upstream", 40, targets::upstream::run);
}
