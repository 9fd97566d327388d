//! One sidecar, several apps: each says who it is, has its keys in a namespace of its own, and knows of itself alone.

mod neighbours;
mod reload;
mod switching;

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value};
use crate::metrics::scrape::Scrape;

/// The SHA-256 of `foobared`.
const HASH: &str = "sha256:1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf";

const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// A shop, a bank whose password is kept as a hash, and the user `default`, who needs none.
fn shop_and_bank() -> String {
    format!(
        "
namespace: 'top:'
listen:
  users:
    - {{name: shop, password: '${{SHOP_PASSWORD}}', namespace: 'shop:'}}
    - {{name: bank, password: '{HASH}', namespace: 'bank:', namespace_channels: off, scripts: deny}}
"
    )
}

fn with(redis: &Redis, config: &str) -> Sidecar {
    SidecarOptions::upstream(redis).env("SHOP_PASSWORD", "hunter2").config(config).start()
}

/// The same users on `memory://`.
fn in_memory(config: &str) -> Sidecar {
    SidecarOptions::default().env("SHOP_PASSWORD", "hunter2").config(config).start()
}

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

#[track_caller]
fn login(sidecar: &Sidecar, line: &str) -> Client {
    let mut client = sidecar.client();
    assert_eq!(call(&mut client, line), Value::ok(), "{line}");
    client
}

