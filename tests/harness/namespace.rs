//! A shell script in a world of its own: a network in which every port is free, mounts and processes that end
//! with it. As root, or where users may make namespaces.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How long a script may take.
const SECONDS: &str = "90";

/// Runs `script` by bash in `dir`, where any command that fails ends it, and then all that it has started.
pub(crate) fn run_alone(script: &Path, dir: &Path) -> Output {
    let output = Command::new("timeout")
        .args(["--kill-after=1", SECONDS, "unshare"])
        .args(if is_root() { &[][..] } else { &["--user", "--map-root-user"] })
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["bash", "-euo", "pipefail"])
        .arg(script)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("unshare failed"),
        "these tests need namespaces: be root, or allow them to users \
         (sysctl kernel.apparmor_restrict_unprivileged_userns=0): {said}"
    );
    output
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
