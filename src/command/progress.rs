//! Progress of long work, on a terminal's standard error and nowhere else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line that says what is being done; it goes away when the work is done.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

/// Whether progress may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// On a terminal.
    OnTerminal,
    /// Never.
    Never,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new(show: Show) -> Self {
        let visible = show == Show::OnTerminal && std::io::stderr().is_terminal();
        let bar = visible.then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let shows_unicode = supports_unicode::on(supports_unicode::Stream::Stderr);
            bar.set_style(if shows_unicode { style } else { style.tick_chars("-\\|/ ") });
            bar
        });
        Self { bar }
    }

    /// What is being done now.
    pub(super) fn say(&self, message: impl Into<String>) {
        if let Some(bar) = &self.bar {
            let is_first = bar.message().is_empty();
            bar.set_message(message.into());
            if is_first {
                bar.enable_steady_tick(Duration::from_millis(120));
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
