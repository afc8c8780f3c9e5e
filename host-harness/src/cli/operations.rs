//! `stripe-harness operations`: what there is to call.

use clap::{Args, ValueEnum};
use serde_json::json;
use stripe_harness::HostOptions;
use stripe_harness::catalogue::{ApiGeneration, Operation, OperationFilter, OperationKind};

use super::{Ended, Host, Output, Wrong, render};

/// Arguments of `operations`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Words that must all occur in the name, the title or the path.
    #[arg(value_name = "TEXT")]
    text: Vec<String>,

    /// A resource, or what comes before a dot in one, such as checkout.
    #[arg(long, value_name = "RESOURCE", add = super::completions::resources())]
    resource: Option<String>,

    /// What a call does.
    #[arg(long, value_enum)]
    kind: Option<Kind>,

    /// The form of the list.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// What a call does to what Stripe keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Nothing.
    Read,
    /// Adds, changes, or moves money.
    Write,
    /// Removes or ends.
    Destructive,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let plugin = host.load(HostOptions::default()).await?;
    let filter = OperationFilter {
        text: Some(arguments.text.join(" ")).filter(|text| !text.is_empty()),
        resource: arguments.resource,
        kind: arguments.kind.map(|kind| match kind {
            Kind::Read => OperationKind::Read,
            Kind::Write => OperationKind::Write,
            Kind::Destructive => OperationKind::Destructive,
        }),
    };
    let found = plugin
        .operations(&filter)
        .await
        .map_err(|error| Wrong(error.to_string()))?;
    match arguments.output {
        Output::Json => {
            for operation in &found {
                render::line(&json_line(operation))?;
            }
        }
        Output::Text => {
            let widest = found.iter().map(|o| o.name.len()).max().unwrap_or(0);
            for operation in &found {
                render::line(&text_line(operation, widest))?;
            }
        }
    }
    Ok(Ended::Succeeded)
}

/// The name of a kind.
pub(super) fn kind_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Read => "read",
        OperationKind::Write => "write",
        OperationKind::Destructive => "destructive",
    }
}

/// What else there is to say of an operation.
pub(super) fn marks(operation: &Operation) -> Vec<&'static str> {
    [
        (operation.search, "search"),
        (operation.paginated && !operation.search, "list"),
        (operation.deprecated, "deprecated"),
        (operation.alias, "alias"),
    ]
    .into_iter()
    .filter_map(|(holds, mark)| holds.then_some(mark))
    .collect()
}

fn text_line(operation: &Operation, widest: usize) -> String {
    let line = format!(
        "{:widest$}  {:11}  {:6}  {}  {}",
        operation.name,
        kind_name(operation.kind),
        operation.verb,
        operation.path,
        marks(operation).join(", "),
    );
    line.trim_end().to_owned()
}

/// The record of the contract, as one line.
fn json_line(operation: &Operation) -> String {
    json!({
        "name": operation.name,
        "resource": operation.resource,
        "method": operation.method,
        "title": operation.title,
        "verb": operation.verb,
        "path": operation.path,
        "positional": operation.positional,
        "kind": kind_name(operation.kind),
        "idempotent": operation.idempotent,
        "paginated": operation.paginated,
        "search": operation.search,
        "api": match operation.api {
            ApiGeneration::V1 => "v1",
            ApiGeneration::V2 => "v2",
        },
        "deprecated": operation.deprecated,
        "alias": operation.alias,
        "docs_url": operation.docs_url,
    })
    .to_string()
}
