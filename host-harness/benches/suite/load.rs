//! Calls one after the other in so many loops, for so long, and how long each
//! took.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;

use crate::machine;

/// One call, to be made again and again.
pub(crate) type Call = Arc<dyn Fn() -> Called + Send + Sync>;
/// Whether it succeeded, to come.
pub(crate) type Called = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What one round showed. Node processes report the same.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Microseconds.
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    /// Processor time of the client's process, in microseconds.
    pub(crate) processor: Option<u64>,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of processor time for each request.
    pub(crate) fn processor_each(&self) -> f64 {
        self.processor
            .map_or(f64::NAN, |spent| spent as f64 / self.requests as f64)
    }
}

/// One round. The first call that fails ends it.
pub(crate) async fn round(call: &Call, loops: usize, length: Duration) -> Result<Round> {
    let begun = Instant::now();
    let processor = machine::processor_time();
    let running: Vec<_> = (0..loops)
        .map(|_| tokio::spawn(repeat(Arc::clone(call), begun + length)))
        .collect();
    let mut taken = Vec::new();
    for running in running {
        taken.append(&mut running.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let processor = machine::processor_time()
        .zip(processor)
        .map(|(after, before)| after.saturating_sub(before));
    taken.sort_unstable();
    Ok(Round {
        requests: taken.len() as u64,
        seconds,
        p50: quantile(&taken, 50),
        p99: quantile(&taken, 99),
        processor,
    })
}

async fn repeat(call: Call, until: Instant) -> Result<Vec<u32>> {
    let mut taken = Vec::new();
    loop {
        let begun = Instant::now();
        if begun >= until {
            return Ok(taken);
        }
        call().await?;
        taken.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or(0)
}
