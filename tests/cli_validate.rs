//! `redis-sidecar validate` against real servers: what is fine passes, and what is wrong is named with its mend.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::harness::{
    Answer, Cli, Outcome, PASSWORD, Redis, RedisOptions, Refusing, Scripted, ServerCert, Sidecar,
    SidecarOptions, eventually,
};

fn validate(args: &[&str]) -> Cli {
    Cli::new(&[&["validate", "--timeout", "2s"], args].concat())
}

fn start(lines: &[&str]) -> Redis {
    let lines = lines.iter().map(ToString::to_string).collect();
    Redis::start_with(RedisOptions { lines, ..RedisOptions::default() })
}

/// The line of a check, and that with its advice behind it.
#[track_caller]
fn line<'a>(outcome: &'a Outcome, mark: &str, name: &str) -> (&'a str, &'a str) {
    let start = format!("  {mark} {name} ");
    let mut lines = outcome.out.lines().skip_while(|line| !line.starts_with(&start));
    let line = lines.next().unwrap_or_else(|| panic!("no {start:?} in {}", outcome.out));
    (line, lines.next().unwrap_or_default())
}

/// It fails there, says so in these words, and says what to do in those.
#[track_caller]
fn assert_named(outcome: &Outcome, name: &str, what: &str, mend: &str) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    let (line, advice) = line(outcome, "✗", name);
    assert!(line.contains(what), "{what:?} not in {line}");
    assert!(advice.contains("to do: ") && advice.contains(mend), "{mend:?} not in {advice}");
    assert_eq!(outcome.out.matches('✗').count(), 1, "one fault is one cross: {}", outcome.out);
}

#[track_caller]
fn assert_empty(redis: &Redis) {
    assert_eq!(redis.direct().call(&["DBSIZE"]).int(), 0, "keys were left behind");
}

#[test]
fn a_server_that_is_fine_passes_everything_and_keeps_no_key() {
    let redis = Redis::start();
    let outcome = validate(&["--workloads"]).upstream(&redis).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert!(!outcome.out.contains(['✗', '⊘', '∅', '!']), "{}", outcome.out);
    let (tls, _) = line(&outcome, "✓", "TLS");
    for part in ["TLS 1.3, TLS13_AES", "server < ca, for localhost, 127.0.0.1", " days left"] {
        assert!(tls.contains(part), "{part}: {tls}");
    }
    assert!(line(&outcome, "✓", "AUTH").0.contains("as user default"));
    assert!(line(&outcome, "✓", "server version").0.contains("redis 7."));
    assert!(line(&outcome, "✓", "latency").0.contains("p99"));
    let workloads = outcome.out.split("\nWorkload: ").skip(1).collect::<Vec<_>>();
    assert_eq!(workloads.len(), 8);
    assert!(workloads.concat().matches("\n  ✓").count() >= 45);
    assert!(outcome.out.contains(" checks passed (100 %)"), "{}", outcome.out);
    assert_empty(&redis);
}

#[test]
fn refused_credentials_are_named() {
    let redis = Redis::start();
    let wrong = validate(&[]).upstream(&redis).env("REDIS_URL", &redis.url_as(":wrong@", 0)).run();
    assert_named(&wrong, "AUTH", "WRONGPASS", "password or user name is wrong");
    assert!(line(&wrong, "-", "SET, GET, DEL").0.contains("needs a connection"));
    let none = validate(&[]).upstream(&redis).env("REDIS_URL", &redis.url_as("", 0)).run();
    assert_named(&none, "AUTH", "NOAUTH", "set upstream.auth.password (REDIS_PASSWORD)");
}

#[test]
fn a_certificate_that_is_not_right_is_named() {
    for (server_cert, what, mend) in [
        (ServerCert::Expired, "has expired: expired < ca, for localhost", "renew"),
        (ServerCert::NotYetValid, "is not valid yet: not-yet-valid", "check this machine's clock"),
        (
            ServerCert::WrongHost,
            "is for another host name: wrong-host < ca, for elsewhere.test",
            "server_name",
        ),
    ] {
        let redis = Redis::start_with(RedisOptions { server_cert, ..RedisOptions::default() });
        assert_named(&validate(&[]).upstream(&redis).run(), "TLS", what, mend);
    }
    let redis = Redis::start();
    let other = redis.certs().file("unknown-ca.crt").display().to_string();
    let outcome = validate(&[]).upstream(&redis).env("REDIS_CA_FILE", &other).run();
    assert_named(&outcome, "TLS", "unknown CA): server < ca", "upstream.tls.ca_file");
    assert!(line(&outcome, "-", "AUTH").0.contains("needs TLS"), "{}", outcome.out);
}

