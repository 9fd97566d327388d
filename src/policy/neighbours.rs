//! Two apps never meet: whatever namespaces a configuration is let have, no key, channel or pattern of one is
//! another's.

use crate::command::glob::Pattern;
use crate::config::{Config, Sources};
use crate::policy::namespace::Namespace;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use std::io::Write;

/// The namespaces of a configuration whose apps have these, if it is one.
fn accepted(prefixes: &[String]) -> Option<Vec<Namespace>> {
    let mut yaml = String::from("listen:\n  default_user: off\n  users:\n");
    for (at, prefix) in prefixes.iter().enumerate() {
        let prefix = prefix.replace('\\', "\\\\").replace('"', "\\\"");
        yaml += &format!("    - {{name: u{at}, password: \"{at}\", namespace: \"{prefix}\"}}\n");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let config = Config::load(&sources).ok()?;
    config.listen.users.iter().map(|user| Namespace::new(&user.namespace)).collect()
}

/// Names that are near each other, of what globs and hash tags are made of.
fn near() -> impl Strategy<Value = String> {
    prop::string::string_regex(r"(shop|s)[:\-a?\[\]{}\\^]{0,3}").unwrap()
}

/// Keys: of anything, or of what namespaces are made of.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::string::string_regex(r"[shop:\-a?\[\]{}\\^*]{0,12}").unwrap();
    prop_oneof![vec(any::<u8>(), 0..12), odd.prop_map(String::into_bytes)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn apps_of_one_configuration_never_meet(
        prefixes in vec(near(), 2..5),
        keys in vec(key(), 2..6),
        doubled in any::<bool>(),
    ) {
        let Some(apps) = accepted(&prefixes) else { return Ok(()) };
        for one in &apps {
            for other in apps.iter().filter(|other| other.prefix() != one.prefix()) {
                for own in &keys {
                    let own = if doubled { [other.prefix(), own].concat() } else { own.clone() };
                    let key = one.key(&own);
                    assert_eq!(one.own(&key), Some(&own[..]));
                    assert_eq!(other.own(&key), None, "{other:?} sees {key:?}");
                    assert!(!Pattern::new(&other.glob()).matches(&key), "{other:?} lists {key:?}");
                    assert_eq!(other.own_message(&key, b"").map(|_| ()), None);
                    for foreign in &keys {
                        assert_ne!(other.key(foreign), key);
                        let glob = Pattern::new(&other.within(foreign));
                        assert!(!glob.matches(&key), "{foreign:?} of {other:?} finds {key:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_that_could_hold_the_same_keys_are_refused(prefix in near(), rest in near()) {
        assert!(accepted(&[prefix.clone(), format!("{prefix}{rest}")]).is_none());
        assert!(accepted(&[format!("{prefix}{rest}"), prefix.clone()]).is_none());
        assert!(accepted(&[prefix.clone(), prefix]).is_some());
    }
}
