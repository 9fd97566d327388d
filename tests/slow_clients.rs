//! Clients that send much, read late or leave early, before an upstream that hangs or is away: memory
//! stays bounded, nobody else is held up, and nothing that belonged to them outlives them.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value, eventually};

/// A process that hangs, as one whose machine does; it goes on when this is dropped.
pub(crate) struct Stopped {
    process: i64,
}

impl Stopped {
    pub(crate) fn stop(redis: &Redis) -> Self {
        Self::stop_process(redis.info("process_id"))
    }

    /// Returns when it stands still: the signal alone leaves its threads a while to run on.
    pub(crate) fn stop_process(process: i64) -> Self {
        assert!(signal("STOP", process), "the process is not there");
        eventually("all threads are stopped", || are_all_threads(process, 'T'));
        Self { process }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("CONT", self.process);
    }
}

/// Whether all threads of a process are in this state: `T` is stopped, `S` waits for something to happen.
pub(crate) fn are_all_threads(process: i64, state: char) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks.flatten().all(|task| {
        // One that has just ended is in none. Its name, which may hold anything, ends with the last parenthesis.
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(state))
    })
}

fn signal(name: &str, process: i64) -> bool {
    let line = format!("kill -{name} {process}");
    Command::new("sh").args(["-c", &line]).status().unwrap().success()
}

fn one_worker(redis: &Redis) -> SidecarOptions {
    SidecarOptions::upstream(redis).env("SIDECAR_WORKERS", "1")
}

/// SET of a value of so many bytes.
fn large_set(length: usize) -> Vec<u8> {
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nx\r\n${length}\r\n");
    [head.as_bytes(), &vec![b'x'; length], b"\r\n"].concat()
}

/// Sends `bytes` until they are not taken for half a second, or `times`; how often they were.
fn send_until_refused(client: &mut Client, bytes: &[u8], times: usize) -> usize {
    client.set_patience(Duration::from_millis(500));
    (0..times).take_while(|_| client.try_send(bytes).is_ok()).count()
}

