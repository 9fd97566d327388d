//! Under systemd: it is told when the sidecar listens and when it stops, its sockets are taken over, and the
//! shipped units are what systemd itself finds sound.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{
    Cli, Client, DEADLINE, Redis, Refusing, SidecarOptions, SocketActivated, Value, eventually,
    free_port,
};

/// What is told next at `socket`.
fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("nothing was told in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Starts and stops a sidecar that is to tell `name`.
fn expect_ready_then_stopping(socket: &UnixDatagram, name: &str) {
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let options = SidecarOptions::default().env("SIDECAR_LISTEN", &address);
    let mut sidecar = options.env("NOTIFY_SOCKET", name).spawn();
    assert!(told(socket).starts_with("READY=1\n"));
    // It listens by then: nobody has to try again.
    assert_eq!(Client::connect(&address).call(&["PING"]), Value::Simple("PONG".into()));
    sidecar.terminate();
    assert!(told(socket).starts_with("STOPPING=1\n"));
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
}

#[test]
fn readiness_and_stopping_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    expect_ready_then_stopping(&UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap());
    let name = format!("redis-sidecar-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    expect_ready_then_stopping(&UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}"));
}

#[test]
fn readiness_does_not_wait_for_an_upstream_that_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let nobody = Refusing::start();
    let _sidecar = SidecarOptions::default()
        .env("REDIS_URL", &format!("redis://127.0.0.1:{}", nobody.port))
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .spawn();
    assert!(told(&socket).starts_with("READY=1\n"));
}

#[test]
fn a_socket_that_is_not_there_is_warned_of_and_nothing_more() {
    let sidecar = SidecarOptions::default().env("NOTIFY_SOCKET", "/none/notify").start();
    sidecar.wait_for_log(&["WARN", "NOTIFY_SOCKET"]);
    assert_eq!(sidecar.client().call(&["PING"]), Value::Simple("PONG".into()));
}

#[test]
fn sockets_are_taken_over_for_the_addresses_of_the_configuration() {
    let redis = Redis::start_plain();
    let (apps, admin) = (free_port(), free_port());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    let yaml = format!("listen: {{address: ':{apps}', unix_socket: {}}}", path.display());
    fs::write(dir.path().join("config.yaml"), yaml).unwrap();
    let (apps, admin) = (format!("127.0.0.1:{apps}"), format!("127.0.0.1:{admin}"));
    let sidecar = SocketActivated::start(
        dir.path(),
        &[&apps, path.to_str().unwrap(), &admin],
        &[("REDIS_URL", &redis.url()), ("SIDECAR_ADMIN", &admin)],
    );
    // The first client is what starts it, and is served.
    assert_eq!(Client::connect(&apps).call(&["SET", "k", "v"]), Value::ok(), "{}", sidecar.log());
    assert_eq!(Client::connect(&apps).call(&["GET", "k"]), Value::bulk("v"));
    let mut local = Client::connect_unix(&path).unwrap();
    assert_eq!(local.call(&["GET", "k"]), Value::bulk("v"));
    assert_eq!(Cli::new(&["wait", "--admin", &admin]).run().code, Some(0), "{}", sidecar.log());
    sidecar.stop();
    assert!(path.exists(), "systemd's socket is not ours to remove");
}

#[test]
fn a_socket_that_the_configuration_does_not_name_stops_the_start() {
    let (port, other) = (free_port(), free_port());
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = SocketActivated::start(
        dir.path(),
        &[&format!("127.0.0.1:{port}")],
        &[("SIDECAR_LISTEN", &format!("127.0.0.1:{other}")), ("SIDECAR_ADMIN", "off")],
    );
    let _caller = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let text = format!("hands over a socket at 127.0.0.1:{port}, which is neither listen.address");
    eventually("it is told", || sidecar.log().contains(&text));
    assert_eq!(sidecar.exit_code(), Some(2), "{}", sidecar.log());
}

#[test]
fn another_process_s_sockets_are_left_alone() {
    // As where a variable was inherited: LISTEN_PID is not ours.
    let sidecar = SidecarOptions::default().env("LISTEN_FDS", "1").env("LISTEN_PID", "1").start();
    assert_eq!(sidecar.client().call(&["PING"]), Value::Simple("PONG".into()));
}

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(name)
}

fn systemd_analyze(args: &[&str]) -> Output {
    Command::new("systemd-analyze").args(args).output().unwrap_or_else(|error| {
        panic!("systemd-analyze: {error}; install it: apt-get install systemd")
    })
}

#[test]
fn the_units_are_sound_and_hardened() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(unit("redis-sidecar.service")).unwrap();
    // verify wants the program to be there.
    let installed = text.replace("/usr/bin/redis-sidecar", env!("CARGO_BIN_EXE_redis-sidecar"));
    assert_ne!(installed, text);
    let service = dir.path().join("redis-sidecar.service");
    let socket = dir.path().join("redis-sidecar.socket");
    fs::write(&service, installed).unwrap();
    fs::copy(unit("redis-sidecar.socket"), &socket).unwrap();
    for file in [&service, &socket] {
        let output = systemd_analyze(&["verify", "--man=no", file.to_str().unwrap()]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    let most = ["security", "--offline=true", "--threshold=15", service.to_str().unwrap()];
    let output = systemd_analyze(&most);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_units_fit_the_defaults() {
    let output = Cli::new(&["check"]).run();
    let service = fs::read_to_string(unit("redis-sidecar.service")).unwrap();
    assert!(output.out.contains("drain_timeout: 10s") && service.contains("TimeoutStopSec=30s"));
    let socket = fs::read_to_string(unit("redis-sidecar.socket")).unwrap();
    assert!(output.out.contains("address: 127.0.0.1:6379"), "{}", output.out);
    assert!(socket.contains("ListenStream=127.0.0.1:6379"));
}
