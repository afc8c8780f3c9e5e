//! A million calls in one process: the component, its host and the sandbox. What leaks, or slows
//! down with the number of calls made before, shows here; how fast anything is, elsewhere.

use std::fs;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::{Connection, Plugin};

use crate::host::{self, Instances, Setup};
use crate::report::{Report, Table, progress};
use crate::{machine, print, runtime};

/// Calls under way at the same time: half in instances that are kept, half in fresh ones.
const LOOPS: u64 = 8;
/// Calls of one round of a loop. Each round leaves the sandbox as it found it.
const ROUND: u64 = 10;
/// Between two of these blocks nothing is under way, and figures are taken.
const BLOCKS: usize = 100;
/// Blocks that are not judged: caches, pools and the sandbox's bounded memories of answers (20,000),
/// events (10,000) and deleted objects (10,000) fill up.
const WARM_UP: usize = 20;
/// By how much memory may be more at the end than after the warm-up, in KiB. At a million calls,
/// a leak of 50 bytes a call is more.
const MOST_GROWTH: f64 = 32.0 * 1024.0;
/// By how many descriptors there may be more: both ends of a connection for each loop.
const MOST_DESCRIPTORS: usize = 2 * LOOPS as usize;

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/SOAK.md");

/// What was seen between two blocks.
#[derive(Clone, Copy)]
struct Sample {
    calls: u64,
    per_second: f64,
    /// KiB.
    resident: f64,
    proportional: f64,
    descriptors: usize,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut calls = 1_000_000;
    let mut write = false;
    for argument in arguments {
        match *argument {
            "--write" => write = true,
            number => {
                calls = number
                    .replace(['_', ','], "")
                    .parse()
                    .with_context(|| format!("soak takes a number of calls, not {number:?}"))?;
            }
        }
    }
    // Every loop makes whole rounds in every block.
    let step = LOOPS * ROUND;
    let in_block = (calls / BLOCKS as u64).next_multiple_of(step).max(step);
    host::component()?;
    machine::memory()?;
    let begun = Instant::now();
    let machine = machine::described();
    let samples = runtime()?.block_on(soak(in_block))?;
    let report = judged(&samples)?;
    let text = format!(
        "Machine: {machine}.\n\n{}\n\nThe run took {} s.\n",
        report.0.text().trim_end(),
        begun.elapsed().as_secs()
    );
    print(&text);
    if write {
        let head = "# Soak\n\nWritten by `cargo bench -p stripe-harness --bench suite -- soak [CALLS] \
                    --write`; what it does is in [README.md](README.md).\n\n";
        fs::write(RESULTS, format!("{head}{text}"))?;
        progress("written to benches/SOAK.md");
    }
    match report.1.as_slice() {
        [] => Ok(()),
        faults => bail!("{}", faults.join("; ")),
    }
}

