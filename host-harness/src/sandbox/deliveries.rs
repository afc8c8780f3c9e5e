//! Webhooks: which endpoints an event is for, when it is tried and tried again, and how it is signed.
//! It owns the notes that an event carries of this and their order in time; sockets are the courier's
//! affair, and nothing of the plugin, which verifies what is signed here, is used.

use super::audience::{self, Listener, SECRET};
use super::shapes::Object;
use super::store::{Store, flag, int, set, text};
use super::{events, families, thin};
use bytes::Bytes;
use http::Uri;
use ring::hmac;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How often a delivery is tried.
pub(crate) const MAX_ATTEMPTS: usize = 5;
/// Seconds of the sandbox's time after each failed try but the last. Stripe takes days for this
/// (Stripe docs, "Webhook delivery behaviors"); who tries a failing endpoint here waits for it.
const WAITS: [i64; MAX_ATTEMPTS - 1] = [1, 5, 30, 180];

/// The field of an event that says what became of its deliveries. It is never shown.
const NOTES: &str = "_deliveries";

/// The field of a note that says that its endpoint belongs to the platform, not to the event's account.
const OF_PLATFORM: &str = "of_platform";

/// One try to deliver an event, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) account: String,
    pub(crate) event: String,
    pub(crate) endpoint: String,
    /// The id and the name under which the event is delivered: those of its thin form, maybe.
    pub(crate) told_as: (String, String),
    pub(crate) url: String,
    /// Where it goes, or why it goes nowhere.
    pub(crate) target: Result<Target, String>,
    pub(crate) body: Bytes,
    pub(crate) signature: String,
}

/// An address of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) host: String,
    pub(crate) path: String,
}

/// A try to deliver an event, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// The event.
    pub event: String,
    /// Its name, such as `invoice.paid`.
    pub event_type: String,
    /// The endpoint.
    pub endpoint: String,
    /// Where it was sent.
    pub url: String,
    /// Which try it was, from 1.
    pub attempt: usize,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it failed, unless a status says so.
    pub reason: Option<String>,
    /// Whether it is tried again.
    pub retried: bool,
}

impl DeliveryAttempt {
    /// Whether the endpoint has taken the event.
    pub fn succeeded(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(u16),
    /// No answer, and why.
    Unanswered(String),
    /// It was not sent, nor will be.
    Refused(String),
}

/// Notes on a new event everybody who wants it, and how many these are. `own` are the listeners of the
/// account that has the event, `platform` those of the one that it is connected to; `is_connected`
/// says that the event is about an account that is connected to the one that has it.
pub(crate) fn plan(
    event: &mut Object,
    own: &[Listener],
    platform: &[Listener],
    is_connected: bool,
    now: i64,
) {
    let name = text(event, "type").to_owned();
    let own = own.iter().filter(|it| it.wants(&name, is_connected));
    let platform = platform.iter().filter(|it| it.wants(&name, true));
    let of_platform = platform.map(|it| (it, true));
    let wanting = own.map(|it| (it, false)).chain(of_platform);
    let notes: Vec<_> = wanting
        .map(|(it, of_platform)| note(&it.id, of_platform, now))
        .collect();
    if text(event, "object") == "event" {
        set(event, "pending_webhooks", notes.len());
    }
    if !notes.is_empty() {
        set(event, NOTES, notes);
    }
}

/// Notes on a new event that one endpoint alone is told of it.
pub(crate) fn plan_for(event: &mut Object, endpoint: &str, now: i64) {
    set(event, NOTES, json!([note(endpoint, false, now)]));
}

fn note(endpoint: &str, of_platform: bool, now: i64) -> Value {
    let mut note = Object::new();
    set(&mut note, "endpoint", endpoint);
    set(&mut note, "attempts", 0);
    set(&mut note, "due", now);
    if of_platform {
        set(&mut note, OF_PLATFORM, true);
    }
    Value::Object(note)
}

fn notes(event: &Object) -> impl Iterator<Item = &Object> {
    let notes = event.get(NOTES).and_then(Value::as_array);
    notes.into_iter().flatten().filter_map(Value::as_object)
}

/// When a note's next try is due, if there is another.
fn due(note: &Object) -> Option<i64> {
    note.get("due").and_then(Value::as_i64)
}

type Name = (String, String);

/// When events fall due, over all accounts.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    by_time: BTreeSet<(i64, Name)>,
    times: HashMap<Name, i64>,
    /// Account, event and endpoint of the tries that have no outcome yet.
    under_way: HashSet<(String, String, String)>,
}

