//! Clients that mean harm, or are many: memory and descriptors stay bounded, and whoever works beside them is served.
//! Each test prints what it measured: `cargo test --test main -- hostile_clients:: --nocapture --test-threads 1`.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Certs, Client, Redis, Sidecar, SidecarOptions, Value, eventually};

const MB: f64 = 1_048_576.0;

/// What an attack costs.
struct Cost {
    /// Bytes and descriptors that the sidecar had more than before, at most.
    memory: u64,
    files: usize,
    /// How long the witness, a client that works meanwhile, waited for an answer: the longest, and the median.
    longest: Duration,
    median: Duration,
}

/// Runs `attack` while another client works.
fn cost_of(name: &str, sidecar: &Sidecar, attack: impl FnOnce()) -> Cost {
    let mut witness = sidecar.client();
    assert_eq!(witness.call(&["SET", "mine", "0"]), Value::ok());
    let (memory, files) = (sidecar.memory(), sidecar.open_files());
    let (done, is_over) = std::sync::mpsc::channel::<()>();
    let (mut worst, waits) = thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let (mut worst, mut waits) = ((0, 0), Vec::new());
            while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let start = Instant::now();
                assert_eq!(witness.call(&["ECHO", "mine"]), Value::bulk("mine"));
                waits.push(start.elapsed());
                if waits.len() % 16 == 1 {
                    worst = (sidecar.memory().max(worst.0), sidecar.open_files().max(worst.1));
                }
                thread::sleep(Duration::from_millis(2));
            }
            waits.sort();
            (worst, waits)
        });
        attack();
        drop(done);
        watch.join().unwrap()
    });
    worst = (worst.0.saturating_sub(memory), worst.1.saturating_sub(files));
    let (longest, median) = (waits[waits.len() - 1], waits[waits.len() / 2]);
    let cost = Cost { memory: worst.0, files: worst.1, longest, median };
    println!(
        "{name}: {:.1} MB and {} descriptors more; a client beside it waited {median:?}, {longest:?} at most",
        cost.memory as f64 / MB,
        cost.files
    );
    cost
}

