//! The command line: what was asked for, and the exit code: 0 fine, 1 failed at run, 2 usage or configuration.

pub mod args;
mod calendar;
pub mod check;
mod http;
mod keys;
mod link;
mod local;
mod monitor;
mod run;
mod script;
mod validate;
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
        Command::Monitor(options) => monitor::run(&sources, &options),
        Command::Validate(options) => validate::main(&sources, &options),
        Command::Wait(options) => {
            wait::run(&sources, &options, &mut stdout().lock(), &mut stderr().lock())
        }
    }
}
