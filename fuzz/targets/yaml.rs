//! See `checks/yaml.rs`. The harness's readers alone are built, not the harness:
//! an engine for components would take minutes.

#![no_main]
#![allow(dead_code)]

extern crate self as stripe_harness;

#[path = "../../host-harness/src/document.rs"]
pub mod document;
#[path = "../../host-harness/src/operators.rs"]
pub mod operators;
#[path = "../../host-harness/src/yaml/mod.rs"]
pub mod yaml;

#[path = "../checks/yaml.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
