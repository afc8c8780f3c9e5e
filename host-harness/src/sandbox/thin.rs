//! Thin events: what happened without the object it happened to (Stripe docs, "Thin events"). It owns
//! their names, read from a data file in `shapes/`, and their form; who is told of them is
//! `audience`'s affair.
//!
//! A thin event of v1 is another view of the snapshot event with the same name (`customer.created`
//! is `v1.customer.created`), so it is made from that one whenever it is asked for, and its id
//! holds the id of that one. Those of v2 have no snapshot event and are kept as they are.

use super::calendar::{self, iso_8601};
use super::events;
use super::routes::{Action, Route, Routes};
use super::shapes::Object;
use super::store::{Store, int, set, text};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::OnceLock;

/// The kind of object that a thin event is.
pub(crate) const KIND: &str = "v2.core.event";

/// What the ids of thin events begin with in test mode, and of snapshot events.
const PREFIX: &str = "evt_test_";
const SNAPSHOT_PREFIX: &str = "evt_";
/// How many characters follow in the id of a snapshot event, and how many of those follow again.
const LENGTH: usize = 24;
const AGAIN: usize = 16;

/// The names of all thin events, and the kind of object each is about.
fn names() -> &'static HashMap<&'static str, Option<&'static str>> {
    static NAMES: OnceLock<HashMap<&'static str, Option<&'static str>>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let lines = include_str!("shapes/thin_events.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            Some((name, words.next().filter(|kind| *kind != "-")))
        });
        pairs.collect()
    })
}

/// Whether there is a thin event of this name.
pub(crate) fn is_known(name: &str) -> bool {
    names().contains_key(name)
}

/// The name of the thin event that tells the same as a snapshot event, if there is one.
pub(crate) fn name_of(snapshot: &str) -> Option<&'static str> {
    let name = format!("v1.{snapshot}");
    names().get_key_value(name.as_str()).map(|(name, _)| *name)
}

/// The name of the snapshot event that tells the same as a thin one, by its name.
pub(crate) fn snapshot_name(name: &str) -> Option<&str> {
    name.strip_prefix("v1.").filter(|_| is_known(name))
}

/// The id of the thin event that tells the same as the snapshot event with this id.
fn id_of(snapshot: &str) -> String {
    let rest = snapshot.strip_prefix(SNAPSHOT_PREFIX).unwrap_or(snapshot);
    let again: String = rest.chars().rev().take(AGAIN).collect();
    format!("{PREFIX}{rest}{again}")
}

/// The full thin event with this id, as the API answers with it.
pub(crate) fn find(store: &Store, id: &str) -> Option<Object> {
    if let Some(event) = store.get(KIND, id) {
        return full(event);
    }
    let rest = id.strip_prefix(PREFIX)?.get(..LENGTH)?;
    let snapshot = format!("{SNAPSHOT_PREFIX}{rest}");
    // The rest of the id must be right, too.
    (id_of(&snapshot) == id).then_some(())?;
    full(store.get("event", &snapshot)?)
}

/// A stored event as the API answers with it; None of a snapshot event that has no thin kin.
pub(crate) fn full(event: &Object) -> Option<Object> {
    let mut full = notification(event, None)?;
    if text(event, "object") == KIND {
        for field in ["changes", "data"] {
            set(&mut full, field, field_of(event, field));
        }
    } else {
        set(&mut full, "changes", changes(event));
        set(&mut full, "data", Value::Null);
    }
    Some(full)
}

/// A stored event as it is delivered, for a reader who is in this context; None of a snapshot event
/// that has no thin kin.
pub(crate) fn notification(event: &Object, context: Option<&str>) -> Option<Object> {
    let is_thin = text(event, "object") == KIND;
    let name = match text(event, "type") {
        name if is_thin => name,
        name => name_of(name)?,
    };
    let mut told = Object::new();
    if is_thin {
        for field in ["id", "object", "created", "reason", "related_object"] {
            set(&mut told, field, field_of(event, field));
        }
    } else {
        set(&mut told, "id", id_of(text(event, "id")));
        set(&mut told, "object", KIND);
        set(&mut told, "created", iso_8601(int(event, "created")));
        set(&mut told, "reason", reason_of(event));
        set(&mut told, "related_object", related_of(event, name));
        set(&mut told, "snapshot_event", text(event, "id"));
    }
    set(&mut told, "context", context);
    set(&mut told, "livemode", false);
    set(&mut told, "type", name);
    Some(told)
}

