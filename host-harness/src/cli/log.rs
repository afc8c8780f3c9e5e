//! What the library reports, on stderr: warnings as they are, and on request
//! every call.

use std::fmt;
use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{DefaultFields, FmtSpan, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How much is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Log {
    /// Nothing.
    Off,
    /// What is odd but no error.
    Warn,
    /// Every call: resource, method, status, attempts, request id, time.
    Info,
}

/// Starts reporting. Other crates' reports are left out: an HTTP client's may
/// hold headers.
pub(super) fn start(log: Log) {
    let level = match log {
        Log::Off => return,
        Log::Warn => LevelFilter::WARN,
        Log::Info => LevelFilter::INFO,
    };
    let ours = Targets::new().with_target("stripe_harness", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(ours);
    let started = match log {
        Log::Info => registry
            .with(lines.with_target(false).with_span_events(FmtSpan::CLOSE))
            .try_init(),
        _ => registry.with(lines.event_format(Sentence)).try_init(),
    };
    // Another has been started: then that one reports.
    let _ = started;
}

/// A warning the way the command's errors are written.
struct Sentence;

impl<S> FormatEvent<S, DefaultFields> for Sentence
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => "note",
        };
        write!(writer, "{level}: ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
