//! What a host decides about the component: where it may connect, how much of
//! the machine a call may use, and who holds the key.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::cache::CompileCache;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::transport::{Exchange, TransportOptions};

/// Where calls get their instances from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// Every call has an instance of its own, which is thrown away after it:
    /// nothing of one call is left for the next, whatever the component does.
    Isolated,
    /// Instances are kept for further calls, which is faster, and reports
    /// latency to Stripe, which needs a memory. One that trapped, was
    /// cancelled, ran out of time or grew large is not kept.
    Reused {
        /// Most idle instances kept; in
        /// [`Plugin::with_options`](crate::Plugin::with_options) no more than
        /// the plugin it was made of has, or calls at the same time.
        max_idle: usize,
    },
}

/// What a host decides about the component. The default is the safe one:
/// isolated calls, Stripe's hosts alone, nothing of a connection's own transport
/// settings, no environment.
#[derive(Clone)]
pub struct HostOptions {
    /// Where it may connect. Default: Stripe's own hosts.
    pub policy: Policy,
    /// How connections are made. Default: bundled roots, no proxy.
    pub transport: TransportOptions,
    /// Where calls get their instances from. Default: isolated.
    pub instances: Instances,
    /// Calls that run at the same time; more wait for their turn. Default
    /// 1,000. Takes effect in [`Plugin::load`](crate::Plugin::load) alone.
    pub max_concurrent_calls: usize,
    /// Requests one call may have under way at the same time, up to the head of
    /// the answer. Default 4; the component makes one at a time.
    pub max_concurrent_requests: usize,
    /// Most linear memory of one call, in bytes. Default 512 MiB: enough
    /// for the largest request body with its arguments.
    pub max_memory: usize,
    /// Longest time of one call, waiting for its turn not counted. Default 15
    /// minutes. A call that is cut off here may have sent its request;
    /// `totalTimeout` of a connection ends it in order.
    pub max_call_time: Duration,
    /// Largest answer body that is passed on, in bytes. Default 64 MiB; never
    /// more than a quarter of `max_memory`, so that the component can hold it.
    pub max_response_bytes: u64,
    /// Most wasm instructions of one call, in wasmtime's fuel units. Default
    /// none: counting them costs time. Takes effect in
    /// [`Plugin::load`](crate::Plugin::load) alone.
    pub max_fuel: Option<u64>,
    /// Value of `STRIPE_SECRET_KEY` in the component's environment, which is
    /// otherwise empty. Default none.
    pub fallback_key: Option<Secret>,
    /// Whether the component gets a placeholder in place of a connection's
    /// key, which the transport then swaps for the key on the way out. Default
    /// false. A key that a caller puts into a call's arguments (`apiKey`) is the
    /// caller's, and is passed as it is.
    pub inject_key: bool,
    /// Where compiled components are kept. Default none: compile at every
    /// load. Takes effect in [`Plugin::load`](crate::Plugin::load) alone.
    pub cache: Option<CompileCache>,
    /// What time it is to the component, which counts the age of webhooks by it.
    /// Default none: the system's clock.
    pub wall_clock: Option<fn() -> SystemTime>,
    /// What answers requests in place of the network. Default none.
    pub exchange: Option<Arc<dyn Exchange>>,
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("policy", &self.policy)
            .field("transport", &self.transport)
            .field("instances", &self.instances)
            .field("max_concurrent_calls", &self.max_concurrent_calls)
            .field("max_concurrent_requests", &self.max_concurrent_requests)
            .field("max_memory", &self.max_memory)
            .field("max_call_time", &self.max_call_time)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("max_fuel", &self.max_fuel)
            .field("fallback_key", &self.fallback_key)
            .field("inject_key", &self.inject_key)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl Default for HostOptions {
    fn default() -> Self {
        HostOptions {
            policy: Policy::default(),
            transport: TransportOptions::default(),
            instances: Instances::Isolated,
            max_concurrent_calls: 1000,
            max_concurrent_requests: 4,
            max_memory: 512 << 20,
            max_call_time: Duration::from_secs(15 * 60),
            max_response_bytes: 64 << 20,
            max_fuel: None,
            fallback_key: None,
            inject_key: false,
            cache: None,
            wall_clock: None,
            exchange: None,
        }
    }
}

impl HostOptions {
    /// Largest answer body that is passed on, in bytes.
    pub(crate) fn response_limit(&self) -> u64 {
        let memory = u64::try_from(self.max_memory).unwrap_or(u64::MAX);
        self.max_response_bytes.min(memory / 4)
    }

    /// Idle instances kept.
    pub(super) fn max_idle(&self) -> usize {
        match self.instances {
            Instances::Isolated => 0,
            Instances::Reused { max_idle } => max_idle,
        }
    }
}
