//! `stripe-harness listen`: an endpoint for webhooks, from a file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use stripe_harness::document::Document;
use stripe_harness::listen::{
    Acting, Action, ActionError, Event, Forward, ListenOptions, Listener, RunWorkflow, Trigger,
};
use stripe_harness::operators::Context;
use stripe_harness::sandbox::Sandbox;
use stripe_harness::workflow::Workflow;
use stripe_harness::{HostOptions, Instances, Plugin, Proxies, TransportOptions, yaml};

use super::batch::signals;
use super::connection::{Flags, THROW_AWAY_KEY, environment};
use super::workflow::located;
use super::{Ended, Host, Output, Wrong, render, terminal};

/// Where the signing secret is where no connection names any.
const SECRET_VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

/// Arguments of `listen`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A YAML or JSON file with trigger: and, for webhookSecrets and
    /// webhookTolerance, connections: [default: every event, and the secret in
    /// the environment variable STRIPE_WEBHOOK_SECRET].
    #[arg(long, value_name = "FILE[#ID]")]
    config: Option<String>,

    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 4242)]
    port: u16,

    /// Address to listen on. Who reaches it needs a signature all the same.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// Pass events on to this URL (https, or http on this machine) with the body
    /// and the signature that came, instead of printing them.
    #[arg(long, value_name = "URL")]
    forward: Option<String>,

    /// Run this workflow for each event, with the event as its input. Its steps
    /// use the connection of -c, or else that of --config; without --config, the
    /// signing secrets are those of -c.
    #[arg(long, value_name = "FILE", conflicts_with = "forward")]
    workflow: Option<PathBuf>,

    /// Seconds that forwarding an event, or a workflow, may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    action_timeout: u64,

    /// The form events are printed in.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(host: &Host, mut arguments: Arguments) -> Result<Ended, Wrong> {
    let stopped = signals::listen()?;
    if arguments.workflow.is_none() && arguments.flags != Flags::default() {
        return Err(Wrong(
            "the flags of a connection are for the steps of --workflow FILE; without one, events \
             are printed or forwarded, and nothing is called"
                .to_owned(),
        ));
    }
    // One file may be all: the steps' connection holds the secrets too.
    let from = arguments
        .config
        .clone()
        .or_else(|| arguments.flags.connection.clone());
    let config = from.as_deref().map(read).transpose()?.unwrap_or_default();
    if config.has_connection && arguments.flags.connection.is_none() {
        arguments.flags.connection.clone_from(&arguments.config);
    }
    let workflow = arguments
        .workflow
        .as_deref()
        .map(read_workflow)
        .transpose()?;
    let trigger = match (config.trigger, &workflow) {
        (Some(trigger), _) => trigger,
        (None, Some((file, workflow))) => trigger_of(workflow, file)?,
        (None, None) => Trigger::default(),
    };
    let (options, sandbox) = match &workflow {
        Some(_) => arguments.flags.open().await?,
        None => (HostOptions::default(), None),
    };
    let plugin = host
        .load(HostOptions {
            instances: Instances::Reused { max_idle: 8 },
            ..options
        })
        .await?;
    let (secrets, tolerance) = secrets(&plugin, config.properties, from.as_deref()).await?;
    let action = match (workflow, &arguments.forward) {
        (Some(workflow), _) => {
            Deed::Run(work(workflow, plugin.clone(), &arguments.flags, sandbox.as_ref()).await?)
        }
        (None, None) => Deed::Print(arguments.output),
        (None, Some(url)) => {
            let transport = TransportOptions {
                proxies: Proxies::from_env().map_err(|error| Wrong(error.to_string()))?,
                ..TransportOptions::default()
            };
            Deed::Forward(Box::new(Forward::new(url, &transport)?))
        }
    };
    let address = SocketAddr::new(arguments.host, arguments.port);
    let listener = Listener::start(
        ListenOptions {
            address,
            secrets,
            tolerance,
            trigger: trigger.clone(),
            action_timeout: Duration::from_secs(arguments.action_timeout.max(1)),
            log: Some(Arc::new(|line: &str| {
                render::error_line(&terminal::line(line));
            })),
            ..ListenOptions::default()
        },
        plugin,
        action,
    )
    .await
    .map_err(|error| Wrong(format!("cannot listen on {address}: {error}")))?;
    render::error_line(&format!(
        "Listening on http://{} for {trigger}. Ctrl-C stops it.",
        listener.address()
    ));
    let _ = stopped.await;
    listener.shutdown().await;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(Ended::Succeeded)
}

/// A workflow, and its file's name.
fn read_workflow(path: &Path) -> Result<(String, Workflow), Wrong> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Wrong(format!("{file} cannot be read: {error}")))?;
    let workflow = Workflow::parse(&text).map_err(|faults| located(&file, &faults))?;
    Ok((file, workflow))
}

/// The events that a workflow itself says it is started by.
fn trigger_of(workflow: &Workflow, file: &str) -> Result<Trigger, Wrong> {
    let trigger = workflow.trigger();
    match trigger.kind.as_deref() {
        Some("webhook") | None => Trigger::new(trigger.events.clone())
            .map_err(|message| Wrong(format!("{file}:{}: {message}", workflow.locate("trigger")))),
        Some(kind) => Err(Wrong(format!(
            "{file}:{}: this workflow is started by {kind}, not by webhooks; give --config FILE \
             with the trigger that is meant, or run it with stripe-harness workflow",
            workflow.locate("trigger.type")
        ))),
    }
}

