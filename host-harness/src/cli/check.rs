//! `stripe-harness check`: whether a connection works, and what its key may
//! not do.

use clap::Args;
use serde_json::json;
use stripe_harness::types::Mode;
use stripe_harness::{CheckedConnection, KeyKind};

use super::connection::Flags;
use super::outcome::unwritable;
use super::{Ended, Host, Output, Wrong, render, terminal};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The form of the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let result = plugin.check_connection(&connection).await;
    let written = match (&result, arguments.output) {
        (Ok(checked), Output::Json) => render::line(&terminal::json(json(checked).to_string())),
        (Ok(checked), Output::Text) => render::line(&text(checked)),
        (Err(error), Output::Json) => render::line(&render::failed(&"check".into(), error)),
        (Err(error), Output::Text) => {
            let page = render::Page::stderr();
            render::error_line(&page.error("check", "check", error, None));
            Ok(())
        }
    };
    if let Err(error) = &written {
        render::error_line(&format!("error: {}", unwritable("stdout", error)));
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(match (result, written) {
        (Ok(_), Ok(())) => Ended::Succeeded,
        _ => Ended::RequestFailed,
    })
}

pub(super) fn mode(checked: &CheckedConnection) -> Option<&'static str> {
    checked.mode.map(|mode| match mode {
        Mode::Test => "test",
        Mode::Live => "live",
    })
}

fn kind(checked: &CheckedConnection) -> &'static str {
    match checked.key_kind {
        KeyKind::Secret => "secret",
        KeyKind::Restricted => "restricted",
        KeyKind::Organization => "organization",
        KeyKind::Other => "other",
    }
}

fn json(checked: &CheckedConnection) -> serde_json::Value {
    let lacking: Vec<_> = checked
        .lacking
        .iter()
        .map(|lacking| {
            json!({
                "operation": lacking.operation,
                "permission": lacking.permission,
                "message": lacking.message,
            })
        })
        .collect();
    json!({
        "account": checked.account,
        "mode": mode(checked),
        "key_kind": kind(checked),
        "latency_ms": checked.latency,
        "api_version": checked.api_version,
        "lacking": lacking,
        "refused_by_policy": checked.refused_by_policy,
    })
}

fn text(checked: &CheckedConnection) -> String {
    let known = |said: &Option<String>| match said {
        Some(said) => terminal::line(said),
        None => "not known".to_owned(),
    };
    let mut out = format!(
        "account      {}\nmode         {}\nkey          {}\nlatency      {} ms\nAPI version  {}",
        known(&checked.account),
        mode(checked).unwrap_or("not known"),
        kind(checked),
        checked.latency,
        known(&checked.api_version),
    );
    if !checked.lacking.is_empty() {
        out.push_str("\nthe key may not");
        for lacking in &checked.lacking {
            out.push_str(&format!("\n  {}", lacking.operation));
            if let Some(permission) = &lacking.permission {
                out.push_str(&format!("  ({})", terminal::line(permission)));
            }
        }
    }
    if !checked.refused_by_policy.is_empty() {
        out.push_str(&format!(
            "\nnot tried, since the connection's policy refuses it\n  {}",
            checked.refused_by_policy.join("\n  ")
        ));
    }
    out
}
