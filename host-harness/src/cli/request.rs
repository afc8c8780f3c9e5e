//! `stripe-harness request`: one call.

use std::time::Instant;

use clap::Args;
use serde_json::Value;

use super::connection::{Flags, json_or_text};
use super::{Ended, Host, Output, Wrong, render};

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to call, such as customers.create or checkout.sessions.retrieve.
    #[arg(value_name = "RESOURCE.METHOD")]
    call: String,

    /// Arguments in order: ids, params, options. Each is JSON, or text if it
    /// is not.
    #[arg(value_name = "ARG", allow_hyphen_values = false)]
    args: Vec<String>,

    /// The form of the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let (resource, method) = arguments
        .call
        .rsplit_once('.')
        .unwrap_or(("", &arguments.call));
    let args: Vec<Value> = arguments.args.iter().map(|arg| json_or_text(arg)).collect();
    let (policy, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(policy).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let begun = Instant::now();
    let result = plugin
        .request(
            &connection,
            resource,
            method,
            &Value::Array(args).to_string(),
        )
        .await;
    let took = begun.elapsed();
    match arguments.output {
        Output::Json => {
            let id = Value::String(arguments.call.clone());
            render::line(&render::outcome(&id, &result).to_string())?;
        }
        Output::Text => match &result {
            Ok(response) => {
                let page = render::Page::stdout();
                render::line(&page.response(&arguments.call, &arguments.call, response, took))?;
            }
            Err(error) => {
                let page = render::Page::stderr();
                render::error_line(&page.error(&arguments.call, &arguments.call, error, None));
            }
        },
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(match result {
        Ok(_) => Ended::Succeeded,
        Err(_) => Ended::RequestFailed,
    })
}
