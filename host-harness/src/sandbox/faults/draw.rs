//! Which fault hits a request. It owns the dice: a draw depends on the seed, on what the request is
//! and on how often it has come, never on what other requests arrive meanwhile, so that a failing run
//! can be repeated.

use super::file::File;
use super::kinds::Fault;
use super::{Faults, HEADER};
use bytes::Bytes;
use http::Request;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests told apart at most; with more, counting begins anew.
const MAX_SEEN: usize = 200_000;

/// The faults of one running sandbox.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    file: Option<File>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By what a request asks: its attempts under each key.
    seen: HashMap<u128, Group>,
    entries: usize,
    /// How often each rule has hit.
    hits: Vec<u64>,
}

/// Requests that ask for the same.
#[derive(Debug, Default)]
struct Group {
    /// By key: as which of the group it came first, and how many times it has come.
    calls: HashMap<u128, (u64, u64)>,
}

/// A call and its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    asked: u128,
    /// As which of those that ask for the same under another key.
    ordinal: u64,
    /// From 1.
    attempt: u64,
}

impl Draws {
    pub(crate) fn new(faults: Option<&Faults>) -> Self {
        let file = faults.map(|faults| (*faults.0).clone());
        let hits = file.as_ref().map_or(0, |file| file.rules.len());
        Self {
            file,
            state: Mutex::new(State {
                hits: vec![0; hits],
                ..State::default()
            }),
        }
    }

    /// The fault that hits a request, if one does. An error is what is wrong with its header.
    pub(crate) fn draw(&self, request: &Request<Bytes>) -> Result<Option<Fault>, String> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let header = request.headers().get(HEADER);
        if (header.is_none() && self.file.is_none()) || path.starts_with("/_sandbox/") {
            return Ok(None);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = state.turn(request);
        if let Some(header) = header {
            let text = header.to_str().unwrap_or("?");
            let forced = forced(text).map_err(|message| format!("{HEADER}: {message}."))?;
            return Ok(forced
                .filter(|(_, attempts)| turn.attempt <= *attempts)
                .map(|(fault, _)| fault));
        }
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let drawn = turn.share(file.seed);
        let mut reached = 0.0;
        for (rule, hits) in file.rules.iter().zip(&mut state.hits) {
            let is_over = rule.count.is_some_and(|count| *hits >= count)
                || rule.attempts.is_some_and(|most| turn.attempt > most);
            if is_over || !rule.pattern.matches(method, path) {
                continue;
            }
            reached += rule.probability;
            if drawn < reached {
                *hits += 1;
                return Ok(Some(rule.fault.clone()));
            }
        }
        Ok(None)
    }
}

impl State {
    /// Counts a request.
    fn turn(&mut self, request: &Request<Bytes>) -> Turn {
        let key = request.headers().get("idempotency-key");
        let key = hash(&[key.map_or(b"".as_slice(), |key| key.as_bytes())]);
        let target = request.uri().path_and_query();
        let asked = hash(&[
            request.method().as_str().as_bytes(),
            target.map_or("", |target| target.as_str()).as_bytes(),
            request.body(),
        ]);
        if self.entries >= MAX_SEEN {
            self.seen.clear();
            self.entries = 0;
        }
        let group = self.seen.entry(asked).or_default();
        let next = group.calls.len() as u64;
        let (ordinal, attempt) = group.calls.entry(key).or_insert_with(|| {
            self.entries += 1;
            (next, 0)
        });
        *attempt += 1;
        Turn {
            asked,
            ordinal: *ordinal,
            attempt: *attempt,
        }
    }
}

impl Turn {
    /// A number from 0 up to 1, the same for the same seed and turn.
    fn share(self, seed: u64) -> f64 {
        let drawn = hash(&[
            &seed.to_be_bytes(),
            &self.asked.to_be_bytes(),
            &self.ordinal.to_be_bytes(),
            &self.attempt.to_be_bytes(),
        ]);
        // The 53 bits that a float below 1 can tell apart.
        let bits = (drawn >> 75) as u64;
        bits as f64 / (1_u64 << 53) as f64
    }
}