#[test]
fn a_server_that_wants_our_certificate_is_named() {
    let redis = Redis::start_with(RedisOptions { client_certs: true, ..RedisOptions::default() });
    let outcome = validate(&[]).upstream(&redis).run();
    assert_named(&outcome, "AUTH", "ertificate", "upstream.tls.cert_file and key_file");
}

#[test]
fn a_port_that_is_no_redis_is_named() {
    let nobody = Refusing::start();
    let url = format!("redis://127.0.0.1:{}", nobody.port);
    let refused = validate(&[]).env("REDIS_URL", &url).run();
    assert_named(&refused, "TCP", "Connection refused", "nobody listens there");
    assert!(line(&refused, "-", "TLS").0.contains("needs TCP"), "{}", refused.out);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let patience = ["--timeout", "300ms"];
    let validate_soon =
        |url: String| Cli::new(&[&["validate"][..], &patience].concat()).env("REDIS_URL", &url);
    let plain = validate_soon(format!("redis://{address}")).run();
    assert_named(&plain, "AUTH", "says nothing (timed out)", "check that the port is a Redis's");
    let tls = validate_soon(format!("rediss://{address}")).run();
    assert_named(&tls, "TLS", "says nothing (timed out)", "check that the port is a Redis's");
    let web = web_server();
    let plain = validate(&[]).env("REDIS_URL", &format!("redis://{web}")).run();
    assert_named(&plain, "AUTH", "a web server (HTTP)", "check host and port in upstream.url");
    let tls = validate(&[]).env("REDIS_URL", &format!("rediss://{web}")).run();
    assert_named(&tls, "TLS", "a web server (HTTP)", "check host and port in upstream.url");
}

/// Answers whatever comes as web servers do; ends with the test's process.
fn web_server() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 1024];
            let _ = socket.read(&mut request);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

#[test]
fn tls_on_a_plain_port_and_the_reverse_are_named() {
    let plain = Redis::start_plain();
    let outcome =
        validate(&[]).env("REDIS_URL", &format!("rediss://{}", plain.plain_address())).run();
    assert_named(
        &outcome,
        "TLS",
        "the port speaks plain Redis",
        "use the server's TLS port, or redis://",
    );
    let tls = Redis::start();
    let url = tls.url().replace("rediss://", "redis://");
    let outcome = validate(&[]).env("REDIS_URL", &url).run();
    assert_named(&outcome, "AUTH", "the port speaks TLS", "use rediss://");
}

#[test]
fn a_name_that_is_not_there_is_named() {
    let outcome = validate(&[]).env("REDIS_URL", "redis://no-such-host.invalid").run();
    assert_named(&outcome, "DNS", "no-such-host.invalid", "DNS");
}

