//! `redis-sidecar monitor`: lines where nobody looks, a live page in a terminal, an alert, and the terminal given back.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::harness::{
    Cli, Redis, RedisOptions, Refusing, Sidecar, SidecarOptions, eventually, free_port,
};

fn monitor(sidecar: &Sidecar, args: &[&str]) -> Cli {
    let at = ["monitor", "--through", sidecar.address(), "--admin", sidecar.admin_address()];
    Cli::new(&[&at, args].concat())
}

#[test]
fn once_tells_how_a_good_sidecar_does() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    eventually("the sidecar is ready", || sidecar.http("/ready").0 == 200);
    let outcome = monitor(&sidecar, &["--once"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let line = outcome.out.lines().next().unwrap();
    for part in [" state=ready ", " success=100.0% rounds=1 failed_in_a_row=0", " uptime="] {
        assert!(line.contains(part), "{part} not in {line}");
    }
    for family in ["ping", "strings", "hashes", "sorted-sets", "scripts", "transactions", "pub/sub"]
    {
        let (_, times) = line.split_once(&format!(" {family}=")).unwrap();
        let times: Vec<f64> =
            times.split(' ').next().unwrap().split('/').map(|time| time.parse().unwrap()).collect();
        assert!(times.len() == 4 && times[0] <= times[1] && times[2] <= times[3], "{line}");
    }
    assert_eq!(redis.direct().call(&["DBSIZE"]).int(), 0, "keys were left behind");
}

#[test]
fn once_says_by_its_exit_code_that_the_alert_stands() {
    let nobody = Refusing::start();
    let free = format!(":{}", nobody.port);
    let outcome = Cli::new(&["monitor", "--once", "--alert-after", "2", "--through", &free]).run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.out.contains(" state=failing "), "{outcome:?}");
    assert!(
        outcome.out.contains("reason: ping: ") && outcome.out.contains("refused"),
        "{outcome:?}"
    );
    assert!(outcome.out.ends_with("ALERT: 2 rounds in a row have failed\n"), "{outcome:?}");
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 0s}").start();
    let outcome = monitor(&sidecar, &["--once", "--alert-after", "1"]).run();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.out.contains(" state=not-ready "), "{outcome:?}");
}

#[test]
fn once_goes_on_until_a_round_is_good() {
    let port = format!("127.0.0.1:{}", free_port());
    let address = port.clone();
    let waiting = std::thread::spawn(move || {
        Cli::new(&["monitor", "--once", "--alert-after", "30", "--through", &address]).run()
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _sidecar = SidecarOptions::default().env("SIDECAR_LISTEN", &port).start();
    let outcome = waiting.join().unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.contains("state=failing") && outcome.out.contains("failed_in_a_row=0"));
}

#[test]
fn what_our_user_may_not_do_is_absent_and_no_failure() {
    let lines = vec!["user default on >s3cret-of-the-cloud ~* &* +@all -@scripting".to_owned()];
    let redis = Redis::start_with(RedisOptions { lines, ..RedisOptions::default() });
    let sidecar = Sidecar::start(&redis);
    let outcome = monitor(&sidecar, &["--once"]).run();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.contains(" scripts=absent "), "{outcome:?}");
}

#[test]
fn a_pipe_gets_a_line_each_round_until_sigterm() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 0s}").start();
    eventually("the sidecar is ready", || sidecar.http("/ready").0 == 200);
    let mut child = Command::new(env!("CARGO_BIN_EXE_redis-sidecar"))
        .args(["monitor", "--every", "100ms", "--alert-after", "2", "--through", sidecar.address()])
        .env_clear()
        // Away from our config.yaml, which names an admin port that is not this sidecar's.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until =
        |text: &str| lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}"));
    assert!(until("watching redis://127.0.0.1:").ends_with(" every 100ms"));
    let second = until("rounds=2 ");
    assert!(second.contains("state=answering"), "{second}");
    redis.kill();
    until("ALERT: 2 rounds in a row have failed");
    redis.restart();
    until("failed_in_a_row=0");
    let term = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &term]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(redis.direct().call(&["DBSIZE"]).int(), 0, "keys were left behind");
}

