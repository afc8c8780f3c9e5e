//! `stripe-harness batch`: many calls, read as JSON Lines and answered in the
//! same order. Only as many lines are held as calls run.

mod call;
mod fault;
mod input;
mod journal;
mod keyed;
mod limit;
mod progress;
pub(super) mod signals;
mod summary;

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Args;
use stripe_harness::policy::is_loopback;
use stripe_harness::{HostOptions, Instances};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use self::call::{Answer, Batch, Task};
use self::input::{Line, Lines, Source};
use self::journal::{Journal, Known, Purpose, Replay};
use self::limit::{Limits, Rate};
use self::progress::Progress;
use self::summary::Summary;
use super::connection::Flags;
use super::{Ended, Host, Wrong};

pub(super) use self::signals::INTERRUPTED;

/// Arguments of `batch`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to read calls from, one JSON object on each line; stdin where
    /// none is given, or -.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Say what each call would send, without sending it.
    #[arg(long)]
    dry_run: bool,

    /// Calls under way at the same time.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// Keep a journal in this file. After an interruption, or once a connection
    /// is mended, the same command continues: what was answered is answered
    /// from the journal, what was under way is sent again under the same
    /// idempotency key.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "dry_run")]
    resume: Option<PathBuf>,

    /// Calls begun a second, reads and writes counted apart, or off [default:
    /// 90 with a live key, 22 with any other, off for dry runs and loopback
    /// addresses]. A 429 slows it for a while.
    #[arg(long, value_name = "N|off")]
    rate_limit: Option<Rate>,

    /// The same for reads (GET) alone.
    #[arg(long, value_name = "N|off")]
    read_rate: Option<Rate>,

    /// The same for writes (POST, DELETE) alone.
    #[arg(long, value_name = "N|off")]
    write_rate: Option<Rate>,

    /// Show no progress, which appears on a terminal alone.
    #[arg(long)]
    no_progress: bool,

    /// Show neither progress nor the summary at the end.
    #[arg(long)]
    quiet: bool,

    #[command(flatten)]
    flags: Flags,
}

impl Arguments {
    /// Room for as many calls as run at the same time.
    fn widened(&self, options: HostOptions) -> HostOptions {
        let calls = usize::from(self.concurrency);
        HostOptions {
            max_concurrent_calls: calls,
            instances: match options.instances {
                Instances::Isolated => Instances::Isolated,
                Instances::Reused { max_idle } => Instances::Reused {
                    max_idle: max_idle.max(calls),
                },
            },
            ..options
        }
    }

    /// The rates for a connection.
    fn limits(&self, is_live: bool, is_loopback: bool) -> Limits {
        if self.dry_run {
            return Limits::new(Rate::Off, Rate::Off);
        }
        let default = match is_loopback {
            true => Rate::Off,
            false => limit::default_rate(is_live),
        };
        let both = self.rate_limit.unwrap_or(default);
        Limits::new(
            self.read_rate.unwrap_or(both),
            self.write_rate.unwrap_or(both),
        )
    }
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    if arguments.resume.is_some() && arguments.flags.reach.sandbox {
        return Err(Wrong(
            "--resume does not go with --sandbox, which forgets everything when the command ends; \
             start stripe-harness sandbox and name it with --base-url"
                .to_owned(),
        ));
    }
    let source = Source::open(arguments.file.as_ref())?;
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(arguments.widened(options)).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let purpose = Purpose::of(&connection);
    let base_url = connection.record().base_url.as_deref();
    let limits = arguments.limits(purpose.is_live(), base_url.is_some_and(is_loopback));
    let (journal, replay) = match &arguments.resume {
        None => (None, Replay::default()),
        Some(path) => {
            let (journal, replay) = Journal::open(path, purpose, arguments.concurrency)?;
            (Some(journal), replay)
        }
    };
    let (halt, halted) = watch::channel(false);
    let show = !arguments.quiet && !arguments.no_progress;
    let run = Run {
        progress: Progress::new(show, source.length),
        batch: Arc::new(Batch {
            plugin,
            connection,
            dry_run: arguments.dry_run,
            limits,
            journal,
            halt: halted,
            kinds: Mutex::new(HashMap::new()),
            was_answered: AtomicBool::new(false),
        }),
        replay,
        concurrency: usize::from(arguments.concurrency),
        halt,
        queue: VecDeque::new(),
        stopped: None,
        summary: Summary::default(),
        begun: Instant::now(),
        bytes: 0,
    };
    let ended = run.drive(source, arguments.quiet).await;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    ended
}

/// A line that was read: its answer is known, or on its way.
enum Pending {
    Known(Answer),
    UnderWay(JoinHandle<Option<Answer>>),
}

/// Why no more lines are read.
enum Stopped {
    /// There are none.
    AtEnd,
    /// Somebody asked for it.
    Interrupted,
    /// Something is wrong.
    Wrong(Wrong),
}

/// A batch while it runs.
struct Run {
    batch: Arc<Batch>,
    replay: Replay,
    concurrency: usize,
    /// Keeps calls that have not been sent from being sent.
    halt: watch::Sender<bool>,
    /// The lines that have been read and not answered, in order.
    queue: VecDeque<Pending>,
    /// Calls under way are answered all the same.
    stopped: Option<Stopped>,
    progress: Progress,
    summary: Summary,
    begun: Instant,
    /// How far the input has been read.
    bytes: u64,
}

