//! All of Stripe's API behind one call, as a WASI 0.2 component.
//!
//! Data goes one way through the modules, each of which owns one step and
//! takes the step's input as a plain value:
//!
//! | step | module |
//! |---|---|
//! | properties → connection → settings | [`connection`] |
//! | Lowdefy's nested form → operation and arguments | [`nested`] |
//! | ready-made action and its config → operation and arguments | [`actions`] |
//! | `resource`, `method` → operation | [`operation`] |
//! | arguments → path ids, params, options | [`arguments`], [`options`] |
//! | operation, arguments, key → may it be made | [`policy`] |
//! | params → body or query | [`form`], [`json`], [`multipart`], [`body`] |
//! | all of these → one HTTP request | [`outgoing`], [`headers`] |
//! | request → attempts → answer | [`call`], [`retry`] |
//! | answer → response or failure | [`answer`], [`failure`] |
//! | answers → what a connection is | [`check`] |
//! | answer → items, and what continues the list | [`pages`] |
//! | webhook → event | [`webhook`] |
//! | what there is to call, and whether arguments fit | [`catalogue`] |
//!
//! Only `transport` and `exports` know WASI, and only they are left out of a
//! native build; so every step but sending is tested natively.

pub mod actions;
pub mod answer;
pub mod arguments;
pub mod body;
pub mod call;
pub mod catalogue;
pub mod check;
pub mod connection;
pub mod failure;
pub mod form;
pub mod headers;
pub mod hiding;
pub mod json;
pub mod multipart;
pub mod nested;
pub mod operation;
pub mod options;
pub mod outgoing;
pub mod pages;
pub mod policy;
pub mod retry;
pub mod secret;
pub mod webhook;

mod contract;
#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod transport;

pub use contract::types;

// The fuzz targets' checks, over their committed corpora: they name this crate
// as the fuzzer's build does.
#[cfg(test)]
extern crate self as stripe;
#[cfg(test)]
#[path = "../../fuzz/checks/mod.rs"]
mod checks;
#[cfg(test)]
mod corpora;
