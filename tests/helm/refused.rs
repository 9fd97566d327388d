//! Wrong values: the schema or the chart says what is wrong, and nothing is rendered.

use super::chart::{NEWEST, OLDEST, root, with_values};

const APP: &str = "mode: app\napp: {image: x}\nconfig: {upstream: {url: 'rediss://h'}}\n";
const SERVICE: &str = "mode: service\nconfig: {upstream: {url: 'rediss://h'}}\n";

/// Fails with each of `expected` in one message.
#[track_caller]
fn expect_refused(values: &str, expected: &[&str]) {
    let said = with_values(values, NEWEST).map(|rendered| rendered.text).unwrap_err();
    for part in expected {
        assert!(said.contains(part), "{part}\nnot in\n{said}\nof\n{values}");
    }
}

#[test]
fn what_is_no_value_is_named() {
    let many = format!(
        "{APP}pod: {{replicas: two}}\nimage: {{pullPolicy: Often}}\nrepicas: 3\nsecrets: {{pasword: {{name: x}}}}\n\
         shutdown: {{appSeconds: -1}}\npodMonitor: {{enabled: 'yes', interval: often}}\n"
    );
    expect_refused(
        &many,
        &[
            "values don't meet the specifications of the schema",
            "pod.replicas: Invalid type. Expected: integer, given: string",
            "image.pullPolicy: image.pullPolicy must be one of the following",
            "(root): Additional property repicas is not allowed",
            "secrets: Additional property pasword is not allowed",
            "shutdown.appSeconds: Must be greater than or equal to 0",
            "podMonitor.enabled: Invalid type. Expected: boolean, given: string",
            "podMonitor.interval: Does not match pattern",
        ],
    );
    expect_refused(&APP.replace("mode: app", "mode: apps"), &["mode must be one of the following"]);
}

#[test]
fn what_is_missing_is_named_all_at_once() {
    expect_refused("{}", &["mode: set app", "config.upstream.url: name your Redis"]);
    expect_refused(
        "mode: app",
        &["config.upstream.url: name your Redis", "app.image: mode app needs"],
    );
    expect_refused(SERVICE, &["service.open: whoever reaches the port"]);
    // Users of their own keep nobody out while there is the default one too.
    let users = SERVICE.replace("}}", "}, listen: {users: [{name: shop, password_file: /x}]}}");
    expect_refused(&users, &["service.open: whoever reaches the port"]);
    let only = users.replace("users:", "default_user: off, users:");
    assert!(with_values(&only, NEWEST).is_ok());
}

#[test]
fn a_secret_never_comes_into_the_configmap() {
    let url = "'rediss://user:hunter2@h'";
    let secrets = format!(
        "{APP}config:\n  upstream: {{url: {url}, auth: {{password: hunter2}}}}\n  listen:\n    password: hunter2\n    \
         users: [{{name: a, password: hunter2}}]\n"
    );
    let secrets = secrets.replace("config: {upstream: {url: 'rediss://h'}}\n", "");
    expect_refused(
        &secrets,
        &[
            "config.upstream.auth.password would stand in a ConfigMap",
            "config.upstream.url has a password in its URL",
            "config.listen.password would stand in a ConfigMap",
            "config.listen.users[0].password would stand in a ConfigMap",
        ],
    );
    let said = with_values(&secrets, NEWEST).map(|rendered| rendered.text).unwrap_err();
    assert!(!said.contains("hunter2"), "{said}");
    let from_env = format!("{APP}env: [{{name: WORD, value: x}}]\n").replace(
        "config: {upstream: {url: 'rediss://h'}}",
        "config: {upstream: {url: 'rediss://h', auth: {password: '${WORD}'}}}",
    );
    assert!(with_values(&from_env, NEWEST).is_ok());
}

/// What docs/configuration.md calls a secret, which a test of its own compares with the code.
#[test]
fn every_key_that_is_a_secret_is_refused() {
    let text = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains("| a secret |"));
    let keys: Vec<&str> = rows.filter_map(|line| line.split('`').nth(1)).collect();
    assert!(keys.len() >= 3, "{keys:?}");
    for key in keys {
        let value = key
            .rsplit('.')
            .fold("hunter2".to_owned(), |inner, name| format!("{{{name}: {inner}}}"));
        let values = format!("{}config: {value}\n", APP.split("config:").next().unwrap());
        expect_refused(&values, &[&format!("config.{key} would stand in a ConfigMap")]);
    }
}

#[test]
fn what_cannot_work_together_is_named() {
    let with = |base: &str, more: &str| format!("{base}{more}\n");
    expect_refused(
        &with(APP, "serviceMonitor: {enabled: true}"),
        &["only mode service has a Service"],
    );
    let loopback = SERVICE.replace("}}", "}, listen: {address: '127.0.0.1:6379'}}");
    expect_refused(&with(&loopback, "service: {open: true}"), &["nobody could reach it there"]);
    let hidden = APP.replace("}}", "}, admin: {address: 'localhost:9121'}}");
    expect_refused(&with(&hidden, "podMonitor: {enabled: true}"), &["Prometheus can't reach it"]);
    expect_refused(&with(&hidden, "scrapeAnnotations: true"), &["Prometheus can't reach it"]);
    expect_refused(
        &APP.replace("}}", "}, drain_timeout: 10}"),
        &["config.drain_timeout: \"10\" is no time"],
    );
}

#[test]
fn no_hook_sleeps_for_no_time() {
    let plain = format!("{APP}native: false\nshutdown: {{appSeconds: 0}}\n");
    let text = with_values(&plain, NEWEST).unwrap().text;
    assert!(text.contains("postStart") && !text.contains("preStop"), "{text}");
    let alone = format!("{SERVICE}service: {{open: true}}\nshutdown: {{endpointsSeconds: 0}}\n");
    assert!(!with_values(&alone, NEWEST).unwrap().text.contains("lifecycle"));
}

#[test]
fn what_the_cluster_cannot_do_is_named() {
    let plain = format!("{APP}native: false\n");
    assert!(with_values(&plain, "1.30.0").is_ok());
    let said = with_values(&plain, OLDEST).map(|rendered| rendered.text).unwrap_err();
    assert!(said.contains("a plain container needs Kubernetes 1.30"), "{said}");
    let said = with_values(APP, "1.28.0").map(|rendered| rendered.text).unwrap_err();
    assert!(said.contains("requires kubeVersion: >=1.29.0-0"), "{said}");
}