/// A terminal of its own; closed on drop.
struct Tmux {
    socket: tempfile::TempDir,
}

impl Tmux {
    /// A shell in a window of 100 by 32.
    fn start() -> Self {
        let tmux = Self { socket: tempfile::tempdir().unwrap() };
        tmux.run(&[
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "32",
            "env -i TERM=tmux PS1='ready> ' sh",
        ]);
        eventually("the shell is there", || tmux.screen().contains("ready>"));
        tmux
    }

    fn run(&self, args: &[&str]) -> String {
        let socket = self.socket.path().join("tmux");
        let mut command = Command::new("tmux");
        command.arg("-f").arg("/dev/null").arg("-S").arg(&socket).args(args).env_remove("TMUX");
        let output = command.output().unwrap_or_else(|e| {
            panic!("tmux: {e}; install it: apt-get install tmux");
        });
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    fn type_line(&self, line: &str) {
        self.run(&["send-keys", "-l", line]);
        self.run(&["send-keys", "Enter"]);
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        eventually(&format!("{text:?} on the screen:\n{}", self.screen()), || {
            self.screen().contains(text)
        });
        self.screen()
    }

    /// The shell takes lines as it did before: echo, line ends, its own screen.
    #[track_caller]
    fn assert_given_back(&self) {
        // as the shell says it, not as it was typed: what comes sooner is still the page's to read
        let before = self.wait_for("\nleft: ");
        assert!(!before.contains("latency"), "the page is still there: {before}");
        self.type_line("stty -a | grep -c ' icanon.* echo '; echo all-is-well");
        let screen = self.wait_for("\nall-is-well");
        assert!(screen.contains("\n1\n"), "the terminal is raw: {screen}");
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn a_terminal_shows_a_live_page_and_is_given_back() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 0s}").start();
    eventually("the sidecar is ready", || sidecar.http("/ready").0 == 200);
    let tmux = Tmux::start();
    let binary = env!("CARGO_BIN_EXE_redis-sidecar");
    let (address, admin) = (sidecar.address(), sidecar.admin_address());
    let line = format!(
        "{binary} monitor --every 200ms --alert-after 2 --through {address} --admin {admin}; echo left: $?"
    );
    tmux.type_line(&line);
    let page = tmux.wait_for("state    ready");
    for part in [address, "latency", "transactions", "p99 ms", "last errors", "none", "q quits"] {
        assert!(page.contains(part), "{part} not in\n{page}");
    }
    redis.kill();
    let page = tmux.wait_for("ALERT");
    assert!(page.contains("not ready") || page.contains("failing"), "{page}");
    redis.restart();
    tmux.wait_for("state    ready");
    tmux.run(&["send-keys", "q"]);
    tmux.wait_for("left: 0");
    tmux.assert_given_back();
}

#[test]
fn a_signal_gives_the_terminal_back_too() {
    let sidecar = SidecarOptions::default().start();
    let tmux = Tmux::start();
    let binary = env!("CARGO_BIN_EXE_redis-sidecar");
    for key in ["TERM", "HUP"] {
        tmux.run(&["send-keys", "-R"]);
        tmux.run(&["clear-history"]);
        let pid = tmux.socket.path().join(format!("{key}.pid"));
        let line = format!(
            "cd /; sh -c 'echo $$ > {}; exec {binary} monitor --through {}'; echo left: $?",
            pid.display(),
            sidecar.address()
        );
        tmux.type_line(&line);
        tmux.wait_for("state    answering");
        let id = std::fs::read_to_string(&pid).unwrap();
        let kill = format!("kill -{key} {id}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        tmux.assert_given_back();
    }
}