/// The most that `sidecar` grows over `before`, in MB, until it grows no more.
fn growth(sidecar: &Sidecar, before: u64) -> u64 {
    let (mut most, mut since) = (0, Instant::now());
    let end = Instant::now() + Duration::from_secs(20);
    while since.elapsed() < Duration::from_secs(1) && Instant::now() < end {
        let grown = sidecar.memory().saturating_sub(before);
        if grown > most {
            (most, since) = (grown, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
    most >> 20
}

#[test]
fn a_transaction_before_a_server_that_hangs_is_bounded_in_memory() {
    let redis = Redis::start();
    let config = "upstream: {probe_timeout: 60s}";
    let sidecar = one_worker(&redis).config(config).start();
    let mut client = sidecar.client();
    client.call(&["MULTI"]);
    let small: &[&str] = &["SET", "a", "b"];
    client.pipeline(&[small; 200]);
    let before = sidecar.memory();
    let _stopped = Stopped::stop(&redis);
    let sent = send_until_refused(&mut client, &large_set(900_000), 300);
    let grown = growth(&sidecar, before);
    assert!(grown < 160, "{grown} MB more, after {sent} commands of 900 KB were taken");
    assert_eq!(sidecar.client().call(&["CLIENT", "GETNAME"]), Value::Nil);
}

#[test]
fn answers_of_our_own_behind_a_reply_that_is_owed_are_bounded_in_memory() {
    let redis = Redis::start();
    let config = "upstream: {probe_timeout: 60s}";
    let sidecar = one_worker(&redis).config(config).start();
    let mut crowd: Vec<_> = (0..300).map(|_| sidecar.client()).collect();
    for client in &mut crowd {
        client.call(&["ECHO", "here"]);
    }
    let mut client = sidecar.client();
    client.call(&["GET", "a"]);
    let before = sidecar.memory();
    let _stopped = Stopped::stop(&redis);
    client.send(&["GET", "a"]);
    let lines = b"*2\r\n$6\r\nCLIENT\r\n$4\r\nLIST\r\n".repeat(100);
    let sent = send_until_refused(&mut client, &lines, 200) * 100;
    let grown = growth(&sidecar, before);
    assert!(grown < 80, "{grown} MB more, after {sent} CLIENT LISTs were taken");
    assert_eq!(crowd[0].call(&["CLIENT", "GETNAME"]), Value::Nil);
}

#[test]
fn quit_waits_for_the_replies_before_it_however_late() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    let replies = client.pipeline(&[&["DEBUG", "SLEEP", "3"], &["SET", "k", "v"], &["QUIT"]]);
    assert_eq!(replies, vec![Value::ok(); 3]);
    client.expect_close();
}

#[test]
fn a_reply_before_quit_comes_whole_to_a_client_that_reads_late() {
    let redis = Redis::start();
    let length = 30_000_000;
    redis.direct().call(&["SETRANGE", "big", &(length - 1).to_string(), "x"]);
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    client.send_raw(b"GET big\r\nQUIT\r\n");
    // how late the client reads, which is what this test is about
    thread::sleep(Duration::from_secs(3));
    let reply = client.read_raw_reply();
    assert_eq!(reply.len(), length + "$30000000\r\n\r\n".len());
    assert_eq!(client.read(), Value::ok());
    client.expect_close();
}

#[test]
fn a_full_queue_of_an_upstream_that_is_away_holds_up_nobody() {
    let mut redis = Redis::start();
    let sidecar = one_worker(&redis)
        .config("upstream: {max_queued: 1mb}\nbreaker: {grace: 500ms}")
        .env("REDIS_COMMAND_TIMEOUT", "1000")
        .start();
    let mut writers: Vec<_> = (0..4).map(|_| sidecar.client()).collect();
    let mut early = sidecar.client();
    early.call(&["GET", "x"]);
    redis.kill();
    let value = large_set(500_000);
    thread::scope(|scope| {
        for writer in &mut writers {
            scope.spawn(|| send_until_refused(writer, &value, 20));
        }
    });
    let mut clients = [early, sidecar.client(), sidecar.client().resp3()];
    for client in &mut clients {
        client.set_patience(Duration::from_secs(5));
        for _ in 0..5 {
            let reply = client.call(&["GET", "x"]);
            assert!(matches!(reply, Value::Error(_)), "{reply:?}");
        }
    }
    for writer in &mut writers {
        writer.set_patience(Duration::from_secs(5));
        assert!(matches!(writer.read(), Value::Error(_)));
    }
    redis.restart();
    for client in &mut clients {
        eventually("it is served", || !matches!(client.call(&["GET", "x"]), Value::Error(_)));
    }
}

#[test]
fn a_client_that_leaves_with_a_long_pipeline_behind_blpop_takes_nothing() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    let ping = format!("PING {}\r\n", "x".repeat(1_000));
    client.send_raw(format!("BLPOP q 0\r\n{}", ping.repeat(100)).as_bytes());
    eventually("it waits", || redis.info("blocked_clients") == 1);
    drop(client);
    eventually("nobody waits", || redis.info("blocked_clients") == 0);
    let mut direct = redis.direct();
    assert_eq!(direct.call(&["RPUSH", "q", "1"]), Value::Int(1));
    assert_eq!(direct.call(&["LLEN", "q"]), Value::Int(1));
}

/// Fills what a client in MULTI may have unsent to a server that hangs, lets `leave` end the client, and
/// sees its connection upstream go.
#[track_caller]
fn assert_gone_at_once(unread: usize, leave: impl FnOnce(&Sidecar, Client)) {
    let redis = Redis::start();
    let sidecar = one_worker(&redis).start();
    let mut client = sidecar.client();
    client.call(&["GET", "a"]);
    let without = sidecar.open_files();
    client.send_raw(format!("{}MULTI\r\n", "ECHO unread\r\n".repeat(unread)).as_bytes());
    // begun, not only dialed: a server that stops before would leave MULTI without an answer
    eventually("MULTI is begun on a connection of its own", || {
        redis.direct().call(&["CLIENT", "LIST"]).text().contains("cmd=multi")
    });
    let _stopped = Stopped::stop(&redis);
    send_until_refused(&mut client, &large_set(900_000), 20);
    leave(&sidecar, client);
    let left = Instant::now();
    // the client's own socket goes as well
    eventually("both connections are closed", || sidecar.open_files() < without);
    let took = left.elapsed();
    assert!(took < Duration::from_millis(1_500), "closed {took:?} after the client had left");
}

#[test]
fn a_connection_with_much_unsent_goes_at_once_when_its_client_resets() {
    // with a reply unread, the end of the client's socket is a reset
    assert_gone_at_once(1, |_, client| drop(client));
}

#[test]
fn a_connection_with_much_unsent_goes_at_once_when_its_client_closes_in_multi() {
    // no EXEC has come, so nothing of it can be run any more
    assert_gone_at_once(0, |_, mut client| {
        assert_eq!(client.read(), Value::ok());
        drop(client);
    });
}

#[test]
fn a_connection_with_much_unsent_goes_at_once_when_its_client_is_killed() {
    assert_gone_at_once(0, |sidecar, mut client| {
        let address = client.local_address();
        let mut operator = sidecar.client();
        assert_eq!(operator.call(&["CLIENT", "KILL", "ADDR", &address]), Value::Int(1));
        client.read_to_close();
    });
}

#[test]
fn a_client_that_leaves_during_a_pause_leaves_no_trace() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let (mut leaver, mut operator) = (sidecar.client(), sidecar.client());
    let listed = |operator: &mut Client| {
        operator.call(&["CLIENT", "LIST"]).text().lines().filter(|l| l.contains("id=")).count()
    };
    leaver.call(&["CLIENT", "SETNAME", "leaver"]);
    assert_eq!(operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]), Value::ok());
    assert_eq!(listed(&mut operator), 2);
    leaver.send(&["SET", "a", "1"]);
    leaver.expect_silence(Duration::from_millis(100));
    drop(leaver);
    let left = Instant::now();
    eventually("it is listed no more", || listed(&mut operator) == 1);
    let took = left.elapsed();
    assert!(took < Duration::from_secs(1), "listed for {took:?} after it had left");
    assert_eq!(operator.call(&["CLIENT", "UNPAUSE"]), Value::ok());
    assert_eq!(operator.call(&["SET", "b", "1"]), Value::ok());
    assert_eq!(redis.direct().call(&["KEYS", "*"]), Value::bulks(&["b"]));
}
