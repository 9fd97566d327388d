//! What is rendered runs: the configuration is taken by the real binary, secrets reach it as files, its probes answer, and
//! each port is to be reached by those alone whom it is for.

use std::net::TcpStream;

use serde_yaml::Value as Yaml;

use super::cases::each;
use super::chart::{NEWEST, Rendered, root, with_values};
use super::pod::{POD_IP, Pod, http};
use crate::harness::{Certs, Client, PASSWORD, Redis, RedisOptions, Value, eventually, free_port};

/// A mode, on ports that are free, before this Redis.
pub(super) struct Values {
    pub(super) redis_port: u16,
    pub(super) admin_port: u16,
    yaml: String,
}

impl Values {
    pub(super) fn new(mode: &str, redis: &Redis, more: &str) -> Self {
        let (redis_port, admin_port) = (free_port(), free_port());
        let address = if mode == "service" { "0.0.0.0" } else { "127.0.0.1" };
        let url = redis.url_as("", 0);
        let yaml = format!(
            "mode: {mode}\nconfig:\n  upstream: {{url: '{url}'}}\n  listen: {{address: '{address}:{redis_port}'}}\n  \
             admin: {{address: '0.0.0.0:{admin_port}'}}\nsecrets:\n  password: {{name: redis}}\n  ca: {{name: redis}}\n{more}"
        );
        Self { redis_port, admin_port, yaml }
    }

    /// May be ended by POST /quitquitquit.
    pub(super) fn with_quit(mut self) -> Self {
        self.yaml = self.yaml.replacen("admin: {", "admin: {quit: on, ", 1);
        self
    }

    /// With this drain_timeout.
    pub(super) fn with_drain(mut self, time: &str) -> Self {
        self.yaml =
            self.yaml.replacen("config:\n", &format!("config:\n  drain_timeout: {time}\n"), 1);
        self
    }

    pub(super) fn render(&self) -> Rendered {
        with_values(&self.yaml, NEWEST).unwrap()
    }

    pub(super) fn client(&self) -> Client {
        Client::connect(&format!("127.0.0.1:{}", self.redis_port))
    }
}

/// The Secret `redis`, as somebody makes it for this server.
pub(super) fn secret_of(redis: &Redis) -> impl Fn(&str, &str) -> String {
    let ca = std::fs::read_to_string(redis.certs().file("ca.crt")).unwrap();
    let client = ["client.crt", "client.key"]
        .map(|file| std::fs::read_to_string(redis.certs().file(file)).unwrap());
    move |_, key| match key {
        "password" => PASSWORD.to_owned(),
        "ca.crt" => ca.clone(),
        "tls.crt" => client[0].clone(),
        "tls.key" => client[1].clone(),
        _ => panic!("no key {key} in the Secret"),
    }
}

/// An app that does nothing.
const IDLE_APP: &str = "app: {image: x, command: [sleep, '1000']}\n";

#[test]
fn every_cases_configuration_passes_the_check() {
    let certs = Certs::generate();
    let file = |name: &str| std::fs::read_to_string(certs.file(name)).unwrap();
    let (cert, key) = (file("client.crt"), file("client.key"));
    let secrets = |_: &str, name: &str| match name {
        "url" => format!("rediss://:{PASSWORD}@cache.example.com:6380"),
        name if name.ends_with(".key") => key.clone(),
        name if name.ends_with(".crt") || name.ends_with(".pem") => cert.clone(),
        _ => PASSWORD.to_owned(),
    };
    let secrets: &(dyn Fn(&str, &str) -> String + Sync) = &secrets;
    each(|case| {
        let rendered = case.render(NEWEST).unwrap();
        for (owner, template) in rendered.pods() {
            let pod = Pod::of(&rendered, template, &|name, key| secrets(name, key));
            let (code, said) = pod.run_sidecar("check");
            assert_eq!(code, Some(0), "{}, {owner}: {said}", case.name);
            assert!(!said.contains(PASSWORD), "{said}");
        }
        assert!(!rendered.text.contains(PASSWORD));
    });
}

#[test]
fn a_native_sidecar_serves_its_app_and_its_probes_answer() {
    let mut redis = Redis::start_with(RedisOptions { client_certs: true, ..Default::default() });
    let more = format!("  clientCertificate: {{name: redis}}\n{IDLE_APP}");
    let values = Values::new("app", &redis, &more);
    let mut pod = Pod::new(&values.render(), &secret_of(&redis));
    pod.start();
    let sidecar = pod.sidecar();
    assert_eq!(sidecar["restartPolicy"], "Always");
    assert_eq!(values.client().call(&["SET", "k", "v"]), Value::ok());
    assert_eq!(redis.direct().call(&["GET", "k"]), Value::bulk("v"));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert!(pod.probe(&sidecar, probe), "{probe}: {}", pod.log("redis-sidecar"));
    }
    assert_eq!(http(values.admin_port, "GET /metrics"), Some(200));
    let from_outside = TcpStream::connect((POD_IP, values.redis_port));
    assert!(from_outside.is_err(), "the app's port is open to the network");
    // An outage is every pod's at once: it takes none out of its Service.
    redis.kill();
    eventually("the outage is known", || {
        matches!(values.client().call(&["SET", "k", "v"]), Value::Error(_))
    });
    assert!(pod.probe(&sidecar, "readinessProbe") && pod.probe(&sidecar, "livenessProbe"));
    assert!(!pod.log("redis-sidecar").contains(PASSWORD));
}

