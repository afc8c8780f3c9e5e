//! What is done with an event that was verified: the seam between the listener
//! and whatever it drives. Nothing here knows of sockets.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;

/// An event as Stripe delivered it, verified.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id (`evt_…`).
    pub id: String,
    /// Its name, such as `invoice.paid`.
    pub kind: String,
    /// The body, byte for byte: the event as JSON.
    pub payload: String,
    /// The `stripe-signature` header.
    pub signature: String,
    /// By what it is known again: its id, or that of the snapshot event which
    /// tells the same where this one is thin.
    pub(super) known_by: String,
}

impl Event {
    pub(super) fn body(&self) -> Bytes {
        Bytes::copy_from_slice(self.payload.as_bytes())
    }
}

/// Why an event was not dealt with; Stripe is to deliver it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionError {
    message: String,
    detail: Option<String>,
}

impl ActionError {
    /// What is told to who delivered the event, too: it should name nothing of
    /// the payload.
    pub fn new(message: impl Into<String>) -> ActionError {
        ActionError {
            message: message.into(),
            detail: None,
        }
    }

    /// The same, with what only the log is told in its place.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> ActionError {
        ActionError {
            detail: Some(detail.into()),
            ..self
        }
    }

    pub(super) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.detail)
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_ref().unwrap_or(&self.message))
    }
}

impl std::error::Error for ActionError {}

/// An action under way. The text says what was done, for the log.
pub type Acting<'a> = Pin<Box<dyn Future<Output = Result<String, ActionError>> + Send + 'a>>;

/// Something that is done with each event, once. It is dropped where it takes
/// too long.
pub trait Action: Send + Sync + 'static {
    /// Deals with one event. Ok means that it is done, and never to be done
    /// again.
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a>;
}
