//! `stripe-harness sandbox`: the embedded stand-in for Stripe, alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use stripe_harness::sandbox::{Clock, RequestLog, Sandbox, SandboxOptions};

use super::{Ended, Wrong, render};

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 12111)]
    port: u16,

    /// Address to listen on. Anyone who reaches it can use the sandbox.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// With a seed, ids are the same on every run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Let time stand still at this many seconds since 1970. It moves when asked to:
    /// POST /_sandbox/clock advance=SECONDS, which also works on a running clock.
    #[arg(long, value_name = "UNIX_SECONDS")]
    clock: Option<i64>,

    /// Keep everything in this file over restarts [default: in memory only].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Answer 429 to more than this many requests of an account in one second.
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,

    /// Print a line on stderr for every request: time, method, path, status, request id and
    /// idempotency key. Never an API key, a query or a body.
    #[arg(long)]
    log_requests: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<Ended, Wrong> {
    let address = SocketAddr::new(arguments.host, arguments.port);
    let log = arguments
        .log_requests
        .then(|| RequestLog::new(render::error_line));
    let sandbox = Sandbox::start(SandboxOptions {
        address,
        seed: arguments.seed,
        clock: arguments.clock.map_or(Clock::System, Clock::Fixed),
        data: arguments.data,
        rate_limit: arguments.rate_limit,
        log,
        ..SandboxOptions::default()
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
