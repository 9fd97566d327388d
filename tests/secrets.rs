//! That nothing secret is told: by the admin port, the log, or to a client, while all is well and in an outage.

use crate::harness::{Client, PASSWORD, Redis, RedisOptions, Sidecar, SidecarOptions, eventually};

/// Everything that can be asked for with GET.
const ROUTES: [&str; 15] = [
    "/",
    "/config",
    "/stats",
    "/slowlog",
    "/hotkeys",
    "/bigkeys",
    "/metrics",
    "/live",
    "/ready",
    "/startup",
    "/health",
    "/health/redis",
    "/health/detailed",
    "/api/health/detailed",
    "/nowhere",
];

#[test]
fn no_route_and_no_log_line_holds_the_password() {
    let mut redis = Redis::start_with(RedisOptions {
        lines: vec!["user hidden-user on >hidden-word ~* +@all".to_owned()],
        ..RedisOptions::default()
    });
    for credentials in [format!(":{PASSWORD}@"), "hidden-user:hidden-word@".to_owned()] {
        let sidecar = SidecarOptions::upstream(&redis)
            .env("REDIS_URL", &redis.url_as(&credentials, 0))
            .env("SIDECAR_LOG_LEVEL", "trace")
            .config("breaker: {grace: 100ms}\nlisten: {password: local-word}")
            .start();
        eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
        let mut client = sidecar.client();
        client.call(&["AUTH", "local-word"]);
        client.call(&["AUTH", "wrong-word"]);
        let mut all = all_routes(&sidecar) + &all_replies(&mut client);
        redis.kill();
        eventually("/ready says 503", || sidecar.http("/ready").0 == 503);
        all.push_str(&(all_routes(&sidecar) + &all_replies(&mut client)));
        redis.restart();
        eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
        all.push_str(&sidecar.log());
        for secret in [PASSWORD, "hidden-user", "hidden-word", "local-word", "wrong-word"] {
            assert!(!all.contains(secret), "{secret} is in:\n{all}");
        }
        assert!(all.contains("***@localhost"), "{all}");
    }
}

/// What a client is told of the sidecar, or gets instead of a reply.
fn all_replies(client: &mut Client) -> String {
    let lines = [
        "SIDECAR STATS",
        "SIDECAR HEALTH",
        "SIDECAR SLOWLOG",
        "SIDECAR HOTKEYS",
        "SIDECAR BIGKEYS",
        "CLIENT LIST",
        "INFO",
        "HELLO 2",
        "GET k",
        "SET k v",
        "MULTI",
        "EXEC",
        "BLPOP k 0.01",
    ];
    let ask = |line: &&str| format!("{:?}", client.call(&line.split(' ').collect::<Vec<_>>()));
    lines.iter().map(ask).collect()
}

fn all_routes(sidecar: &Sidecar) -> String {
    ROUTES.iter().map(|path| sidecar.http(path).1).collect()
}
