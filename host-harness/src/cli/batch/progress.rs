//! What a person sees while a batch runs: on a terminal alone, on stderr.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::render;
use super::summary::Summary;

/// A bar, if somebody is there to see it.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// Whether results appear on the same terminal, between the bar's lines.
    shares_terminal: bool,
}

impl Progress {
    /// A bar over so many bytes of input, where that is known.
    pub(super) fn new(wanted: bool, length: Option<u64>) -> Progress {
        let bar = (wanted && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
            let template = match length {
                Some(_) => "{bar:30} {percent:>3} %  {msg}  {eta} left",
                None => "{spinner} {msg}  {elapsed}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            // Redrawn while calls wait for their turn, too.
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress {
            bar,
            shares_terminal: io::stdout().is_terminal(),
        }
    }

    /// Shows how far it has come.
    pub(super) fn show(&self, bytes: u64, summary: &Summary, took: Duration) {
        let Some(bar) = &self.bar else {
            return;
        };
        if bar.length().is_some() {
            bar.set_position(bytes);
        }
        let rate = summary.made() as f64 / took.as_secs_f64().max(0.001);
        bar.set_message(format!(
            "{} calls  {rate:.0}/s  {} failed",
            summary.calls, summary.failed
        ));
    }

    /// Writes something that must not mix with the bar.
    pub(super) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) if self.shares_terminal => bar.suspend(write),
            _ => write(),
        }
    }

    /// Says something on stderr.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| render::error_line(text)),
            None => render::error_line(text),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