impl Deliveries {
    /// Notes what a store that was read from disk has to deliver.
    pub(crate) fn fill(&mut self, account: &str, store: &Store) {
        let stored = events::STORED.into_iter();
        for record in stored.flat_map(|kind| store.oldest_first(kind)) {
            let id = text(&record.object, "id").to_owned();
            self.note((account.to_owned(), id), Some(&record.object));
        }
    }

    /// Notes when every event that has just changed falls due.
    pub(crate) fn update(&mut self, account: &str, store: &Store) {
        let of_events = |kind: &str| events::STORED.contains(&kind);
        for change in store.changes().filter(|change| of_events(&change.kind)) {
            let event = store.get(&change.kind, &change.id);
            self.note((account.to_owned(), change.id.clone()), event);
        }
    }

    fn note(&mut self, name: Name, event: Option<&Object>) {
        if let Some(time) = self.times.remove(&name) {
            self.by_time.remove(&(time, name.clone()));
        }
        let next = event.and_then(|event| {
            notes(event)
                .filter(|note| !self.is_under_way(&name, text(note, "endpoint")))
                .filter_map(due)
                .min()
        });
        if let Some(time) = next {
            self.times.insert(name.clone(), time);
            self.by_time.insert((time, name));
        }
    }

    fn is_under_way(&self, (account, event): &Name, endpoint: &str) -> bool {
        let name = (account.clone(), event.clone(), endpoint.to_owned());
        self.under_way.contains(&name)
    }

    /// When the next try is due, in the sandbox's time.
    pub(crate) fn next_time(&self) -> Option<i64> {
        self.by_time.first().map(|(time, _)| *time)
    }

    /// The account and the event whose turn it is by now.
    pub(crate) fn next(&self, now: i64) -> Option<Name> {
        let (time, name) = self.by_time.first()?;
        (*time <= now).then(|| name.clone())
    }

    /// Takes an event's tries that are due. The event is in `store`, and `platform` has the endpoints
    /// of the account that this one is connected to.
    pub(crate) fn take(
        &mut self,
        (account, id): &Name,
        store: &Store,
        platform: Option<&Store>,
        now: i64,
        signed_at: i64,
    ) -> Vec<Delivery> {
        let event = events::find(store, id);
        let mut taken = Vec::new();
        for (event, note) in event.into_iter().flat_map(|event| {
            let notes = notes(event);
            notes.map(move |note| (event, note))
        }) {
            let endpoint = text(note, "endpoint").to_owned();
            let name = (account.clone(), id.clone(), endpoint.clone());
            if due(note).is_none_or(|due| due > now) || !self.under_way.insert(name) {
                continue;
            }
            let of_platform = flag(note, OF_PLATFORM);
            let home = if of_platform { platform } else { Some(store) };
            let listener = home.and_then(|home| audience::find(home, &endpoint));
            let url = listener.map_or("", audience::url);
            let target = match listener {
                None => Err("the endpoint was deleted".to_owned()),
                Some(object) if text(object, "status") != "enabled" => {
                    Err("the endpoint was disabled".to_owned())
                }
                Some(_) => target(url),
            };
            // A connected account's own events lie with its platform, and name it.
            let named = Some(text(event, "account")).filter(|account| !account.is_empty());
            let from = if of_platform {
                Some(account.as_str())
            } else {
                named
            };
            let told = told(store, event, listener, from);
            // Stripe's payloads have lines indented by two spaces.
            let body = serde_json::to_string_pretty(&told).unwrap_or_default();
            let secret = listener.map_or("", |object| text(object, SECRET));
            taken.push(Delivery {
                account: account.clone(),
                event: id.clone(),
                endpoint,
                told_as: (text(&told, "id").to_owned(), text(&told, "type").to_owned()),
                url: url.to_owned(),
                target,
                signature: signature_header(signed_at, &body, secret),
                body: body.into(),
            });
        }
        self.note((account.clone(), id.clone()), event);
        taken
    }

