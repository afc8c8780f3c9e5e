//! The contract of `wit/`, as wasmtime sees it from outside. Generated; the
//! `plugin` module is its only user.

// The docs of these items are those of `wit/`.
#![allow(missing_docs, clippy::all, clippy::pedantic)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

wasmtime::component::bindgen!({
    // Only the exports: what the component imports is linked by wasmtime's own
    // crates, whatever versions of WASI it names.
    inline: "
        package lowcode:harness;

        world embedded {
            export lowcode:stripe/actions@0.1.0;
            export lowcode:stripe/catalogue@0.1.0;
            export lowcode:stripe/connections@0.1.0;
            export lowcode:stripe/pages@0.1.0;
            export lowcode:stripe/requests@0.1.0;
            export lowcode:stripe/webhooks@0.1.0;
        }
    ",
    path: "../wit",
    world: "lowcode:harness/embedded",
    exports: { default: async },
    // Two connections with the same transport settings share their sockets.
    additional_derives: [PartialEq],
});

pub(crate) use self::exports::lowcode::stripe::actions;
pub use self::lowcode::stripe::types;

/// What the component says of itself and of its operations.
pub mod catalogue {
    pub use super::exports::lowcode::stripe::catalogue::{
        ApiGeneration, Operation, OperationFilter, OperationKind, PluginManifest, Problem,
    };
}
