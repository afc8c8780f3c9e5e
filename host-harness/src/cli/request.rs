//! `stripe-harness request`: one call.

use std::path::PathBuf;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stripe_harness::Plugin;

use super::connection::Flags;
use super::outcome::{AnswerFile, Outcome};
use super::{Ended, Host, Output, Wrong, given, render};

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to call, such as customers.create or checkout.sessions.retrieve.
    #[arg(value_name = "RESOURCE.METHOD", add = super::completions::operations())]
    call: String,

    /// Arguments in order: ids, params, options. Each is JSON, or text if it
    /// is not; @PATH reads it from a file. In files.create,
    /// "file": {"data": "@PATH"} uploads that file.
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Write the answer to a file: its bytes where it is a file itself, such as
    /// quotes.pdf, else its JSON. A file that cannot be written to is refused
    /// before anything is sent.
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
    let mut args = arguments
        .args
        .iter()
        .map(|arg| argument(arg))
        .collect::<Result<Vec<String>, Wrong>>()?;
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    read_upload(&plugin, (resource, method), &mut args).await?;
    let args = format!("[{}]", args.join(","));
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let file = arguments.output_file.as_deref();
    let file = file.map(AnswerFile::open).transpose()?;
    let begun = Instant::now();
    let result = plugin.request(&connection, resource, method, &args).await;
    let took = begun.elapsed();
    let outcome = Outcome {
        id: &arguments.call,
        call: &arguments.call,
        place: None,
        result: &result,
        took,
    };
    let mut ended = outcome.print(arguments.output).ended();
    match (file, &result) {
        (Some(file), Ok(response)) => {
            if let Err(error) = file.save(&response.body) {
                let path = arguments.output_file.unwrap_or_default();
                outcome.say_made(response, &path.display().to_string(), &error);
                ended = Ended::RequestFailed;
            }
        }
        (Some(file), Err(_)) => file.abandon(),
        (None, _) => {}
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(ended)
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
    Ok(value.get().to_owned())
}

/// Whether a bare argument only looks like a number: `1e3` is a coupon's name.
fn is_exponent(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && text.contains(['e', 'E'])
}

/// Puts a file's bytes in the place of `"@PATH"`, where the call uploads one:
/// `file.data` in the params of `files.create`. Anywhere else such text is text,
/// so that no file of this machine travels in a customer's metadata.
async fn read_upload(
    plugin: &Plugin,
    (resource, method): (&str, &str),
    args: &mut [String],
) -> Result<(), Wrong> {
    // Few calls name a file, so few ask the component what they take.
    if !args.iter().any(|arg| uploaded(arg).is_some()) {
        return Ok(());
    }
    let schema = match plugin.describe_operation(resource, method).await {
        Ok(schema) => render::parsed(&schema),
        // The call itself says that there is no such operation.
        Err(error) if error.failure.type_ == "argument_error" => return Ok(()),
        Err(error) => return Err(Wrong(error.to_string())),
    };
    let Some(params) = upload_at(&schema).and_then(|at| args.get_mut(at)) else {
        return Ok(());
    };
    let Some((mut value, path)) = uploaded(params) else {
        return Ok(());
    };
    let Some(file) = value.get_mut("file").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let bytes = std::fs::read(&path)
        .map_err(|error| Wrong(format!("{} cannot be read: {error}", path.display())))?;
    file.insert("data".to_owned(), json!({"base64": STANDARD.encode(bytes)}));
    if let (false, Some(name)) = (file.contains_key("name"), path.file_name()) {
        let name = name.to_string_lossy().into_owned();
        file.insert("name".to_owned(), Value::String(name));
    }
    *params = value.to_string();
    Ok(())
}

/// Params whose `file.data` names a file, and that file. What is wrong with them,
/// such as a key given twice, the component says.
fn uploaded(arg: &str) -> Option<(Value, PathBuf)> {
    let params = given::value(arg).ok()?;
    let data = params.pointer("/file/data")?.as_str()?;
    let path = PathBuf::from(data.strip_prefix('@')?);
    Some((params, path))
}

/// Which argument holds the params of a call that uploads a file, by the schema
/// of its arguments: one whose `file.data` takes bytes.
fn upload_at(schema: &Value) -> Option<usize> {
    let data = schema.pointer("/$defs/params/properties/file/properties/data/anyOf")?;
    let takes_bytes = |form: &Value| form.pointer("/properties/base64/contentEncoding").is_some();
    data.as_array()?.iter().any(takes_bytes).then_some(())?;
    let args = schema.get("prefixItems")?.as_array()?;
    let is_params = |arg: &Value| arg.to_string().contains("\"#/$defs/params\"");
    args.iter().position(is_params)
}
