//! Every configuration in the documents is one that the sidecar takes: the `yaml` blocks that have a key of ours at
//! their begin, as files. One for another program that has such a key says so in a comment: `<!-- for PROGRAM -->`.

use std::fs;

use redis_sidecar::config::keys;

use super::Page;
use crate::harness::Cli;

/// Where the documents let secrets and certificates lie.
const FILES: &str = "/etc/redis-sidecar/";

#[test]
fn every_configuration_is_taken() {
    let mut checked = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "yaml") {
            if block.comment.starts_with("for ") || !has_our_key(&block.text) {
                continue;
            }
            checked += 1;
            let dir = tempfile::tempdir().unwrap();
            let files = format!("{}/", dir.path().display());
            for name in block.text.split(FILES).skip(1) {
                let end =
                    name.find(|letter: char| !letter.is_alphanumeric() && !"-_.".contains(letter));
                fs::write(dir.path().join(&name[..end.unwrap_or(name.len())]), "x").unwrap();
            }
            let yaml = block.text.replace(FILES, &files);
            let mut cli = Cli::new(&["check"]).config(&yaml);
            for name in ["REDIS_HOST", "REDIS_PASSWORD", "SIDECAR_PASSWORD"] {
                if yaml.contains(&format!("${{{name}}}")) {
                    cli = cli.env(name, "example");
                }
            }
            let outcome = cli.run();
            let place = format!("{}:{}", page.name, block.line);
            assert_eq!(outcome.code, Some(0), "{place}: {}{}", outcome.err, block.text);
        }
    }
    assert!(checked >= 9, "only {checked} configurations were found");
}

fn has_our_key(yaml: &str) -> bool {
    let starts = |name: &str| yaml.lines().any(|line| line.split(':').next() == Some(name));
    keys::ALL.iter().any(|key| starts(key.path.split('.').next().unwrap_or_default()))
}
