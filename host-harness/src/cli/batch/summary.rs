//! What a run came to, for a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::super::terminal;
use super::call::Answer;

/// Kinds of failure that are counted apart. Servers name them, and one that
/// makes them up must not fill the memory.
const MOST_KINDS: usize = 50;

/// Counts of the calls that were answered.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// All of them.
    pub(super) calls: u64,
    /// Those that failed.
    pub(super) failed: u64,
    from_journal: u64,
    kinds: BTreeMap<String, Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    calls: u64,
    may_have_been_sent: u64,
}

impl Summary {
    pub(super) fn add(&mut self, answer: &Answer) {
        self.calls += 1;
        self.from_journal += u64::from(answer.from_journal);
        let Some(failed) = &answer.failed else {
            return;
        };
        self.failed += 1;
        let is_new = !self.kinds.contains_key(&failed.kind);
        let kind = match is_new && self.kinds.len() >= MOST_KINDS {
            true => "other",
            false => &failed.kind,
        };
        let kind = self.kinds.entry(kind.to_owned()).or_default();
        kind.calls += 1;
        kind.may_have_been_sent += u64::from(failed.may_have_been_sent);
    }

    /// Those that this run made.
    pub(super) fn made(&self) -> u64 {
        self.calls - self.from_journal
    }

    /// Some lines of text.
    pub(super) fn text(&self, took: Duration) -> String {
        let mut out = format!(
            "{}: {} succeeded, {} failed",
            counted(self.calls),
            self.calls - self.failed,
            self.failed
        );
        for (kind, failures) in &self.kinds {
            let _ = write!(out, "\n  {} {}", failures.calls, terminal::line(kind));
            match failures.may_have_been_sent {
                0 => {}
                n if n == failures.calls => out.push_str(", sent perhaps"),
                n => {
                    let _ = write!(out, ", {n} of them sent perhaps");
                }
            }
        }
        if self.from_journal > 0 {
            let _ = write!(out, "\n  {} answered by the journal", self.from_journal);
        }
        let made = self.made();
        let seconds = took.as_secs_f64();
        let _ = write!(out, "\n{seconds:.1} s");
        if made > 0 && seconds > 0.0 {
            let _ = write!(out, ", {:.1} calls a second", made as f64 / seconds);
        }
        out
    }
}

fn counted(calls: u64) -> String {
    match calls {
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Failed;
    use super::*;

    fn answer(failed: Option<(&str, bool)>, from_journal: bool) -> Answer {
        Answer {
            text: String::new(),
            failed: failed.map(|(kind, may_have_been_sent)| Failed {
                kind: kind.to_owned(),
                may_have_been_sent,
            }),
            from_journal,
            wrong_connection: None,
        }
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let mut summary = Summary::default();
        for (failed, from_journal) in [
            (None, true),
            (None, false),
            (Some(("card_error", false)), false),
            (Some(("timeout_error", true)), false),
            (Some(("api_error", true)), true),
            (Some(("api_error", false)), false),
        ] {
            summary.add(&answer(failed, from_journal));
        }
        assert_eq!(
            summary.text(Duration::from_millis(1_600)),
            "6 calls: 2 succeeded, 4 failed\n  \
             2 api_error, 1 of them sent perhaps\n  \
             1 card_error\n  \
             1 timeout_error, sent perhaps\n  \
             2 answered by the journal\n\
             1.6 s, 2.5 calls a second"
        );
    }

    #[test]
    fn made_up_kinds_do_not_fill_the_memory() {
        let mut summary = Summary::default();
        for kind in 0..1_000 {
            summary.add(&answer(Some((&format!("kind_{kind}"), false)), false));
        }
        assert!(summary.kinds.len() <= MOST_KINDS + 1);
        assert_eq!(summary.kinds["other"].calls, 950);
    }
}
