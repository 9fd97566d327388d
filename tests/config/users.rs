//! The list of users: read whole, expanded, printed without passwords, and every fault in it told with its place.

use redis_sidecar::config::{Commands, Flags, KeysCommand, Password, Profile, Secret};

use super::{faults, from_yaml, load, warns_of};

/// The SHA-256 of `foobared`.
const HASH: &str = "sha256:1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf";

fn with_users(list: &str) -> String {
    format!("listen: {{default_user: off, users: [{list}]}}")
}

#[test]
fn users_are_read_with_what_they_leave_to_the_top_level() {
    let yaml = format!(
        "
namespace: 'all:'
scripts: deny
listen:
  default_user: off
  unix_socket: sidecar.sock
  users:
    - {{name: shop, password: '${{WORD}}', namespace: 'shop:'}}
    - {{name: bank, password: '{HASH}', uid: 1001, namespace_channels: off, scripts: declared}}
"
    );
    let config = load(&yaml, &[("WORD", "hunter2")], Flags::default()).unwrap();
    let [shop, bank] = &config.listen.users[..] else { panic!("{:?}", config.listen.users) };
    assert_eq!((shop.name.as_str(), shop.uid), ("shop", None));
    assert_eq!(shop.password.as_ref().map(Secret::expose), Some("hunter2"));
    assert_eq!(shop.namespace.prefix.as_deref(), Some("shop:"));
    assert!(shop.namespace.channels && !shop.namespace.allows_scripts);
    assert_eq!((bank.uid, bank.namespace.prefix.as_deref()), (Some(1001), Some("all:")));
    assert!(!bank.namespace.channels && bank.namespace.allows_scripts);
    assert_eq!(config.namespaces().collect::<Vec<_>>(), ["all:", "shop:", "all:"]);
}