/// Makes all the calls, block after block.
async fn soak(in_block: u64) -> Result<Vec<Sample>> {
    let sandbox = Sandbox::start(SandboxOptions {
        seed: Some(1),
        ..SandboxOptions::default()
    })
    .await?;
    let url = sandbox.base_url();
    let kept = caller(&url, Instances::Reused(LOOPS as usize)).await?;
    let fresh = caller(&url, Instances::Isolated).await?;
    let intent = kept
        .call(
            "paymentIntents",
            "create",
            r#"[{"amount": 2000, "currency": "usd"}]"#,
        )
        .await?;
    let intent: Arc<str> = id_of(&intent)?.into();
    let bar = bar(in_block * BLOCKS as u64);
    let rounds = Arc::new(AtomicU64::new(0));
    let mut samples = Vec::new();
    for block in 1..=BLOCKS {
        let begun = Instant::now();
        let loops: Vec<_> = (0..LOOPS)
            .map(|number| {
                let caller = if number % 2 == 0 { &kept } else { &fresh };
                let (caller, intent) = (caller.clone(), Arc::clone(&intent));
                let (rounds, bar) = (Arc::clone(&rounds), bar.clone());
                tokio::spawn(async move {
                    for _ in 0..in_block / LOOPS / ROUND {
                        caller
                            .round(rounds.fetch_add(1, Ordering::Relaxed), &intent)
                            .await?;
                        bar.inc(ROUND);
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for each in loops {
            each.await??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let memory = machine::memory()?;
        samples.push(Sample {
            calls: in_block * block as u64,
            per_second: in_block as f64 / seconds,
            resident: memory.resident as f64,
            proportional: memory.proportional as f64,
            descriptors: descriptors()?,
        });
        if bar.is_hidden() && block % 10 == 0 {
            progress(&format!("{block} % of {} calls", in_block * BLOCKS as u64));
        }
    }
    bar.finish_and_clear();
    let left = kept.call("customers", "list", "[]").await?;
    let left: Value = serde_json::from_str(&left)?;
    ensure!(
        left.get("data") == Some(&Value::Array(Vec::new())),
        "the rounds left customers behind"
    );
    sandbox.shutdown().await;
    Ok(samples)
}

/// On a terminal, how far it is.
fn bar(calls: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{wide_bar} {human_pos}/{human_len} calls, {per_sec:.0}, {eta} left";
    let style = ProgressStyle::with_template(style);
    ProgressBar::new(calls).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Who makes calls.
#[derive(Clone)]
struct Caller {
    plugin: Plugin,
    connection: Connection,
}

async fn caller(url: &str, instances: Instances) -> Result<Caller> {
    let plugin = host::load(Setup {
        origin: Some(url),
        ..Setup::new(instances)
    })?;
    let connection = host::connect(&plugin, Some(url)).await?;
    Ok(Caller { plugin, connection })
}

impl Caller {
    async fn call(&self, resource: &str, method: &str, args: &str) -> Result<String> {
        let answer = self
            .plugin
            .request(&self.connection, resource, method, args)
            .await
            .with_context(|| format!("{resource}.{method} {args}"))?;
        Ok(answer.body)
    }

    /// Ten calls: created, repeated under its key, read, changed, listed, refused, deleted.
    async fn round(&self, number: u64, intent: &str) -> Result<()> {
        let customer = format!(
            r#"[{{"name": "Customer {number}", "email": "c{number}@example.com",
            "metadata": {{"number": "{number}"}}}}, {{"idempotencyKey": "soak-{number}"}}]"#
        );
        let made = self.call("customers", "create", &customer).await?;
        let again = self.call("customers", "create", &customer).await?;
        ensure!(
            made == again,
            "an idempotency key was forgotten: {made} {again}"
        );
        let id = id_of(&made)?;
        let named = format!(r#"["{id}"]"#);
        let read = self.call("customers", "retrieve", &named).await?;
        ensure!(id_of(&read)? == id, "{read}");
        let change = format!(r#"["{id}", {{"metadata": {{"seen": "yes"}}}}]"#);
        self.call("customers", "update", &change).await?;
        self.call("customers", "list", r#"[{"limit": 3}]"#).await?;
        let product = format!(r#"[{{"name": "Product {number}"}}]"#);
        let product = self.call("products", "create", &product).await?;
        let product = format!(r#"["{}"]"#, id_of(&product)?);
        self.call("products", "del", &product).await?;
        let read = format!(r#"["{intent}"]"#);
        self.call("paymentIntents", "retrieve", &read).await?;
        self.call("customers", "del", &named).await?;
        match self.call("products", "retrieve", &product).await {
            Err(_) => Ok(()),
            Ok(found) => bail!("a deleted product was found: {found}"),
        }
    }
}

fn id_of(body: &str) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    let id = body.get("id").and_then(Value::as_str);
    Ok(id.context("an answer without an id")?.to_owned())
}

/// How many descriptors this process has open, one of which is for counting them.
fn descriptors() -> Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// What the samples say, and what is wrong with it. Speed is told, and never wrong.
fn judged(samples: &[Sample]) -> Result<(Report, Vec<String>)> {
    let tenth = BLOCKS / 10;
    let mut report = Report::default();
    report.say(&format!(
        "{LOOPS} calls at a time against the sandbox in the same process, half in instances that \
         are kept, half in fresh ones: customers and products created, repeated under the same \
         idempotency key, read, changed, listed and deleted, and a call that fails. Figures at the \
         end of each tenth, memory in KiB; calls a second over the tenth."
    ));
    let mut table = Table::new(&["calls", "calls/s", "RSS", "PSS", "descriptors"]);
    for part in samples.chunks(tenth) {
        let last = part.last().context("no sample")?;
        table.row([
            last.calls.to_string(),
            format!("{:.0}", mean(part, |sample| sample.per_second)),
            format!("{:.0}", last.resident),
            format!("{:.0}", last.proportional),
            last.descriptors.to_string(),
        ]);
    }
    report.table(&table);
    let half = samples.get(BLOCKS / 2..).unwrap_or_default();
    let warm = samples.get(WARM_UP..WARM_UP + tenth).unwrap_or_default();
    let end = samples.get(BLOCKS - tenth..).unwrap_or_default();
    let grown = |of: fn(&Sample) -> f64| mean(end, of) - mean(warm, of);
    let (resident, proportional) = (
        grown(|sample| sample.resident),
        grown(|sample| sample.proportional),
    );
    let most = |part: &[Sample]| part.iter().map(|sample| sample.descriptors).max();
    let (before, after) = (most(warm).unwrap_or(0), most(end).unwrap_or(0));
    report.say(&format!(
        "Memory, mean of the last tenth less that of the tenth after the warm-up (the first \
         {WARM_UP} %): RSS {resident:+.0} KiB, PSS {proportional:+.0} KiB. Slope of the second \
         half: RSS {:+.1}, PSS {:+.1} bytes a call. Descriptors: {before} after the warm-up, \
         {after} at the end. Calls a second, last tenth / tenth after the warm-up: {:.2}.",
        slope(half, |sample| sample.resident) * 1024.0,
        slope(half, |sample| sample.proportional) * 1024.0,
        mean(end, |sample| sample.per_second) / mean(warm, |sample| sample.per_second),
    ));
    let mut faults = Vec::new();
    for (name, grown) in [("RSS", resident), ("PSS", proportional)] {
        if grown > MOST_GROWTH {
            faults.push(format!(
                "memory leaks: {grown:.0} KiB more {name} at the end than after the warm-up, and \
                 {MOST_GROWTH:.0} are allowed"
            ));
        }
    }
    if after > before + MOST_DESCRIPTORS {
        faults.push(format!(
            "descriptors leak: {before} after the warm-up, {after} at the end"
        ));
    }
    Ok((report, faults))
}

fn mean(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).sum::<f64>() / samples.len() as f64
}

/// By how much a figure grows with each call: the least squares' line.
fn slope(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let calls = |sample: &Sample| sample.calls as f64;
    let (x, y) = (mean(samples, calls), mean(samples, &of));
    let both = samples
        .iter()
        .map(|s| (calls(s) - x) * (of(s) - y))
        .sum::<f64>();
    let spread = samples.iter().map(|s| (calls(s) - x).powi(2)).sum::<f64>();
    both / spread
}
