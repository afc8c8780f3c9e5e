//! The types of `wit/`, generated. The pure modules use the records of its
//! `types` interface as they are; everything else here is for `exports`.

// The generated code lowers and lifts values across the component boundary.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
// SAFETY: this module is nothing but the output of `wit_bindgen::generate!`,
// whose unsafe code upholds the canonical ABI of the world it was given.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::todo,
    clippy::unimplemented
)]

wit_bindgen::generate!({
    path: "../wit",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "crate::contract",
    // One set of WASI types: those of the HTTP crate. Pollables and streams of
    // another set could not be passed to it.
    with: {
        "wasi:cli/stderr@0.2.2": generate,
        "wasi:io/error@0.2.2": waki::bindings::wasi::io::error,
        "wasi:io/poll@0.2.2": waki::bindings::wasi::io::poll,
        "wasi:io/streams@0.2.2": waki::bindings::wasi::io::streams,
        "wasi:clocks/monotonic-clock@0.2.2": waki::bindings::wasi::clocks::monotonic_clock,
        "wasi:clocks/wall-clock@0.2.2": ::wasi::clocks::wall_clock,
        "wasi:http/types@0.2.2": waki::bindings::wasi::http::types,
        "wasi:http/outgoing-handler@0.2.2": waki::bindings::wasi::http::outgoing_handler,
        "wasi:random/random@0.2.2": waki::bindings::wasi::random::random,
    },
});

#[cfg(target_family = "wasm")]
export!(Plugin with_types_in crate::contract);

#[cfg(target_family = "wasm")]
use crate::exports::Plugin;

pub use self::lowcode::stripe::types;