#[test]
fn what_a_user_may_run_is_the_top_levels_where_it_says_nothing() {
    let yaml = "
commands: {profile: app, deny: [get], allow: [config], keys: deny}
listen:
  users:
    - {name: a, password: a}
    - {name: b, password: b, profile: read_only, commands: {deny: [], keys: scan, dry_run: on}}
";
    let config = from_yaml(yaml).unwrap();
    let [a, b] = &config.listen.users[..] else { panic!("{:?}", config.listen.users) };
    assert_eq!(a.commands, config.commands);
    let expected = Commands {
        profile: Profile::ReadOnly,
        deny: Vec::new(),
        keys: KeysCommand::Scan,
        dry_run: true,
        ..config.commands.clone()
    };
    assert_eq!(b.commands, expected);
    assert_eq!(
        from_yaml(&config.to_yaml().replacen("***", "x", 1)).unwrap().listen.users[1].commands,
        expected
    );
    let yaml = "
listen:
  users:
    - {name: a, password: a, profile: all, commands: {deny: [gett], allow: x, key: scan}}
    - {name: b, password: b, commands: 7}
";
    let found = faults(from_yaml(yaml));
    for expected in [
        "listen.users[0].profile: is not known; give open, app or read_only",
        "listen.users[0].commands.deny: \"gett\" is no command that is known; did you mean",
        "listen.users[0].commands.allow: is not a list",
        "listen.users[0].commands.key: is no key of a section; did you mean keys?",
        "listen.users[1].commands: is not a section; write commands: {deny: ...",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn no_password_is_printed() {
    let yaml = with_users(&format!(
        "{{name: shop, password: hunter2, namespace: 'shop:'}}, {{name: b, password: '{HASH}'}}"
    ));
    let config = from_yaml(&yaml).unwrap();
    let settings = format!("{:?}", config.settings());
    for shown in [config.to_yaml(), format!("{config:?}"), settings] {
        assert!(shown.contains("shop"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("1b58ee"), "{shown}");
    }
    let printed = config.to_yaml();
    let line = "users: [{name: \"shop\", password: \"***\", namespace: \"shop:\", \
                namespace_channels: on, scripts: declared, profile: open, commands: {deny: [], \
                allow: [], allow_unknown: [], keys: auto, dry_run: off}}, ";
    assert!(printed.contains(line), "{printed}");
    assert!(from_yaml(&printed.replacen("***", "x", 1)).is_ok(), "{printed}");
}

#[test]
fn a_password_comes_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (shop, hash, empty) =
        (file("shop", " a b \r\n"), file("hash", &format!("{HASH}\n")), file("empty", "\n"));
    let yaml = |file: &str| with_users(&format!("{{name: shop, password_file: '{file}'}}"));
    let user = |file: &str| from_yaml(&yaml(file)).unwrap().listen.users.remove(0);
    assert_eq!(user(&shop).password.unwrap().expose(), " a b ");
    let foobared = Password::new(&Secret::new("foobared")).unwrap();
    assert!(Password::new(&user(&hash).password.unwrap()).unwrap().is_same(&foobared));
    for (path, part) in [(empty.as_str(), "is empty"), ("/none/word", "can't be read")] {
        let found = faults(from_yaml(&yaml(path)));
        assert!(found[0].starts_with("listen.users[0].password_file: "), "{found:?}");
        assert!(found[0].contains(part) && found.len() == 1, "{found:?}");
    }
    let top = from_yaml(&format!("listen: {{password_file: '{shop}'}}")).unwrap();
    assert_eq!(top.listen.password.unwrap().expose(), " a b ");
    let both = format!("listen: {{password: x, password_file: '{shop}'}}");
    assert!(faults(from_yaml(&both))[0].starts_with("listen.password_file: is given beside"));
}

#[test]
fn each_fault_of_a_user_names_its_place() {
    let yaml = "
listen:
  users:
    - {name: a b, password: x}
    - {nam: shop, password: x}
    - {name: default, password: x}
    - {name: shop, password: 1234}
    - {name: shop, password: 'sha256:12'}
    - {name: shop, password: x, password_file: /y}
    - {name: shop, uid: -1}
    - {name: shop, password: x, namespace: 'a b', namespace_channels: 7, scripts: all}
    - plain
";
    let found = faults(from_yaml(yaml));
    for expected in [
        "listen.users[0].name: has a blank, or what is not ASCII; give 1 to 64",
        "listen.users[1].nam: is no key of a user; did you mean name?",
        "listen.users[1].name: is missing",
        "listen.users[2].name: is the user that the top level is about",
        "listen.users[3].password: is not a text to YAML; put it into quotes",
        "listen.users[4].password: begins with sha256: and is no SHA-256; give sha256: and 64",
        "listen.users[5].password_file: is given beside password; give one of the two",
        "listen.users[6].uid: is no number of a user; give what `id -u` prints",
        "listen.users[7].namespace: has a blank or a control character; give 1 to 128",
        "listen.users[7].namespace_channels: is neither; give on or off",
        "listen.users[7].scripts: is not known; give declared or deny",
        "listen.users[8]: is not a user",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), 12, "{found:#?}");
    let found = faults(from_yaml("listen: {users: shop}"));
    assert!(found[0].starts_with("listen.users: is not a list"), "{found:?}");
    let found = faults(from_yaml("listen: {password: 'sha256:zz'}"));
    assert!(found[0].starts_with("listen.password: begins with sha256:"), "{found:?}");
}

#[test]
fn users_can_be_told_apart_and_can_come_in() {
    let yaml = format!(
        "
listen:
  password: foobared
  users:
    - {{name: shop, password: one}}
    - {{name: shop, password: two}}
    - {{name: bank, password: one}}
    - {{name: news}}
    - {{name: mail, uid: 5, password: '{HASH}'}}
    - {{name: post, uid: 5}}
"
    );
    let found = faults(from_yaml(&yaml));
    for expected in [
        "listen.users[1].name: is the name of listen.users[0] too; give each its own",
        "listen.users[2].password: is listen.users[0].password too; give each its own",
        "listen.users[3]: has no way to show who it is; give password, password_file or uid",
        "listen.users[4].password: is listen.password too; give each its own",
        "listen.users[4].uid: is seen on a Unix socket alone, and there is none; set",
        "listen.users[5].uid: is the uid of listen.users[4] too; give each its own",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    assert!(!format!("{found:?}").contains("foobared"));
    let found = faults(from_yaml("listen: {default_user: off}"));
    assert!(
        found[0].starts_with("listen.default_user: is off, and there is no other"),
        "{found:?}"
    );
}

#[test]
fn no_namespace_begins_with_another() {
    let yaml = "
namespace: 'top:'
listen:
  users:
    - {name: a, password: a, namespace: 'shop'}
    - {name: b, password: b, namespace: 'shop:'}
    - {name: c, password: c, namespace: 'bank'}
    - {name: d, password: d, namespace: 'to'}
    - {name: e, password: e, namespace: 'bank'}
    - {name: f, password: f}
";
    let found = faults(from_yaml(yaml));
    let expected = [
        "listen.users[1].namespace: and listen.users[0].namespace could hold the same keys: \
         \"shop:\" begins with \"shop\"; give names of which none",
        "listen.users[3].namespace: and namespace could hold the same keys: \"top:\" begins with \
         \"to\"; give names",
        "listen.users[5].namespace: and listen.users[3].namespace could hold the same keys: ",
    ];
    for expected in expected {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "two users may share one: {found:#?}");
}

#[test]
fn who_reaches_everything_is_warned_of() {
    let shop = "{name: shop, password: x, namespace: 'shop:'}";
    for (yaml, part) in [
        (with_users(&format!("{shop}, {{name: ops, password: y}}")), "ops has no namespace"),
        (format!("listen: {{users: [{shop}]}}"), "is let in as default, with the keys of all"),
        (format!("listen: {{password: z, users: [{shop}]}}"), "default has no namespace"),
        (format!("{{namespace: t, listen: {{users: [{shop}]}}}}"), "is let in as default: set"),
    ] {
        let config = from_yaml(&yaml).unwrap();
        assert!(warns_of(&config, part), "{yaml}: {:?}", config.warnings);
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    }
    for yaml in [
        with_users(shop),
        format!("{{namespace: t, listen: {{password: z, users: [{shop}]}}}}"),
        with_users("{name: a, password: a}, {name: b, password: b}"),
        format!("listen: {{address: '0.0.0.0:1', default_user: off, users: [{shop}]}}"),
    ] {
        assert_eq!(from_yaml(&yaml).unwrap().warnings, Vec::<String>::new(), "{yaml}");
    }
}

#[test]
fn a_users_password_is_compared_though_it_prints_the_same() {
    let yaml = |word: &str| with_users(&format!("{{name: shop, password: {word}}}"));
    let changes = |a: &str, b: &str| from_yaml(a).unwrap().changes(&from_yaml(b).unwrap());
    assert_eq!(changes(&yaml("one"), &yaml("two")), ["listen.users"]);
    assert!(changes(&yaml("one"), &yaml("one")).is_empty());
}
