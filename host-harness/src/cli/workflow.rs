//! `stripe-harness workflow`: the steps of a workflow file, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use stripe_harness::workflow::{Faults, Ran, RunOptions, Stopped, Told, WhatRan, Workflow};

use super::action::text_or_file;
use super::batch::signals;
use super::connection::Flags;
use super::outcome::Outcome;
use super::{Ended, Host, Output, Wrong, given, render, terminal};

/// Arguments of `workflow`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The workflow, JSON or YAML.
    file: PathBuf,

    /// What {{input…}} reads: JSON, or @FILE.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,

    /// The id of a run that is repeated: what it has done is not done again,
    /// for 24 hours, if input and time are the same [default: random, and told on
    /// stderr before the first step that writes].
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,

    /// What {{now}} is [default: the time].
    #[arg(long, value_name = "TIME")]
    now: Option<String>,

    /// The form of the results.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let file = arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| Wrong(format!("{file} cannot be read: {error}")))?;
    let workflow = Workflow::parse(&text).map_err(|faults| located(&file, &faults))?;
    let input = given::value(&text_or_file(&arguments.input)?)
        .map_err(|fault| Wrong(format!("--input {fault}")))?;
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let options = RunOptions {
        run_id: arguments.run_id.clone(),
        now: arguments.now.clone(),
    };
    let is_known = arguments.run_id.is_some() && arguments.now.is_some();
    let mut repeat = None;
    let mut all_written = true;
    let told = |told: &Told<'_>| match told {
        Told::Writes { run_id, now } => {
            let same = same_run(run_id, now);
            if !is_known {
                render::error_line(&format!(
                    "this run is {same}: if it is cut short, the same command with these flags \
                     does nothing twice"
                ));
            }
            repeat = Some(same);
        }
        Told::Ran(ran) => all_written &= show(ran, arguments.output),
    };
    let stopped = signals::listen()?;
    // The step under way is given up: its answer would come after minutes at
    // worst, and under the same key it can be asked for again.
    let ended = tokio::select! {
        ended = workflow.run_with(&plugin, &connection, &input, options, told) => Some(ended),
        _ = stopped => None,
    };
    let ended = match ended {
        None => {
            render::error_line(&match repeat {
                Some(same) => format!(
                    "interrupted; the step under way may have been carried out; the same with \
                     {same} goes on from there and does nothing twice"
                ),
                None => "interrupted; no step that writes was sent".to_owned(),
            });
            Ok(Ended::Interrupted)
        }
        Some(Ok(_)) if all_written => Ok(Ended::Succeeded),
        Some(Ok(run)) => {
            render::error_line(&format!(
                "all steps have run; the same with {} shows their answers and does nothing twice",
                same_run(&run.id, &run.now)
            ));
            Ok(Ended::RequestFailed)
        }
        Some(Err(Stopped::Refused(faults))) => Err(located(&file, &faults)),
        Some(Err(Stopped::Unready(error))) => Err(Wrong(error.to_string())),
        Some(Err(Stopped::Failed {
            run_id,
            now,
            step,
            error,
        })) => {
            let place = error.failure.path.as_deref().map(|path| {
                let mark = workflow.locate(path);
                format!("{file}:{mark}")
            });
            let outcome = Outcome {
                id: &step,
                call: &step,
                place,
                result: &Err(*error),
                took: Duration::ZERO,
            };
            let shown = outcome.print(arguments.output);
            render::error_line(&format!(
                "the run stopped here; the same with {} does nothing twice",
                same_run(&run_id, &now)
            ));
            Ok(shown.ended())
        }
    };
    // Only after everything was told: the calls of others may keep it waiting.
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    ended
}

/// The flags that make a run the same one again.
fn same_run(run_id: &str, now: &str) -> String {
    format!("--run-id {run_id} --now {}", terminal::word(now))
}

pub(super) fn located(file: &str, faults: &Faults) -> Wrong {
    let lines: Vec<String> = faults
        .0
        .iter()
        .map(|fault| format!("{file}:{fault}"))
        .collect();
    Wrong(lines.join("\n"))
}

/// Shows a step that has run, and whether that could be written. A failure is
/// told at the end.
fn show(ran: &Ran<'_>, output: Output) -> bool {
    match &ran.what {
        WhatRan::Action { result: Err(_), .. } => true,
        WhatRan::Action { name, result } => {
            let outcome = Outcome {
                id: ran.id,
                call: name,
                place: None,
                result,
                took: ran.took,
            };
            outcome.print(output).written
        }
        WhatRan::Condition {
            left,
            operator,
            right,
            holds,
            next,
        } => {
            let shown = match output {
                Output::Json => {
                    let condition = json!({
                        "left": left, "operator": operator, "right": right, "holds": holds,
                        "next": next
                    });
                    json!({"id": ran.id, "condition": condition}).to_string()
                }
                Output::Text => format!(
                    "{} · {left} {operator} {right} is {holds}, so on with {}",
                    ran.id,
                    next.unwrap_or("nothing")
                ),
            };
            render::line(&terminal::json(shown)).is_ok()
        }
    }
}
