//! A line for each round, for logs and pipes: `name=value`, times in milliseconds as least/average/p99/most.

use super::tally::Tally;
use crate::cli::calendar::timestamp;
use crate::config::show_duration;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

/// Writes what is known after a round; a second line while the alert stands.
///
/// # Errors
/// Where `out` can't be written.
pub(super) fn write(out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
    out.write_all(text(tally).as_bytes())?;
    out.flush()
}

/// Writes what is watched, before the first round.
///
/// # Errors
/// Where `out` can't be written.
pub(super) fn begin(out: &mut dyn Write, tally: &Tally, every: Duration) -> io::Result<()> {
    let at = timestamp(SystemTime::now());
    writeln!(out, "{at} watching {} every {}", tally.title, show_duration(every))?;
    out.flush()
}

fn text(tally: &Tally) -> String {
    let at = timestamp(tally.last.unwrap_or(SystemTime::UNIX_EPOCH));
    let (state, reason) = tally.state();
    let mut line = format!(
        "{at} state={} success={:.1}% rounds={} failed_in_a_row={}",
        state.replace(' ', "-"),
        tally.success(),
        tally.rounds,
        tally.failed_in_a_row
    );
    if let Some(uptime) = tally.uptime {
        line.push_str(&format!(" uptime={}s", uptime.as_secs()));
    }
    for family in &tally.families {
        let name = family.name.replace(' ', "-");
        match family.latency() {
            _ if family.is_absent => line.push_str(&format!(" {name}=absent")),
            Some(times) => line.push_str(&format!(
                " {name}={}/{}/{}/{}",
                millis(times.least),
                millis(times.average),
                millis(times.p99),
                millis(times.most)
            )),
            None => line.push_str(&format!(" {name}=-")),
        }
    }
    line.push('\n');
    if let Some(reason) = reason {
        line.push_str(&format!("{at} reason: {reason}\n"));
    }
    if tally.is_alert() {
        line.push_str(&format!(
            "{at} ALERT: {} rounds in a row have failed\n",
            tally.failed_in_a_row
        ));
    }
    line
}

/// Milliseconds with two decimals, as people and scripts read them.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::cli::monitor::families::FAMILIES;
    use crate::cli::monitor::round::{Probe, Readiness, Round};
    use crate::cli::monitor::tally::Tally;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_round_is_a_line_and_the_alert_another() {
        let mut tally = Tally::new("redis://h".to_owned(), 1);
        let mut probes = vec![Probe::Answered(vec![Duration::from_micros(250)]), Probe::Absent];
        probes.push(Probe::Failed("counters: away".to_owned()));
        probes.resize_with(FAMILIES.len(), || Probe::NotTried);
        let (readiness, uptime) = (Readiness::Ready, Some(Duration::from_secs(90)));
        tally.add(Round { at: UNIX_EPOCH, probes, readiness, uptime });
        assert_eq!(
            text(&tally),
            "1970-01-01T00:00:00Z state=failing success=50.0% rounds=1 failed_in_a_row=1 uptime=90s \
             ping=0.25/0.25/0.25/0.25 strings=absent counters=- hashes=- lists=- sets=- sorted-sets=- \
             scripts=- transactions=- pub/sub=-\n\
             1970-01-01T00:00:00Z reason: counters: away\n\
             1970-01-01T00:00:00Z ALERT: 1 rounds in a row have failed\n"
        );
    }
}
