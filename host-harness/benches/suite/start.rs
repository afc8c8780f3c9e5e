//! From the start of a process to its first answer: what a command line, a cron
//! job or a cold function pays.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use stripe_harness::component::{self, Source};

use crate::Effort;
use crate::child::Child;
use crate::host;
use crate::node::Node;
use crate::report::{Ratio, Report, Table, median, progress, spread};

const COLD: &str = "stripe-harness, nothing compiled yet";
const WARM: &str = "stripe-harness, from its compile cache";
const BARE: &str = "stripe-harness --version";
const STRIPE: &str = "Node, stripe";
const NODE: &str = "Node alone";

const LINE: &str =
    r#"{"resource":"customers","method":"create","args":[{"email":"ada@shop.example"}]}"#;

struct Contender {
    name: &'static str,
    /// Milliseconds.
    taken: Vec<f64>,
}

pub(crate) fn run(effort: Effort) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let (cold, warm) = (folder.path().join("cold"), folder.path().join("warm"));
    let plugin = match component::locate(None)? {
        Source::File(path) => Some(path),
        Source::Embedded(_) => None,
    };
    let mut left_out = Vec::new();
    let mut names = vec![BARE, COLD];
    first_answer(harness(plugin.as_deref(), &warm), Some(LINE))?;
    if is_empty(&warm) {
        left_out.push((WARM, "this harness keeps nothing it compiled".to_owned()));
    } else {
        names.push(WARM);
    }
    let node = match Node::installed() {
        Ok(node) => {
            names.extend([NODE, STRIPE]);
            Some(node)
        }
        Err(reason) => {
            left_out.push(("Node", format!("{reason:#}")));
            None
        }
    };
    let mut contenders: Vec<Contender> = names
        .into_iter()
        .map(|name| Contender {
            name,
            taken: Vec::new(),
        })
        .collect();
    let rounds = effort.of(2, 15);
    for number in 1..=rounds {
        progress(&format!("round {number} of {rounds}"));
        for contender in &mut contenders {
            let taken = match (contender.name, &node) {
                (BARE, _) => {
                    let mut command = Command::new(HARNESS);
                    command.arg("--version");
                    first_answer(command, None)?
                }
                (COLD, _) => {
                    // Gone already in the first round.
                    let _ = fs::remove_dir_all(&cold);
                    first_answer(harness(plugin.as_deref(), &cold), Some(LINE))?
                }
                (WARM, _) => first_answer(harness(plugin.as_deref(), &warm), Some(LINE))?,
                (NODE, Some(node)) => first_answer(node.first(), None)?,
                (STRIPE, Some(node)) => {
                    let mut command = node.first();
                    command.arg("stripe");
                    first_answer(command, None)?
                }
                _ => bail!("nobody is called {}", contender.name),
            };
            contender.taken.push(taken);
        }
    }

    let mut report = Report::default();
    report.say(&format!(
        "To what `customers.create` would send, without sending it: `batch --dry-run` with one \
         line, and the official package with a transport that goes nowhere. Medians of {rounds} \
         runs, in milliseconds."
    ));
    let mut table = Table::new(&["contender", "ms", "spread %"]);
    for contender in &contenders {
        table.row([
            contender.name.to_owned(),
            format!("{:.1}", median(&contender.taken)),
            format!("{:.0}", spread(&contender.taken)),
        ]);
    }
    report.table(&table);
    for (name, reason) in left_out {
        report.say(&format!("Left out: {name} ({reason})."));
    }
    let of = |name| {
        let contender = contenders.iter().find(|known| known.name == name)?;
        Some(median(&contender.taken))
    };
    let ratio = |name, ours, target| {
        Some(Ratio {
            name,
            measured: of(STRIPE)? / of(ours)?,
            target,
        })
    };
    let ratios = [ratio("Node stripe / from the compile cache", WARM, 15.0)];
    report.ratios(&ratios.into_iter().flatten().collect::<Vec<_>>());
    Ok(report)
}

/// The command, as cargo built it beside this benchmark.
const HARNESS: &str = env!("CARGO_BIN_EXE_stripe-harness");

fn harness(plugin: Option<&Path>, cache: &Path) -> Command {
    let mut command = Command::new(HARNESS);
    if let Some(plugin) = plugin {
        command.arg("--plugin").arg(plugin);
    }
    command
        .args(["batch", "--dry-run"])
        .envs(host::command_environment(cache));
    command
}

/// Milliseconds until the first line on stdout.
fn first_answer(mut command: Command, line: Option<&str>) -> Result<f64> {
    let begun = Instant::now();
    let mut child = Child::start(&mut command)?;
    if let Some(line) = line {
        child.tell(line)?;
    }
    child.end_input();
    let answer = child.line()?;
    let taken = begun.elapsed().as_secs_f64() * 1000.0;
    if line.is_some() && !answer.contains("https://api.stripe.com") {
        bail!("not what would be sent: {answer}");
    }
    Ok(taken)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .context("never made")
        .map_or(true, |mut entries| entries.next().is_none())
}
