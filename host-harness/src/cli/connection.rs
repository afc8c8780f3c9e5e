//! The connection of a command: from a file, from flags, or from both, the
//! flags winning.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use stripe_harness::document::Document;
use stripe_harness::operators::{Context, is_secret};
use stripe_harness::sandbox::Sandbox;
use stripe_harness::{CallError, Connection, HostOptions, Plugin};

use super::given::Fault;
use super::reach::{Reach, TransportFlags};
use super::{Wrong, given};

/// The key the sandbox is called with where no other is set.
pub(super) const THROW_AWAY_KEY: &str = "sk_test_sandbox_0000000000000000";

/// The connection flags of `request` and `batch`.
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Flags {
    /// A YAML file with connections, and the id of the one to use.
    #[arg(
        short = 'c',
        long = "connection",
        value_name = "FILE[#ID]",
        value_hint = clap::ValueHint::FilePath
    )]
    pub(super) connection: Option<String>,

    /// Environment variable that holds the secret key.
    #[arg(long, value_name = "NAME")]
    secret_key_env: Option<String>,

    /// Stripe API version, such as 2026-10-28.endive.
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,

    /// Origin that replaces Stripe's; it may be reached.
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,

    /// Milliseconds one attempt may take [default: 80000].
    #[arg(long, value_name = "MS")]
    timeout: Option<u32>,

    /// Milliseconds a call may take with all its attempts.
    #[arg(long, value_name = "MS")]
    total_timeout: Option<u32>,

    /// Repetitions of a failed attempt [default: 2].
    #[arg(long, value_name = "N")]
    max_network_retries: Option<u32>,

    /// Connected account to act for.
    #[arg(long, value_name = "ACCOUNT")]
    stripe_account: Option<String>,

    /// Context to act in.
    #[arg(long, value_name = "CONTEXT")]
    stripe_context: Option<String>,

    /// OAuth client id, for oauth.authorizeUrl and oauth.deauthorize.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Whether latency is reported to Stripe [default: true].
    #[arg(long, value_name = "BOOL")]
    telemetry: Option<bool>,

    /// Any other connection property; the value is JSON, or text if it is not.
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,

    #[command(flatten)]
    transport: TransportFlags,

    #[command(flatten)]
    pub(super) reach: Reach,
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "write NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The value of `--property`: JSON, or a string of what is not. Not read by the
/// parser of the command line, which repeats what it refuses, secrets included.
fn json_or_text(name: &str, text: &str) -> Result<Value, Wrong> {
    match given::value(text) {
        Ok(value) => Ok(value),
        Err(Fault::NotJson(_)) => Ok(Value::String(text.to_owned())),
        Err(fault @ Fault::Twice(_)) => {
            Err(Wrong(format!("the value of --property {name} {fault}")))
        }
    }
}

impl Flags {
    /// What the component may do, and the sandbox if there is one.
    pub(super) async fn open(&self) -> Result<(HostOptions, Option<Sandbox>), Wrong> {
        self.reach.open(self.base_url.as_deref()).await
    }

    /// The connection: the file's properties, replaced by the flags.
    pub(super) async fn connect(
        &self,
        plugin: &Plugin,
        sandbox: Option<&Sandbox>,
    ) -> Result<Connection, Wrong> {
        let mut properties = match &self.connection {
            None => Map::new(),
            Some(reference) => self.file_properties(reference)?,
        };
        if let Some(name) = &self.secret_key_env {
            // A key given in its place would be repeated.
            if is_secret(name) {
                return Err(Wrong(
                    "--secret-key-env takes the name of an environment variable, not the key"
                        .to_owned(),
                ));
            }
            let key = environment(name).ok_or_else(|| {
                Wrong(format!(
                    "the environment variable {name} (--secret-key-env) is not set"
                ))
            })?;
            properties.insert("secretKey".to_owned(), Value::String(key));
        }
        let given = |name: &str, value: Option<Value>, properties: &mut Map<String, Value>| {
            if let Some(value) = value {
                properties.insert(name.to_owned(), value);
            }
        };
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let number = |value: Option<u32>| value.map(Value::from);
        given("apiVersion", text(&self.api_version), &mut properties);
        given("baseUrl", text(&self.base_url), &mut properties);
        given("timeout", number(self.timeout), &mut properties);
        given("totalTimeout", number(self.total_timeout), &mut properties);
        given(
            "maxNetworkRetries",
            number(self.max_network_retries),
            &mut properties,
        );
        given("stripeAccount", text(&self.stripe_account), &mut properties);
        given("stripeContext", text(&self.stripe_context), &mut properties);
        given("clientId", text(&self.client_id), &mut properties);
        given(
            "telemetry",
            self.telemetry.map(Value::Bool),
            &mut properties,
        );
        self.transport.put_into(&mut properties);
        for (name, text) in &self.properties {
            properties.insert(name.clone(), json_or_text(name, text)?);
        }
        self.reach.overrule(&mut properties);
        if !properties.contains_key("secretKey") && !properties.contains_key("auth") {
            let key = environment("STRIPE_SECRET_KEY")
                .or_else(|| sandbox.map(|_| THROW_AWAY_KEY.to_owned()));
            match key {
                Some(key) => properties.insert("secretKey".to_owned(), Value::String(key)),
                None => {
                    return Err(Wrong(
                        "no secret key: set STRIPE_SECRET_KEY, name another variable with \
                         --secret-key-env, give a connection with -c FILE, or use --sandbox"
                            .to_owned(),
                    ));
                }
            };
        }
        let mut connection = plugin
            .parse_connection(&Value::Object(properties).to_string())
            .await
            .map_err(|error| Wrong(self.explain(&error)))?;
        if let Some(sandbox) = sandbox {
            connection.set_base_url(sandbox.base_url());
        }
        Ok(connection)
    }

    fn explain(&self, error: &CallError) -> String {
        match (&error.failure.path, &self.connection) {
            (Some(path), Some(file)) => format!("{} ({file}: {path})", error.failure.message),
            (Some(path), None) => format!("{} ({path})", error.failure.message),
            (None, _) => error.failure.message.clone(),
        }
    }

    /// The properties of a connection in a file.
    fn file_properties(&self, reference: &str) -> Result<Map<String, Value>, Wrong> {
        let (file, id) = match reference.rsplit_once('#') {
            Some((file, id)) => (PathBuf::from(file), Some(id)),
            None => (PathBuf::from(reference), None),
        };
        let document = read(&file)?;
        let connection = document
            .connection(id)
            .map_err(|error| Wrong(format!("{}: {error}", file.display())))?;
        let context = Context {
            env: &environment,
            payload: None,
            missing_secret: self.reach.sandbox.then_some(THROW_AWAY_KEY),
        };
        let node = context
            .evaluate(&connection.properties)
            .map_err(|error| Wrong(format!("{}:{error}", file.display())))?;
        match serde_json::from_str(&node.to_json()) {
            Ok(Value::Object(properties)) => Ok(properties),
            _ => Err(Wrong(format!(
                "{}:{}: the properties of a connection should be a mapping, not {}",
                file.display(),
                connection.properties.mark,
                connection.properties.kind()
            ))),
        }
    }
}

/// Reads a file of connections and requests.
pub(super) fn read(file: &Path) -> Result<Document, Wrong> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Wrong(format!("{} cannot be read: {error}", file.display())))?;
    Document::parse(&text).map_err(|error| Wrong(format!("{}:{error}", file.display())))
}

/// An environment variable that is text.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