/// The value of `name=` in a line of CLIENT LIST.
fn field(line: &str, name: &str) -> String {
    let found = line.split([' ', '\n']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

#[test]
fn auth_and_hello_choose_the_app() {
    let redis = Redis::start();
    let sidecar = with(&redis, &shop_and_bank());
    for (line, user, key) in [
        ("AUTH shop hunter2", "shop", "shop:k"),
        ("AUTH hunter2", "shop", "shop:k"),
        ("HELLO 3 AUTH shop hunter2", "shop", "shop:k"),
        ("HELLO 2 AUTH bank foobared SETNAME n", "bank", "bank:k"),
        ("AUTH bank foobared", "bank", "bank:k"),
        ("AUTH foobared", "bank", "bank:k"),
        ("AUTH default anything", "default", "top:k"),
        ("PING", "default", "top:k"),
    ] {
        redis.wipe();
        let mut client = sidecar.client();
        let reply = call(&mut client, line);
        assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk(user), "{line}");
        assert_eq!(field(&call(&mut client, "CLIENT INFO").text(), "user"), user);
        call(&mut client, "SET k 1");
        assert_eq!(call(&mut redis.direct(), "KEYS *"), Value::bulks(&[key]), "{line}");
        assert_eq!(call(&mut client, "KEYS *"), Value::bulks(&["k"]), "{line}");
        call(&mut client, "MULTI");
        call(&mut client, "ACL WHOAMI");
        call(&mut client, "GET k");
        assert_eq!(call(&mut client, "EXEC"), Value::bulks(&[user, "1"]));
    }
    let mut bank = login(&sidecar, "AUTH bank foobared");
    let denied = call(&mut bank, "EVAL return 0");
    assert!(denied.error().starts_with("DENIED"), "{denied:?}");
    assert!(call(&mut bank, "CLIENT PAUSE 1").error().starts_with("DENIED 'client|pause'"));
}

#[test]
fn who_is_not_known_is_told_the_same_whatever_is_wrong() {
    let redis = Redis::start();
    let sidecar = with(&redis, &shop_and_bank());
    let wrong = [
        "AUTH shop foobared",
        "AUTH nobody hunter2",
        "AUTH nothing",
        "HELLO 3 AUTH shop wrong",
        "HELLO 3 AUTH nobody wrong",
        "AUTH bank 1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf",
        &format!("AUTH bank {HASH}"),
    ];
    let mut client = login(&sidecar, "AUTH shop hunter2");
    for line in wrong {
        assert_eq!(call(&mut client, line).error(), WRONGPASS, "{line}");
    }
    assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("shop"), "as it was before");
    assert_eq!(call(&mut client, "HELLO").field("proto"), Value::Int(2));
    let refusals =
        || Scrape::of(&sidecar).sum("redis_sidecar_refusals_total", &[("rule", "authentication")]);
    assert!((refusals() - 7.0).abs() < 0.1, "{}", refusals());
    sidecar.wait_for_log(&["AUTH failed", "\"user\":\"shop\""]);
    let log = sidecar.log();
    for secret in ["hunter2", "foobared", "1b58ee", "nobody", "nothing"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let told = log.lines().filter(|line| line.contains("AUTH failed")).count();
    assert!(told < wrong.len(), "one a second is enough: {log}");
}

#[test]
fn without_the_default_user_nobody_is_let_in_unnamed() {
    let config = "listen: {default_user: off, users: [{name: shop, password: hunter2}]}";
    for sidecar in [with(&Redis::start(), config), in_memory(config)] {
        let mut client = sidecar.client();
        assert!(call(&mut client, "GET k").error().starts_with("NOAUTH"));
        assert!(call(&mut client, "HELLO 3").error().starts_with("NOAUTH"));
        for line in ["AUTH default x", "AUTH x", "HELLO 3 AUTH default x"] {
            assert_eq!(call(&mut client, line).error(), WRONGPASS, "{line}");
        }
        assert_eq!(call(&mut client, "AUTH shop hunter2"), Value::ok());
        assert_eq!(call(&mut client, "SET k 1"), Value::ok());
        assert_eq!(call(&mut client, "RESET"), Value::Simple("RESET".to_owned()));
        assert!(call(&mut client, "GET k").error().starts_with("NOAUTH"));
    }
}

#[test]
fn an_app_sees_and_ends_its_own_clients_alone() {
    for sidecar in [with(&Redis::start(), &shop_and_bank()), in_memory(&shop_and_bank())] {
        let (mut shop, mut other) =
            (login(&sidecar, "AUTH shop hunter2"), login(&sidecar, "AUTH shop hunter2"));
        let (mut bank, mut default) = (login(&sidecar, "AUTH foobared"), sidecar.client());
        let id = |client: &mut Client| call(client, "CLIENT ID").int();
        let (own, fellow, bank_id, default_id) =
            (id(&mut shop), id(&mut other), id(&mut bank), id(&mut default));
        let list = call(&mut shop, "CLIENT LIST").text();
        let ids: Vec<_> = list.lines().map(|line| field(line, "id")).collect();
        assert_eq!(ids, [own.to_string(), fellow.to_string()]);
        assert!(list.lines().all(|line| field(line, "user") == "shop"), "{list}");
        let by_id = format!("CLIENT LIST ID {bank_id} {own}");
        assert_eq!(call(&mut shop, &by_id).text().lines().count(), 1);
        for line in [
            format!("CLIENT KILL ID {bank_id}"),
            format!("CLIENT KILL ID {default_id}"),
            format!("CLIENT UNBLOCK {bank_id}"),
            format!("CLIENT KILL ADDR {}", bank.local_address()),
        ] {
            assert_eq!(call(&mut shop, &line), Value::Int(0), "{line}");
        }
        let old_form = format!("CLIENT KILL {}", bank.local_address());
        assert_eq!(call(&mut shop, &old_form).error(), "ERR No such client");
        for user in ["bank", "default", "nobody"] {
            let reply = call(&mut shop, &format!("CLIENT KILL USER {user}"));
            assert_eq!(reply.error(), format!("ERR No such user '{user}'"));
        }
        assert_eq!(call(&mut shop, "CLIENT KILL TYPE normal"), Value::Int(1));
        other.expect_close();
        assert_eq!(call(&mut shop, "CLIENT KILL USER shop SKIPME no"), Value::Int(1));
        shop.expect_close();
        assert_eq!(call(&mut bank, "PING"), call(&mut default, "PING"));
    }
}

#[test]
fn a_client_of_another_app_is_no_place_for_invalidations() {
    let sidecar = with(&Redis::start(), &shop_and_bank());
    let (mut shop, mut bank) = (login(&sidecar, "AUTH hunter2"), login(&sidecar, "AUTH foobared"));
    let id = call(&mut bank, "CLIENT ID").int();
    call(&mut bank, "SUBSCRIBE __redis__:invalidate");
    let reply = call(&mut shop, &format!("CLIENT TRACKING ON REDIRECT {id}"));
    assert_eq!(reply.error(), "ERR The client ID you want redirect to does not exist");
}

#[test]
fn a_system_user_behind_the_unix_socket_is_an_app_without_auth() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let uid =
        String::from_utf8(std::process::Command::new("id").arg("-u").output().expect("id").stdout)
            .unwrap();
    let uid: u32 = uid.trim().parse().unwrap();
    let config = format!(
        "
listen:
  default_user: off
  unix_socket: '{}'
  users:
    - {{name: shop, uid: {uid}, namespace: 'shop:'}}
    - {{name: bank, uid: {}, password: foobared, namespace: 'bank:'}}
",
        path.display(),
        uid + 1
    );
    let sidecar = with(&redis, &config);
    let mut client = Client::connect_unix(&path).unwrap();
    assert_eq!(call(&mut client, "SET k 1"), Value::ok());
    assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("shop"));
    assert_eq!(call(&mut client, "AUTH bank foobared"), Value::ok());
    assert_eq!(call(&mut client, "GET k"), Value::Nil);
    call(&mut client, "RESET");
    assert_eq!(call(&mut client, "GET k"), Value::bulk("1"), "back to who it is");
    assert_eq!(call(&mut redis.direct(), "KEYS *"), Value::bulks(&["shop:k"]));
    let mut remote = sidecar.client();
    assert!(call(&mut remote, "GET k").error().starts_with("NOAUTH"));
    assert_eq!(call(&mut remote, "AUTH shop ").error(), WRONGPASS);
}

