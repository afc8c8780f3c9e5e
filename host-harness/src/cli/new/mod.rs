//! `stripe-harness new`: a commented YAML file to begin with, a connection or a
//! request. Everything in it comes from the component's own catalogue, so it
//! knows what this version knows; nothing that is there is overwritten.

mod properties;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stripe_harness::{HostOptions, Plugin};

use super::describe::{self, Schema};
use super::{Ended, Host, Wrong, render};

/// Arguments of `new`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a connection: the key from the environment, every other property
    /// commented out, with its default.
    Connection {
        #[command(flatten)]
        place: Place,
    },
    /// Write a connection and a request, ready for stripe-harness run: what is
    /// required filled in to be replaced, the rest commented out.
    Request {
        /// What to call, such as customers.create; `operations` lists them.
        #[arg(value_name = "RESOURCE.METHOD", add = super::completions::operations())]
        call: String,

        #[command(flatten)]
        place: Place,
    },
}

/// Where the file goes.
#[derive(Debug, Args)]
struct Place {
    /// The file to write; "-" is stdout [default: stripe.yaml, or the call's
    /// name with .yaml].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The connection's id.
    #[arg(long, value_name = "ID", default_value = "stripe", value_parser = id)]
    id: String,

    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

/// An id that needs no quotes in YAML.
fn id(text: &str) -> Result<String, String> {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        // YAML reads these as something else.
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    match plain {
        true => Ok(text.to_owned()),
        false => {
            Err("an id is letters, digits, _ and -, a letter first, such as stripe".to_owned())
        }
    }
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let (place, name) = match &arguments.what {
        What::Connection { place } => (place, "stripe.yaml".to_owned()),
        What::Request { call, place } => (place, format!("{call}.yaml")),
    };
    let path = place.file.clone().unwrap_or_else(|| PathBuf::from(name));
    let to_stdout = path.as_os_str() == "-";
    if !to_stdout && !place.force && path.exists() {
        return Err(exists(&path));
    }
    let plugin = host.load(HostOptions::default()).await?;
    let shown = quoted(&path);
    let (text, next) = match &arguments.what {
        What::Connection { .. } => (
            connection(&plugin, &place.id, true).await?,
            format!("set STRIPE_SECRET_KEY, then: stripe-harness doctor -c {shown}"),
        ),
        What::Request { call, .. } => (
            request(
                &plugin,
                call,
                &place.id,
                (!to_stdout).then(|| quoted(&path)),
            )
            .await?,
            format!("fill it in, then: stripe-harness run --sandbox {shown}"),
        ),
    };
    if to_stdout {
        render::line(text.trim_end())?;
        return Ok(Ended::Succeeded);
    }
    let mut options = fs::OpenOptions::new();
    match place.force {
        true => options.write(true).create(true).truncate(true),
        false => options.write(true).create_new(true),
    };
    options
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| match error.kind() {
            // Made by another since.
            std::io::ErrorKind::AlreadyExists => exists(&path),
            _ => Wrong(format!("{shown} cannot be written: {error}")),
        })?;
    render::error_line(&format!("wrote {shown}; {next}"));
    Ok(Ended::Succeeded)
}

fn exists(path: &Path) -> Wrong {
    Wrong(format!(
        "{} is there already: name another file, or replace it with --force",
        path.display()
    ))
}

/// The file's part with the connection, with all other properties as comments or
/// only with a word on where to find them.
async fn connection(plugin: &Plugin, id: &str, whole: bool) -> Result<String, Wrong> {
    let more = match whole {
        false => "      # There are more: stripe-harness new connection\n".to_owned(),
        true => {
            let schema = plugin
                .connection_schema()
                .await
                .map_err(|error| Wrong(error.to_string()))?;
            properties::page(&render::parsed(&schema))
        }
    };
    Ok(format!(
        "connections:\n  - id: {id}\n    type: Stripe\n    properties:\n      # The environment \
         variable LOWDEFY_SECRET_STRIPE_SECRET_KEY, or STRIPE_SECRET_KEY: the key\n      # itself \
         belongs in no file.\n      secretKey:\n        _secret: STRIPE_SECRET_KEY\n{more}"
    ))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

async fn request(
    plugin: &Plugin,
    call: &str,
    id: &str,
    path: Option<String>,
) -> Result<String, Wrong> {
    let described = describe::described(plugin, call).await?;
    let skeleton = describe::skeleton(call, &Schema::new(&described));
    let heading = describe::headed(plugin, call).await;
    let mut text = String::new();
    for line in heading.trim_end().lines() {
        text.push_str(&format!("# {line}\n"));
    }
    if let Some(path) = path {
        text.push_str(&format!(
            "#\n# Without an account: stripe-harness run --sandbox {path}\n"
        ));
    }
    text.push('\n');
    text.push_str(&connection(plugin, id, false).await?);
    text.push_str(&format!(
        "\nrequests:\n  - id: {}\n    type: StripeRequest\n    connectionId: {id}\n    \
         properties:\n",
        call.replace('.', "_")
    ));
    for line in skeleton.lines() {
        text.push_str(&format!("      {line}\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_yaml_would_read_otherwise_are_refused() {
        for good in ["stripe", "my-shop_2"] {
            assert_eq!(id(good).as_deref(), Ok(good));
        }
        for bad in ["", "2", "a b", "no", "True", "a: b", "ä"] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }
}
