//! `redis-sidecar check`: the configuration as it takes effect, or every fault in it.
//! It dials nothing and resolves no name. The YAML goes to one writer, faults and warnings to the
//! other, so that the first can be piped; neither ever holds a secret.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::config::{Config, Faults, Sources};

/// What a faulty configuration or a wrong command line exits with.
pub const EXIT_CONFIGURATION: u8 = 2;

/// What a failure at run exits with.
pub const EXIT_FAILURE: u8 = 1;

/// Checks `sources` and reports: 0 fine, 2 faults, 1 where the report could not be written.
pub fn run(sources: &Sources, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match report(sources, out, err) {
        Ok(code) => code,
        // A reader that has seen enough (`check | head`) is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_FAILURE),
    }
}

fn report(sources: &Sources, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    match Config::load(sources) {
        Ok(config) => {
            for warning in &config.warnings {
                writeln!(err, "warning: {warning}")?;
            }
            out.write_all(config.to_yaml().as_bytes())?;
            out.flush()?;
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            write_faults(&faults, err)?;
            Ok(ExitCode::from(EXIT_CONFIGURATION))
        }
    }
}

/// The configuration; where there are faults, they are told to `err`.
pub(super) fn load(sources: &Sources, err: &mut dyn Write) -> Option<Config> {
    match Config::load(sources) {
        Ok(config) => Some(config),
        Err(faults) => {
            // Nothing is left to tell the faults to where they can't be written.
            let _ = write_faults(&faults, err);
            None
        }
    }
}

/// One line each, after how many there are; `run` words its refusal to start in the same way.
///
/// # Errors
/// Where `err` can't be written.
pub fn write_faults(faults: &Faults, err: &mut dyn Write) -> io::Result<()> {
    let count = faults.iter().count();
    let noun = if count == 1 { "fault" } else { "faults" };
    writeln!(err, "redis-sidecar: {count} {noun} in the configuration")?;
    for fault in faults.iter() {
        writeln!(err, "  {fault}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        process::ExitCode,
    };

    use super::run;
    use crate::config::{Flags, Sources};

    #[test]
    fn the_whole_goes_out_and_warnings_go_beside_it() {
        let env = [("REDIS_URL", "redis://u:hunter2@cache.example.com")].into_iter().collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&Sources { env, ..Sources::default() }, &mut out, &mut err);
        let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(out.contains("url: redis://cache.example.com:6379/0  # REDIS_URL"), "{out}");
        assert!(err.contains("warning: upstream.url: the password goes"), "{err}");
        assert!(!out.contains("hunter2") && !err.contains("hunter2"));
    }

    #[test]
    fn every_fault_has_its_line() {
        let flags =
            Flags { workers: Some("0".into()), listen: Some("x".into()), ..Flags::default() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&Sources { flags, ..Sources::default() }, &mut out, &mut err);
        let err = String::from_utf8(err).unwrap();
        assert_eq!(code, ExitCode::from(2));
        assert!(out.is_empty());
        assert!(err.contains("2 faults"), "{err}");
        assert!(err.contains("  workers: 0 is out of bounds (from --workers); give"), "{err}");
        assert!(err.contains("  listen.address: "), "{err}");
    }

    /// Takes nothing.
    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_report_that_cannot_be_written_is_a_failure_unless_the_reader_has_gone() {
        for (kind, code) in [
            (io::ErrorKind::StorageFull, ExitCode::from(1)),
            (io::ErrorKind::BrokenPipe, ExitCode::SUCCESS),
        ] {
            let mut err = Vec::new();
            assert_eq!(run(&Sources::default(), &mut Refusing(kind), &mut err), code);
        }
    }
}
