//! What it takes to describe an operation: every one of them, in a warm instance
//! and in a fresh one, the slowest by name.

use std::time::Instant;

use anyhow::{Context as _, Result};
use stripe_harness::Plugin;
use stripe_harness::catalogue::{Operation, OperationFilter};

use crate::host::{self, Instances, Setup};
use crate::report::{Report, Table, median};
use crate::{Effort, runtime};

/// Milliseconds that describing one operation may take.
const TARGET: f64 = 5.0;

pub(crate) fn run(effort: Effort) -> Result<Report> {
    let rounds = effort.of(1, 5);
    let mut report = Report::default();
    let mut table = Table::new(&[
        "instances",
        "operations",
        "median ms",
        "largest ms",
        "of",
        "bytes",
    ]);
    let mut slowest = 0.0_f64;
    for (name, instances) in [
        ("reused", Instances::Reused(1)),
        ("isolated", Instances::Isolated),
    ] {
        let plugin = host::load(Setup::new(instances))?;
        let described = runtime()?.block_on(describe(&plugin, rounds))?;
        let times: Vec<f64> = described.iter().map(|one| one.milliseconds).collect();
        let largest = described
            .iter()
            .max_by(|one, other| one.milliseconds.total_cmp(&other.milliseconds))
            .context("there are no operations")?;
        slowest = slowest.max(largest.milliseconds);
        table.row([
            name.to_owned(),
            described.len().to_string(),
            format!("{:.2}", median(&times)),
            format!("{:.2}", largest.milliseconds),
            largest.name.clone(),
            largest.bytes.to_string(),
        ]);
    }
    report.say(&format!(
        "Each operation's time is the median of {rounds} rounds over all of them."
    ));
    report.table(&table);
    report.say(&format!(
        "Target: under {TARGET} ms for every one: {}.",
        if slowest < TARGET { "met" } else { "missed" }
    ));
    Ok(report)
}

struct Described {
    name: String,
    milliseconds: f64,
    bytes: usize,
}

async fn describe(plugin: &Plugin, rounds: usize) -> Result<Vec<Described>> {
    let all = OperationFilter {
        text: None,
        resource: None,
        kind: None,
    };
    let operations = plugin.operations(&all).await?;
    let mut times = vec![Vec::with_capacity(rounds); operations.len()];
    let mut bytes = vec![0; operations.len()];
    for _ in 0..rounds {
        for ((operation, times), bytes) in operations.iter().zip(&mut times).zip(&mut bytes) {
            let begun = Instant::now();
            let schema = plugin
                .describe_operation(&operation.resource, &operation.method)
                .await?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            *bytes = schema.len();
        }
    }
    let one = |((operation, times), bytes): ((Operation, Vec<f64>), usize)| Described {
        name: operation.name,
        milliseconds: median(&times),
        bytes,
    };
    Ok(operations
        .into_iter()
        .zip(times)
        .zip(bytes)
        .map(one)
        .collect())
}
