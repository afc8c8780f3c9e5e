//! An endpoint for Stripe's webhooks: the component verifies each delivery, a
//! trigger says which events count, each event is acted on once, and Stripe is
//! told 2xx only when that is done, so that its retries are of use. What is done
//! with an event is an [`Action`]'s affair; keys play no part here, and the
//! signing secrets are shown nowhere. Thin events are verified as such, and a change
//! that is told by a thin event and by its snapshot is acted on once.
//!
//! | answer | when |
//! |---|---|
//! | 200 | the work is done, was done before, or the trigger does not want the event |
//! | 400 | not verified: no signature, a wrong one, an old one, a body that is no event |
//! | 405 | not a POST |
//! | 408 | the body did not arrive in time |
//! | 409 | the same event is being worked on |
//! | 413 | the body is larger than any event |
//! | 500 | the component ended without a result |
//! | 502, 504 | the action failed, or took too long: Stripe delivers the event again |
//!
//! | file | owns |
//! |---|---|
//! | `server` | sockets, limits of size and time, the answer |
//! | `trigger` | which events count |
//! | `seen` | which events were dealt with |
//! | `action`, `forward`, `workflow` | what is done with an event |

mod action;
mod forward;
mod seen;
mod server;
mod trigger;
mod workflow;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use self::action::{Acting, Action, ActionError, Event};
pub use self::forward::Forward;
pub use self::server::Listener;
pub use self::trigger::{BadTrigger, Trigger};
pub use self::workflow::RunWorkflow;

/// How a listener behaves. `ListenOptions::default()` listens on a free port of
/// the loopback address, and knows no secret.
#[derive(Clone)]
pub struct ListenOptions {
    /// Where to listen. Port 0 takes a free port.
    pub address: SocketAddr,
    /// Signing secrets (`whsec_…`), of which one must have signed.
    pub secrets: Vec<String>,
    /// Greatest age of a signature, in seconds. None: 300; 0: any.
    pub tolerance: Option<u32>,
    /// Which events are acted on. Default: all.
    pub trigger: Trigger,
    /// The largest body, in bytes; a larger one is answered with 413.
    pub max_body_bytes: usize,
    /// The most connections served at once; further ones wait.
    pub max_connections: usize,
    /// How long a client may take to send a request's head, and again its body.
    pub client_timeout: Duration,
    /// How long the action may take. Stripe itself waits some 20 s.
    pub action_timeout: Duration,
    /// How long an event that was dealt with is remembered. Stripe delivers
    /// again for up to three days.
    pub remembered_for: Duration,
    /// Of how many events is remembered at most that they were dealt with.
    pub remembered: usize,
    /// Called with a line about every request: status, event, what was done.
    pub log: Option<Log>,
}

/// Where lines go.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenOptions")
            .field("address", &self.address)
            .field("secrets", &self.secrets.len())
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secrets: Vec::new(),
            tolerance: None,
            trigger: Trigger::default(),
            max_body_bytes: 4 << 20,
            max_connections: 64,
            client_timeout: Duration::from_secs(10),
            action_timeout: Duration::from_secs(60),
            remembered_for: Duration::from_secs(4 * 86_400),
            remembered: 100_000,
            log: None,
        }
    }
}
