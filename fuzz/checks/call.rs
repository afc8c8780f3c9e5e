//! A call over a wire that does what the input says ends in time, repeats no
//! more than asked, sends the same bytes each time, and never calls a failure
//! safe to repeat that is not. The first line is `RETRIES TIMEOUT TOTAL KIND`;
//! every further line is what one attempt comes to: milliseconds, then `lost`
//! with `sent` and `passing`, or a status with `retry=…`, `after=…` and
//! `code=…`.

use stripe::answer::Answer;
use stripe::arguments;
use stripe::call::{Attempt, Limits, Lost, Telemetry, Wire, execute};
use stripe::failure::Kind;
use stripe::json::Value;
use stripe::operation::find;
use stripe::outgoing::{Outgoing, Planned, build};
use stripe::types::Error;

/// What one attempt comes to.
struct Step<'t> {
    takes: u64,
    words: Vec<&'t str>,
}

struct Script<'t> {
    steps: Vec<Step<'t>>,
    at: usize,
    clock: u64,
    /// When the call must be over.
    end: u64,
    bytes: Option<(String, Vec<u8>)>,
    /// Whether any attempt so far may have been acted on, by what Stripe said.
    open: bool,
}

impl Wire for Script<'_> {
    fn now(&mut self) -> u64 {
        self.clock
    }

    fn sleep(&mut self, milliseconds: u64) {
        self.clock = self.clock.saturating_add(milliseconds);
    }

    fn dice(&mut self) -> f64 {
        self.steps
            .get(self.at)
            .map_or(0.0, |step| (step.takes % 100) as f64 / 99.0)
    }

    fn send(&mut self, outgoing: &Outgoing<'_>, attempt: Attempt<'_>) -> Result<Answer, Lost> {
        assert!(
            self.at == 0 || self.clock < self.end,
            "an attempt after the end"
        );
        assert!(attempt.deadline <= self.end);
        let body = outgoing
            .body
            .as_ref()
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let bytes = (format!("{:?} {}", outgoing.headers, outgoing.target), body);
        assert!(
            self.bytes.get_or_insert_with(|| bytes.clone()) == &bytes,
            "the same bytes"
        );
        let step = self.steps.get(self.at);
        self.at += 1;
        let (takes, words) = step.map_or((1, [].as_slice()), |step| (step.takes, &step.words));
        self.clock = self.clock.saturating_add(takes).min(attempt.deadline);
        let has = |word: &str| words.contains(&word);
        if has("lost") || words.is_empty() {
            self.open |= has("sent");
            return Err(Lost {
                kind: Kind::Connection,
                message: "Lost.".to_owned(),
                sent: has("sent"),
                passing: has("passing"),
            });
        }
        let status = words.iter().find_map(|word| word.parse::<u16>().ok());
        let status = status
            .filter(|status| (200..600).contains(status))
            .unwrap_or(500);
        let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let mut answer = Answer {
            status,
            body: match (status, of("code=")) {
                (..300, _) if has("html") => b"<html>".to_vec(),
                (..300, _) => b"{}".to_vec(),
                (_, Some("html")) => b"<html>".to_vec(),
                (_, Some(code)) => {
                    let code = serde_json::Value::from(code);
                    format!("{{\"error\":{{\"code\":{code}}}}}").into_bytes()
                }
                (_, None) => b"{\"error\":{}}".to_vec(),
            },
            ..Answer::default()
        };
        for (word, header) in [("retry=", "stripe-should-retry"), ("after=", "retry-after")] {
            if let Some(value) = of(word) {
                answer.headers.set(header, value.to_owned());
            }
        }
        if status >= 500 || (status < 300 && has("html")) {
            self.open = true;
        } else if outgoing.has_idempotency_key()
            && (400..500).contains(&status)
            && ![401, 403, 408, 409, 425, 429].contains(&status)
            && of("code=") != Some("html")
        {
            self.open = false;
        }
        Ok(answer)
    }
}

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let number = |at: usize| first.get(at).and_then(|word| word.parse::<u32>().ok());
    let (Some(retries), Some(timeout), Some(total)) = (number(0), number(1), number(2)) else {
        return;
    };
    let (name, args) = match first.get(3) {
        Some(&"get") => ("list", "null"),
        Some(&"delete") => ("del", "\"cus_1\""),
        Some(&"keyed") => ("create", "[{\"a\":1},{\"idempotencyKey\":\"k\"}]"),
        _ => ("create", "{\"a\":1}"),
    };
    let (retries, total) = (retries.min(20), total.max(1));
    let mut settings = super::settings();
    settings.timeout = timeout.max(1);
    settings.total_timeout = Some(total);
    settings.max_network_retries = retries;
    let operation = find("customers", name).expect("a row");
    let args = Value::parse(args).expect("JSON");
    let arguments = arguments::split(&operation, args).expect("arguments");
    let limits = Limits::new(&settings, &arguments.options);
    let planned = build(&operation, arguments, &settings, || "UUID".to_owned());
    let Ok(Planned::Http(outgoing)) = planned else {
        panic!("nothing to send");
    };
    let mut wire = Script {
        steps: lines
            .map(|line| {
                let mut words = line.split(' ');
                let takes = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
                Step {
                    takes,
                    words: words.collect(),
                }
            })
            .collect(),
        at: 0,
        clock: 0,
        end: u64::from(total),
        bytes: None,
        open: false,
    };
    let result = execute(
        &mut wire,
        &outgoing,
        limits,
        &settings,
        &mut Telemetry::default(),
    );
    assert!(
        wire.at as u64 <= u64::from(retries) + 1,
        "{} attempts",
        wire.at
    );
    assert!(
        wire.clock <= wire.end,
        "over at {}, not by {}",
        wire.clock,
        wire.end
    );
    let harmless = outgoing.traits.repeatable || outgoing.traits.caller_key;
    match result {
        Ok(response) => assert_eq!(response.attempts as usize, wire.at),
        Err(Error::Transient(failure)) => {
            assert_eq!(failure.may_have_been_sent, wire.open);
            assert!(harmless || !wire.open, "repeating this may act twice");
        }
        Err(Error::Permanent(failure)) => {
            assert_eq!(failure.may_have_been_sent, wire.open);
            assert_eq!(failure.attempts as usize, wire.at);
        }
        Err(Error::ExecutionFailed) => panic!("engines' own"),
    }
}