#[test]
fn what_our_user_may_not_do_is_told_apart_with_the_grant() {
    let user = "user app on >s3cret-of-the-cloud ~* &* +@all -@scripting -@sortedset -@stream -hincrby -del -acl";
    let redis = start(&[user]);
    let run = |args: &[&str]| {
        let url = redis.url_as(&format!("app:{PASSWORD}@"), 0);
        validate(args).upstream(&redis).env("REDIS_URL", &url).run()
    };
    let outcome = run(&["--workloads"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert!(!outcome.out.contains('✗'), "{}", outcome.out);
    for (name, grant) in [
        ("sorted sets", "ACL SETUSER app +zadd"),
        ("EVALSHA", "ACL SETUSER app +script|load"),
        ("hashes", "ACL SETUSER app +hincrby"),
        ("SET, GET, DEL", "ACL SETUSER app +del"),
    ] {
        let (line, advice) = line(&outcome, "⊘", name);
        assert!(line.contains("NOPERM") && advice.contains(grant), "{line}\n{advice}");
    }
    let (rights, advice) = line(&outcome, "!", "rights (ACL)");
    assert!(
        rights.contains("app may not run") && rights.contains("zadd") && rights.contains("eval")
    );
    assert!(advice.contains("+del") && advice.contains("+zadd"), "{advice}");
    line(&outcome, "✓", "lists");
    assert!(line(&outcome, "⊘", "no key left").1.contains("within a minute"), "{}", outcome.out);
    let mut direct = redis.direct();
    for key in direct.call(&["KEYS", "*"]).items() {
        let life = direct.call(&["PTTL", &key.text()]).int();
        assert!((1..=60_000).contains(&life), "{} stays: {life}", key.text());
    }
    assert_eq!(run(&["--allow-denied"]).code, Some(0));
}

#[test]
fn a_user_with_keys_of_its_own_is_given_a_prefix() {
    let redis = start(&["user app on >s3cret-of-the-cloud ~app:* &app:* +@all"]);
    let run = |args: &[&str]| {
        let url = redis.url_as(&format!("app:{PASSWORD}@"), 0);
        validate(args).upstream(&redis).env("REDIS_URL", &url).run()
    };
    let refused = run(&[]);
    let (_, advice) = line(&refused, "⊘", "lists");
    assert!(advice.contains("~redis-sidecar:validate:*, or give --prefix"), "{advice}");
    let outcome = run(&["--workloads", "--prefix", "app:"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert_empty(&redis);
}

#[test]
fn what_the_server_does_not_have_is_no_failure() {
    let redis = start(&["rename-command GETEX \"\"", "rename-command INFO \"\""]);
    let outcome = validate(&["--workloads"]).upstream(&redis).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    line(&outcome, "∅", "read and made longer in one (GETEX)");
    assert!(line(&outcome, "-", "memory policy").0.contains("unknown command"), "{}", outcome.out);
    assert!(outcome.out.contains("1 not in this server"), "{}", outcome.out);
    assert_empty(&redis);
}

#[test]
fn an_eviction_that_endangers_queues_is_warned_of() {
    for (policy, warning) in
        [("allkeys-lru", "any key may vanish"), ("volatile-ttl", "may vanish early")]
    {
        let redis = start(&[&format!("maxmemory-policy {policy}"), "maxmemory 100mb"]);
        let outcome = validate(&[]).upstream(&redis).run();
        assert_eq!(outcome.code, Some(0), "{}", outcome.out);
        let (line, advice) = line(&outcome, "!", "memory policy");
        assert!(line.contains(policy) && advice.contains(warning), "{line}\n{advice}");
    }
}

#[test]
fn a_replica_is_named() {
    let nobody = Refusing::start();
    let master = format!("replicaof 127.0.0.1 {}", nobody.port);
    let redis = start(&[&master, "replica-serve-stale-data yes"]);
    let outcome = validate(&[]).upstream(&redis).run();
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    let (line, advice) = line(&outcome, "✗", "replication role");
    assert!(
        line.contains("replica: slave") && advice.contains("point upstream.url"),
        "{line}\n{advice}"
    );
    assert!(outcome.out.contains("READONLY"), "{}", outcome.out);
}

#[test]
fn a_running_sidecar_is_checked_through_its_own_port() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    eventually("the sidecar is ready", || sidecar.http("/ready").0 == 200);
    let run = |args: &[&str]| {
        let through = ["--through", sidecar.address(), "--admin", sidecar.admin_address()];
        validate(&[args, &through].concat()).run()
    };
    let outcome = run(&["--workloads"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert!(!outcome.out.contains(['✗', '⊘', '∅', '!']), "{}", outcome.out);
    assert!(line(&outcome, "✓", "local path").0.contains(sidecar.address()));
    assert!(line(&outcome, "✓", "ready").0.contains("/ready said 200"), "{}", outcome.out);
    assert!(!outcome.out.contains(" DNS ") && !outcome.out.contains(" TLS "), "{}", outcome.out);
    assert_empty(&redis);
    redis.kill();
    eventually("the sidecar is not ready", || sidecar.http("/ready").0 == 503);
    let outcome = run(&[]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert!(line(&outcome, "✗", "ready").0.contains("/ready said 503"), "{}", outcome.out);
    let nobody = Refusing::start();
    let away = validate(&["--through", &format!(":{}", nobody.port)]).run();
    assert_named(&away, "local path", "Connection refused", "start the sidecar");
}

#[test]
fn the_sidecars_password_is_taken_from_its_configuration() {
    let redis = Redis::start();
    let yaml = format!("listen: {{password: {PASSWORD}}}");
    let sidecar = SidecarOptions::upstream(&redis).config(&yaml).start();
    eventually("the sidecar is ready", || sidecar.http("/ready").0 == 200);
    let listen = ["validate", "--listen", sidecar.address(), "--through"];
    let outcome = Cli::new(&listen).arg("--admin").arg(sidecar.admin_address()).config(&yaml).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert!(line(&outcome, "✓", "AUTH").0.contains("as user default"));
    let outcome = validate(&["--through", sidecar.address()]).run();
    assert_named(&outcome, "AUTH", "NOAUTH", "set listen.password");
}

#[test]
fn json_says_the_same_and_no_output_ever_holds_the_password() {
    let redis = Redis::start();
    let outcome = validate(&["--json", "--log-level", "debug"])
        .upstream(&redis)
        .env("RUST_LOG", "debug")
        .run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    let document: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((&document["ok"], &document["pass_rate"]), (&true.into(), &100.into()));
    let checks = document["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["milliseconds"].is_number()), "{}", outcome.out);
    let tls = checks.iter().find(|check| check["name"] == "TLS").unwrap();
    assert_eq!((&tls["group"], &tls["outcome"]), (&"Connection".into(), &"passed".into()));
    // The harness looks for the password in all that is written; a URL's in a fault too.
    let faulty = format!("redis://:{PASSWORD}@host:port");
    let outcome = validate(&["--json"]).env("REDIS_URL", &faulty).env("RUST_LOG", "debug").run();
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    let document: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(document["checks"][0]["name"], "URL");
    assert_eq!(document["checks"][0]["outcome"], "failed");
}

#[test]
fn memory_has_nothing_to_dial() {
    let outcome = validate(&[]).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert!(line(&outcome, "-", "all checks").0.contains("--through"), "{}", outcome.out);
}

#[test]
fn a_signal_ends_it_and_its_keys_are_deleted_all_the_same() {
    let cloud = Scripted::start(|call| call.is("RPUSH").then_some(Answer::Silence));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_redis-sidecar"))
        .args(["validate", "--timeout", "30s"])
        .env_clear()
        .env("REDIS_URL", cloud.url())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    eventually("a check hangs", || cloud.count("RPUSH") > 0);
    let term = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &term]).status().unwrap().success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{out}");
    assert!(out.contains("stopped by a signal"), "{out}");
    let calls = cloud.calls();
    let deleted = calls.iter().rev().find(|call| call.is("DEL")).unwrap().words.join(" ");
    assert!(deleted.contains(":string") && deleted.contains(":list"), "{deleted}");
}

/// What must be the same in documentation and output: headings, marks, names and advice; digits may differ.
fn shape(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let kept: String = match line.strip_prefix("      ") {
            Some(_) => line.to_owned(),
            None if line.starts_with("  ") => line.chars().take(44).collect(),
            None => line.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect(),
        };
        let mut kept = kept.split(", in ").next().unwrap_or_default().trim_end().to_owned();
        while kept.contains("##") {
            kept = kept.replace("##", "#");
        }
        kept
    };
    text.lines().map(line).collect()
}

#[test]
fn the_documentation_shows_what_it_prints() {
    let redis = Redis::start();
    let fine = validate(&[]).upstream(&redis).run();
    let other = redis.certs().file("unknown-ca.crt").display().to_string();
    let faulty = validate(&[]).upstream(&redis).env("REDIS_CA_FILE", &other).run();
    let docs = include_str!("../docs/validate.md");
    let samples: Vec<&str> =
        docs.split("```").filter(|part| part.starts_with("\nredis-sidecar validate:")).collect();
    assert_eq!(samples.len(), 2);
    for (sample, outcome) in samples.iter().zip([fine, faulty]) {
        let (sample, is_whole) = match sample.strip_suffix("...\n") {
            Some(part) => (part, false),
            None => (*sample, true),
        };
        let (wanted, mut shown) = (shape(sample.trim()), shape(outcome.out.trim()));
        if !is_whole {
            shown.truncate(wanted.len());
        }
        assert_eq!(shown, wanted, "{}", outcome.out);
    }
}
