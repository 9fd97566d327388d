//! What a release is made of, as far as it can be looked at without building one: man page, completions, the
//! files that a container is built from, the compose file, and what the project says of its own needs.

#[path = "../examples/manual.rs"]
#[allow(dead_code, reason = "its main is for the command line")]
mod manual;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use redis_sidecar::cli::args::CommandLine;
use serde_yaml::Value;

use crate::harness::run_alone;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_manual_and_the_completions_know_every_command_and_option() {
    let dir = tempfile::tempdir().unwrap();
    manual::write(dir.path()).unwrap();
    let command = CommandLine::command();
    let mut words: Vec<String> =
        command.get_subcommands().map(|part| part.get_name().to_owned()).collect();
    let parts = command.get_subcommands().chain([&command]);
    words.extend(
        parts
            .flat_map(|part| part.get_opts())
            .filter_map(|option| option.get_long().map(|name| format!("--{name}"))),
    );
    assert!(words.len() > 15, "{words:?}");
    let page = fs::read_to_string(dir.path().join("redis-sidecar.1")).unwrap().replace('\\', "");
    for file in ["redis-sidecar.bash", "_redis-sidecar"] {
        let text = fs::read_to_string(dir.path().join(file)).unwrap();
        for word in &words {
            assert!(text.contains(word.as_str()), "{file} has no {word}");
            assert!(page.to_lowercase().contains(word.as_str()), "the man page has no {word}");
        }
    }
    let fish = fs::read_to_string(dir.path().join("redis-sidecar.fish")).unwrap();
    assert!(fish.contains("-l workloads"), "{fish}");
    assert!(page.contains("SIDECAR") || page.contains("REDIS_URL"), "{page}");
    let syntax = Command::new("bash").arg("-n").arg(dir.path().join("redis-sidecar.bash")).status();
    assert!(syntax.unwrap().success());
}

#[test]
fn the_container_is_built_from_enough_and_from_little() {
    // As .dockerignore has it: nothing, but what is named.
    let ignore = read(".dockerignore");
    let kept: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*") && kept.contains(&"Cargo.lock"));
    let dir = tempfile::tempdir().unwrap();
    for name in kept {
        let (from, to) = (root().join(name), dir.path().join(name));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").args([&from, &to]).status().unwrap();
        assert!(copied.success(), "{name}");
    }
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version=1", "--no-deps"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains("RUN scripts/build-static /out"), "by the script that is tested");
    assert!(dockerfile.contains("\nFROM scratch\n") && dockerfile.contains("\nUSER 65532:65532\n"));
    assert!(dir.path().join("scripts/build-static").exists());
}

/// The services of docker-compose.yaml, played by the programs of this machine: the certificates as they are
/// made there, the Redis and the sidecar as they are started there, and the app's question.
#[test]
fn the_compose_file_makes_a_whole() {
    let compose: Value = serde_yaml::from_str(&read("docker-compose.yaml")).unwrap();
    let service = |name: &str| compose["services"][name].clone();
    let dir = tempfile::tempdir().unwrap();
    let place = |text: &str| {
        text.replace("/certificates", &dir.path().join("certificates").display().to_string())
    };
    fs::create_dir(dir.path().join("certificates")).unwrap();
    fs::write(dir.path().join("hosts"), "127.0.0.1 localhost cache\n").unwrap();
    let make = place(service("certificates")["command"][1].as_str().unwrap());
    fs::write(dir.path().join("certificates.sh"), make).unwrap();
    let redis = place(service("cache")["command"].as_str().unwrap());
    let environment = service("sidecar")["environment"].clone();
    let pairs = environment.as_mapping().unwrap().iter();
    let environment: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", name.as_str().unwrap(), value.as_str().unwrap()))
        .collect();
    assert_eq!(service("sidecar")["network_mode"], "service:app");
    let question = "redis-cli -h 127.0.0.1 incr visits";
    assert!(service("app")["command"].as_str().unwrap().contains(question));
    let script = format!(
        "ip link set lo up; mount --bind hosts /etc/hosts; mkdir work\n\
         /bin/sh -ec \"$(cat certificates.sh)\" 2>/dev/null\n\
         (cd work; exec {redis}) >/dev/null &\n\
         env -i {} {sidecar} &\n\
         {sidecar} wait --timeout 30s\n\
         {question}\n",
        place(&environment.join(" ")),
        redis = redis.trim(),
        sidecar = env!("CARGO_BIN_EXE_redis-sidecar"),
    );
    fs::write(dir.path().join("script"), script).unwrap();
    let output = run_alone(&dir.path().join("script"), dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.ends_with("1\n"), "{output:?}");
}

#[test]
fn the_oldest_rust_is_the_same_everywhere() {
    let manifest = read("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    for (file, text) in [
        ("Dockerfile", format!("FROM rust:{version}-")),
        ("README.md", format!("Rust {version} or newer")),
        ("docs/installing.md", format!("Rust {version} or newer")),
        (".github/workflows/test.yaml", format!("toolchain: \"{version}\"")),
    ] {
        assert!(read(file).contains(&text), "{file} has no {text:?}");
    }
}
