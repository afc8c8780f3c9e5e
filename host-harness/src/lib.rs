//! The wasmtime host for `stripe.wasm`: loads the component, configures it from
//! YAML, calls it, and shows how to embed it.
//!
//! The front door is small: [`Plugin`] loads the component and calls it from
//! many tasks; [`Connection`] is what it parsed from a person's properties;
//! [`Policy`] says where it may connect.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use stripe_harness::{HostOptions, Plugin, component};
//!
//! let component = component::locate(None)?;
//! let plugin = Plugin::load(&component.read()?, HostOptions::default())?;
//! let connection = plugin
//!     .parse_connection(r#"{"secretKey": "sk_test_…"}"#)
//!     .await?;
//! let customers = plugin
//!     .request(&connection, "customers", "list", r#"[{"limit": 3}]"#)
//!     .await?;
//! println!("{}", customers.body);
//! # Ok(())
//! # }
//! ```
//!
//! | room | owns |
//! |---|---|
//! | [`component`] | finding `stripe.wasm`, or building it |
//! | `plugin`, `bindings` | wasmtime: engine, instances, limits, the calls of the contract |
//! | `cache` | compiled components, kept for later starts |
//! | `transport` | HTTP on the component's behalf: pooled connections, TLS, proxies, timeouts |
//! | `secret` | keys: shown nowhere, and kept from the component where the host wants that |
//! | [`policy`] | which origins may be reached |
//! | [`yaml`], [`document`], [`operators`] | Lowdefy's YAML |
//! | [`workflow`] | workflow files: steps that run ready-made actions |
//! | [`sandbox`] | the embedded stand-in for Stripe |
//! | [`listen`] | an endpoint for webhooks |
//! | `cli` (of the binary) | the `stripe-harness` command |

pub mod component;
pub mod document;
pub mod listen;
pub mod operators;
pub mod policy;
pub mod sandbox;
pub mod workflow;
pub mod yaml;

mod bindings;
mod cache;
mod plugin;
mod secret;
mod transport;

pub use bindings::exports::lowcode::stripe::connections::{CheckedConnection, KeyKind, Lacking};
pub use bindings::exports::lowcode::stripe::pages::{Page, PageList};
pub use bindings::{catalogue, types};

/// The ready-made actions' records.
pub mod actions {
    pub use crate::bindings::actions::{
        Action, ActionEffect, ActionFamily, ActionInput, InputType,
    };
}

pub use cache::CompileCache;
pub use plugin::{CallError, Case, Connection, HostOptions, Instances, Plugin, Reached, Webhook};
pub use policy::Policy;
pub use secret::Secret;
pub use transport::{BadProxy, Exchange, Exchanged, Proxies, Roots, TransportOptions};
pub use wasmtime_wasi_http::{Error as HttpError, WasiBody};
