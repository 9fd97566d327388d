//! The man page and the completions of shells, from the command line's own definition: `cargo run --example manual DIR`.
//! Not a command of the binary, which has no use for them when it runs.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use redis_sidecar::cli::args::CommandLine;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).ok_or("give a directory")?;
    write(&dir)
}

/// Writes all into `dir`: `redis-sidecar.1`, and what each shell takes by the name that it looks for.
///
/// # Errors
/// What the system says.
pub(crate) fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(dir)?;
    let mut command = CommandLine::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "redis-sidecar", dir)?;
    }
    fs::write(dir.join("redis-sidecar.1"), manual(command)?)?;
    Ok(())
}

/// One page: the program, then each of its commands.
fn manual(command: Command) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut page = Vec::new();
    let mut whole = command.disable_help_subcommand(true);
    whole.build();
    let man = clap_mangen::Man::new(whole.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for part in whole.get_subcommands() {
        let heading = format!(".SH \"{}\"\n", part.get_name().to_uppercase());
        page.extend_from_slice(heading.as_bytes());
        let own = part.clone().mut_args(|arg| {
            let is_everywhere = arg.is_global_set() || is_of_clap(&arg);
            arg.hide(is_everywhere)
        });
        let about = own.get_about().map(ToString::to_string).unwrap_or_default();
        page.extend_from_slice(format!("{}\n.PP\n", about.replace('-', "\\-")).as_bytes());
        if own.get_arguments().any(|arg| !arg.is_hide_set()) {
            let mut options = Vec::new();
            clap_mangen::Man::new(own).render_options_section(&mut options)?;
            let text = String::from_utf8(options)?.replace(".SH OPTIONS\n", "");
            page.extend_from_slice(text.as_bytes());
        }
    }
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn is_of_clap(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}
