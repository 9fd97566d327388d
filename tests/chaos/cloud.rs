//! Two servers, one of them a replica, behind one address that a proxy stands for; and all that can go
//! wrong with them. A fault is over, and everything as it should be, when [`Cloud::strike`] returns.

use std::fs;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::PROBE;
use crate::harness::{Client, End, PASSWORD, Proxy, Redis, RedisOptions, Value, Way, eventually};

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Delay,
    Trickle,
    Cut,
    BreakAll,
    BlackHole,
    Freeze,
    Refuse,
    KillClients,
    Restart,
    Failover,
    Stall,
    WrongPassword,
    ExpiredCertificate,
    WrongHost,
}

pub(crate) const FAULTS: [Fault; 14] = [
    Fault::Delay,
    Fault::Trickle,
    Fault::Cut,
    Fault::BreakAll,
    Fault::BlackHole,
    Fault::Freeze,
    Fault::Refuse,
    Fault::KillClients,
    Fault::Restart,
    Fault::Failover,
    Fault::Stall,
    Fault::WrongPassword,
    Fault::ExpiredCertificate,
    Fault::WrongHost,
];

impl Fault {
    /// How long after its end it may go unnoticed.
    pub(crate) fn unknown_for(self) -> Duration {
        match self {
            Self::BlackHole => PROBE,
            // a blocking command cannot be probed: its own second, and the time of a command
            Self::Freeze => PROBE + Duration::from_secs(4),
            _ => Duration::ZERO,
        }
    }
}

