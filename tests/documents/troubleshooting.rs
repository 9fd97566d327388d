//! docs/troubleshooting.md against the code: each error text that the code has is on the page, and what the page
//! quotes is a text of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Page;
use super::page::root;

/// The errors whose texts are for operators or apps, whole.
const ERRORS: [&str; 4] =
    ["upstream/error.rs", "upstream/tls.rs", "upstream/lane/queue/mod.rs", "server/mod.rs"];

/// How our own RESP errors begin.
const CODES: [&str; 4] = ["UNAVAILABLE ", "TIMEOUT ", "DENIED ", "EXECABORT "];

/// A part of a text that is too short to be looked for.
const SHORT: usize = 12;

#[test]
fn every_error_text_is_explained() {
    // What policy refuses is explained where policy is.
    let pages = ["docs/troubleshooting.md", "docs/policy.md", "docs/limits.md"];
    let pages = pages.iter().filter(|name| root().join(name).exists());
    let text: String = pages.map(|name| plain(&Page::named(name).text) + "\n").collect();
    let mut missing = Vec::new();
    let mut seen = 0;
    for (file, source) in sources() {
        for literal in texts(&file, &source) {
            let Some(part) = longest_part(&literal) else { continue };
            seen += 1;
            if !text.contains(&plain(part)) {
                missing.push(format!("{file}: {part}"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/troubleshooting.md wants:\n{}", missing.join("\n"));
    assert!(seen > 45, "only {seen} texts were found in the code");
}

#[test]
fn every_text_that_is_quoted_is_in_the_code() {
    let code: String =
        sources().iter().flat_map(|(_, source)| literals(source)).collect::<Vec<_>>().join("\n");
    let page = Page::named("docs/troubleshooting.md");
    let ours = page.text.split("## Redis's own").next().unwrap();
    let mut unknown = Vec::new();
    let mut seen = 0;
    for row in ours.lines().filter_map(|line| line.strip_prefix("| `")) {
        let quoted = row.split('`').next().unwrap();
        seen += 1;
        for part in quoted.split("...").map(str::trim).filter(|part| part.len() >= SHORT) {
            if !code.contains(part.trim_end_matches(';')) {
                unknown.push(format!("{quoted}: {part:?}"));
            }
        }
    }
    assert!(unknown.is_empty(), "in no source:\n{}", unknown.join("\n"));
    assert!(seen > 45, "only {seen} texts are quoted");
}

/// The texts of a file that somebody may have to look up.
fn texts(file: &str, source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut starts = vec!["tracing::warn!(", "tracing::error!("];
    if ERRORS.contains(&file) {
        starts.push("#[error(");
    }
    for start in starts {
        for (at, _) in source.match_indices(start) {
            let inside = balanced(&source[at + start.len()..]);
            found.extend(literals(inside).into_iter().max_by_key(String::len));
        }
    }
    let of_ours = |text: &String| {
        let is_long = text.len() > SHORT + 8;
        is_long && (CODES.iter().any(|code| text.starts_with(code)) || text.contains("memory://;"))
    };
    found.extend(literals(source).into_iter().filter(of_ours));
    found
}

/// The longest part between what is filled in.
fn longest_part(text: &str) -> Option<&str> {
    let parts = text.split('{').flat_map(|part| match part.split_once('}') {
        Some((_, rest)) => [rest, ""],
        None => [part, ""],
    });
    let parts = parts.map(|part| part.trim_matches(|letter: char| " ;:,().'`".contains(letter)));
    parts.max_by_key(|part| part.len()).filter(|part| part.len() >= SHORT)
}

/// With one space between words, and without the marks of code.
fn plain(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sources by their path within src, without tests and comments.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut found = Vec::new();
    collect(&src, &src, &mut found);
    assert!(found.len() > 100, "too few sources");
    found
}

fn collect(src: &Path, dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(src).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(src, &path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            let lines: Vec<&str> = code.lines().filter(is_code).collect();
            found.push((name, lines.join("\n")));
        }
    }
}

/// What stands before the parenthesis that closes the one that was opened before `text`.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    let mut is_literal = false;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_literal => is_escaped = true,
            '"' => is_literal = !is_literal,
            '(' if !is_literal => depth += 1,
            ')' if !is_literal => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The string literals in a piece of code, with `\` at the end of a line undone.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => skip_character(&mut letters),
            '"' => found.push(literal(&mut letters)),
            _ => {}
        }
    }
    found
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// `'"'` and `'\''` begin no literal; a lifetime is no character.
fn skip_character(letters: &mut Letters<'_>) {
    match letters.peek() {
        Some('"') => drop(letters.next()),
        Some('\\') => {
            letters.next();
            letters.next();
        }
        _ => {}
    }
}

fn literal(letters: &mut Letters<'_>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => while letters.next_if(|next| next.is_whitespace()).is_some() {},
                Some(escaped) => text.push(escaped),
                None => break,
            },
            letter => text.push(letter),
        }
    }
    text
}

#[test]
fn texts_are_found_in_code() {
    let code =
        "tracing::warn!(a = 'x', \"it is {b} and \\\n      goes on ({c})\"); f('\"', \"no\")";
    let found: Vec<_> = texts("x.rs", code).into_iter().collect();
    assert_eq!(found, ["it is {b} and goes on ({c})"]);
    assert_eq!(longest_part(&found[0]), None);
    assert_eq!(longest_part("short {x} this is the longer ({y})"), Some("this is the longer"));
    assert_eq!(literals("a(\"\\\"q\\\"\")"), ["\"q\""]);
}
