//! `stripe-harness describe`: what one operation takes, as a tree to read, as
//! the JSON Schema, or as YAML to paste.

mod schema;
mod skeleton;
mod tree;

use clap::{Args, ValueEnum};
use stripe_harness::HostOptions;
use stripe_harness::catalogue::{Operation, OperationFilter};

use self::schema::Schema;
use super::operations::{kind_name, marks};
use super::{Ended, Host, Wrong, render};

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to describe, such as customers.create.
    #[arg(value_name = "RESOURCE.METHOD")]
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
    let (resource, method) = call.rsplit_once('.').unwrap_or(("", call));
    let said = |error: stripe_harness::CallError| Wrong(error.to_string());
    let text = plugin
        .describe_operation(resource, method)
        .await
        .map_err(said)?;
    if arguments.output == Form::Json {
        render::line(&format!("{:#}", render::parsed(&text)))?;
        return Ok(Ended::Succeeded);
    }
    let parsed = render::parsed(&text);
    let schema = Schema::new(&parsed);
    let page = match arguments.output {
        Form::Yaml => skeleton::page(call, &schema),
        _ => {
            // Of rawRequest there is no row.
            let filter = OperationFilter {
                text: None,
                resource: Some(resource.to_owned()),
                kind: None,
            };
            let rows = plugin.operations(&filter).await.unwrap_or_default();
            let row = rows.iter().find(|row| row.name == call);
            format!("{}{}", heading(call, row), tree::page(&schema))
        }
    };
    render::line(page.trim_end())?;
    Ok(Ended::Succeeded)
}

/// What a person wants to know first.
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
