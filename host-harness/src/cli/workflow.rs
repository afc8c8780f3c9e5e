//! `stripe-harness workflow`: the steps of a workflow file, one after the other.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use stripe_harness::workflow::{Faults, Ran, RunOptions, Stopped, WhatRan, Workflow};

use super::action::text_or_file;
use super::connection::Flags;
use super::{Ended, Host, Output, Wrong, render};

/// Arguments of `workflow`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The workflow, JSON or YAML.
    file: PathBuf,

    /// What {{input…}} reads: JSON, or @FILE.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,

    /// The id of a run that is repeated: what it has done is not done again,
    /// for 24 hours, if input and time are the same [default: random].
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
    let input: Value = serde_json::from_str(&text_or_file(&arguments.input)?)
        .map_err(|error| Wrong(format!("--input is not JSON: {error}")))?;
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let options = RunOptions {
        run_id: arguments.run_id.clone(),
        now: arguments.now.clone(),
    };
    let mut closed = None;
    let told = |ran: &Ran<'_>| {
        let shown = match arguments.output {
            Output::Json => as_json(ran),
            Output::Text => as_text(ran),
        };
        if let Some(shown) = shown {
            closed = closed.take().or(render::line(&shown).err());
        }
    };
    let ended = workflow
        .run_with(&plugin, &connection, &input, options, told)
        .await;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    match ended {
        Ok(_) => match closed {
            None => Ok(Ended::Succeeded),
            Some(error) => Err(error.into()),
        },
        Err(Stopped::Refused(faults)) => Err(located(&file, &faults)),
        Err(Stopped::Unready(error)) => Err(Wrong(error.to_string())),
        Err(Stopped::Failed {
            run_id,
            now,
            step,
            error,
        }) => {
            let place = error.failure.path.as_deref().map(|path| {
                let mark = workflow.locate(path);
                format!("{file}:{mark}")
            });
            match arguments.output {
                Output::Json => render::line(&render::failed(&Value::String(step), &error))?,
                Output::Text => render::error_line(&render::Page::stderr().error(
                    &step,
                    &step,
                    &error,
                    place.as_deref(),
                )),
            }
            render::error_line(&format!(
                "the run stopped here; the same with --run-id {run_id} --now {now} does nothing \
                 twice"
            ));
            Ok(Ended::RequestFailed)
        }
    }
}

pub(super) fn located(file: &str, faults: &Faults) -> Wrong {
    let lines: Vec<String> = faults
        .0
        .iter()
        .map(|fault| format!("{file}:{fault}"))
        .collect();
    Wrong(lines.join("\n"))
}

/// A step that has run, as a line of JSON; a failure is told at the end.
fn as_json(ran: &Ran<'_>) -> Option<String> {
    match &ran.what {
        WhatRan::Action { result, .. } => {
            let response = result.as_ref().ok()?;
            Some(render::answered(
                &Value::String(ran.id.to_owned()),
                response,
            ))
        }
        WhatRan::Condition {
            left,
            operator,
            right,
            holds,
            next,
        } => {
            let condition = json!({
                "left": left, "operator": operator, "right": right, "holds": holds, "next": next
            });
            Some(json!({"id": ran.id, "condition": condition}).to_string())
        }
    }
}

fn as_text(ran: &Ran<'_>) -> Option<String> {
    match &ran.what {
        WhatRan::Action { name, result } => {
            let response = result.as_ref().ok()?;
            Some(render::Page::stdout().response(ran.id, name, response, ran.took))
        }
        WhatRan::Condition {
            left,
            operator,
            right,
            holds,
            next,
        } => Some(format!(
            "{} · {left} {operator} {right} is {holds}, so on with {}",
            ran.id,
            next.unwrap_or("nothing")
        )),
    }
}
