//! The command line of the binary: `check`, `--help`, `--version`, and the exit codes.

use std::path::Path;

use assert_cmd::Command;

/// The binary in an empty directory, with nothing in its environment.
fn sidecar(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-sidecar"));
    command.current_dir(directory).env_clear();
    command
}

/// Exit code, standard output, standard error.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_prints_the_whole_as_it_takes_effect_without_secrets() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) = outcome(
        sidecar(empty.path())
            .args(["check", "--workers", "3"])
            .env("REDIS_URL", "rediss://app:hunter2@cache.example.com:6380/2")
            .env("REDIS_POOL_MAX", "20"),
    );
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let printed: serde_yaml::Value = serde_yaml::from_str(&out).unwrap();
    assert_eq!(printed["listen"]["address"], "127.0.0.1:6379");
    assert_eq!(printed["upstream"]["url"], "rediss://cache.example.com:6380/2");
    assert_eq!(printed["upstream"]["auth"]["username"], "app");
    assert_eq!(printed["upstream"]["auth"]["password"], "***");
    assert_eq!(printed["upstream"]["pool"]["max"], 20);
    assert_eq!(printed["workers"], 3);
    assert!(!out.contains("hunter2"));
    assert!(out.contains("max: 20  # REDIS_POOL_MAX"), "{out}");
}

#[test]
fn check_takes_the_file_beside_it_or_the_one_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yaml"), "workers: 4").unwrap();
    std::fs::write(folder.path().join("other.yaml"), "workers: 5").unwrap();
    let (code, out, _) = outcome(sidecar(folder.path()).arg("check"));
    assert!(code == 0 && out.contains("\nworkers: 4  # file; takes"), "{out}");
    for args in [["check", "--config", "other.yaml"], ["--config", "other.yaml", "check"]] {
        let (code, out, _) = outcome(sidecar(folder.path()).args(args));
        assert!(code == 0 && out.contains("\nworkers: 5  # file; takes"), "{out}");
    }
    let (code, _, err) = outcome(sidecar(folder.path()).args(["check", "--config", "none.yaml"]));
    assert!(code == 2 && err.contains("none.yaml: can't be read"), "{err}");
}

#[test]
fn check_prints_every_fault_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "upstream: {pool: {mx: 3}, auth: {password: '${NO_SUCH}'}}\nworkers: 0\n";
    std::fs::write(folder.path().join("config.yaml"), yaml).unwrap();
    let url = "redis://:hunter2@localhost:6379";
    let (code, out, err) = outcome(sidecar(folder.path()).arg("check").env("REDIS_URL", url));
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.starts_with("redis-sidecar: 4 faults in the configuration\n"), "{err}");
    for expected in [
        "  upstream.pool.mx: is no key; did you mean upstream.pool.max?\n",
        "  upstream.auth.password: the environment variable NO_SUCH is not set; set NO_SUCH,",
        "  workers: 0 is out of bounds; give auto, or 1 to 1024\n",
        "  upstream.url: is this sidecar's own listen address 127.0.0.1:6379 (from REDIS_URL);",
    ] {
        assert!(err.contains(expected), "{expected}\nnot in\n{err}");
    }
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn check_warns_beside_what_it_prints() {
    let empty = tempfile::tempdir().unwrap();
    let args = ["check", "--upstream", "redis://:hunter2@cache"];
    let (code, out, err) = outcome(sidecar(empty.path()).args(args));
    assert_eq!(code, 0);
    assert!(serde_yaml::from_str::<serde_yaml::Value>(&out).is_ok());
    assert!(err.contains("warning: upstream.url: the password goes to cache in plain text"));
    assert!(err.contains("warning: upstream.url: a password in a flag is seen"), "{err}");
    assert!(!out.contains("hunter2") && !err.contains("hunter2"));
}

#[test]
fn run_refuses_a_faulty_configuration_with_2() {
    let empty = tempfile::tempdir().unwrap();
    for args in [vec!["run", "--workers", "none"], vec!["--workers", "none"]] {
        let (code, _, err) = outcome(sidecar(empty.path()).args(args));
        assert!(code == 2 && err.contains("workers: \"none\" is not a whole number"), "{err}");
    }
}

#[test]
fn usage_faults_exit_with_2_and_help_and_version_with_0() {
    let empty = tempfile::tempdir().unwrap();
    for args in [vec!["--nonsense"], vec!["sing"], vec!["check", "--workers"]] {
        let (code, out, err) = outcome(sidecar(empty.path()).args(&args));
        assert!(code == 2 && out.is_empty() && err.contains("--help"), "{args:?}: {err}");
    }
    let (code, out, _) = outcome(sidecar(empty.path()).arg("--version"));
    let version = format!("redis-sidecar {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, out), (0, version));
    for args in [vec!["--help"], vec!["-h"], vec!["help"]] {
        let (code, out, _) = outcome(sidecar(empty.path()).args(args));
        assert_eq!(code, 0);
        for part in ["run", "check", "--config", "--listen", "--admin", "--upstream", "--workers"] {
            assert!(out.contains(part), "{part} not in {out}");
        }
        assert!(out.contains("--log-level") && out.contains("--log-format"));
    }
}