/// Everything a workflow's steps need, checked before the first event comes.
async fn work(
    (file, workflow): (String, Workflow),
    plugin: Plugin,
    flags: &Flags,
    sandbox: Option<&Sandbox>,
) -> Result<Box<RunWorkflow>, Wrong> {
    let actions = plugin
        .list_actions()
        .await
        .map_err(|error| Wrong(error.to_string()))?;
    workflow
        .check(&actions)
        .map_err(|faults| located(&file, &faults))?;
    let connection = flags.connect(&plugin, sandbox).await?;
    Ok(Box::new(RunWorkflow::new(workflow, plugin, connection)))
}

/// What is done with an event.
enum Deed {
    Print(Output),
    Forward(Box<Forward>),
    Run(Box<RunWorkflow>),
}

impl Action for Deed {
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a> {
        match self {
            Deed::Forward(forward) => forward.act(event),
            Deed::Run(workflow) => workflow.act(event),
            Deed::Print(output) => Box::pin(async move {
                let line = match output {
                    Output::Text => terminal::line(&format!("{} {}", event.kind, event.id)),
                    Output::Json => {
                        let event = json!({"id": event.id, "type": event.kind,
                            "event": render::parsed(&event.payload)});
                        terminal::json(event.to_string())
                    }
                };
                // Who reads this has gone: Stripe is to keep the event.
                render::line(&line).map_err(|error| ActionError::new(error.to_string()))?;
                Ok("printed".to_owned())
            }),
        }
    }
}

/// What `--config` says.
#[derive(Default)]
struct Config {
    trigger: Option<Trigger>,
    has_connection: bool,
    /// Those properties of the connection that deliveries are verified with.
    properties: Map<String, Value>,
}

/// Reads a file's trigger, and the properties of its connection.
fn read(reference: &str) -> Result<Config, Wrong> {
    let (file, id) = match reference.rsplit_once('#') {
        Some((file, id)) => (Path::new(file), Some(id)),
        None => (Path::new(reference), None),
    };
    let at = |error: &dyn std::fmt::Display| Wrong(format!("{}:{error}", file.display()));
    let text = std::fs::read_to_string(file)
        .map_err(|error| Wrong(format!("{} cannot be read: {error}", file.display())))?;
    let document = Document::parse(&text).map_err(|error| at(&error))?;
    let root = yaml::parse(&text).map_err(|error| at(&error))?;
    let trigger = root
        .get("trigger")
        .map(Trigger::read)
        .transpose()
        .map_err(|error| at(&error))?;
    if document.connections.is_empty() && id.is_none() {
        return Ok(Config {
            trigger,
            ..Config::default()
        });
    }
    let connection = document
        .connection(id)
        .map_err(|error| Wrong(format!("{}: {error}", file.display())))?;
    let context = Context {
        env: &environment,
        payload: None,
        missing_secret: None,
    };
    // Of the others none is needed here, so none need be set.
    let mut properties = Map::new();
    for name in ["webhookSecrets", "webhookTolerance"] {
        if let Some(node) = connection.properties.get(name) {
            let node = context.evaluate(node).map_err(|error| at(&error))?;
            let value = serde_json::from_str(&node.to_json()).unwrap_or_default();
            properties.insert(name.to_owned(), value);
        }
    }
    Ok(Config {
        trigger,
        has_connection: true,
        properties,
    })
}

/// The signing secrets and the tolerance, as the component reads them.
async fn secrets(
    plugin: &Plugin,
    mut properties: Map<String, Value>,
    file: Option<&str>,
) -> Result<(Vec<String>, Option<u32>), Wrong> {
    if !properties.contains_key("webhookSecrets") {
        let secret = environment(SECRET_VARIABLE).ok_or_else(|| {
            Wrong(format!(
                "no signing secret: give webhookSecrets in a connection of the file, or set \
                 {SECRET_VARIABLE}; it starts with whsec_"
            ))
        })?;
        properties.insert("webhookSecrets".to_owned(), json!([secret]));
    }
    // Nothing is sent, so no key of anybody's is needed.
    properties.insert("secretKey".to_owned(), json!(THROW_AWAY_KEY));
    let named = |error: &stripe_harness::CallError| {
        let place = error.failure.path.as_deref().unwrap_or_default();
        let file = file.unwrap_or(SECRET_VARIABLE);
        Wrong(format!("{} ({file}: {place})", error.failure.message))
    };
    let connection = plugin
        .parse_connection(Value::Object(properties).to_string())
        .await
        .map_err(|error| named(&error))?;
    // A secret that can not be one is told now rather than by every delivery.
    plugin
        .request(
            &connection,
            "webhooks",
            "constructEvent",
            r#"["{}", "t=1,v1=0"]"#,
        )
        .await
        .err()
        .filter(|error| error.failure.type_ == "configuration_error")
        .map_or(Ok(()), |error| Err(named(&error)))?;
    let record = connection.record();
    Ok((
        record.webhook_secrets.clone().unwrap_or_default(),
        record.webhook_tolerance,
    ))
}
