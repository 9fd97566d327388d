//! Spans in the log: off by default, of every command when all are sampled, with right times, and never with a key
//! or a value.

use crate::harness::{Proxy, Redis, Sidecar, SidecarOptions, Way, eventually};
use crate::metrics::scrape::{Scrape, whole};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The spans that the log tells, once as many are told as commands are counted.
fn spans(sidecar: &Sidecar) -> (Vec<Value>, Scrape) {
    let told = |scrape: &Scrape| {
        whole(scrape.sum("redis_sidecar_spans_total", &[("result", "told")]))
            == scrape.commands().values().sum::<u64>()
    };
    eventually("all spans are told", || told(&Scrape::of(sidecar)));
    let scrape = Scrape::of(sidecar);
    let many = usize::try_from(scrape.commands().values().sum::<u64>()).unwrap();
    let lines = || {
        let log = sidecar.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|line: &Value| line["message"] == "span").collect::<Vec<Value>>()
    };
    eventually("all lines are here", || lines().len() >= many);
    (lines(), scrape)
}

/// How many there are of each name and result, as the metrics have them.
fn counts(spans: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for span in spans {
        let name = span["command"].as_str().unwrap().to_lowercase();
        *counts.entry(format!("{name} {}", span["result"].as_str().unwrap())).or_default() += 1;
    }
    counts
}

fn lines(sidecar: &Sidecar, text: &str) {
    let mut client = sidecar.client();
    for line in text.lines() {
        client.call(&line.split_whitespace().collect::<Vec<_>>());
    }
}

#[test]
fn every_command_has_one_span_with_what_became_of_it() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("spans: {sample: 1}").start();
    lines(&sidecar, "SET k v");
    lines(&sidecar, crate::metrics::MIXED);
    sidecar.client().pipeline(&[&["INCR", "n"][..]; 300]);
    let (spans, scrape) = spans(&sidecar);
    assert_eq!(counts(&spans), scrape.commands());
    let find = |name: &str, result: &str| {
        let fits = |span: &&Value| span["command"] == name && span["result"] == result;
        spans.iter().find(fits).unwrap_or_else(|| panic!("{name} {result}")).clone()
    };
    let wrong_type = find("LPUSH", "error");
    assert_eq!((&wrong_type["error"], &wrong_type["route"]), (&"WRONGTYPE".into(), &"lane".into()));
    assert_eq!(find("BLPOP", "ok")["route"], "checkout");
    assert_eq!(find("EXEC", "ok")["db"], 1);
    assert_eq!(find("CLIENT", "ok")["route"], "session");
    assert_eq!(find("INCR", "ok")["family"], "string");
    for span in &spans {
        let part = |name: &str| span[name].as_f64();
        if let (Some(queue), Some(upstream)) = (part("queue_ms"), part("upstream_ms")) {
            let whole = part("duration_ms").unwrap();
            assert!((queue + upstream - whole).abs() < 0.003, "{span}");
        }
    }
}

#[test]
fn none_is_told_unless_it_is_asked_for() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    lines(&sidecar, "SET k v\nGET k\nBLPOP nothing 0.01");
    let scrape = Scrape::of(&sidecar);
    assert_eq!(whole(scrape.sum("redis_sidecar_spans_total", &[])), 0);
    assert!(!sidecar.log_contains("\"span\""), "{}", sidecar.log());
}

#[test]
fn of_a_share_about_that_share_is_told() {
    let sidecar = SidecarOptions::default()
        .env("OTEL_TRACES_SAMPLER", "traceidratio")
        .env("OTEL_TRACES_SAMPLER_ARG", "0.1")
        .start();
    let mut client = sidecar.client();
    for _ in 0..100 {
        client.pipeline(&[&["SET", "k", "v"][..]; 100]);
    }
    let told = || {
        let scrape = Scrape::of(&sidecar);
        let result = |name| whole(scrape.sum("redis_sidecar_spans_total", &[("result", name)]));
        result("told") + result("dropped")
    };
    // Six standard deviations around 1,000 of 10,000.
    eventually("a tenth is told", || (820..1180).contains(&told()));
}

#[test]
fn what_gets_no_reply_has_a_span_that_says_why_and_how_long_it_took() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = SidecarOptions::upstream(&redis)
        .env("REDIS_URL", &proxy.url(&redis))
        .env("REDIS_COMMAND_TIMEOUT", "300")
        .config("spans: {sample: 1}\nbreaker: {grace: 60s, failures: 1000}")
        .start();
    lines(&sidecar, "SET k v");
    proxy.delay(Way::Down, Duration::from_millis(1200));
    lines(&sidecar, "GET k\nINCR n");
    let (spans, scrape) = spans(&sidecar);
    assert_eq!(counts(&spans), scrape.commands());
    for name in ["GET", "INCR"] {
        let span = spans.iter().find(|span| span["command"] == name).unwrap();
        assert_eq!(span["result"], "timeout");
        let took = span["duration_ms"].as_f64().unwrap();
        assert!((300.0..1200.0).contains(&took), "{span}");
    }
}

#[test]
fn what_a_rule_refuses_has_a_span_too() {
    let redis = Redis::start();
    let sidecar =
        SidecarOptions::upstream(&redis).config("spans: {sample: 1}\nnamespace: 'app:'").start();
    lines(&sidecar, "SET k v\nSWAPDB 0 1\nGET k");
    let (spans, scrape) = spans(&sidecar);
    assert_eq!(counts(&spans), scrape.commands());
    let refused = spans.iter().find(|span| span["command"] == "SWAPDB").unwrap();
    assert_eq!((&refused["error"], &refused["route"]), (&"DENIED".into(), &"session".into()));
}

#[test]
fn a_span_holds_no_key_no_value_and_no_password() {
    let redis = Redis::start();
    let sidecar =
        SidecarOptions::upstream(&redis).config("spans: {sample: 1}\nlog: {level: debug}").start();
    lines(
        &sidecar,
        "SET acme:key acme:value\nLPUSH acme:key acme:value\nACME:NOSUCH acme:key\nEVAL acme:script 0\n\
         SUBSCRIBE acme:news",
    );
    let (spans, _) = spans(&sidecar);
    assert_eq!(spans.len(), 5);
    let log = sidecar.log();
    assert!(!log.to_lowercase().contains("acme"), "{log}");
    assert!(!log.contains(crate::harness::PASSWORD), "{log}");
}

#[test]
fn spans_of_the_embedded_engine_are_told_too_and_none_is_lost_at_the_end() {
    let mut sidecar = SidecarOptions::default().config("spans: {sample: 1}").start();
    lines(&sidecar, "SET k v\nLPUSH k x\nMULTI\nGET k\nEXEC\nBLPOP nothing 0.01\nNOSUCH");
    let expected = Scrape::of(&sidecar).commands();
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0));
    let told = || {
        let log = sidecar.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        counts(&lines.filter(|line: &Value| line["message"] == "span").collect::<Vec<_>>())
    };
    eventually("the log is read", || told() == expected);
}
