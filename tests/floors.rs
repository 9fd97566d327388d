//! The order of the floors, as docs/architecture.md draws it: a module names only floors below its
//! own, and no file grows over 400 lines.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. lib.rs and main.rs stand outside.
const FLOORS: [&str; 12] = [
    "wire",
    "command",
    "config",
    "telemetry",
    "policy",
    "memory",
    "upstream",
    "routing",
    "session",
    "admin",
    "server",
    "cli",
];

const MAX_LINES: usize = 400;

#[test]
fn no_module_names_a_floor_above_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in rust_files(&root) {
        let inside = file.strip_prefix(&root).unwrap();
        if inside == Path::new("lib.rs") || inside == Path::new("main.rs") {
            continue;
        }
        let first = inside.iter().next().unwrap().to_string_lossy();
        let floor = first.trim_end_matches(".rs");
        let found = upward_arrows(floor, &fs::read_to_string(&file).unwrap());
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", inside.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_over_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = rust_files(&root.join("src"));
    files.extend(rust_files(&root.join("tests")));
    assert!(files.len() > 10, "too few files were found: {files:?}");
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_check_sees_arrows_in_every_form() {
    let cases = [
        ("wire", "use crate::session::Session;", 1),
        ("wire", "use crate::wire::scan;", 0),
        ("session", "use crate::{wire, routing::{Target, hub}};", 0),
        ("routing", "use crate::{\n    wire,\n    session::{self, State},\n    cli,\n};", 2),
        ("memory", "fn f() { crate::server::start() }", 1),
        ("memory", "fn f(x: &crate::policy::Access) {}", 0),
        ("policy", "pub(crate) fn f() {} // not crate::cli", 0),
        ("policy", "//! see [`crate::cli`]\n/// and crate::server", 0),
        ("policy", "use crate :: cli;", 1),
        ("policy", "use crate::Nameless;", 1),
        ("policy", "let text = \"crate\"; use crate::{self as all};", 1),
        ("attic", "", 1),
    ];
    for (floor, text, faults) in cases {
        let found = upward_arrows(floor, text);
        assert_eq!(found.len(), faults, "{floor}: {text:?} gave {found:?}");
    }
}

/// What `text`, on `floor`, names and must not.
fn upward_arrows(floor: &str, text: &str) -> Vec<String> {
    let Some(own) = FLOORS.iter().position(|name| *name == floor) else {
        return vec![format!("{floor} is no floor")];
    };
    let mut faults = Vec::new();
    for name in named_floors(text) {
        match FLOORS.iter().position(|floor| *floor == name) {
            Some(named) if named <= own => {}
            Some(_) => faults.push(format!("{floor} names {name}, which is above it")),
            None => faults.push(format!("crate::{name} is no floor")),
        }
    }
    faults
}

/// The first segment behind each `crate::`, and each of them in `crate::{a::b, c}`.
fn named_floors(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join(" ");
    let code: String = code.replace(" :: ", "::");
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code[at + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_segments(group)),
            None => names.push(identifier(rest)),
        }
    }
    names
}

/// The first segments of the items of a group whose opening brace is passed already.
fn first_segments(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut at_start) = (0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !letter.is_whitespace() => {
                names.push(identifier(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
