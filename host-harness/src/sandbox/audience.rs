//! Who is told of an event: webhook endpoints (v1) and event destinations (v2), by what each asked
//! for. It owns the reading of their `enabled_events`, `connect` and `events_from`; when and how they
//! are told is `deliveries`' affair.

use super::shapes::Object;
use super::store::{Store, flag, text};
use super::thin;
use serde_json::Value;

/// The field of an endpoint or a destination that holds its secret, of an endpoint that says whether
/// it is one for connected accounts, and of a destination that holds its URL. None is ever shown as
/// it is stored.
pub(crate) const SECRET: &str = "_secret";
pub(crate) const CONNECT: &str = "_connect";
pub(crate) const URL: &str = "_url";

/// The kinds of object that are told of events.
pub(crate) const ENDPOINT: &str = "webhook_endpoint";
pub(crate) const DESTINATION: &str = "v2.core.event_destination";

/// What an `events_from` may name, and whether it means the account itself or those connected to it.
/// The names with @ are those of the API version of the table, the others those of its first versions.
pub(crate) const SOURCES: [(&str, bool); 4] = [
    ("@self", true),
    ("self", true),
    ("@accounts", false),
    ("other_accounts", false),
];

/// Somebody who is told of events.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) id: String,
    events: Vec<String>,
    is_thin: bool,
    /// It wants the events of its own account, of those connected to it, or both.
    wants_own: bool,
    wants_connected: bool,
}

impl Listener {
    /// Whether it wants the event of this snapshot name (`customer.created`), or of this thin one
    /// that has no snapshot.
    pub(crate) fn wants(&self, name: &str, is_connected: bool) -> bool {
        let from = if is_connected {
            self.wants_connected
        } else {
            self.wants_own
        };
        let is_v2 = name.starts_with("v2.");
        let name = match (self.is_thin, is_v2) {
            (true, true) | (false, false) => Some(name),
            (true, false) => thin::name_of(name),
            (false, true) => None,
        };
        from && name.is_some_and(|name| {
            let mut events = self.events.iter();
            events.any(|wanted| wanted == "*" || wanted == name)
        })
    }
}

/// Everybody in an account who is told of anything.
pub(crate) fn listeners(store: &Store) -> Vec<Listener> {
    let kinds = [ENDPOINT, DESTINATION].into_iter();
    let objects = kinds.flat_map(|kind| store.oldest_first(kind));
    let objects = objects.map(|record| &record.object);
    objects
        .filter(|object| text(object, "status") == "enabled" && is_webhook(object))
        .map(listener)
        .collect()
}

/// Those among them who are told what happens in connected accounts.
pub(crate) fn of_connected(store: &Store) -> Vec<Listener> {
    let mut listeners = listeners(store);
    listeners.retain(|listener| listener.wants_connected);
    listeners
}

/// Whether events are sent to a URL, rather than to a cloud's event bus.
pub(crate) fn is_webhook(object: &Object) -> bool {
    text(object, "object") == ENDPOINT || text(object, "type") == ENDPOINT
}

/// Where somebody is told.
pub(crate) fn url(object: &Object) -> &str {
    match text(object, URL) {
        "" => text(object, "url"),
        url => url,
    }
}

/// Whether somebody is told in thin events.
pub(crate) fn is_thin(object: &Object) -> bool {
    text(object, "event_payload") == "thin"
}

/// An endpoint or a destination by its id.
pub(crate) fn find<'s>(store: &'s Store, id: &str) -> Option<&'s Object> {
    let mut kinds = [ENDPOINT, DESTINATION].into_iter();
    kinds.find_map(|kind| store.get(kind, id))
}

fn listener(object: &Object) -> Listener {
    let texts = |field: &str| -> Vec<String> {
        let list = object.get(field).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let (wants_own, wants_connected) = if text(object, "object") == ENDPOINT {
        let connect = flag(object, CONNECT);
        (!connect, connect)
    } else {
        let from = texts("events_from");
        let names = |own: bool| {
            let mut sources = SOURCES.iter().filter(|(_, is_own)| *is_own == own);
            sources.any(|(name, _)| from.iter().any(|from| from == name))
        };
        (names(true), names(false))
    };
    Listener {
        id: text(object, "id").to_owned(),
        events: texts("enabled_events"),
        is_thin: is_thin(object),
        wants_own,
        wants_connected,
    }
}