fn field_of(event: &Object, field: &str) -> Value {
    event.get(field).cloned().unwrap_or(Value::Null)
}

/// Why something happened: because of a request, or by time alone (Stripe API, "The Event object").
pub(crate) fn reason(request_id: Option<&str>, idempotency_key: Option<&str>) -> Value {
    match request_id {
        None => Value::Null,
        Some(id) => {
            json!({"type": "request", "request": {"id": id, "idempotency_key": idempotency_key}})
        }
    }
}

fn reason_of(event: &Object) -> Value {
    let request = event.get("request").and_then(Value::as_object);
    let of = |field: &str| request?.get(field)?.as_str();
    reason(of("id"), of("idempotency_key"))
}

/// What was before and what is now, of what changed: the `previous_attributes` of the snapshot event
/// and their new values (Stripe changelog, "Makes thin events for API v1 resources generally
/// available"). Null where the snapshot event has none.
fn changes(event: &Object) -> Value {
    let data = event.get("data").and_then(Value::as_object);
    let of = |field: &str| data?.get(field)?.as_object();
    match (of("previous_attributes"), of("object")) {
        (Some(before), Some(object)) => {
            json!({"before": before, "after": part(object, before)})
        }
        _ => Value::Null,
    }
}

/// Those fields of an object that another one has.
fn part(object: &Object, like: &Object) -> Object {
    let fields = like.iter().map(|(name, was)| {
        let now = match (object.get(name), was) {
            (Some(Value::Object(now)), Value::Object(was)) => Value::Object(part(now, was)),
            (now, _) => now.cloned().unwrap_or(Value::Null),
        };
        (name.clone(), now)
    });
    fields.collect()
}

/// What happened to an object of v2, without an id as yet. The API says what was before and what is
/// since: null before a creation, and after a deletion (Stripe API, "Account event types").
pub(crate) fn of_v2(
    name: &str,
    before: Option<&Object>,
    after: Option<&Object>,
    reason: Value,
    now: i64,
) -> Object {
    let object = after.or(before);
    let changes = match (before, after) {
        (Some(before), Some(after)) => {
            let previous = events::difference(before, after);
            json!({"before": previous, "after": part(after, &previous)})
        }
        (before, after) => json!({"before": before, "after": after}),
    };
    // Whose person it is, stands in the event.
    let data = object.and_then(|object| object.get("account"));
    let data = data.map(|account| json!({"account_id": account}));
    let mut event = bare(name, object.map_or(Value::Null, related), reason, now);
    set(&mut event, "changes", changes);
    set(&mut event, "data", data);
    event
}

/// A trial event for a destination, as the call that asks for it makes one.
pub(crate) fn ping(destination: &Object, reason: Value, now: i64) -> Object {
    let about = related(destination);
    bare("v2.core.event_destination.ping", about, reason, now)
}

fn bare(name: &str, related_object: Value, reason: Value, now: i64) -> Object {
    let mut event = Object::new();
    set(&mut event, "object", KIND);
    set(&mut event, "created", iso_8601(now));
    set(&mut event, "reason", reason);
    set(&mut event, "related_object", related_object);
    set(&mut event, "type", name);
    event
}

fn related_of(event: &Object, name: &str) -> Value {
    let about = names().get(name).copied().flatten();
    let object = event.get("data").and_then(|data| data.get("object"));
    match (about, object.and_then(Value::as_object)) {
        (Some(_), Some(object)) => related(object),
        _ => Value::Null,
    }
}

/// A reference to an object: where it can be fetched. Null where there is no such place.
pub(crate) fn related(object: &Object) -> Value {
    let (kind, id) = (text(object, "object"), text(object, "id"));
    match (url_of(object), id) {
        (None, _) => Value::Null,
        // An object that has no id of its own.
        (Some(url), "") => json!({"type": kind, "url": url}),
        (Some(url), id) => json!({"id": id, "type": kind, "url": url}),
    }
}

