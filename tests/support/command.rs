//! The `stripe-harness` command, run as a person or a script does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::KEY;
use super::secrets::unseen;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The command, in the checkout, with nothing of Stripe in its environment. The
/// key of all tests is the variable `K`, which nothing reads unless it is told
/// to; no output may show it.
pub(crate) fn harness(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-harness"));
    command
        .args(args)
        .current_dir(root())
        .env_remove("STRIPE_SECRET_KEY")
        .env_remove("LOWDEFY_SECRET_STRIPE_SECRET_KEY")
        .env_remove("STRIPE_WEBHOOK_SECRET")
        .env_remove("LOWDEFY_SECRET_STRIPE_WEBHOOK_SECRET")
        .env("K", KEY)
        .env("STRIPE_HARNESS_CACHE", root().join("target/test-cache"))
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(mut command: Command) -> (i32, String, String) {
    finished(command.output().unwrap())
}

pub(crate) fn finished(output: Output) -> (i32, String, String) {
    unseen(&output.stdout);
    unseen(&output.stderr);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), stdout, stderr)
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
