//! A stand-in for Stripe that runs inside this process: an HTTP server with Stripe's paths,
//! parameters, objects and errors, for tests and for people who have no Stripe account.
//!
//! It owns everything a client can see of Stripe and nothing else: it must not share code with
//! the plugin it is used to test, so it reads the wire with a decoder of its own. The one thing
//! both read is data, the list of operations in `plugin/catalogue/operations.txt`. No money
//! moves, no packet leaves the machine, and every object lives in memory until the sandbox is
//! dropped.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! # use stripe_harness::sandbox::{Sandbox, SandboxOptions};
//! let sandbox = Sandbox::start(SandboxOptions::default()).await?;
//! let base = sandbox.base_url(); // http://127.0.0.1:49321
//! // … send requests with any key that starts with sk_test_ …
//! for request in sandbox.requests() {
//!     assert!(!request.header("authorization").is_some_and(|value| value.contains("secret")));
//! }
//! sandbox.shutdown().await;
//! # drop(base); Ok(())
//! # }
//! ```
//!
//! [`StandIn`] is the same Stripe without the socket: a function from a request to a response,
//! which tests call directly.
//!
//! | room | owns |
//! |---|---|
//! | `server` | sockets, limits of size and time, HTTP/1.1 and HTTP/2 |
//! | `stand_in` | the order of the steps from request to response, and the headers of each answer |
//! | `auth`, `idempotency`, `errors`, `recording` | keys; kept answers; error shapes; what arrived |
//! | `routes` | which operation a verb and a path mean |
//! | `decode`, `form`, `multipart`, `parameters` | from bytes to parameters with types |
//! | `shapes` | which fields each kind of object has, read from the data files in `shapes/` |
//! | `operations` | what any operation does by its shape alone, for every kind of object |
//! | `families` | what is particular: cards, intents, the balance, invoices, subscriptions … |
//! | `lists`, `search`, `expand` | pages, filters, queries, expansion |
//! | `store`, `world`, `ids`, `clock`, `calendar` | the objects, their ids and their dates |
//!
//! What it does not do: send webhooks or make events, renew subscriptions as time passes, compute
//! taxes or prorations, let anybody open a checkout page, or bound the memory that objects take.

mod auth;
mod calendar;
mod clock;
mod decode;
mod errors;
mod expand;
mod families;
mod form;
mod idempotency;
mod ids;
mod lists;
mod multipart;
mod operations;
mod parameters;
mod recording;
mod routes;
mod search;
mod server;
mod shapes;
mod stand_in;
mod store;
mod world;

pub use clock::Clock;
pub use recording::RecordedRequest;
pub use server::Sandbox;
pub use stand_in::StandIn;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a sandbox behaves. `SandboxOptions::default()` suits most uses: a free port on the
/// loopback address, the system's clock, and ids that differ from one start to the next.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where to listen. Port 0 takes a free port; ask [`Sandbox::address`] which one.
    pub address: SocketAddr,
    /// What time it is, as far as `created` and everything else with a date is concerned.
    pub clock: Clock,
    /// With a seed the ids of objects and requests are the same on every run.
    pub seed: Option<u64>,
    /// The API version answered in `stripe-version` when a request names none.
    pub api_version: String,
    /// Whether a parameter that the operation does not take is refused, as Stripe does. It is known
    /// for the current API version only: requests for other versions are never refused for it.
    pub refuse_unknown_parameters: bool,
    /// The largest request body, in bytes; a larger one is answered with status 413.
    pub max_body_bytes: usize,
    /// The most connections served at once; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// How long a client may take to send a request's head, to send its body, or to stay silent.
    pub client_timeout: Duration,
    /// How many of the latest requests [`Sandbox::requests`] remembers.
    pub recorded_requests: usize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::System,
            seed: None,
            api_version: shapes::Shapes::get().api_version.to_owned(),
            refuse_unknown_parameters: true,
            max_body_bytes: 64 * 1024 * 1024,
            max_connections: 512,
            client_timeout: Duration::from_secs(60),
            recorded_requests: 1000,
        }
    }
}

#[cfg(test)]
mod tests;
