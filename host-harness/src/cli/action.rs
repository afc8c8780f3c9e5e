//! `stripe-harness action` and `actions`: running a ready-made action, and saying
//! which there are.

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use stripe_harness::HostOptions;
use stripe_harness::actions::{Action, ActionEffect, ActionFamily, ActionInput, InputType};

use super::connection::Flags;
use super::outcome::Outcome;
use super::{Ended, Host, Output, Wrong, render};

/// Arguments of `action`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The action's name, such as stripe.createCustomer; `actions` lists them.
    #[arg(value_name = "NAME", add = super::completions::actions())]
    name: String,

    /// Its fields, as a JSON object, or @FILE.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,

    /// The form of the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

/// Arguments of `actions`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Say all about the actions whose name, title or operation holds this.
    #[arg(value_name = "TEXT")]
    text: Option<String>,

    /// The form of the list.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let config = text_or_file(&arguments.config)?;
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let begun = Instant::now();
    let result = plugin
        .run_action(&connection, &arguments.name, config)
        .await;
    let took = begun.elapsed();
    let name = &arguments.name;
    let outcome = Outcome {
        id: name,
        call: name,
        place: None,
        result: &result,
        took,
    };
    let ended = outcome.print(arguments.output).ended();
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(ended)
}

/// A text of the command line, or that of the file it names.
pub(super) fn text_or_file(argument: &str) -> Result<String, Wrong> {
    match argument.strip_prefix('@') {
        None => Ok(argument.to_owned()),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Wrong(format!("{path} cannot be read: {error}"))),
    }
}

pub(super) async fn list(host: &Host, arguments: ListArguments) -> Result<Ended, Wrong> {
    let plugin = host.load(HostOptions::default()).await?;
    let actions = plugin
        .list_actions()
        .await
        .map_err(|error| Wrong(error.to_string()))?;
    let wanted = arguments.text.as_deref().map(str::to_lowercase);
    let fits = |action: &Action| {
        let of = |text: &str, wanted: &str| text.to_lowercase().contains(wanted);
        wanted.as_deref().is_none_or(|wanted| {
            of(&action.name, wanted) || of(&action.title, wanted) || of(&action.operation, wanted)
        })
    };
    let fitting: Vec<&Action> = actions.iter().filter(|action| fits(action)).collect();
    if let (Some(text), []) = (&arguments.text, fitting.as_slice()) {
        return Err(Wrong(format!(
            "no action fits {text:?}; without it, `actions` lists all {}",
            actions.len()
        )));
    }
    for action in fitting {
        match (arguments.output, &arguments.text) {
            (Output::Json, _) => render::line(&as_json(action).to_string())?,
            (Output::Text, None) => render::line(&format!(
                "{:<32} {:<11} {}",
                action.name,
                effect(action.effect),
                action.title
            ))?,
            (Output::Text, Some(_)) => render::line(&page(action))?,
        }
    }
    Ok(Ended::Succeeded)
}

/// All about an action, for a person.
fn page(action: &Action) -> String {
    let mut out = format!(
        "{} · {} · {}\n  {}\n",
        action.name,
        effect(action.effect),
        action.operation,
        action.description
    );
    for input in &action.inputs {
        let need = match (&input.default, &input.needs) {
            (Some(default), _) => format!("default {default}"),
            (None, Some(other)) => format!("with {other}"),
            (None, None) if input.required => "required".to_owned(),
            (None, None) => String::new(),
        };
        out.push_str(&format!(
            "  {:<22} {:<8} {:<13} {}\n",
            input.name,
            kind(input.type_),
            need,
            input.description
        ));
    }
    out.push_str(&format!("  answer: {}", action.output));
    out
}

fn as_json(action: &Action) -> Value {
    json!({
        "name": action.name,
        "title": action.title,
        "description": action.description,
        "operation": action.operation,
        "effect": effect(action.effect),
        "family": match action.family {
            ActionFamily::Loopfour => "loopfour",
            ActionFamily::Lodol => "lodol",
        },
        "inputs": action.inputs.iter().map(input).collect::<Vec<_>>(),
        "parameters": action.parameters,
        "output": render::parsed(&action.output),
    })
}

fn input(input: &ActionInput) -> Value {
    json!({
        "name": input.name,
        "type": kind(input.type_),
        "required": input.required,
        "default": input.default.as_deref().map(render::parsed),
        "needs": input.needs,
        "parameter": input.parameter,
        "description": input.description,
    })
}

fn effect(effect: ActionEffect) -> &'static str {
    match effect {
        ActionEffect::Read => "read",
        ActionEffect::Write => "write",
        ActionEffect::Destructive => "destructive",
    }
}

fn kind(kind: InputType) -> &'static str {
    match kind {
        InputType::Text => "text",
        InputType::Integer => "integer",
        InputType::Amount => "amount",
        InputType::Boolean => "boolean",
        InputType::Array => "array",
        InputType::Object => "object",
    }
}