/// Bytes of answers that are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

impl Run {
    async fn drive(mut self, source: Source, quiet: bool) -> Result<Ended, Wrong> {
        let mut interrupted = signals::listen()?;
        let mut lines = Lines::start(source)?;
        let mut listening = true;
        while self.stopped.is_none() || !self.queue.is_empty() {
            let has_room = self.queue.len() < self.concurrency && self.stopped.is_none();
            tokio::select! {
                answer = front(&mut self.queue), if !self.queue.is_empty() => {
                    self.queue.pop_front();
                    self.print(answer).await;
                }
                line = lines.next(), if has_room => match line {
                    Ok(Some(line)) => self.begin(line),
                    Ok(None) => {
                        let rest = self.replay.end();
                        self.stop(rest.map_or_else(Stopped::Wrong, |()| Stopped::AtEnd));
                    }
                    Err(error) => self.stop(Stopped::Wrong(error)),
                },
                _ = &mut interrupted, if listening => {
                    listening = false;
                    self.progress.say(
                        "Stopping: calls under way are being finished. Once more stops at once.",
                    );
                    self.stop(Stopped::Interrupted);
                }
            }
            self.progress
                .show(self.bytes, &self.summary, self.begun.elapsed());
        }
        if let Some(journal) = &self.batch.journal {
            journal.sync();
            self.stop_if_broken();
        }
        self.progress.end();
        if !quiet {
            self.progress.say(&self.summary.text(self.begun.elapsed()));
        }
        match self.stopped {
            Some(Stopped::Wrong(error)) => Err(error),
            Some(Stopped::Interrupted) => Ok(Ended::Interrupted),
            _ if self.summary.failed > 0 => Ok(Ended::RequestFailed),
            _ => Ok(Ended::Succeeded),
        }
    }

    /// Begins with a line.
    fn begin(&mut self, line: Line) {
        self.bytes = line.end;
        let (hash, known) = match &self.batch.journal {
            None => (String::new(), Known::Nothing),
            Some(_) => {
                let hash = journal::hash(line.text.as_deref().unwrap_or_default());
                match self.replay.look_up(line.number, &hash) {
                    Ok(known) => (hash, known),
                    Err(error) => return self.stop(Stopped::Wrong(error)),
                }
            }
        };
        let sent_before = match known {
            Known::Done(answer) => {
                self.batch.was_answered.store(true, Ordering::Relaxed);
                return self.queue.push_back(Pending::Known(answer));
            }
            Known::Sent(at) => Some(at),
            Known::Nothing => None,
        };
        let task = Task {
            line,
            hash,
            sent_before,
        };
        let answer = Arc::clone(&self.batch).answer(task);
        self.queue
            .push_back(Pending::UnderWay(tokio::spawn(answer)));
    }

    /// Reads no more, and says why: the first error counts most, the end of the
    /// input least.
    fn stop(&mut self, why: Stopped) {
        if !matches!(why, Stopped::AtEnd) {
            self.halt.send_replace(true);
        }
        match (&self.stopped, &why) {
            (Some(Stopped::Wrong(_)), _) | (Some(_), Stopped::AtEnd) => {}
            _ => self.stopped = Some(why),
        }
    }

    fn stop_if_broken(&mut self) {
        let broken = self.batch.journal.as_ref().and_then(Journal::broken);
        if let Some(problem) = broken.map(str::to_owned) {
            self.stop(Stopped::Wrong(Wrong(problem)));
        }
    }

    /// Prints an answer, and those behind it that are there already.
    async fn print(&mut self, first: Result<Option<Answer>, JoinError>) {
        let mut text = String::new();
        let mut next = Some(first);
        while let Some(answer) = next {
            match answer {
                Ok(Some(answer)) => {
                    text.push_str(&answer.text);
                    text.push('\n');
                    self.summary.add(&answer);
                    if let Some(problem) = answer.wrong_connection {
                        self.stop(Stopped::Wrong(Wrong(problem)));
                    }
                }
                // It was not sent.
                Ok(None) => {}
                Err(error) => {
                    self.stop(Stopped::Wrong(Wrong(format!(
                        "a call was cut off: {error}"
                    ))));
                }
            }
            let is_there = self.queue.front().is_some_and(|pending| match pending {
                Pending::Known(_) => true,
                Pending::UnderWay(call) => call.is_finished(),
            });
            next = match text.len() < WRITTEN_AT_ONCE && is_there {
                true => Some(front(&mut self.queue).await),
                false => None,
            };
            if next.is_some() {
                self.queue.pop_front();
            }
        }
        let written = self
            .progress
            .beside(|| io::stdout().lock().write_all(text.as_bytes()));
        if let Err(error) = written {
            self.stop(Stopped::Wrong(Wrong(format!(
                "the answers cannot be written: {error}"
            ))));
        }
        self.stop_if_broken();
    }
}

/// The answer of the first line in the queue. Cancelled, it takes nothing away.
async fn front(queue: &mut VecDeque<Pending>) -> Result<Option<Answer>, JoinError> {
    match queue.front_mut() {
        Some(Pending::UnderWay(call)) => call.await,
        Some(Pending::Known(answer)) => Ok(Some(std::mem::take(answer))),
        None => std::future::pending().await,
    }
}
