//! The list of rules: read whole, expanded, printed, and every fault in it told with its place.

use std::time::Duration;

use redis_sidecar::config::{Fallback, Flags, Rule};

use super::{faults, from_yaml, load, warns_of};

const RULES: &str = r#"
rules:
  - {match: "rl:*", fallback: local}
  - {match: "${NAME:-price}:[0-9]*", max_stale: 30s}
  - {match: "b\"x", fallback: none}
"#;

#[test]
fn rules_are_read_in_order_with_their_defaults() {
    let config = from_yaml(RULES).unwrap();
    let rule = |pattern: &str, fallback, seconds| Rule {
        pattern: pattern.to_owned(),
        fallback,
        max_stale: Duration::from_secs(seconds),
    };
    let expected = [
        rule("rl:*", Fallback::Local, 600),
        rule("price:[0-9]*", Fallback::Stale, 30),
        rule("b\"x", Fallback::None, 600),
    ];
    assert_eq!(config.rules, expected);
    assert_eq!(from_yaml("").unwrap().rules, []);
    let again = from_yaml(&config.to_yaml()).unwrap();
    assert_eq!(again.rules, expected, "what is printed is read as the same");
    assert_eq!(config.changes(&from_yaml("").unwrap()), ["rules"]);
}

#[test]
fn each_fault_of_a_rule_names_its_place() {
    let yaml = "
rules:
  - {match: 'a', fallbak: stale}
  - {fallback: stale}
  - {match: 'a', fallback: sometimes}
  - {match: 'a', max_stale: 10}
  - plain
";
    let found = faults(load(yaml, &[], Flags::default()));
    for expected in [
        "rules[0].fallbak: is no key of a rule; did you mean fallback?",
        "rules[1].match: is missing; give a glob",
        "rules[2].fallback: is not known; give stale, local or none",
        "rules[3].max_stale: \"10\" is not a duration within bounds; give 1s to 24h",
        "rules[4]: is not a rule",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    let found = faults(load("rules: 7", &[], Flags::default()));
    assert!(found[0].starts_with("rules: is not a list; give a list of rules"), "{found:?}");
    let found = faults(load("cache: {size: 2mb}", &[], Flags::default()));
    assert!(found[0].starts_with("cache.entry_size: entry_size 1mb is more than"), "{found:?}");
}

#[test]
fn rules_that_can_never_match_are_warned_of() {
    let config = from_yaml("rules: [{match: '*'}, {match: 'a'}]").unwrap();
    assert!(warns_of(&config, "rules[0] matches all keys"), "{:?}", config.warnings);
}
