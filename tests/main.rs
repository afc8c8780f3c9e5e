//! Promises kept through the real `stripe.wasm`: what a low-code author, a host
//! and an operator can rely on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

mod actions;
mod actions_sandbox;
mod bad_input;
mod bad_input_corpus;
mod ballerina;
mod batch;
mod batch_connection;
mod batch_journal;
mod cache;
mod catalogue;
mod catalogue_commands;
mod catalogue_recordings;
mod check;
mod command;
mod command_input;
mod command_output;
mod completions;
mod contract;
mod corpora;
mod cost;
mod doctor;
mod exactly_once;
mod faults;
mod host_flags;
mod hostile;
mod injection;
mod instances;
mod invoice_workflow;
mod limits;
mod list_command;
mod listen;
mod listen_command;
mod listen_workflow;
mod lowdefy;
mod lowdefy_recorded;
mod new_command;
mod pages;
mod pages_faults;
mod parity;
mod policy;
mod proxy;
mod retries;
mod rules;
mod rules_amounts;
mod rules_bypass;
mod sandbox_command;
mod sandbox_modes;
mod secrets;
mod secrets_shown;
mod table;
mod terminal;
mod thin_deliveries;
mod time;
mod tls;
mod tls_settings;
mod webhook_corpus;
mod webhook_deliveries;
mod wire;
mod workflow;
mod workflow_interrupted;
