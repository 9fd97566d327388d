//! `redis-sidecar`: the command line, and the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    redis_sidecar::cli::main()
}