/// The path at which an object is retrieved: the shortest there is.
fn url_of(object: &Object) -> Option<String> {
    let (kind, id) = (text(object, "object"), text(object, "id"));
    let wanted = if id.is_empty() {
        Action::RetrieveOnly
    } else {
        Action::Retrieve
    };
    let leads_here = |route: &&Route| {
        (route.verb, route.action, route.kind()) == ("GET", wanted, kind)
            && (!id.is_empty() || route.owners.is_empty())
    };
    let mut routes: Vec<_> = Routes::get().iter().filter(leads_here).collect();
    routes.sort_by_key(|route| (route.owners.len(), route.template.len()));
    let route = routes.first()?;
    let mut url = String::new();
    let mut owners = route.owners.iter();
    for part in route.template.split('/').skip(1) {
        url.push('/');
        if part != "{}" {
            url.push_str(part);
        } else if owners.len() == 1 {
            url.push_str(id);
        } else {
            // The field that names an owner is called like the last part of its kind.
            let owner = owners.next().copied().flatten()?;
            url.push_str(text(object, owner.rsplit('.').next()?));
        }
    }
    Some(url)
}

/// Whether a stored event is among those that a list asks for. `created` are limits by their names, in
/// milliseconds since 1970.
pub(crate) fn is_selected(event: &Object, params: &Object, created: &[(String, i64)]) -> bool {
    let is_thin = text(event, "object") == KIND;
    let name = text(event, "type");
    let Some(name) = (if is_thin { Some(name) } else { name_of(name) }) else {
        return false;
    };
    let (about, time) = if is_thin {
        let time = calendar::parse_rfc_3339(text(event, "created"));
        (event.get("related_object"), time.unwrap_or_default())
    } else {
        let about = event.get("data").and_then(|data| data.get("object"));
        (about, int(event, "created").saturating_mul(1000))
    };
    let about = about.and_then(|about| about.get("id"));
    let types = params.get("types").and_then(Value::as_array);
    types.is_none_or(|types| types.iter().any(|wanted| wanted == name))
        && params.get("object_id").is_none_or(|id| Some(id) == about)
        && created.iter().all(|(bound, limit)| match bound.as_str() {
            "gt" => time > *limit,
            "gte" => time >= *limit,
            "lt" => time < *limit,
            _ => time <= *limit,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_of_v1_or_v2() {
        assert!(names().len() > 300, "{}", names().len());
        for (name, about) in names() {
            assert!(name.starts_with("v1.") || name.starts_with("v2."), "{name}");
            assert!(about.is_none_or(|kind| !kind.contains('?')), "{name}");
        }
        assert_eq!(name_of("customer.created"), Some("v1.customer.created"));
        assert_eq!(name_of("v1.customer.created"), None);
        // Stripe has no thin kin of these.
        assert_eq!(name_of("customer.source.created"), None);
        assert_eq!(name_of("core.account.created"), None);
    }

    #[test]
    fn a_reference_says_where_to_fetch_the_object() {
        for (object, url) in [
            (
                json!({"object": "customer", "id": "cus_1"}),
                "/v1/customers/cus_1",
            ),
            (
                json!({"object": "checkout.session", "id": "cs_1"}),
                "/v1/checkout/sessions/cs_1",
            ),
            (
                json!({"object": "person", "id": "person_1", "account": "acct_1"}),
                "/v1/accounts/acct_1/persons/person_1",
            ),
            (json!({"object": "balance"}), "/v1/balance"),
            (
                json!({"object": "v2.core.account_person", "id": "person_1", "account": "acct_1"}),
                "/v2/core/accounts/acct_1/persons/person_1",
            ),
        ] {
            let related = related(object.as_object().unwrap());
            assert_eq!(related["url"], url, "{object}");
            assert_eq!(related.get("id"), object.get("id"), "{object}");
            assert_eq!(related["type"], object["object"]);
        }
        let unknown = json!({"object": "line_item_of_nothing", "id": "x_1"});
        assert_eq!(related(unknown.as_object().unwrap()), Value::Null);
    }
}
