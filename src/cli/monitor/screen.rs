//! The live page: owns the terminal from its first line to its last, and gives it back as it was, also after a
//! panic or a signal.
//!
//! Probing and keys are waited for together, so that `q` leaves at once though a sidecar hangs.

use super::round::Prober;
use super::stopped;
use super::tally::Tally;
use super::view;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// How often the page is drawn anew, for its clocks.
const FRAME: Duration = Duration::from_millis(500);

/// How long the thread that reads keys waits before it looks whether it is still wanted.
const GLANCE: Duration = Duration::from_millis(100);

/// Shows the page until `q`, Ctrl-C or a signal.
///
/// # Errors
/// The terminal can't be used.
pub(super) async fn show(
    mut prober: Prober,
    mut tally: Tally,
    every: Duration,
) -> io::Result<ExitCode> {
    // It restores the terminal after a panic too.
    let mut terminal = ratatui::try_init()?;
    let shown = turn(&mut terminal, &mut prober, &mut tally, every).await;
    let restored = ratatui::try_restore();
    prober.player.hang_up();
    prober.leave().await;
    shown?;
    restored?;
    Ok(ExitCode::SUCCESS)
}

async fn turn(
    terminal: &mut ratatui::DefaultTerminal,
    prober: &mut Prober,
    tally: &mut Tally,
    every: Duration,
) -> io::Result<()> {
    let mut stopped = std::pin::pin!(stopped()?);
    let mut keys = Keys::read();
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut round = std::pin::pin!(async {
            rounds.tick().await;
            prober.round().await
        });
        let round = loop {
            terminal.draw(|frame| view::draw(frame, tally, every))?;
            tokio::select! {
                () = &mut stopped => return Ok(()),
                key = keys.next() => if key.is_none_or(|key| key == Key::Quit) { return Ok(()) },
                _ = frames.tick() => {}
                round = &mut round => break round,
            }
        };
        tally.add(round);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Quit,
    /// Another key, or another size of the window: the page is drawn anew.
    Other,
}

/// The keys that are pressed, read by a thread of their own since reading blocks.
struct Keys {
    pressed: mpsc::Receiver<Key>,
    is_over: Arc<AtomicBool>,
}

impl Keys {
    fn read() -> Self {
        let (to, pressed) = mpsc::channel(16);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let key = match event::poll(GLANCE) {
                    Ok(false) => continue,
                    Ok(true) => event::read().map(|event| meaning(&event)),
                    Err(error) => Err(error),
                };
                // Without a terminal there is nothing more to read.
                let Ok(key) = key else { return };
                if to.blocking_send(key).is_err() {
                    return;
                }
            }
        });
        Self { pressed, is_over }
    }

    /// `None` when the terminal is gone.
    async fn next(&mut self) -> Option<Key> {
        self.pressed.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn meaning(event: &Event) -> Key {
    let Event::Key(key) = event else { return Key::Other };
    let is_control_c =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    let is_q = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
    if key.kind == KeyEventKind::Press && (is_control_c || is_q) { Key::Quit } else { Key::Other }
}
