//! A stand-in for Stripe that runs inside this process: an HTTP server with Stripe's paths,
//! parameters, objects and errors, for tests and for people who have no Stripe account.
//!
//! It owns everything a client can see of Stripe and nothing else: it must not share code with
//! the plugin it is used to test, so it reads the wire with a decoder of its own. The one thing
//! both read is data, the list of operations and their parameters in `plugin/catalogue/`. No money
//! moves and no packet leaves the machine. Objects live in memory, and with
//! [`SandboxOptions::data`] in a file too, where they survive the sandbox.
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
//! | `server`, `socket` | connections, limits of size and time, HTTP/1.1 and HTTP/2, TLS |
//! | `faults` | what goes wrong on purpose |
//! | `stand_in`, `answer` | the order of the steps from request to response; the headers of each answer |
//! | `auth`, `accounts` | keys; which account a request acts for |
//! | `idempotency`, `rate`, `errors` | kept answers; requests per second; error shapes |
//! | `recording`, `request_log`, `holds` | what arrived, for tests and for people; requests held in flight |
//! | `routes` | which operation a verb and a path mean |
//! | `decode`, `form`, `multipart`, `parameters`, `nested` | from bytes to parameters with types |
//! | `shapes` | which fields each kind of object has, read from the data files in `shapes/` |
//! | `operations` | what any operation does by its shape alone, for every kind of object |
//! | `families` | what is particular: cards, intents, the balance, invoices, subscriptions … |
//! | `lists`, `search`, `expand` | pages, filters, queries, expansion |
//! | `events`, `agenda` | what is told about every change; what time alone will change |
//! | `status_page` | what a person sees at `/` with a browser |
//! | `thin` | the same events in the form of v2, without the object they are about |
//! | `audience`, `deliveries`, `courier` | webhooks: who wants which; when, how often and how signed; the sockets they go over |
//! | `control` | paths of the sandbox's own: its clock, and what a cardholder would do |
//! | `store`, `disk`, `world`, `ids`, `clock`, `calendar` | the objects, where they are kept, their ids and their dates |
//!
//! A request changes everything it is about or nothing: what it does is noted in the store's journal,
//! from which it is taken back when it is refused, told as events, and written to the file before
//! the answer is sent.
//!
//! Webhooks go to endpoints on this machine alone (`http://127.0.0.1:…`); others count as failed. They
//! are sent by [`Sandbox`], not by a [`StandIn`] without a socket.
//!
//! Of the thin events, those about objects of v1 and about accounts and persons of v2 are made; none
//! goes to a cloud's event bus. Of bank debits there are those of US accounts, for payment intents.
//!
//! What it does not do: book transfers in the accounts they go to, compute taxes, let anybody open a checkout page
//! (`/_sandbox/checkout/sessions/{id}/complete` stands for it), or move the time of single
//! customers by test clocks (`/_sandbox/clock` moves everyone's).

mod accounts;
mod agenda;
mod answer;
mod audience;
mod auth;
pub(crate) mod calendar;
mod clock;
mod control;
mod courier;
mod decode;
mod deliveries;
mod disk;
mod errors;
mod events;
mod expand;
mod families;
mod faults;
mod form;
mod holds;
mod idempotency;
mod ids;
mod lists;
mod multipart;
mod nested;
mod operations;
mod parameters;
mod rate;
mod recording;
mod request_log;
mod routes;
mod search;
mod server;
mod shapes;
mod socket;
mod stand_in;
mod status_page;
mod store;
mod thin;
mod world;

pub use clock::Clock;
pub use deliveries::DeliveryAttempt;
pub use faults::Faults;
pub use holds::Held;
pub use recording::RecordedRequest;
pub use request_log::RequestLog;
pub use server::Sandbox;
pub use socket::TlsIdentity;
pub use stand_in::StandIn;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How a sandbox behaves. `SandboxOptions::default()` suits most uses: a free port on the
/// loopback address, the system's clock, and ids that differ from one start to the next.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where to listen. Port 0 takes a free port; ask [`Sandbox::address`] which one.
    pub address: SocketAddr,
    /// What time it is, as far as `created` and everything else with a date is concerned.
    pub clock: Clock,
    /// With a seed the ids of objects, requests and events are the same on every run. A data file
    /// that has something in it goes on where it was instead.
    pub seed: Option<u64>,
    /// A file that keeps everything over restarts. Each request's changes are in it before the
    /// request is answered, all or none, whenever the process dies.
    pub data: Option<PathBuf>,
    /// Requests that an account may make in one second; further ones are answered with status 429.
    pub rate_limit: Option<u32>,
    /// What goes wrong on purpose, besides what a request's own header asks for. It happens to
    /// requests that come over a connection, not to those of [`StandIn::handle`].
    pub faults: Option<Faults>,
    /// With a certificate, TLS alone is spoken.
    pub tls: Option<TlsIdentity>,
    /// Where a line about every request goes.
    pub log: Option<RequestLog>,
    /// The API version answered in `stripe-version` when a request names none.
    pub api_version: String,
    /// Whether a parameter that the operation does not take is refused, as Stripe does. It is known
    /// for the current API version only: requests for other versions are never refused for it.
    pub refuse_unknown_parameters: bool,
    /// The largest request body, in bytes; a larger one is answered with status 413.
    pub max_body_bytes: usize,
    /// The most bytes that the bodies of all requests in flight may take together; a body that finds
    /// no room is answered with status 503.
    pub max_bodies_bytes: usize,
    /// The most objects an account may have; a request that would make more is refused.
    pub max_objects: usize,
    /// The most bytes that an account's objects and events may take, roughly.
    pub max_object_bytes: usize,
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
            data: None,
            rate_limit: None,
            faults: None,
            tls: None,
            log: None,
            api_version: shapes::Shapes::get().api_version.to_owned(),
            refuse_unknown_parameters: true,
            max_body_bytes: 64 * 1024 * 1024,
            max_bodies_bytes: 256 * 1024 * 1024,
            max_objects: 1_000_000,
            max_object_bytes: 2 * 1024 * 1024 * 1024,
            max_connections: 512,
            client_timeout: Duration::from_secs(60),
            recorded_requests: 1000,
        }
    }
}

#[cfg(test)]
mod tests;