    /// A try has ended: its event may be tried again once that is noted on it.
    pub(crate) fn ended(&mut self, delivery: &Delivery) {
        self.under_way.remove(&(
            delivery.account.clone(),
            delivery.event.clone(),
            delivery.endpoint.clone(),
        ));
    }
}

/// An event as somebody is told it: thin or whole, and with the connected account that it is `from`.
fn told(store: &Store, event: &Object, listener: Option<&Object>, from: Option<&str>) -> Object {
    let is_thin = listener.is_some_and(audience::is_thin) || text(event, "object") == thin::KIND;
    let told = match is_thin.then(|| thin::notification(event, from)) {
        Some(Some(notification)) => notification,
        _ => {
            let mut event = event.clone();
            if let Some(account) = from {
                set(&mut event, "account", account);
            }
            event
        }
    };
    families::present(store, &told)
}

/// Writes down on the event how a try ended. None if the event is forgotten by now.
pub(crate) fn settle(
    store: &mut Store,
    delivery: &Delivery,
    outcome: Outcome,
    now: i64,
) -> Option<DeliveryAttempt> {
    let mut event = events::find(store, &delivery.event)?.clone();
    let kind = text(&event, "object").to_owned();
    let pending = int(&event, "pending_webhooks");
    let notes = event.get_mut(NOTES).and_then(Value::as_array_mut)?;
    let note = notes
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .find(|note| text(note, "endpoint") == delivery.endpoint)?;
    let attempt = usize::try_from(int(note, "attempts")).unwrap_or(0) + 1;
    let (status, reason, is_final) = match outcome {
        Outcome::Answered(status) => (Some(status), None, false),
        Outcome::Unanswered(reason) => (None, Some(reason), false),
        Outcome::Refused(reason) => (None, Some(reason), true),
    };
    let mut settled = DeliveryAttempt {
        event: delivery.told_as.0.clone(),
        event_type: delivery.told_as.1.clone(),
        endpoint: delivery.endpoint.clone(),
        url: delivery.url.clone(),
        attempt,
        status,
        reason,
        retried: false,
    };
    let wait = WAITS
        .get(attempt - 1)
        .filter(|_| !is_final && !settled.succeeded());
    set(note, "attempts", attempt);
    match wait {
        Some(wait) => {
            settled.retried = true;
            set(note, "due", now.saturating_add(*wait));
        }
        None => _ = note.remove("due"),
    }
    if settled.succeeded() && !flag(note, "succeeded") {
        set(note, "succeeded", true);
        // Those that were never taken stay pending (Stripe docs, "The Event object").
        if event.contains_key("pending_webhooks") {
            set(&mut event, "pending_webhooks", (pending - 1).max(0));
        }
    }
    store.put(&kind, event);
    Some(settled)
}

/// The `stripe-signature` header of a payload (Stripe docs, "Verify webhook signatures manually").
fn signature_header(time: i64, payload: &str, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{payload}").as_bytes());
    let hex: Vec<_> = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={time},v1={}", hex.concat())
}

/// Where an endpoint's URL leads, if that is this very machine: the sandbox calls no other.
pub(crate) fn target(url: &str) -> Result<Target, String> {
    let elsewhere = || {
        "the sandbox calls this machine alone: plain http to 127.0.0.1, [::1] or localhost"
            .to_owned()
    };
    let uri: Uri = url.parse().map_err(|_| elsewhere())?;
    if uri.scheme_str() != Some("http") {
        return Err(elsewhere());
    }
    let authority = uri.authority().ok_or_else(elsewhere)?;
    let host = authority.host();
    let port = match authority.port_u16() {
        Some(port) => port,
        // Nothing beside the host: no user, and no port that is none.
        None if authority.as_str() == host => 80,
        None => return Err(elsewhere()),
    };
    if authority.as_str().contains('@') {
        return Err(elsewhere());
    }
    // A name is never looked up: who answers for it is another's affair.
    let addresses: Vec<IpAddr> = match host {
        _ if host.eq_ignore_ascii_case("localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        _ => {
            let literal = host.trim_start_matches('[').trim_end_matches(']');
            vec![literal.parse().map_err(|_| elsewhere())?]
        }
    };
    if !addresses.iter().all(IpAddr::is_loopback) {
        return Err(elsewhere());
    }
    Ok(Target {
        addresses: addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect(),
        host: authority.as_str().to_owned(),
        path: uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
    })
}