fn hash(parts: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// What a header asks for: `NAME; OPTION=VALUE; …`, how many attempts it is for among them; none for
/// `none`.
fn forced(text: &str) -> Result<Option<(Fault, u64)>, String> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let mut attempts = u64::MAX;
    let mut options = Vec::new();
    for part in parts {
        let Some((option, value)) = part.split_once('=') else {
            return Err(format!("an option is written NAME=VALUE, not {part:?}"));
        };
        let (option, value) = (option.trim(), value.trim());
        if option == "attempts" {
            attempts = value.parse().ok().filter(|most| *most > 0).ok_or_else(|| {
                format!("attempts is a whole number of at least 1, not {value:?}")
            })?;
        } else {
            options.push((option.to_owned(), value.to_owned()));
        }
    }
    if name == "none" && options.is_empty() {
        return Ok(None);
    }
    let fault = Fault::new(name, &options).map_err(|bad| bad.message)?;
    Ok(Some((fault, attempts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(file: &str) -> Draws {
        Draws::new(Some(&Faults::parse(file).unwrap()))
    }

    fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    fn names(draws: &Draws, requests: &[Request<Bytes>]) -> Vec<Option<&'static str>> {
        let drawn = requests.iter().map(|request| draws.draw(request).unwrap());
        drawn.map(|fault| fault.map(|fault| fault.name)).collect()
    }

    /// Orders under keys that no other run would have, three attempts each.
    fn orders(keys: &str) -> Vec<Request<Bytes>> {
        let order = |at: usize| {
            let key = format!("{keys}-{}", at / 3);
            let body = format!("order={}", at / 3);
            request("POST", "/v1/x", &[("idempotency-key", &key)], &body)
        };
        (0..600).map(order).collect()
    }

    const MIXED: &str = "seed: 5\nrules: [{fault: truncate, probability: 0.2}, \
                         {fault: reset-after, probability: 0.1}]";

    #[test]
    fn the_same_seed_hits_the_same_requests_in_any_order_under_any_keys() {
        let forwards = orders("a");
        let first = names(&draws(MIXED), &forwards);
        // Others first, attempts of one request still in turn.
        let mut shuffled: Vec<_> = orders("b").into_iter().enumerate().collect();
        shuffled.sort_by_key(|(at, _)| (at % 3, (at / 3 * 7) % 200));
        let (places, requests): (Vec<usize>, Vec<_>) = shuffled.into_iter().unzip();
        let second = names(&draws(MIXED), &requests);
        for (place, name) in places.iter().zip(second) {
            assert_eq!(first[*place], name, "{place}");
        }
        let reseeded = names(&draws(&MIXED.replace("seed: 5", "seed: 6")), &forwards);
        assert_ne!(first, reseeded);
    }

    #[test]
    fn shares_are_what_the_file_says_and_add_up() {
        let hits = names(&draws(MIXED), &orders("a"));
        let count = |name| hits.iter().filter(|hit| **hit == Some(name)).count();
        // Of 600; four standard deviations to either side.
        assert!(
            (81..=159).contains(&count("truncate")),
            "{}",
            count("truncate")
        );
        assert!(
            (31..=89).contains(&count("reset-after")),
            "{}",
            count("reset-after")
        );
    }

    #[test]
    fn attempts_and_count_end_a_rule() {
        let again = |key: &str| request("POST", "/v1/x", &[("idempotency-key", key)], "a");
        let first = draws("rules: [{fault: truncate, attempts: 1}]");
        let turns = [again("a"), again("a"), again("b"), again("b")];
        let hit = Some("truncate");
        assert_eq!(names(&first, &turns), [hit, None, hit, None]);
        let thrice = draws("rules: [{fault: truncate, count: 3}, {fault: drip}]");
        assert_eq!(names(&thrice, &turns), [hit, hit, hit, Some("drip")]);
    }

    #[test]
    fn a_header_stands_above_the_rules() {
        let always = draws("rules: [{fault: truncate}]");
        let under = |value| request("GET", "/v1/x", &[(HEADER, value)], "");
        assert_eq!(names(&always, &[under("none")]), [None]);
        let once = under("status; code=503; should-retry=false; attempts=1");
        assert_eq!(
            names(&draws(MIXED), &[once.clone(), once]),
            [Some("status"), None]
        );
        let fault = always
            .draw(&under("html ;code=200 ; commit=after"))
            .unwrap()
            .unwrap();
        assert!(fault.commits);
        for (value, said) in [
            ("reset", "there is no fault \"reset\""),
            ("truncate; now", "NAME=VALUE"),
            ("truncate; attempts=0", "at least 1"),
            ("status; code=1", "400 to 599"),
        ] {
            let told = always.draw(&under(value)).unwrap_err();
            assert!(told.contains(said) && told.starts_with(HEADER), "{told}");
        }
        let own = request("POST", "/_sandbox/clock", &[], "advance=1");
        assert_eq!(names(&always, &[own]), [None]);
    }
}
