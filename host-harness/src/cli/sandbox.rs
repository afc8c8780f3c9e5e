//! `stripe-harness sandbox`: the embedded stand-in for Stripe, alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use stripe_harness::sandbox::{Clock, Faults, RequestLog, Sandbox, SandboxOptions, TlsIdentity};

use super::{Ended, Wrong, render, terminal};

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 12111)]
    port: u16,

    /// Address to listen on. Anyone who reaches it can use the sandbox.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    #[command(flatten)]
    state: State,

    /// Answer 429 to more than this many requests of an account in one second.
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,

    /// Let things go wrong as the rules in this YAML file say; FAULTS.md tells what there is. A
    /// request can ask for a fault of its own with the header x-sandbox-fault.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Speak TLS, with this certificate (PEM) …
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// … and its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Print a line on stderr for every request: time, verb, path, method, key (redacted), status,
    /// milliseconds, error code, request id, idempotency key and fault. Never an API key, a query or a body.
    #[arg(long)]
    log_requests: bool,
}

/// What a sandbox begins with, whichever command starts it.
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct State {
    /// With a seed, a sandbox's ids are the same on every run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Let a sandbox's time stand still at this many seconds since 1970, until it is moved by
    /// stripe-harness advance-clock.
    #[arg(long, value_name = "UNIX_SECONDS")]
    clock: Option<i64>,

    /// Keep a sandbox's objects in this file over restarts [default: in memory only].
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<PathBuf>,
}

impl State {
    /// A sandbox that begins so, and is otherwise as usual.
    pub(super) fn options(&self) -> SandboxOptions {
        SandboxOptions {
            seed: self.seed,
            clock: self.clock.map_or(Clock::System, Clock::Fixed),
            data: self.data.clone(),
            ..SandboxOptions::default()
        }
    }

    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--seed", self.seed.is_some()),
            ("--clock", self.clock.is_some()),
            ("--data", self.data.is_some()),
        ];
        let first = given.into_iter().find(|(_, given)| *given);
        first.map(|(flag, _)| flag)
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<Ended, Wrong> {
    let address = SocketAddr::new(arguments.host, arguments.port);
    let log = arguments
        .log_requests
        .then(|| RequestLog::new(|line: &str| render::error_line(&terminal::line(line))));
    let faults = arguments.faults.as_deref().map(read_faults).transpose()?;
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(
            TlsIdentity::from_pem(&read_file(certificate)?, &read_file(key)?)
                .map_err(|error| Wrong(format!("--tls-cert, --tls-key: {error}")))?,
        ),
        _ => None,
    };
    let sandbox = Sandbox::start(SandboxOptions {
        address,
        rate_limit: arguments.rate_limit,
        faults,
        tls,
        log,
        ..arguments.state.options()
    })
    .await
    .map_err(|error| Wrong(format!("the sandbox cannot start on {address}: {error}")))?;
    render::line(&sandbox.base_url())?;
    render::error_line(
        "The sandbox is ready; use any key that starts with sk_test_. Ctrl-C stops it.",
    );
    stopped().await;
    sandbox.shutdown().await;
    Ok(Ended::Succeeded)
}

/// Reads a file of faults.
pub(super) fn read_faults(file: &Path) -> Result<Faults, Wrong> {
    let text = String::from_utf8(read_file(file)?)
        .map_err(|_| Wrong(format!("{} is not UTF-8 text", file.display())))?;
    Faults::parse(&text).map_err(|error| Wrong(format!("{}:{error}", file.display())))
}

fn read_file(file: &Path) -> Result<Vec<u8>, Wrong> {
    std::fs::read(file)
        .map_err(|error| Wrong(format!("{} cannot be read: {error}", file.display())))
}

/// Waits for Ctrl-C, or for the signal that service managers send.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
