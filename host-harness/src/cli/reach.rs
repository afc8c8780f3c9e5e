//! What a command's flags let the component do: where it may connect, how, and
//! whether it sees the key.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::{HostOptions, Instances, Policy, Proxies, Roots, TransportOptions};

use super::Wrong;
use super::sandbox::{State, read_faults};

/// Calls a command makes at the same time, `batch` not counted, and warm
/// instances it keeps: one process serves one person, so its calls need not be
/// isolated from each other.
const CALLS: usize = 8;

/// Where the component may connect, and what it is given.
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Reach {
    /// Start the embedded stand-in for Stripe and send everything there; a
    /// throw-away key serves where none is set.
    #[arg(long)]
    pub(super) sandbox: bool,

    #[command(flatten)]
    state: State,

    /// Let things go wrong in the sandbox, as the rules in this YAML file say.
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    faults: Option<PathBuf>,

    /// An origin that may be reached besides Stripe's, such as
    /// http://127.0.0.1:12111. A baseUrl in a file grants itself nothing.
    #[arg(long, value_name = "URL")]
    pub(super) allow_origin: Vec<String>,

    /// Give the component a placeholder for the secret key; the key itself is
    /// put into the request on its way out.
    #[arg(long)]
    inject_key: bool,

    /// Give every call an instance of its own, and throw it away afterwards.
    #[arg(long)]
    isolated: bool,

    /// The certificate authorities to trust where a connection names none.
    #[arg(long, value_enum, default_value = "bundled")]
    roots: Authorities,

    /// Proxy to go through, such as http://user:password@proxy.example:3128;
    /// otherwise HTTPS_PROXY and its kin are read from the environment.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Hosts that --proxy is not for: names, addresses, networks, separated by
    /// commas.
    #[arg(long, value_name = "HOSTS", requires = "proxy", default_value = "")]
    no_proxy: String,
}

/// Certificate authorities.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Authorities {
    /// Mozilla's, as they are built into this program.
    #[default]
    Bundled,
    /// This machine's own.
    Platform,
}

impl Reach {
    /// Starts the sandbox, if it is asked for, and says what the component may
    /// do.
    pub(super) async fn open(
        &self,
        base_url: Option<&str>,
    ) -> Result<(HostOptions, Option<Sandbox>), Wrong> {
        let wrong = |error: &dyn std::fmt::Display| Wrong(error.to_string());
        let mut policy = Policy::default();
        for url in self.allow_origin.iter().map(String::as_str).chain(base_url) {
            policy.allow(url).map_err(|error| wrong(&error))?;
        }
        let proxies = match &self.proxy {
            Some(url) => Proxies::new(url, &self.no_proxy)
                .map_err(|error| Wrong(format!("--proxy: {error}")))?,
            None => Proxies::from_env().map_err(|error| wrong(&error))?,
        };
        if let (false, Some(flag)) = (self.sandbox, self.state.given()) {
            return Err(Wrong(format!(
                "{flag} is for the sandbox that --sandbox starts: add --sandbox, or give {flag} to \
                 stripe-harness sandbox"
            )));
        }
        let sandbox = match self.sandbox {
            false => None,
            true => {
                let faults = self.faults.as_deref().map(read_faults).transpose()?;
                let options = SandboxOptions {
                    faults,
                    ..self.state.options()
                };
                let sandbox = Sandbox::start(options)
                    .await
                    .map_err(|error| Wrong(format!("the sandbox cannot be started: {error}")))?;
                policy
                    .allow(&sandbox.base_url())
                    .map_err(|error| wrong(&error))?;
                Some(sandbox)
            }
        };
        let options = HostOptions {
            policy,
            transport: TransportOptions {
                roots: match self.roots {
                    Authorities::Bundled => Roots::Bundled,
                    Authorities::Platform => Roots::Platform,
                },
                proxies,
                // Who runs the command has written the file, or trusts it.
                from_connections: true,
                ..TransportOptions::default()
            },
            instances: match self.isolated {
                true => Instances::Isolated,
                false => Instances::Reused { max_idle: CALLS },
            },
            max_concurrent_calls: CALLS,
            inject_key: self.inject_key,
            ..HostOptions::default()
        };
        Ok((options, sandbox))
    }

    /// Takes away what a flag stands above: a proxy of the connection's own.
    pub(super) fn overrule(&self, properties: &mut Map<String, Value>) {
        if self.proxy.is_some() {
            properties.shift_remove("proxy");
        }
    }

    /// The same of properties that are text.
    pub(super) fn overruled(&self, properties: String) -> String {
        if self.proxy.is_none() {
            return properties;
        }
        match serde_json::from_str(&properties) {
            Ok(Value::Object(mut members)) => {
                self.overrule(&mut members);
                Value::Object(members).to_string()
            }
            // The component says what they should be.
            _ => properties,
        }
    }
}

/// A connection's transport, as flags.
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct TransportFlags {
    /// Highest HTTP version to offer [default: 2.0].
    #[arg(long, value_name = "VERSION", value_parser = ["1.1", "2.0"])]
    http_version: Option<String>,

    /// PEM file with the certificates to trust in place of --roots.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// PEM file with the client's own certificate.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// PEM file with that certificate's private key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl TransportFlags {
    /// Puts them into a connection's properties, over what stands there.
    pub(super) fn put_into(&self, properties: &mut Map<String, Value>) {
        if let Some(version) = &self.http_version {
            properties.insert("httpVersion".to_owned(), json!(version));
        }
        let mut set = |name: &str, value: Value| {
            let socket = properties
                .entry("secureSocket")
                .or_insert_with(|| json!({}));
            // What is no mapping is the component's to refuse.
            if let Value::Object(socket) = socket {
                socket.insert(name.to_owned(), value);
            }
        };
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        if let Some(path) = &self.cacert {
            set("cert", json!(text(path)));
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            set("key", json!({"certFile": text(cert), "keyFile": text(key)}));
        }
    }
}
