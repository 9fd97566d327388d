//! What came of each check, as lines for people or as JSON for machines.
//!
//! What the server can't do, or may not do for us, is told apart from what is broken.

use crate::config::show_duration;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be; with what was seen.
    Passed(String),
    /// It works, and is unwise.
    Warned { what: String, mend: String },
    /// It is broken.
    Failed { what: String, mend: String },
    /// It is forbidden to our user.
    Denied { what: String, mend: String },
    /// This server does not have it.
    Unsupported(String),
    /// It was not tried.
    Skipped(String),
}

impl Verdict {
    pub(super) fn passed(what: impl Into<String>) -> Self {
        Self::Passed(what.into())
    }

    pub(super) fn warned(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Warned { what: what.into(), mend: mend.into() }
    }

    pub(super) fn failed(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), mend: mend.into() }
    }

    /// What JSON calls it, and the mark that people see.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Passed(_) => ("passed", "✓"),
            Self::Warned { .. } => ("warned", "!"),
            Self::Failed { .. } => ("failed", "✗"),
            Self::Denied { .. } => ("denied", "⊘"),
            Self::Unsupported(_) => ("unsupported", "∅"),
            Self::Skipped(_) => ("skipped", "-"),
        }
    }

    fn texts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Passed(what) | Self::Unsupported(what) | Self::Skipped(what) => (what, None),
            Self::Warned { what, mend }
            | Self::Failed { what, mend }
            | Self::Denied { what, mend } => (what, Some(mend)),
        }
    }

    fn colour(&self) -> &'static str {
        match self {
            Self::Passed(_) => "\x1b[32m",
            Self::Failed { .. } | Self::Denied { .. } => "\x1b[31m",
            Self::Warned { .. } => "\x1b[33m",
            Self::Unsupported(_) | Self::Skipped(_) => "\x1b[2m",
        }
    }
}

/// How many checks had which verdict.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    passed: usize,
    warned: usize,
    failed: usize,
    denied: usize,
    unsupported: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed(_) => self.passed += 1,
            Verdict::Warned { .. } => self.warned += 1,
            Verdict::Failed { .. } => self.failed += 1,
            Verdict::Denied { .. } => self.denied += 1,
            Verdict::Unsupported(_) => self.unsupported += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }

    /// Those that had to show something.
    fn tried(self) -> usize {
        self.passed + self.warned + self.failed + self.denied
    }

    /// In per cent, rounded down: 100 is all.
    fn rate(self) -> usize {
        ((self.passed + self.warned) * 100).checked_div(self.tried()).unwrap_or(0)
    }
}

