//! How refusals are told to operators: counted by rule, exactly, and logged without a value.

use super::{Bench, both, call, expect};
use crate::metrics::scrape::{Scrape, whole};

fn refused(scrape: &Scrape, rule: &str) -> u64 {
    whole(scrape.sum("redis_sidecar_refusals_total", &[("rule", rule)]))
}

fn tried(scrape: &Scrape, rule: &str) -> u64 {
    whole(scrape.sum("redis_sidecar_dry_run_refusals_total", &[("rule", rule)]))
}

const CONFIG: &str = "{audit: on, commands: {profile: app, deny: [set]}, rules: [{match: 'a', access: none}, \
                      {match: 'b', max_value: 10}, {match: 'c', ttl: {require: on}}, {match: 'd', access: read_only, dry_run: on}]}";

#[test]
fn each_is_counted_once_by_its_rule() {
    both(CONFIG, |bench| {
        let before = Scrape::of(&bench.sidecar);
        for rule in [
            "profile.app",
            "commands.deny",
            "rules[0].access",
            "rules[1].max_value",
            "rules[2].ttl",
        ] {
            assert_eq!(refused(&before, rule), 0, "{rule} is there from the start");
        }
        let mut client = bench.sidecar.client();
        for line in [
            "FLUSHALL",
            "FLUSHDB",
            "SET k v",
            "GET a",
            "GET a",
            "MGET a a",
            "APPEND b 12345678901",
            "APPEND b 1",
            "INCR c",
            "GET k",
            "APPEND d 1",
            "APPEND d 2",
            "GET d",
        ] {
            call(&mut client, line);
        }
        let scrape = Scrape::of(&bench.sidecar);
        for (rule, expected) in [
            ("profile.app", 2),
            ("commands.deny", 1),
            ("rules[0].access", 3),
            ("rules[1].max_value", 1),
            ("rules[2].ttl", 1),
            ("rules[3].access", 0),
        ] {
            assert_eq!(refused(&scrape, rule), expected, "{rule}: {}", scrape.text);
        }
        assert_eq!(tried(&scrape, "rules[3].access"), 2);
        let counted = |result| {
            let labels = [("command", "append"), ("result", result)];
            whole(scrape.sum("redis_sidecar_commands_total", &labels))
        };
        assert_eq!((counted("ok"), counted("error")), (3, 1), "each command once");
    });
}

#[test]
fn the_audit_says_who_what_and_which_rule_and_never_a_value() {
    let bench = Bench::cloud(CONFIG);
    let mut client = bench.sidecar.client();
    call(&mut client, "SET k hunter2");
    call(&mut client, "GETSET a hunter2");
    call(&mut client, "APPEND d hunter2");
    let address = client.local_address();
    for words in [
        ["\"refused\"", "\"command\":\"set\"", "commands.deny"],
        ["\"refused\"", "\"command\":\"getset\"", "rules[0].access"],
        ["would be refused", "\"command\":\"append\"", "rules[3].access"],
    ] {
        let line = bench.sidecar.wait_for_log(&words);
        assert!(line.contains("\"user\":\"default\"") && line.contains(&address), "{line}");
    }
    assert!(bench.sidecar.log_contains("\"key\":\"a\""));
    assert!(!bench.sidecar.log_contains("hunter2"), "{}", bench.sidecar.log());
}

#[test]
fn without_an_audit_refusals_are_not_logged() {
    let bench = Bench::cloud("commands: {deny: [set]}");
    expect(&mut bench.sidecar.client(), &[("SET k v", "-NOPERM"), ("PING", "PONG")]);
    assert!(!bench.sidecar.log_contains("refused"), "{}", bench.sidecar.log());
}

#[test]
fn a_client_that_is_refused_all_the_time_does_not_fill_the_log() {
    let bench = Bench::cloud("{audit: on, commands: {deny: [set]}}");
    let mut client = bench.sidecar.client();
    for _ in 0..10 {
        client.pipeline(&[&["SET", "k", "v"][..]; 300]);
    }
    bench.sidecar.wait_for_log(&["the rest of them is not logged"]);
    let lines = bench.sidecar.log().lines().filter(|line| line.contains("\"refused\"")).count();
    assert!(lines < 3000, "{lines}");
    assert_eq!(refused(&Scrape::of(&bench.sidecar), "commands.deny"), 3000);
}

#[test]
fn a_dry_run_of_the_commands_lets_pass_and_tells() {
    both("commands: {deny: [del], dry_run: on}", |bench| {
        let mut client = bench.sidecar.client();
        expect(
            &mut client,
            &[
                ("SET k v", "OK"),
                ("DEL k", "1"),
                ("MULTI", "OK"),
                ("DEL k", "QUEUED"),
                ("EXEC", "0"),
            ],
        );
        let scrape = Scrape::of(&bench.sidecar);
        assert_eq!((refused(&scrape, "commands.deny"), tried(&scrape, "commands.deny")), (0, 2));
        bench.sidecar.wait_for_log(&["would be refused", "commands.deny"]);
    });
}