/// The descriptors of a sidecar whose connections are made.
fn settled(sidecar: &Sidecar) -> usize {
    let (mut files, mut since) = (sidecar.open_files(), Instant::now());
    eventually("it has settled", || {
        let now = sidecar.open_files();
        if now != files {
            (files, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_millis(700)
    });
    files
}

fn assert_bounded(cost: &Cost, memory: u64, files: usize) {
    assert!(cost.memory < memory << 20, "{:.1} MB more", cost.memory as f64 / MB);
    assert!(cost.files < files, "{} descriptors more", cost.files);
    // far more than it takes on a busy machine, far less than a client that is held up waits
    assert!(cost.median < Duration::from_millis(500), "the median is {:?}", cost.median);
    assert!(cost.longest < Duration::from_secs(5), "the longest is {:?}", cost.longest);
}

fn before(redis: &Redis, max_clients: usize) -> Sidecar {
    let config = format!("listen: {{max_clients: {max_clients}}}");
    SidecarOptions::upstream(redis).config(&config).start()
}

#[test]
fn many_clients_that_send_a_byte_at_a_time_get_their_answers_and_harm_nobody() {
    let redis = Redis::start();
    let sidecar = before(&redis, 10_000);
    let mut slow: Vec<Client> = (0..500).map(|_| sidecar.client()).collect();
    let request = b"*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$10\r\n0123456789\r\n";
    let cost = cost_of("500 slow lorises", &sidecar, || {
        for byte in request {
            slow.iter_mut().for_each(|client| client.send_raw(&[*byte]));
        }
        slow.iter_mut().for_each(|client| assert_eq!(client.read(), Value::ok()));
    });
    assert_bounded(&cost, 32, 32);
    // what an unfinished request holds is what has come of it, and goes with its client
    let cost = cost_of("500 unfinished requests", &sidecar, || {
        slow.iter_mut().for_each(|client| client.send_raw(b"*2\r\n$3\r\nGET\r\n$536870912\r\nx"));
        thread::sleep(Duration::from_millis(300));
        slow.clear();
    });
    assert_bounded(&cost, 48, 32);
}

#[test]
fn ten_thousand_idle_clients_cost_little_and_go_without_a_trace() {
    let redis = Redis::start();
    let sidecar = before(&redis, 10_100);
    let files = settled(&sidecar);
    let mut idle: Vec<Client> = Vec::new();
    let cost = cost_of("10,000 idle clients", &sidecar, || {
        for _ in 0..10_000 {
            let mut client = sidecar.client();
            client.send_raw(b"PING\r\n");
            idle.push(client);
        }
        idle.iter_mut().for_each(|client| {
            assert_eq!(client.read(), Value::Simple("PONG".into()));
        });
    });
    println!("{:.1} KB an idle client", cost.memory as f64 / 1024.0 / 10_000.0);
    assert_bounded(&cost, 150, 10_100);
    drop(idle);
    eventually("their descriptors are closed", || sidecar.open_files() <= files + 2);
}

#[test]
fn a_thousand_connects_a_second_leave_nothing_behind() {
    let redis = Redis::start();
    let sidecar = before(&redis, 10_000);
    let (files, start) = (settled(&sidecar), Instant::now());
    let cost = cost_of("3,000 connects", &sidecar, || {
        for n in 0..3_000_u32 {
            let mut client = sidecar.client();
            assert_eq!(client.call(&["PING"]), Value::Simple("PONG".into()));
            thread::sleep((Duration::from_millis(1) * n).saturating_sub(start.elapsed()));
        }
    });
    println!("{:.0} connects a second", 3_000.0 / start.elapsed().as_secs_f64());
    assert_bounded(&cost, 48, 500);
    eventually("their descriptors are closed", || sidecar.open_files() <= files + 2);
}

#[test]
fn clients_that_never_auth_give_their_places_back() {
    let redis = Redis::start();
    let config =
        "listen: {password: secret, max_clients: 400}\nlimits: {before_auth: {timeout: 4s}}";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let files = settled(&sidecar);
    let silent: Vec<Client> = (0..600).map(|_| sidecar.client()).collect();
    // While those with a place still have it: their time is not over.
    eventually("those without a place are closed at once", || {
        (files + 390..=files + 420).contains(&sidecar.open_files())
    });
    eventually("an app gets a place", || {
        let mut app = sidecar.client();
        app.try_send(b"AUTH secret\r\nPING\r\n").is_ok() && app.read_or_close() == Some(Value::ok())
    });
    eventually("their descriptors are closed", || sidecar.open_files() <= files + 4);
    drop(silent);
    let lines = sidecar.log().lines().filter(|line| line.contains("max_clients are")).count();
    assert!((1..100).contains(&lines), "{lines} lines in the log of 200 refusals");
}

#[test]
fn connections_that_never_begin_tls_hold_few_descriptors() {
    let (redis, certs) = (Redis::start(), Certs::generate());
    let (cert, key) = (certs.file("server.crt"), certs.file("server.key"));
    let config = format!(
        "listen: {{max_clients: 100, tls: {{cert_file: '{}', key_file: '{}'}}}}",
        cert.display(),
        key.display()
    );
    let sidecar = SidecarOptions::upstream(&redis).config(&config).start();
    let files = settled(&sidecar);
    let silent: Vec<Client> = (0..1_000).map(|_| sidecar.client()).collect();
    // well before their handshakes are given up anyway
    let soon = Instant::now() + Duration::from_secs(5);
    let more = || sidecar.open_files().saturating_sub(files);
    while more() >= 250 {
        assert!(Instant::now() < soon, "{} descriptors more", more());
        thread::sleep(Duration::from_millis(20));
    }
    sidecar.wait_for_log(&["listen.max_clients are connected"]);
    drop(silent);
    eventually("their descriptors are closed", || sidecar.open_files() <= files + 2);
}

#[test]
fn a_long_pipeline_behind_a_command_that_waits_costs_what_it_costs_elsewhere() {
    let redis = Redis::start();
    let sidecar = before(&redis, 100);
    let time = |first: &str| {
        let mut client = sidecar.client();
        let mut pipeline = first.as_bytes().to_vec();
        pipeline.extend(b"CLIENT ID\r\n".repeat(300_000));
        let start = sidecar.cpu_time();
        thread::scope(|scope| {
            let mut writer = client.writer();
            scope.spawn(move || writer.write_all(&pipeline).unwrap());
            (0..=300_000).for_each(|_| drop(client.read()));
        });
        sidecar.cpu_time() - start
    };
    let (elsewhere, behind) = (time("PING\r\n"), time("BLPOP nothing 1\r\n"));
    println!("300,000 commands took {elsewhere:?} of CPU, and {behind:?} behind a BLPOP");
    assert!(
        behind < elsewhere * 3 + Duration::from_millis(500),
        "{behind:?} against {elsewhere:?}"
    );
}
