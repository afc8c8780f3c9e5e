//! `stripe-harness describe`: what one operation takes, as a tree to read, as
//! the JSON Schema, or as YAML to paste.

mod schema;
mod skeleton;
mod tree;

use clap::{Args, ValueEnum};
use serde_json::Value;
use stripe_harness::catalogue::{Operation, OperationFilter};
use stripe_harness::{HostOptions, Plugin};

pub(super) use self::schema::Schema;
pub(super) use self::skeleton::page as skeleton;
use super::operations::{kind_name, marks};
use super::{Ended, Host, Wrong, render};

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to describe, such as customers.create.
    #[arg(value_name = "RESOURCE.METHOD", add = super::completions::operations())]
    call: String,

    /// The form of the description.
    #[arg(long, value_enum, default_value = "text")]
    output: Form,
}

/// The form of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A tree of names and types.
    Text,
    /// The JSON Schema of the list of arguments.
    Json,
    /// A request to paste, what may be left out commented out.
    Yaml,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let plugin = host.load(HostOptions::default()).await?;
    let call = arguments.call.as_str();
    let described = described(&plugin, call).await?;
    if arguments.output == Form::Json {
        render::line(&format!("{described:#}"))?;
        return Ok(Ended::Succeeded);
    }
    let schema = Schema::new(&described);
    let page = match arguments.output {
        Form::Yaml => skeleton(call, &schema),
        _ => format!("{}{}", headed(&plugin, call).await, tree::page(&schema)),
    };
    render::line(page.trim_end())?;
    Ok(Ended::Succeeded)
}

/// The JSON Schema of a call's arguments.
pub(super) async fn described(plugin: &Plugin, call: &str) -> Result<Value, Wrong> {
    let (resource, method) = call.rsplit_once('.').unwrap_or(("", call));
    let text = plugin
        .describe_operation(resource, method)
        .await
        .map_err(|error| Wrong(error.to_string()))?;
    Ok(render::parsed(&text))
}

/// What a person wants to know of a call first.
pub(super) async fn headed(plugin: &Plugin, call: &str) -> String {
    // Of rawRequest there is no row.
    let filter = OperationFilter {
        text: None,
        resource: Some(
            call.rsplit_once('.')
                .map_or("", |(resource, _)| resource)
                .to_owned(),
        ),
        kind: None,
    };
    let rows = plugin.operations(&filter).await.unwrap_or_default();
    heading(call, rows.iter().find(|row| row.name == call))
}

fn heading(call: &str, row: Option<&Operation>) -> String {
    let Some(row) = row else {
        return format!("{call}\n");
    };
    let mut facts = vec![kind_name(row.kind)];
    if row.idempotent {
        facts.push("may be repeated");
    }
    facts.extend(marks(row));
    format!(
        "{} · {} {} · {}\n{}\n",
        row.name,
        row.verb,
        row.path,
        facts.join(", "),
        row.docs_url
    )
}
