//! The code in docs/clients.md is code that the trials run: each fence names the file that it is taken from,
//! and each snippet of those files is shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::harness::scripts_directory;

/// Code by the place that it is from, such as `ioredis/connect.js: connect`.
type Snippets = BTreeMap<String, String>;

const LIBRARIES: [&str; 7] =
    ["ioredis", "node-redis", "redis-py", "bullmq", "rate-limiter-flexible", "celery", "sidekiq"];

#[test]
fn the_code_in_the_docs_is_what_the_trials_run() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    let shown = fences(&fs::read_to_string(page).unwrap());
    let mut run = Snippets::new();
    for library in LIBRARIES {
        for file in fs::read_dir(scripts_directory().join(library)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_file() {
                let text = fs::read_to_string(&path).unwrap();
                run.extend(snippets(&format!("{library}/{name}"), &text));
            }
        }
    }
    assert!(run.len() >= 5, "{run:?}");
    assert_eq!(shown, run);
}

/// The fenced code of a page by the comment before each fence; code without one stands under `?`.
fn fences(page: &str) -> Snippets {
    let mut found = Snippets::new();
    let mut place = "?".to_owned();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(code), None) => code.extend([line, "\n"]),
            (Some(_), Some(_)) => drop(found.insert(place.clone(), open.take().unwrap())),
            (None, Some("js" | "python" | "ruby")) => open = Some(String::new()),
            (None, _) => {
                let comment = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                place = comment.unwrap_or("?").to_owned();
            }
        }
    }
    found
}

/// What stands between `snippet: NAME` and `end` in a file, by `FILE: NAME`.
fn snippets(file: &str, text: &str) -> Snippets {
    let mut found = Snippets::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        let comment = line.trim_start_matches(['/', '#']).trim();
        if let Some(name) = comment.strip_prefix("snippet: ") {
            open = Some((format!("{file}: {name}"), String::new()));
        } else if comment == "end" {
            found.extend(open.take());
        } else if let Some((_, code)) = &mut open {
            code.extend([line, "\n"]);
        }
    }
    assert!(open.is_none(), "{file}: a snippet has no end");
    found
}
