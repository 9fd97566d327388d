//! Prometheus's own checks: of the output, the alerts, and what the dashboard asks for.

use super::{lines, scrape::Scrape};
use crate::harness::{Redis, Sidecar, SidecarOptions};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(name)
}

/// Runs promtool, and fails with what it says.
#[track_caller]
fn promtool(args: &[&str], input: &str) {
    let child = Command::new("promtool")
        .args(args)
        .current_dir(file(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("these tests need promtool ({error}); install it: apt-get install prometheus")
    });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && !said.contains("error"), "promtool {args:?}: {said}");
}

#[test]
fn promtool_finds_nothing_wrong_with_the_output() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    lines(&mut client, "SET k v\nLPUSH k x\nMULTI\nEXEC\nSUBSCRIBE news");
    promtool(&["check", "metrics"], &Scrape::of(&sidecar).text);
    promtool(&["check", "metrics"], &Scrape::of(&SidecarOptions::default().start()).text);
}

#[test]
fn promtool_finds_nothing_wrong_with_the_alerts() {
    promtool(&["check", "rules", "alerts.yaml"], "");
    promtool(&["test", "rules", "alerts.test.yaml"], "");
}

#[test]
fn the_dashboards_expressions_can_be_asked() {
    let text = std::fs::read_to_string(file("redis-sidecar.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(expressions.len() > 40, "{expressions:?}");
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let concrete = expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
        rules += &format!("      - record: r{number}\n        expr: {concrete:?}\n");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(rules.as_bytes()).unwrap();
    promtool(&["check", "rules", &file.path().display().to_string()], "");
}

#[test]
fn dashboard_and_alerts_name_only_metrics_that_exist() {
    let types = Scrape::of(&SidecarOptions::default().start()).types();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (name, kind) in types {
        if kind == "histogram" {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            names.insert(name);
        }
    }
    for name in ["redis-sidecar.json", "alerts.yaml", "alerts.test.yaml"] {
        let text = std::fs::read_to_string(file(name)).unwrap();
        let found: Vec<_> =
            words(&text).filter(|word| word.starts_with("redis_sidecar_")).collect();
        assert!(found.len() > 2, "{name} names no metric");
        for word in found {
            assert!(names.contains(word), "{name} asks for {word}, which is not there");
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}
