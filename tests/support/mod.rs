//! What the tests share: the component, compiled once, a server that answers
//! from a script, and requests in the spelling of the recordings.

pub(crate) mod batch;
mod child;
pub(crate) mod command;
mod guest;
pub(crate) mod hook;
mod proxy;
pub(crate) mod scene;
pub(crate) mod secrets;
mod sent;
mod server;
mod tls;

use std::sync::OnceLock;

use serde_json::{Value, json};
use stripe_harness::types::Response;
use stripe_harness::{
    CallError, Connection, HostOptions, Plugin, Policy, TransportOptions, component,
};

pub(crate) use child::{Child, in_child};
pub(crate) use guest::{Guest, unparsed};
pub(crate) use proxy::{Mode, Proxy};
pub(crate) use sent::Sent;
pub(crate) use server::{Answer, Request, Server};
pub(crate) use tls::{Authority, Files, Setup, TlsServer};

/// A key that must appear nowhere but in the `authorization` header.
pub(crate) const KEY: &str = "sk_test_sentinel51H7xkQ2eZvKYlo2C4242";

/// The part of [`KEY`] that no output may hold.
pub(crate) const SENTINEL: &str = "sentinel51H7xkQ2eZvKYlo2C";

/// The component as cargo built it.
pub(crate) fn component() -> Vec<u8> {
    component::locate(None).unwrap().read().unwrap()
}

/// The component, which may reach these origins besides Stripe's. Compiled once
/// for all tests.
pub(crate) fn plugin(origins: &[&str]) -> Plugin {
    static COMPILED: OnceLock<Plugin> = OnceLock::new();
    let compiled =
        COMPILED.get_or_init(|| Plugin::load(&component(), HostOptions::default()).unwrap());
    let options = HostOptions {
        policy: allowing(origins),
        ..HostOptions::default()
    };
    compiled.with_options(options).unwrap()
}

/// A policy that permits these origins besides Stripe's.
pub(crate) fn allowing(origins: &[&str]) -> Policy {
    let mut policy = Policy::default();
    for origin in origins {
        policy.allow(origin).unwrap();
    }
    policy
}

/// Options that take transport properties from connections to these origins.
pub(crate) fn trusting(origins: &[&str]) -> HostOptions {
    HostOptions {
        policy: allowing(origins),
        transport: TransportOptions {
            from_connections: true,
            ..TransportOptions::default()
        },
        ..HostOptions::default()
    }
}

/// A connection under other options than the usual ones; a property that is
/// null is left out.
pub(crate) async fn under(
    options: HostOptions,
    properties: Value,
) -> (Plugin, Result<Connection, CallError>) {
    let mut all = json!({"secretKey": KEY});
    let all_of = all.as_object_mut().unwrap();
    all_of.extend(properties.as_object().unwrap().clone());
    without_nulls(&mut all);
    let plugin = plugin(&[]).with_options(options).unwrap();
    let connection = plugin.parse_connection(&all.to_string()).await;
    (plugin, connection)
}

fn without_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(without_nulls);
    }
}

/// One call that needs nothing.
pub(crate) async fn list(plugin: &Plugin, connection: &Connection) -> Result<Response, CallError> {
    plugin
        .request(connection, "customers", "list", "null")
        .await
}

/// A plugin and a connection to a server, with more properties.
pub(crate) async fn connected(server: &Server, more: Value) -> (Plugin, Connection) {
    connected_to(server.url(), more).await
}

/// The same for an origin that need not be a [`Server`].
pub(crate) async fn connected_to(url: &str, more: Value) -> (Plugin, Connection) {
    let mut properties = json!({"secretKey": KEY, "baseUrl": url});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let plugin = plugin(&[url]);
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    (plugin, connection)
}

/// A failure of a call, with nothing of the key in it.
pub(crate) fn failed<T>(result: Result<T, CallError>) -> CallError {
    match result {
        Ok(_) => panic!("the call succeeded"),
        Err(error) => {
            assert!(!format!("{error:?}").contains(SENTINEL), "{error:?}");
            error
        }
    }
}
