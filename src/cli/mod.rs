//! The command line: what was asked for, and the exit code: 0 fine, 1 failed at run, 2 usage or configuration.

pub mod args;
pub mod check;
mod http;
mod run;
mod wait;

use args::{Command, CommandLine};
use clap::Parser;
use std::io::{stderr, stdout};
use std::process::ExitCode;

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    let sources = line.options.sources();
    match line.command.unwrap_or_default() {
        Command::Run => run::run(&sources),
        Command::Check => check::run(&sources, &mut stdout().lock(), &mut stderr().lock()),
        Command::Wait(options) => {
            wait::run(&sources, &options, &mut stdout().lock(), &mut stderr().lock())
        }
    }
}
