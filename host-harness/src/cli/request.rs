//! `stripe-harness request`: one call.

use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::connection::Flags;
use super::{Ended, Host, Output, Wrong, render};

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to call, such as customers.create or checkout.sessions.retrieve.
    #[arg(value_name = "RESOURCE.METHOD", add = super::completions::operations())]
    call: String,

    /// Arguments in order: ids, params, options. Each is JSON, or text if it
    /// is not; @PATH reads it from a file. In files.create, "data": "@PATH"
    /// uploads that file.
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Write the answer to a file: its bytes where it is a file itself, such as
    /// quotes.pdf, else its JSON.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,

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
    let args = arguments
        .args
        .iter()
        .map(|arg| argument(arg))
        .collect::<Result<Vec<String>, Wrong>>()?;
    let args = format!("[{}]", args.join(","));
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let begun = Instant::now();
    let result = plugin.request(&connection, resource, method, &args).await;
    let took = begun.elapsed();
    if let (Some(path), Ok(response)) = (&arguments.output_file, &result) {
        save(path, &response.body)?;
    }
    match arguments.output {
        Output::Json => {
            let id = Value::String(arguments.call.clone());
            render::line(&render::outcome(&id, &result))?;
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

/// The JSON text of an argument: as it is written, so that its digits are kept,
/// or text made a JSON string.
pub(super) fn argument(arg: &str) -> Result<String, Wrong> {
    let read;
    let text = match arg.strip_prefix('@') {
        None => arg,
        Some(path) => {
            read = std::fs::read_to_string(path)
                .map_err(|error| Wrong(format!("{path} cannot be read: {error}")))?;
            read.trim_end()
        }
    };
    let value = match serde_json::from_str::<&RawValue>(text) {
        Ok(value) if !is_exponent(text) => value,
        Err(error) if text.starts_with(['{', '[', '"']) => {
            return Err(Wrong(format!("the argument {arg} is not JSON: {error}")));
        }
        _ => return Ok(Value::String(text.to_owned()).to_string()),
    };
    // Only what names a file is made anew.
    if let Ok(mut parsed) = serde_json::from_str::<Value>(text)
        && with_files(&mut parsed)?
    {
        return Ok(parsed.to_string());
    }
    Ok(value.get().to_owned())
}

/// Whether a bare argument only looks like a number: `1e3` is a coupon's name.
fn is_exponent(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && text.contains(['e', 'E'])
}

/// Replaces `"data": "@PATH"` with the file's bytes, and names the file where it
/// has no name; whether there was one.
fn with_files(value: &mut Value) -> Result<bool, Wrong> {
    let Value::Object(members) = value else {
        return Ok(false);
    };
    let mut found = false;
    for member in members.values_mut() {
        found |= with_files(member)?;
    }
    let Some(path) = members
        .get("data")
        .and_then(Value::as_str)
        .and_then(|data| data.strip_prefix('@'))
        .map(PathBuf::from)
    else {
        return Ok(found);
    };
    let bytes = std::fs::read(&path)
        .map_err(|error| Wrong(format!("{} cannot be read: {error}", path.display())))?;
    members.insert("data".to_owned(), json!({"base64": STANDARD.encode(bytes)}));
    if let (false, Some(name)) = (members.contains_key("name"), path.file_name()) {
        let name = name.to_string_lossy().into_owned();
        members.insert("name".to_owned(), Value::String(name));
    }
    Ok(true)
}

/// Writes an answer to a file.
fn save(path: &Path, body: &str) -> Result<(), Wrong> {
    let decoded = render::parsed(body)
        .get("base64")
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok());
    let bytes = decoded.as_deref().unwrap_or(body.as_bytes());
    std::fs::write(path, bytes)
        .map_err(|error| Wrong(format!("{} cannot be written: {error}", path.display())))
}
