//! No failure charges anyone twice: orders are paid by `batch`, through a sandbox where three
//! requests in ten go wrong, while both are killed and started again. In the end each order is paid
//! exactly once, and the books balance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use stripe_harness::sandbox::{SandboxOptions, StandIn};
use tempfile::TempDir;

use crate::support::command::{harness, root};
use crate::support::{KEY, SENTINEL};

/// Runs after which something is wrong: every run leaves about one line in ten.
const MAX_RUNS: usize = 60;

#[test]
fn every_order_is_paid_once_whatever_fails() {
    Trial::new(200, 1).run(1, 1);
}

/// `tests/exactly_once/run [COUNT] [SEED]`.
#[test]
#[ignore = "takes minutes"]
fn however_many_are_asked_for() {
    let given = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let count = given("EXACTLY_ONCE_COUNT", 10_000);
    let seed = given("EXACTLY_ONCE_SEED", 1);
    Trial::new(count, seed).run(5, 3);
}

/// Orders to be paid, and what becomes of them.
struct Trial {
    folder: TempDir,
    count: u64,
    seed: u64,
    port: u16,
}

/// Numbers that look random and are the same for a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn amount(order: u64) -> u64 {
    1_000 + order % 977
}

impl Trial {
    fn new(count: u64, seed: u64) -> Trial {
        let trial = Trial {
            folder: tempfile::tempdir().unwrap(),
            count,
            seed,
            port: 0,
        };
        let faults = root().join("tests/exactly_once/faults.yaml");
        let faults = std::fs::read_to_string(faults).unwrap();
        let seeded = faults.replace("seed: 1", &format!("seed: {seed}"));
        std::fs::write(trial.path("faults.yaml"), seeded).unwrap();
        let lines: String = (0..count)
            .map(|order| {
                let params = json!({
                    "amount": amount(order), "currency": "usd", "confirm": true,
                    "payment_method": "pm_card_visa", "payment_method_types": ["card"],
                    "metadata": {"order": order.to_string()},
                });
                let line = json!({"id": order, "resource": "paymentIntents", "method": "create",
                    "args": [params]});
                format!("{line}\n")
            })
            .collect();
        std::fs::write(trial.path("orders.jsonl"), lines).unwrap();
        trial
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file that is added to.
    fn appended(&self, name: &str) -> File {
        let mut options = File::options();
        options.append(true).create(true);
        options.open(self.path(name)).unwrap()
    }

    /// Starts the sandbox, on the port it had before.
    fn sandbox(&mut self) -> Killed {
        let port = self.port.to_string();
        let mut child = harness(&["sandbox", "--log-requests", "--port", &port])
            .arg("--data")
            .arg(self.path("sandbox.redb"))
            .arg("--faults")
            .arg(self.path("faults.yaml"))
            .stdout(Stdio::piped())
            .stderr(self.appended("sandbox.log"))
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://127.0.0.1:");
        let address = address
            .unwrap_or_else(|| panic!("{:?}", std::fs::read_to_string(self.path("sandbox.log"))));
        self.port = address.parse().unwrap();
        Killed(child)
    }

    fn batch(&self) -> Command {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut command = harness(&["batch", "--secret-key-env", "K", "--base-url", &url]);
        command
            .args(["--concurrency", "32", "--timeout", "2000", "--property"])
            .arg(r#"retryConfig={"count": 2, "interval": 0.02, "maxWaitInterval": 0.1}"#)
            .arg("--resume")
            .arg(self.path("journal"))
            .arg(self.path("orders.jsonl"))
            .env("K", KEY)
            .stdout(File::create(self.path("answers.jsonl")).unwrap())
            .stderr(self.appended("batch.log"));
        command
    }

    /// How much of a file there is.
    fn length(&self, name: &str) -> u64 {
        std::fs::metadata(self.path(name)).map_or(0, |file| file.len())
    }

    /// Runs the batch again and again until all lines have succeeded; kills it and the sandbox so
    /// many times, somewhere on the way.
    fn run(mut self, batches: u64, sandboxes: u64) {
        let begun = Instant::now();
        let mut dice = Dice(self.seed);
        let mut sandbox = self.sandbox();
        // An order that is paid takes some 1,500 bytes of the journal.
        let far = self.count * 1_300;
        let mut kills: Vec<(u64, bool)> = Vec::new();
        for (count, is_sandbox) in [(batches, false), (sandboxes, true)] {
            for at in 0..count {
                let share = far / count;
                kills.push((at * share + dice.below(share.max(1)), is_sandbox));
            }
        }
        kills.sort_unstable();
        let mut kills = kills.into_iter().peekable();
        let (mut killed, mut runs) = ([0, 0], 0);
        loop {
            runs += 1;
            assert!(runs <= MAX_RUNS, "not done after {MAX_RUNS} runs");
            let mut batch = Killed(self.batch().spawn().unwrap());
            let status = loop {
                if let Some(status) = batch.0.try_wait().unwrap() {
                    break Some(status);
                }
                if kills
                    .peek()
                    .is_some_and(|(at, _)| self.length("journal") >= *at)
                    && let Some((_, is_sandbox)) = kills.next()
                {
                    killed[usize::from(is_sandbox)] += 1;
                    if !is_sandbox {
                        break None;
                    }
                    drop(sandbox);
                    sandbox = self.sandbox();
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            drop(batch);
            match status.and_then(|status| status.code()) {
                Some(0) => break,
                // Some failed, or it was killed.
                Some(1) | None => {}
                Some(code) => panic!(
                    "batch ended with {code}: {:?}",
                    std::fs::read_to_string(self.path("batch.log"))
                ),
            }
        }
        drop(sandbox);
        assert!(kills.next().is_none(), "it was done before every kill");
        let took = begun.elapsed();
        self.check_answers();
        self.check_journal();
        self.check_books();
        self.report(runs, killed, took);
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = Value> + use<> {
        let file = BufReader::new(File::open(self.path(name)).unwrap());
        file.lines().map(|line| {
            let line = line.unwrap();
            assert!(!line.contains(SENTINEL), "the key was written down");
            serde_json::from_str(&line).unwrap()
        })
    }

    /// Every order has one answer, of a payment of its own.
    fn check_answers(&self) {
        let mut payments = BTreeSet::new();
        let mut order = 0;
        for line in self.lines("answers.jsonl") {
            assert_eq!(line["id"], order, "answers are in the order of the input");
            let body = &line["response"]["body"];
            assert_eq!(body["status"], "succeeded", "{line}");
            assert_eq!(body["metadata"]["order"], order.to_string(), "{line}");
            assert_eq!(body["amount_received"], amount(order), "{line}");
            assert!(payments.insert(body["id"].to_string()), "{line}");
            order += 1;
        }
        assert_eq!(order, self.count);
    }

    /// Every line was sent, and has one outcome.
    fn check_journal(&self) {
        let mut outcomes: BTreeMap<u64, u64> = BTreeMap::new();
        let mut sent = BTreeSet::new();
        for record in self.lines("journal").skip(1) {
            if let Some(line) = record["sent"]["line"].as_u64() {
                sent.insert(line);
            }
            if let Some(line) = record["done"]["line"].as_u64() {
                assert_eq!(record["done"]["error"], Value::Null, "{record}");
                *outcomes.entry(line).or_default() += 1;
            }
        }
        assert_eq!(sent.len() as u64, self.count);
        assert_eq!(outcomes.len() as u64, self.count);
        let twice: Vec<_> = outcomes.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    /// What the sandbox holds, read from its file.
    fn check_books(&self) {
        let options = SandboxOptions {
            data: Some(self.path("sandbox.redb")),
            ..SandboxOptions::default()
        };
        let stripe = StandIn::open(options).unwrap();
        let answered: BTreeSet<_> = self
            .lines("answers.jsonl")
            .map(|line| line["response"]["body"]["id"].to_string())
            .collect();

        let intents = all(&stripe, "/v1/payment_intents");
        let mut paid: BTreeMap<String, u64> = BTreeMap::new();
        for intent in &intents {
            assert_eq!(intent["status"], "succeeded", "{intent}");
            assert!(answered.contains(&intent["id"].to_string()), "{intent}");
            *paid
                .entry(intent["metadata"]["order"].to_string())
                .or_default() += 1;
        }
        assert_eq!(intents.len() as u64, self.count);
        assert!(paid.values().all(|times| *times == 1), "{paid:?}");
        assert_eq!(paid.len() as u64, self.count);

        let charges = all(&stripe, "/v1/charges");
        assert_eq!(charges.len() as u64, self.count);
        let of: BTreeSet<_> = charges
            .iter()
            .map(|it| it["payment_intent"].to_string())
            .collect();
        assert_eq!(of, answered);

        let entries = all(&stripe, "/v1/balance_transactions");
        assert_eq!(entries.len() as u64, self.count);
        let sum = |field: &str| {
            let each = entries.iter().map(|entry| entry[field].as_i64().unwrap());
            each.sum::<i64>()
        };
        let due: u64 = (0..self.count).map(amount).sum();
        assert_eq!(sum("amount"), i64::try_from(due).unwrap());
        assert_eq!(sum("amount") - sum("fee"), sum("net"));
        let balance = get(&stripe, "/v1/balance");
        let held: i64 = ["available", "pending"]
            .iter()
            .flat_map(|part| balance[part].as_array().unwrap())
            .map(|part| part["amount"].as_i64().unwrap())
            .sum();
        assert_eq!(held, sum("net"));
    }

    /// Prints what happened, and sees that it was enough.
    // For the person who runs the command.
    #[allow(clippy::print_stderr)]
    fn report(&self, runs: usize, killed: [usize; 2], took: Duration) {
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        let (mut requests, mut keys) = (0_u64, BTreeSet::new());
        for line in BufReader::new(self.open("sandbox.log")).lines() {
            let line = line.unwrap();
            assert!(!line.contains(SENTINEL), "the key is in the log");
            let words: Vec<_> = line.split(' ').collect();
            if !matches!(words.get(1..3), Some(["POST", "/v1/payment_intents"])) {
                continue;
            }
            let told = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
            requests += 1;
            keys.insert(told("key=").unwrap().to_owned());
            if let Some(name) = told("fault=") {
                *faults.entry(name.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(keys.len() as u64, self.count, "one key for each order");
        let hit: u64 = faults.values().sum();
        // Three in ten, give or take what chance does to a few hundred.
        assert!(hit * 100 > requests * 20, "{hit} of {requests}");
        eprintln!(
            "{} orders paid once each, books balanced (seed {}): {requests} requests, {hit} with \
             a fault; {runs} runs of batch, {} of them killed, the sandbox killed {} times; {:.1} s",
            self.count,
            self.seed,
            killed[0],
            killed[1],
            took.as_secs_f64()
        );
        for (name, times) in &faults {
            eprintln!("  {times:>6} {name}");
        }
    }

    fn open(&self, name: &str) -> File {
        File::open(self.path(name)).unwrap()
    }
}

fn get(stripe: &StandIn, path: &str) -> Value {
    let request = http::Request::get(path)
        .header("authorization", "Bearer sk_test_1")
        .body(Bytes::new())
        .unwrap();
    let answer = stripe.handle(&request);
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(answer.body()).unwrap()
}

/// Every object of a list.
fn all(stripe: &StandIn, path: &str) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let after = found.last().and_then(|last| last["id"].as_str());
        let after = after.map_or(String::new(), |id| format!("&starting_after={id}"));
        let page = get(stripe, &format!("{path}?limit=100{after}"));
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] != true {
            return found;
        }
    }
}
