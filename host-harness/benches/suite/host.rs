//! The harness as the suite uses it. What its API may come to call otherwise is
//! here and nowhere else.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use serde_json::json;
use stripe_harness::types::{HttpRequest, Planned};
use stripe_harness::{
    CompileCache, Connection, Exchange, HostOptions, Plugin, Policy, TransportOptions, component,
};

/// No key of anybody's.
const KEY: &str = "sk_test_0123456789abcdef";

/// Who serves a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instances {
    /// A fresh instance for every call.
    Isolated,
    /// Warm ones, of which at most so many are kept.
    Reused(usize),
}

/// What the suite decides about the host.
pub(crate) struct Setup<'s> {
    pub(crate) instances: Instances,
    /// An origin that may be reached besides Stripe's.
    pub(crate) origin: Option<&'s str>,
    pub(crate) exchange: Option<Arc<dyn Exchange>>,
    pub(crate) counts_fuel: bool,
}

impl Setup<'_> {
    pub(crate) fn new(instances: Instances) -> Self {
        Setup {
            instances,
            origin: None,
            exchange: None,
            counts_fuel: false,
        }
    }

    fn options(self) -> Result<HostOptions> {
        let mut policy = Policy::default();
        if let Some(origin) = self.origin {
            policy.allow(origin).map_err(|error| anyhow!("{error}"))?;
        }
        Ok(HostOptions {
            policy,
            instances: match self.instances {
                Instances::Isolated => stripe_harness::Instances::Isolated,
                Instances::Reused(max_idle) => stripe_harness::Instances::Reused { max_idle },
            },
            // Compiling is measured in `start`, and leaves its memory behind.
            cache: Some(CompileCache::in_folder(concat!(
                env!("CARGO_TARGET_TMPDIR"),
                "/bench-cache"
            ))),
            transport: TransportOptions {
                from_connections: true,
                ..TransportOptions::default()
            },
            max_fuel: self.counts_fuel.then_some(1_000_000_000),
            exchange: self.exchange,
            ..HostOptions::default()
        })
    }
}

/// The component's bytes, built first where they are older than their sources.
pub(crate) fn component() -> Result<Vec<u8>> {
    component::locate(None)?.read()
}

/// Compiles the component.
pub(crate) fn load(setup: Setup<'_>) -> Result<Plugin> {
    Plugin::load(&component()?, setup.options()?)
}

/// A connection to a server, or to Stripe where none is named.
pub(crate) async fn connect(plugin: &Plugin, base_url: Option<&str>) -> Result<Connection> {
    let properties = match base_url {
        Some(base_url) => json!({"secretKey": KEY, "baseUrl": base_url}),
        None => json!({"secretKey": KEY}),
    };
    Ok(plugin.parse_connection(&properties.to_string()).await?)
}

/// A connection that trusts a certificate; fails where the host cannot do that.
pub(crate) async fn connect_trusting(
    plugin: &Plugin,
    base_url: &str,
    certificate: &Path,
) -> Result<Connection> {
    let properties = json!({
        "secretKey": KEY,
        "baseUrl": base_url,
        "secureSocket": {"cert": certificate},
    });
    Ok(plugin.parse_connection(&properties.to_string()).await?)
}

/// What the component would send, key included, so that another client can send
/// the same.
pub(crate) async fn planned(
    plugin: &Plugin,
    connection: &Connection,
    (resource, method, args): (&str, &str, &str),
) -> Result<HttpRequest> {
    let Planned::Http(mut request) = plugin.plan(connection, resource, method, args).await? else {
        anyhow::bail!("{resource}.{method} sends nothing");
    };
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case("authorization") {
            *value = format!("Bearer {KEY}");
        }
    }
    Ok(request)
}

/// Fuel for planning a call, in an instance that has made one before.
pub(crate) async fn fuel(
    plugin: &Plugin,
    connection: &Connection,
    (resource, method, args): (&str, &str, &str),
) -> Result<u64> {
    Ok(plugin
        .cost_of_plan(connection, resource, method, args)
        .await?)
}

/// The environment of a `stripe-harness` process that keeps what it compiled in
/// a folder.
pub(crate) fn command_environment(cache: &Path) -> [(&'static str, &OsStr); 2] {
    [
        ("STRIPE_SECRET_KEY", OsStr::new(KEY)),
        ("XDG_CACHE_HOME", cache.as_os_str()),
    ]
}
