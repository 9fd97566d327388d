//! The list of rules: read whole, expanded, printed, and every fault in it told with its place.

use std::time::Duration;

use redis_sidecar::config::{Access, Fallback, Flags, KeysCommand, Per, Profile, Rate, Rule, Ttl};

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
        fallback,
        max_stale: Duration::from_secs(seconds),
        ..Rule::of(pattern)
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

#[test]
fn all_that_a_rule_may_say_is_read_and_printed_as_the_same() {
    let yaml = "
rules:
  - match: 'a:*'
    access: read_only
    ttl: {default: 30m, max: 24h, require: true}
    max_value: 64kb
    rate: {per_second: 50, burst: 100, per: all}
    dry_run: on
  - {match: b, ttl: {max: 1500ms}, rate: {per_second: 7}, access: none}
";
    let config = from_yaml(yaml).unwrap();
    let minutes = |count: u64| Some(Duration::from_secs(count * 60));
    let expected = [
        Rule {
            access: Access::ReadOnly,
            ttl: Some(Ttl { default: minutes(30), max: minutes(1440), require: true }),
            max_value: Some(64 << 10),
            rate: Some(Rate { per_second: 50, burst: 100, per: Per::All }),
            dry_run: true,
            ..Rule::of("a:*")
        },
        Rule {
            access: Access::None,
            ttl: Some(Ttl {
                default: None,
                max: Some(Duration::from_millis(1500)),
                require: false,
            }),
            rate: Some(Rate { per_second: 7, burst: 7, per: Per::Client }),
            ..Rule::of("b")
        },
    ];
    assert_eq!(config.rules, expected);
    assert_eq!(from_yaml(&config.to_yaml()).unwrap().rules, expected);
}

#[test]
fn each_fault_within_a_rule_names_its_place() {
    let yaml = "
rules:
  - {match: a, access: some}
  - {match: a, ttl: 10s}
  - {match: a, ttl: {default: 2h, max: 1h}}
  - {match: a, ttl: {defalt: 2h}}
  - {match: a, ttl: {max: 0s}}
  - {match: a, max_value: 1gb}
  - {match: a, rate: {burst: 5}}
  - {match: a, rate: {per_second: 0, per: everybody}}
  - {match: a, dry_run: maybe}
";
    let found = faults(load(yaml, &[], Flags::default()));
    for expected in [
        "rules[0].access: is not known; give read_write, read_only or none",
        "rules[1].ttl: is not a time to live; write ttl: {default: ..., max: ..., require: ...}",
        "rules[2].ttl.default: is more than max; lower default, or raise max",
        "rules[3].ttl.defalt: is no key of a time to live; did you mean default?",
        "rules[4].ttl.max: \"0s\" is not a duration within bounds; give 1ms to 87600h",
        "rules[5].max_value: \"1gb\" is not a size within bounds; give 1 to 512mb",
        "rules[6].rate.per_second: is missing; give how many commands a second may come",
        "rules[7].rate.per_second: \"0\" is not a whole number within bounds; give 1 to 10000000",
        "rules[7].rate.per: is not known; give client or all",
        "rules[8].dry_run: is neither; give on or off",
    ] {
        assert!(found.iter().any(|fault| fault == expected), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), 10, "{found:#?}");
}

#[test]
fn commands_are_named_as_the_table_has_them() {
    let yaml = "
commands:
  profile: app
  deny: [FlushAll, 'config|set', '@scripting', ft.search]
  allow: ['@all']
  allow_unknown: [XYZ]
  keys: deny
default_access: none
audit: on
";
    let config = from_yaml(yaml).unwrap();
    let commands = &config.commands;
    assert_eq!(commands.deny, ["flushall", "config|set", "@scripting", "ft.search"]);
    assert_eq!((commands.profile, commands.keys), (Profile::App, KeysCommand::Deny));
    assert_eq!((config.default_access, config.audit), (Access::None, true));
    let again = from_yaml(&config.to_yaml()).unwrap();
    assert_eq!(again.commands, *commands, "what is printed is read as the same");
    for (yaml, expected) in [
        (
            "deny: [flushal]",
            "commands.deny: \"flushal\" is no command that is known; did you mean flushall?",
        ),
        (
            "deny: ['config|sett']",
            "commands.deny: \"config|sett\" is no command that is known; did you mean config|set?",
        ),
        (
            "deny: ['@scripts']",
            "commands.deny: \"@scripts\" is no category of Redis; did you mean @scripting?",
        ),
        ("deny: [auth]", "commands.deny: auth is always allowed, as in Redis; leave it out"),
        ("allow: [7]", "commands.allow: has what is not a name; give a list of commands"),
        ("allow: get", "commands.allow: is not a list; give a list of commands"),
        (
            "allow_unknown: [get]",
            "commands.allow_unknown: get is a command that is known; leave it out",
        ),
        ("profile: shut", "commands.profile: \"shut\" is not known; give open, app or read_only"),
    ] {
        let found = faults(load(&format!("commands: {{{yaml}}}"), &[], Flags::default()));
        assert!(found[0].starts_with(expected) && found.len() == 1, "{expected}: {found:#?}");
    }
}