pub(crate) struct Cloud {
    servers: [Redis; 2],
    master: usize,
    proxy: Proxy,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        let lines =
            [&format!("masterauth {PASSWORD}"), "appendonly yes", "repl-diskless-sync-delay 0"];
        let start = || {
            let lines = lines.map(str::to_owned).to_vec();
            Redis::start_with(RedisOptions { plain_port: true, lines, ..RedisOptions::default() })
        };
        let servers = [start(), start()];
        let both =
            [0, 1].map(|n: usize| fs::read_to_string(servers[n].certs().file("ca.crt")).unwrap());
        fs::write(servers[0].certs().dir().join("both.crt"), both.concat()).unwrap();
        let proxy = Proxy::before(&servers[0]);
        let cloud = Self { servers, master: 0, proxy };
        cloud.follow();
        cloud
    }

    pub(crate) fn url(&self) -> String {
        self.proxy.url(&self.servers[0])
    }

    /// The file with the authorities of both.
    pub(crate) fn authorities(&self) -> String {
        self.servers[0].certs().file("both.crt").display().to_string()
    }

    pub(crate) fn master(&self) -> &Redis {
        &self.servers[self.master]
    }

    fn replica(&self) -> &Redis {
        &self.servers[1 - self.master]
    }

    /// Connections of the sidecar to the master.
    pub(crate) fn connections(&self) -> usize {
        let lines = self.master().connections();
        lines.iter().filter(|line| line.contains("name=redis-sidecar")).count()
    }

    /// Ends every link, so that none of those that were frozen is left.
    pub(crate) fn cut_all(&self) {
        self.proxy.break_all(End::Reset);
    }

    /// Brings a fault about, ends it, and tells what it was.
    pub(crate) fn strike(&mut self, fault: Fault, rng: &mut Rng) -> String {
        let time = Duration::from_millis(rng.u64(100..1_200));
        let way = if rng.bool() { Way::Up } else { Way::Down };
        let end = if rng.bool() { End::Fin } else { End::Reset };
        let mut told = format!("{fault:?}");
        match fault {
            Fault::Delay => self.proxy.delay(way, Duration::from_millis(rng.u64(5..200))),
            Fault::Trickle => self.proxy.trickle(way),
            Fault::Cut => {
                for _ in 0..rng.usize(1..6) {
                    self.proxy.cut_after(way, rng.usize(1..4_000), end);
                    thread::sleep(Duration::from_millis(rng.u64(20..200)));
                }
                told += &format!(" {way:?} by {end:?}");
            }
            Fault::BreakAll => self.proxy.break_all(end),
            Fault::BlackHole => {
                let ways = [&[Way::Up][..], &[Way::Down], &[Way::Up, Way::Down]][rng.usize(..3)];
                ways.iter().for_each(|way| self.proxy.black_hole(*way));
                told += &format!(" {ways:?}");
                thread::sleep(time);
            }
            Fault::Freeze => self.proxy.freeze(),
            Fault::Refuse => {
                self.proxy.refuse();
                self.proxy.break_all(end);
            }
            Fault::KillClients => self.kill_clients(&mut self.master().direct()),
            Fault::Restart => self.restart(time),
            Fault::Failover => self.fail_over(),
            Fault::Stall => {
                let seconds = format!("{:.2}", time.as_secs_f64());
                assert_eq!(self.master().direct().call(&["DEBUG", "SLEEP", &seconds]), Value::ok());
            }
            Fault::WrongPassword => self.misconfigure(time, &[("requirepass", "another")]),
            Fault::ExpiredCertificate => self.show_certificate(time, "expired"),
            Fault::WrongHost => self.show_certificate(time, "wrong-host"),
        }
        if matches!(fault, Fault::Delay | Fault::Trickle | Fault::BlackHole | Fault::Refuse) {
            thread::sleep(time);
        }
        self.proxy.heal();
        told
    }

    fn kill_clients(&self, operator: &mut Client) {
        for kind in ["normal", "pubsub"] {
            operator.call(&["CLIENT", "KILL", "TYPE", kind]);
        }
    }

    /// As a machine that dies; its append-only file is there when it comes back.
    fn restart(&mut self, time: Duration) {
        let server = &mut self.servers[self.master];
        server.kill();
        thread::sleep(time);
        server.restart();
        let mut operator = server.direct();
        eventually("it has loaded", || !matches!(operator.call(&["GET", "k"]), Value::Error(_)));
    }

    fn follow(&self) {
        let address = self.master().plain_address();
        let port = address.rsplit(':').next().unwrap().to_owned();
        self.replica().direct().call(&["REPLICAOF", "127.0.0.1", &port]);
        self.until_replicated();
    }

    fn until_replicated(&self) {
        let mut operator = self.master().direct();
        eventually("the replica follows", || {
            operator.call(&["INFO", "replication"]).text().contains("state=online")
        });
    }

    /// The replica takes over with all that was acknowledged; then the address moves to it.
    fn fail_over(&mut self) {
        self.until_replicated();
        let address = self.replica().plain_address();
        let (host, port) = address.split_once(':').unwrap();
        let mut operator = self.master().direct();
        let reply = operator.call(&["FAILOVER", "TO", host, port, "TIMEOUT", "5000"]);
        assert_eq!(reply, Value::ok());
        let mut next = self.replica().direct();
        eventually("the replica is the master", || {
            next.call(&["ROLE"]).items()[0] == Value::bulk("master")
        });
        self.master = 1 - self.master;
        self.proxy.point_at(self.master());
    }

    fn show_certificate(&self, time: Duration, name: &str) {
        let file = |kind: &str| {
            self.master().certs().file(&format!("{name}.{kind}")).display().to_string()
        };
        let (cert, key) = (file("crt"), file("key"));
        self.misconfigure(time, &[("tls-cert-file", &cert), ("tls-key-file", &key)]);
    }

    /// Changes the master's configuration for a time, in which all connections have to be made anew.
    fn misconfigure(&self, time: Duration, settings: &[(&str, &str)]) {
        let mut operator = self.master().direct();
        let mut old = Vec::new();
        for (name, _) in settings {
            let pair = operator.call(&["CONFIG", "GET", name]);
            old.push((*name, pair.items()[1].text()));
        }
        let set = |operator: &mut Client, settings: &[(&str, &str)]| {
            let mut words = vec!["CONFIG", "SET"];
            settings.iter().for_each(|(name, value)| words.extend([*name, *value]));
            assert_eq!(operator.call(&words), Value::ok(), "{words:?}");
        };
        set(&mut operator, settings);
        self.kill_clients(&mut operator);
        thread::sleep(time);
        let old: Vec<(&str, &str)> =
            old.iter().map(|(name, value)| (*name, value.as_str())).collect();
        set(&mut operator, &old);
    }
}
