//! What the live page looks like: a drawing of the tally, with no state of its own.

use super::plain::millis;
use super::tally::{Family, Tally};
use crate::cli::calendar::timestamp;
use crate::config::show_duration;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use std::time::Duration;

/// Draws the page.
pub(super) fn draw(frame: &mut Frame<'_>, tally: &Tally, every: Duration) {
    let families = u16::try_from(tally.families.len()).unwrap_or(u16::MAX).saturating_add(3);
    let rows = [
        Constraint::Length(6),
        Constraint::Length(families),
        Constraint::Min(5),
        Constraint::Length(1),
    ];
    let [head, table, errors, foot] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(summary(tally), head);
    frame.render_widget(latencies(tally), table);
    frame.render_widget(last_errors(tally), errors);
    let hint = format!(" every {}, q quits", show_duration(every));
    frame.render_widget(Paragraph::new(hint).style(Style::new().add_modifier(Modifier::DIM)), foot);
}

fn summary(tally: &Tally) -> Paragraph<'_> {
    let (state, reason) = tally.state();
    let colour = match state {
        "ready" | "answering" => Color::Green,
        "asking" => Color::Yellow,
        _ => Color::Red,
    };
    let strong = Style::new().fg(colour).add_modifier(Modifier::BOLD);
    let mut first = vec![Span::raw("state    "), Span::styled(state, strong)];
    if let Some(reason) = reason {
        first.push(Span::raw(format!("  {reason}")));
    }
    let uptime = tally.uptime.map_or_else(|| "not told".to_owned(), whole_seconds);
    let last = tally.last.map_or_else(|| "-".to_owned(), timestamp);
    let failed = format!("failed rounds in a row {}", tally.failed_in_a_row);
    let alert = if tally.is_alert() { "  ALERT" } else { "" };
    let lines = vec![
        Line::from(first),
        Line::from(format!("uptime   {uptime}    rounds {}    last {last}", tally.rounds)),
        Line::from(format!("success  {:.1} %", tally.success())),
        Line::from(vec![
            Span::raw(failed),
            Span::styled(alert, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        ]),
    ];
    Paragraph::new(lines).block(Block::bordered().title(format!(" redis-sidecar {} ", tally.title)))
}

fn latencies(tally: &Tally) -> Table<'_> {
    let header = ["family", "min ms", "avg ms", "p99 ms", "max ms", "answered", "failed"];
    let widths = [14, 10, 10, 10, 10, 10, 8].map(Constraint::Length);
    let header = Row::new(header).style(Style::new().add_modifier(Modifier::BOLD));
    Table::new(tally.families.iter().map(row), widths)
        .header(header)
        .block(Block::bordered().title(" latency "))
}

fn row(family: &Family) -> Row<'static> {
    let times = match family.latency() {
        _ if family.is_absent => ["not here", "", "", ""].map(str::to_owned),
        Some(times) => [times.least, times.average, times.p99, times.most].map(millis),
        None => ["-"; 4].map(str::to_owned),
    };
    let [least, average, p99, most] = times;
    let counts = [family.answered.to_string(), family.failed.to_string()];
    let [answered, failed] = counts;
    let row = Row::new([family.name.to_owned(), least, average, p99, most, answered, failed]);
    if family.failed > 0 { row.style(Style::new().fg(Color::Yellow)) } else { row }
}

fn last_errors(tally: &Tally) -> Paragraph<'_> {
    let mut lines: Vec<Line<'_>> = tally
        .errors
        .iter()
        .rev()
        .map(|(at, error)| Line::from(format!("{}  {error}", timestamp(*at))))
        .collect();
    if lines.is_empty() {
        lines.push(Line::from("none"));
    }
    Paragraph::new(lines).block(Block::bordered().title(" last errors "))
}

fn whole_seconds(time: Duration) -> String {
    show_duration(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::cli::monitor::families::FAMILIES;
    use crate::cli::monitor::round::{Probe, Readiness, Round};
    use crate::cli::monitor::tally::Tally;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::time::{Duration, UNIX_EPOCH};

    fn page(tally: &Tally, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, tally, Duration::from_secs(30))).unwrap();
        let cells = terminal.backend().buffer().content();
        let line = |row: &[ratatui::buffer::Cell]| {
            row.iter().map(|cell| cell.symbol()).collect::<String>()
        };
        cells.chunks(usize::from(width)).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_page_shows_every_figure() {
        let mut tally = Tally::new("redis://127.0.0.1:6379/0".to_owned(), 1);
        assert!(page(&tally, 90, 30).contains("asking"));
        let mut probes = vec![Probe::Answered(vec![Duration::from_micros(1_250)])];
        probes.push(Probe::Failed("strings: TIMEOUT".to_owned()));
        probes.resize_with(FAMILIES.len(), || Probe::Absent);
        let (readiness, uptime) = (Readiness::Ready, Some(Duration::from_secs(5400)));
        tally.add(Round { at: UNIX_EPOCH, probes, readiness, uptime });
        let page = page(&tally, 90, 30);
        for part in [
            "redis-sidecar redis://127.0.0.1:6379/0",
            "failing  strings: TIMEOUT",
            "uptime   90m    rounds 1    last 1970-01-01T00:00:00Z",
            "success  50.0 %",
            "failed rounds in a row 1  ALERT",
            "1.25",
            "not here",
            "1970-01-01T00:00:00Z  strings: TIMEOUT",
            "every 30s, q quits",
        ] {
            assert!(page.contains(part), "{part} not in\n{page}");
        }
    }

    #[test]
    fn a_small_window_is_drawn_too() {
        let tally = Tally::new("redis://h".to_owned(), 5);
        for (width, height) in [(1, 1), (20, 3), (40, 12)] {
            page(&tally, width, height);
        }
    }
}
