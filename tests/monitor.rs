//! MONITOR shows what the server runs, to the one who asked, for as long as it asks.

use crate::harness::{Client, Redis, Sidecar, Value, eventually};

/// Reads until a line ends with `end`: other connections speak meanwhile.
fn read_until(client: &mut Client, end: &str) -> String {
    loop {
        let line = client.read().text();
        if line.ends_with(end) {
            return line;
        }
    }
}

#[test]
fn the_commands_of_others_are_shown_with_time_and_database() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    for mut monitor in [sidecar.client(), sidecar.client().resp3()] {
        let mut other = sidecar.client();
        assert_eq!(monitor.call(&["MONITOR"]), Value::ok());
        other.call(&["SELECT", "5"]);
        other.call(&["SET", "k", "a\r\nb\""]);
        let line = read_until(&mut monitor, r#""SET" "k" "a\r\nb\"""#);
        assert!(line.contains(" [5 "), "{line}");
        let (seconds, _) = line.split_once('.').unwrap();
        assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000, "{line}");
        assert_eq!(other.call(&["GET", "k"]), Value::bulk("a\r\nb\""));
    }
}

#[test]
fn every_monitor_sees_everything() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut monitors: Vec<_> = (0..3).map(|_| sidecar.client()).collect();
    for monitor in &mut monitors {
        assert_eq!(monitor.call(&["MONITOR"]), Value::ok());
    }
    sidecar.client().send_raw(&b"INCR n\r\n".repeat(100));
    for monitor in &mut monitors {
        for _ in 0..100 {
            read_until(monitor, r#""INCR" "n""#);
        }
    }
}

#[test]
fn monitor_ends_with_reset_quit_or_the_client() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let watched = |redis: &Redis| redis.connections().iter().any(|line| line.contains("flags=O"));
    for end in ["RESET", "QUIT", "leave"] {
        let mut monitor = sidecar.client();
        assert_eq!(monitor.call(&["MONITOR"]), Value::ok());
        eventually("the server has a monitor", || watched(&redis));
        match end {
            "leave" => drop(monitor),
            "RESET" => {
                monitor.send(&["RESET"]);
                while monitor.read() != Value::Simple("RESET".to_owned()) {}
                assert_eq!(monitor.call(&["ECHO", "back"]), Value::bulk("back"));
            }
            _ => {
                monitor.send(&["QUIT"]);
                monitor.read_to_close();
            }
        }
        eventually("the server has none", || !watched(&redis));
    }
}
