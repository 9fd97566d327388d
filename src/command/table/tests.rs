//! The index finds every row, in any case, and nothing else.

use super::{all, lookup};

#[test]
fn every_command_is_found_in_any_case() {
    for spec in all() {
        let upper = spec.name.to_uppercase();
        let mixed: String = spec
            .name
            .char_indices()
            .map(|(n, c)| if n % 2 == 0 { c } else { c.to_ascii_uppercase() })
            .collect();
        for name in [spec.name, &upper, &mixed] {
            let found = lookup(name.as_bytes()).unwrap();
            assert_eq!(found.name, spec.name);
        }
    }
}

#[test]
fn names_are_unique_and_lower_case() {
    let mut names: Vec<_> = all()
        .flat_map(|spec| spec.subcommands.iter().chain([spec]))
        .map(|spec| spec.name)
        .collect();
    assert!(names.iter().all(|name| !name.bytes().any(|b| b.is_ascii_uppercase())));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn an_unknown_name_is_not_found() {
    let long = vec![b'x'; 1 << 16];
    for name in [
        &b""[..],
        b"g",
        b"ge",
        b"gett",
        b"g\x45\x14",
        b"\xff\xfe",
        b"config|set",
        b"json.get",
        &long,
    ] {
        assert!(lookup(name).is_none(), "{name:?}");
    }
}

#[test]
fn a_subcommand_is_found_in_any_case_and_by_its_own_name() {
    let config = lookup(b"CONFIG").unwrap();
    assert_eq!(config.subcommand(b"ReSet").map(|s| s.name), None);
    assert_eq!(config.subcommand(b"ResetStat").map(|s| s.name), Some("config|resetstat"));
    assert!(config.subcommand(b"config|set").is_none());
    assert!(lookup(b"GET").unwrap().subcommand(b"").is_none());
}
