//! Child processes that do not outlive the tests, however these end.
//! A child is killed on drop; where `setpriv` exists, the kernel kills it as well when the test
//! binary itself is killed.

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::DEADLINE;

type Order = (Command, Sender<std::io::Result<Child>>);

/// A running child; killed, and waited for, on drop.
pub(crate) struct Process {
    pub(super) child: Child,
}

impl Process {
    /// Starts `program` after letting `prepare` set its arguments, environment and pipes.
    pub(crate) fn start(program: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = match find_in_path("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", program]);
                command
            }
            None => Command::new(program),
        };
        prepare(&mut command);
        let (reply, answer) = mpsc::channel();
        keeper().lock().unwrap().send((command, reply)).unwrap();
        let child =
            answer.recv().unwrap().unwrap_or_else(|e| panic!("cannot start {program}: {e}"));
        Self { child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, and gives the exit code; `None` when a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the process did not end in time");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn find_in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// The death signal is bound to the thread that starts a child, and a test's thread ends with its
/// test: so one thread, which lives as long as the binary, starts them all.
fn keeper() -> &'static Mutex<Sender<Order>> {
    static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    })
}