#[test]
fn the_documents_questions_are_answered_within_the_container() {
    let redis = Redis::start();
    let values = Values::new("app", &redis, IDLE_APP);
    let mut pod = Pod::new(&values.render(), &secret_of(&redis));
    pod.start();
    let text = std::fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
    let asked = text.lines().filter(|line| line.contains("kubectl exec "));
    let lines: Vec<&str> = asked.filter_map(|line| Some(line.split_once(" -- ")?.1)).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let (code, said) = pod.exec(line);
        assert_eq!(code, Some(0), "{line}: {said}");
    }
}

#[test]
fn a_plain_sidecar_starts_before_its_app_and_its_exec_probes_answer() {
    let redis = Redis::start();
    let values = Values::new("app", &redis, &format!("native: false\n{IDLE_APP}"));
    let yaml = values.yaml.replace("0.0.0.0", "127.0.0.1");
    let rendered = with_values(&yaml, NEWEST).unwrap();
    let mut pod = Pod::new(&rendered, &secret_of(&redis));
    pod.start();
    assert_eq!(values.client().call(&["PING"]), Value::Simple("PONG".to_owned()));
    assert_eq!(http(values.admin_port, "GET /live"), None, "loopback is for the pod alone");
    let sidecar = pod.sidecar();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert!(sidecar[probe].get("exec").is_some(), "{sidecar:?}");
        assert!(pod.probe(&sidecar, probe), "{probe}: {}", pod.log("redis-sidecar"));
    }
}

#[test]
fn a_wrong_password_is_never_ready_so_that_a_rollout_stops() {
    let redis = Redis::start();
    let values = Values::new("app", &redis, &format!("native: false\n{IDLE_APP}"));
    let right = secret_of(&redis);
    let wrong = |name: &str, key: &str| match key {
        "password" => "wrong".to_owned(),
        key => right(name, key),
    };
    let mut pod = Pod::new(&values.render(), &wrong);
    pod.start();
    let sidecar = pod.sidecar();
    assert!(pod.probe(&sidecar, "startupProbe") && pod.probe(&sidecar, "livenessProbe"));
    assert!(!pod.probe(&sidecar, "readinessProbe"));
    let told = || pod.log("redis-sidecar").contains("WRONGPASS");
    eventually("the log says why", told);
}

#[test]
fn alone_it_asks_for_its_own_password_and_is_reached_from_outside() {
    let redis = Redis::start();
    let values = Values::new("service", &redis, "  listenPassword: {name: local, key: word}\n");
    let upstream = secret_of(&redis);
    let secrets = |name: &str, key: &str| match name {
        "local" => "local-word".to_owned(),
        _ => upstream(name, key),
    };
    let mut pod = Pod::new(&values.render(), &secrets);
    pod.start();
    let sidecar = pod.sidecar();
    eventually("it is ready", || pod.probe(&sidecar, "readinessProbe"));
    let mut client = Client::connect(&format!("{POD_IP}:{}", values.redis_port));
    assert!(client.call(&["GET", "k"]).text().starts_with("NOAUTH"));
    assert_eq!(client.call(&["AUTH", "local-word"]), Value::ok());
    assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    assert!(!pod.log("redis-sidecar").contains("local-word"));
}

#[test]
fn a_fault_in_the_configuration_is_named_by_the_check() {
    let redis = Redis::start();
    let mut values = Values::new("app", &redis, IDLE_APP);
    values.yaml = values.yaml.replacen("upstream: {", "upstream: {pol: 3, ", 1);
    let pod = Pod::new(&values.render(), &secret_of(&redis));
    let (code, said) = pod.run_sidecar("check");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("upstream.pol: is no key; did you mean upstream.pool?"), "{said}");
}

/// What the chart's user may do with the sidecar's container, and what not.
#[test]
fn the_container_is_hardened() {
    each(|case| {
        let rendered = case.render(NEWEST).unwrap();
        for (owner, template) in rendered.pods() {
            let pod = Pod::of(&rendered, template, &|_, _| String::new());
            let context = &pod.sidecar()["securityContext"];
            let is = |name: &str, value: bool| assert_eq!(context[name], value, "{owner}: {name}");
            is("runAsNonRoot", true);
            is("readOnlyRootFilesystem", true);
            is("allowPrivilegeEscalation", false);
            assert_eq!(context["capabilities"]["drop"], Yaml::from(vec!["ALL"]));
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
        }
    });
}