#[test]
fn each_app_has_its_own_commands_and_all_share_the_rules() {
    let config = "
commands: {deny: [append]}
rules:
  - {match: 'slow:*', rate: {per_second: 1, burst: 2, per: all}}
listen:
  default_user: off
  users:
    - {name: shop, password: s, namespace: 'shop:'}
    - {name: report, password: r, namespace: 'shop:', profile: read_only}
    - {name: bank, password: b, namespace: 'bank:', profile: app, commands: {deny: [lpush], keys: deny}}
";
    let redis = Redis::start();
    let sidecar = with(&redis, config);
    let (mut shop, mut report, mut bank) =
        (login(&sidecar, "AUTH s"), login(&sidecar, "AUTH r"), login(&sidecar, "AUTH b"));
    assert_eq!(call(&mut shop, "SET k 1"), Value::ok());
    assert_eq!(call(&mut report, "GET k"), Value::bulk("1"));
    for (client, who, lines) in [
        (&mut shop, "shop", &["APPEND k 1"][..]),
        (&mut report, "report", &["SET k 2", "FLUSHDB"]),
        (&mut bank, "bank", &["LPUSH k 1", "FLUSHDB", "KEYS *"]),
    ] {
        for line in lines {
            let error = call(client, line).error().to_owned();
            assert!(error.starts_with(&format!("NOPERM User {who} has no permissions")), "{error}");
        }
    }
    assert_eq!(call(&mut bank, "APPEND k 1"), Value::Int(1), "a list of its own");
    assert_eq!(call(&mut shop, "LPUSH l 1"), Value::Int(1));
    assert_eq!(call(&mut shop, "GET slow:a"), Value::Nil);
    assert_eq!(call(&mut bank, "GET slow:a"), Value::Nil);
    for client in [&mut shop, &mut bank] {
        assert!(call(client, "GET slow:a").error().starts_with("DENIED the clients of"));
    }
    // The user counts, not the connection.
    assert_eq!(call(&mut report, "AUTH shop s"), Value::ok());
    assert_eq!(call(&mut report, "SET k 2"), Value::ok());
}

#[test]
fn health_names_the_apps_and_asks_within_the_namespace() {
    let redis = Redis::start();
    let sidecar = with(&redis, &shop_and_bank());
    let _shop = login(&sidecar, "AUTH hunter2");
    let mut direct = redis.direct();
    assert_eq!(call(&mut direct, "CONFIG SET notify-keyspace-events KA"), Value::ok());
    call(&mut direct, "PSUBSCRIBE __keyspace*");
    let details = sidecar.json("/health/detailed");
    let expected = serde_json::json!([
        {"name": "default", "namespace": "top:", "clients": 0},
        {"name": "shop", "namespace": "shop:", "clients": 1},
        {"name": "bank", "namespace": "bank:", "clients": 0},
    ]);
    assert_eq!(details["policy"]["apps"], expected, "{details}");
    assert!(!details.to_string().contains("hunter2") && !details.to_string().contains("1b58"));
    assert!(!sidecar.http("/config").1.contains("hunter2"));
    let key = direct.read().items()[2].text();
    assert!(key.starts_with("__keyspace@0__:top:redis-sidecar:health:"), "{key}");
}
