//! Resident memory of idle instances: so many calls are under way at the same
//! time, each with an instance, and all of these are kept.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use serde::{Deserialize, Serialize};
use stripe_harness::{Connection, Exchange, Exchanged, Plugin, WasiBody};
use tokio::sync::Barrier;

use crate::child::Child;
use crate::host::{self, Instances, Setup};
use crate::machine::{self, Memory};
use crate::report::{Report, Table, median, progress, spread};
use crate::server::Server;
use crate::{Effort, runtime};

/// KiB of resident memory for each of so many instances.
const TARGET: f64 = 64.0;
const MANY: usize = 1000;

/// What a process of its own found out, in KiB.
#[derive(Serialize, Deserialize)]
struct Found {
    resident: [u64; 2],
    proportional: [u64; 2],
}

pub(crate) fn run(effort: Effort) -> Result<Report> {
    let mut report = Report::default();
    if let Err(reason) = machine::memory() {
        report.say(&format!("Left out: memory ({reason:#})."));
        return Ok(report);
    }
    let server = Server::start()?;
    let rounds = effort.of(1, 5);
    let mut table = Table::new(&[
        "idle instances",
        "RSS before",
        "RSS after",
        "RSS each",
        "PSS each",
        "spread %",
    ]);
    let mut at_many = None;
    for count in effort.of(&[100][..], &[100, MANY]) {
        for connected in [false, true] {
            let name = match connected {
                false => format!("{count}"),
                true => format!("{count}, each with a connection"),
            };
            progress(&name);
            // Two ends of each connection, in two processes, and some room.
            if connected && machine::open_files().is_some_and(|most| most < *count as u64 + 100) {
                report.say(&format!("Left out: {name} (too few open files allowed)."));
                continue;
            }
            let origin = match connected {
                false => "-".to_owned(),
                true => format!("{}/hold/{count}", server.http),
            };
            let mut each = Vec::new();
            let mut each_proportional = Vec::new();
            let mut last = None;
            for _ in 0..rounds {
                let mut child = Child::role(&["memory", &count.to_string(), &origin])?;
                let found: Found = child.answer()?;
                let per = |[before, after]: [u64; 2]| {
                    after.saturating_sub(before) as f64 / (*count as f64 - 1.0)
                };
                each.push(per(found.resident));
                each_proportional.push(per(found.proportional));
                last = Some(found);
            }
            let Found { resident, .. } = last.context("no round")?;
            let [before, after] = resident;
            table.row([
                name,
                before.to_string(),
                after.to_string(),
                format!("{:.1}", median(&each)),
                format!("{:.1}", median(&each_proportional)),
                format!("{:.0}", spread(&each)),
            ]);
            if *count == MANY && !connected {
                at_many = Some((median(&each), median(&each_proportional)));
            }
        }
    }
    report.say(&format!(
        "In KiB, medians of {rounds} processes. Before: the component is loaded and one instance \
         idle; after: so many are, each having made a call while all others did."
    ));
    report.table(&table);
    if let Some((resident, proportional)) = at_many {
        let met = |measured: f64| if measured < TARGET { "met" } else { "missed" };
        report.say(&format!(
            "Target: less than {TARGET} KiB for each of {MANY} idle instances: {} as RSS counts \
             it, which counts a page that instances share once for each; {} as PSS does, which \
             counts it once.",
            met(resident),
            met(proportional),
        ));
    }
    Ok(report)
}

/// What the process of its own does.
pub(crate) fn play(role: &[&str]) -> Result<()> {
    let [count, origin] = role else {
        bail!("memory COUNT ORIGIN");
    };
    let count: usize = count.parse()?;
    let instances = Instances::Reused(count);
    let runtime = runtime()?;
    let found = runtime.block_on(async {
        let (plugin, connection) = if *origin == "-" {
            let plugin = host::load(Setup {
                exchange: Some(Arc::new(Together(Arc::new(Barrier::new(count))))),
                ..Setup::new(instances)
            })?;
            let connection = host::connect(&plugin, None).await?;
            (plugin, connection)
        } else {
            let plugin = host::load(Setup {
                origin: Some(origin),
                ..Setup::new(instances)
            })?;
            let connection = host::connect(&plugin, Some(origin)).await?;
            (plugin, connection)
        };
        let before = machine::memory()?;
        let calls: Vec<_> = (0..count)
            .map(|_| tokio::spawn(call(plugin.clone(), connection.clone())))
            .collect();
        for call in calls {
            call.await??;
        }
        let after = machine::memory()?;
        let both = |figure: fn(&Memory) -> u64| [figure(&before), figure(&after)];
        anyhow::Ok(Found {
            resident: both(|memory| memory.resident),
            proportional: both(|memory| memory.proportional),
        })
    })?;
    crate::print(&format!("{}\n", serde_json::to_string(&found)?));
    Ok(())
}

async fn call(plugin: Plugin, connection: Connection) -> Result<()> {
    let args = r#"["cus_NffrFeUfNV2Hib"]"#;
    plugin
        .request(&connection, "customers", "retrieve", args)
        .await?;
    Ok(())
}

/// Answers when all are there, without a network.
struct Together(Arc<Barrier>);

impl Exchange for Together {
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged {
        let barrier = Arc::clone(&self.0);
        Box::pin(async move {
            request.into_body().collect().await?;
            barrier.wait().await;
            let body = Full::new(Bytes::from_static(br#"{"id":"cus_1"}"#));
            Ok(http::Response::new(
                body.map_err(|never| match never {}).boxed_unsync(),
            ))
        })
    }
}