/// Writes each check when it is done, and the sum at the end.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    style: Style,
    counts: Counts,
    group: &'static str,
    checks: Vec<Value>,
    /// Nobody reads any more.
    fault: Option<io::Error>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Coloured,
    Json,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: Style, title: &str) -> Self {
        let checks = Vec::new();
        let mut report =
            Self { out, style, counts: Counts::default(), group: "", checks, fault: None };
        if style != Style::Json {
            report.write(&format!("redis-sidecar validate: {title}\n"));
        }
        report
    }

    /// A check is done.
    pub(super) fn note(
        &mut self,
        group: &'static str,
        name: &str,
        took: Duration,
        verdict: &Verdict,
    ) {
        self.counts.add(verdict);
        let (what, mend) = verdict.texts();
        let (outcome, mark) = verdict.names();
        if self.style == Style::Json {
            let milliseconds = took.as_secs_f64() * 1000.0;
            self.checks.push(json!({
                "group": group, "name": name, "outcome": outcome,
                "milliseconds": (milliseconds * 1000.0).round() / 1000.0,
                "detail": what, "advice": mend,
            }));
            return;
        }
        if self.group != group {
            self.group = group;
            self.write(&format!("\n{group}\n"));
        }
        let mark = match self.style {
            Style::Coloured => format!("{}{mark}\x1b[0m", verdict.colour()),
            _ => mark.to_owned(),
        };
        let time = format!("{:.1} ms", took.as_secs_f64() * 1000.0);
        let mut line = format!("  {mark} {name:<40} {time:>10}  {what}");
        line.truncate(line.trim_end().len());
        if let Some(mend) = mend {
            line.push_str(&format!("\n      to do: {mend}"));
        }
        self.write(&format!("{line}\n"));
    }

    /// The sum.
    pub(super) fn end(&mut self, target: &str, took: Duration, is_denied_allowed: bool) {
        let counts = self.counts;
        let is_passed = self.is_passed(is_denied_allowed);
        if self.style == Style::Json {
            let document = json!({
                "version": env!("CARGO_PKG_VERSION"), "target": target, "ok": is_passed,
                "pass_rate": counts.rate(),
                "counts": {
                    "passed": counts.passed, "warned": counts.warned, "failed": counts.failed,
                    "denied": counts.denied, "unsupported": counts.unsupported, "skipped": counts.skipped,
                },
                "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
                "checks": std::mem::take(&mut self.checks),
            });
            return self.write(&format!("{document:#}\n"));
        }
        let mut line = format!(
            "\n{} of {} checks passed ({} %)",
            counts.passed + counts.warned,
            counts.tried(),
            counts.rate()
        );
        for (count, noun) in [
            (counts.failed, "failed"),
            (counts.denied, "denied"),
            (counts.warned, "with a warning"),
            (counts.unsupported, "not in this server"),
            (counts.skipped, "skipped"),
        ] {
            if count > 0 {
                line.push_str(&format!(", {count} {noun}"));
            }
        }
        let took = Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.write(&format!("{line}, in {}\n", show_duration(took)));
    }

    /// Whether nothing is broken, and nothing forbidden that may not be.
    pub(super) fn is_passed(&self, is_denied_allowed: bool) -> bool {
        self.counts.failed == 0 && (is_denied_allowed || self.counts.denied == 0)
    }

    /// What kept it from being written; that a reader has seen enough is no fault.
    pub(super) fn fault(self) -> Option<io::Error> {
        self.fault.filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn write(&mut self, text: &str) {
        if self.fault.is_none() {
            let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
            self.fault = written.err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Style, Verdict};
    use std::time::Duration;

    fn report(style: Style) -> (String, bool, bool) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, style, "redis://h:6379/0");
        let time = Duration::from_micros(1_250);
        let denied = Verdict::Denied { what: "NOPERM".to_owned(), mend: "grant it".to_owned() };
        report.note("First", "one", time, &Verdict::passed("seen"));
        report.note("First", "two", time, &Verdict::warned("odd", "mend it"));
        report.note("Second", "three", time, &denied);
        report.note("Second", "four", time, &Verdict::Unsupported("too old".to_owned()));
        report.note("Second", "five", Duration::ZERO, &Verdict::Skipped("needs three".to_owned()));
        report.end("redis://h:6379/0", Duration::from_millis(12), false);
        let passed = (report.is_passed(false), report.is_passed(true));
        assert!(report.fault().is_none());
        (String::from_utf8(out).unwrap(), passed.0, passed.1)
    }

    #[test]
    fn each_check_has_its_line_and_the_sum_comes_last() {
        let (text, strictly, leniently) = report(Style::Plain);
        assert_eq!((strictly, leniently), (false, true));
        let expected = "\
redis-sidecar validate: redis://h:6379/0

First
  ✓ one                                          1.2 ms  seen
  ! two                                          1.2 ms  odd
      to do: mend it

Second
  ⊘ three                                        1.2 ms  NOPERM
      to do: grant it
  ∅ four                                         1.2 ms  too old
  - five                                         0.0 ms  needs three

2 of 3 checks passed (66 %), 1 denied, 1 with a warning, 1 not in this server, 1 skipped, in 12ms
";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_is_one_document() {
        let (text, ..) = report(Style::Json);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["ok"], false);
        assert_eq!(document["pass_rate"], 66);
        assert_eq!(document["counts"]["denied"], 1);
        assert_eq!(document["checks"].as_array().unwrap().len(), 5);
        assert_eq!(document["checks"][2]["advice"], "grant it");
        assert_eq!(document["checks"][0]["milliseconds"], 1.25);
        assert_eq!(document["checks"][0]["advice"], serde_json::Value::Null);
    }

    #[test]
    fn nothing_tried_is_a_rate_of_nothing() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, Style::Plain, "x");
        report.end("x", Duration::ZERO, false);
        assert!(String::from_utf8(out).unwrap().contains("0 of 0 checks passed (0 %)"));
    }
}
