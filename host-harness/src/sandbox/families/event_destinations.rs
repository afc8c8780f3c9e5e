//! Event destinations (v2), and the thin events that are read there. It owns what a destination may
//! ask for and what it shows of itself (Stripe API v2, "Event destinations"); what thin events are is
//! in `thin.rs`, who is told of which in `audience.rs`.

use super::super::audience::{self, DESTINATION, ENDPOINT, SECRET, SOURCES, URL};
use super::super::calendar::{self, iso_8601};
use super::super::errors::StripeError;
use super::super::routes::Action;
use super::super::shapes::{Object, Shapes};
use super::super::store::{Store, set, text};
use super::super::world::{Call, Outcome, World};
use super::super::{deliveries, events, lists, thin};
use super::{Family, webhooks};
use serde_json::{Value, json};

/// How many names a list of events may ask for (Stripe API v2, "List all events").
const MAX_TYPES: usize = 20;

pub(crate) struct EventDestinations;

impl Family for EventDestinations {
    fn kinds(&self) -> &'static [&'static str] {
        &[DESTINATION, thin::KIND]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        let id = call.ids.first().map_or("", String::as_str);
        let value = match (call.route.verb, call.route.template.as_str()) {
            ("GET", "/v2/core/events") => list(world.store, call)?,
            ("GET", "/v2/core/events/{}") => {
                let event = thin::find(world.store, id);
                let event = event.ok_or_else(|| StripeError::no_such(thin::KIND, id))?;
                Value::Object(super::present(world.store, &event))
            }
            ("POST", "/v2/core/event_destinations/{}/ping") => ping(world, call, id)?,
            _ => return Ok(None),
        };
        Ok(Some(Outcome::Json(value)))
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        destination: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        one_of(params, "event_payload", &["snapshot", "thin"])?;
        let kinds = ["amazon_eventbridge", "azure_event_grid", ENDPOINT];
        one_of(params, "type", &kinds)?;
        check_events(params, audience::is_thin(params))?;
        let from = events_from(params)?;
        set(destination, "events_from", from);
        let version = match (
            audience::is_thin(params),
            text(params, "snapshot_api_version"),
        ) {
            (true, "") => Value::Null,
            (true, _) => {
                let message = "Thin events have no API version: leave snapshot_api_version out, \
                               or set event_payload to snapshot.";
                return Err(StripeError::invalid(message).param("snapshot_api_version"));
            }
            (false, "") => json!(Shapes::get().api_version),
            (false, version) => json!(version),
        };
        set(destination, "snapshot_api_version", version);
        if !destination.contains_key("metadata") {
            set(destination, "metadata", json!({}));
        }
        if text(params, "type") == ENDPOINT {
            if endpoint_url(params).is_none() {
                return Err(StripeError::missing("webhook_endpoint.url"));
            }
            set(destination, SECRET, format!("whsec_{}", world.ids.text(32)));
        }
        set(destination, "status", "enabled");
        set(destination, "status_details", Value::Null);
        changed(world, params, destination)
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        destination: &mut Object,
    ) -> Result<(), StripeError> {
        if call.params.contains_key("enabled_events") {
            check_events(&call.params, audience::is_thin(destination))?;
        }
        if call.params.contains_key(ENDPOINT) && !audience::is_webhook(destination) {
            let message = "This destination is no webhook endpoint, so it has no URL.";
            return Err(StripeError::invalid(message).param(ENDPOINT));
        }
        changed(world, &call.params, destination)
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        destination: &mut Object,
    ) -> Result<bool, StripeError> {
        let (status, details) = match action {
            "disable" => ("disabled", json!({"disabled": {"reason": "user"}})),
            "enable" => ("enabled", Value::Null),
            _ => return Ok(false),
        };
        set(destination, "status", status);
        set(destination, "status_details", details);
        set(destination, "updated", iso_8601(world.now));
        Ok(true)
    }

    fn include(&self, call: &Call<'_>, destination: &Object, shown: &mut Object) {
        let asks_for = |name: &str| match call.params.get("include") {
            Some(Value::Array(fields)) => fields.iter().any(|field| field == name),
            Some(field) => field == name,
            None => false,
        };
        let endpoint = shown.get_mut(ENDPOINT).and_then(Value::as_object_mut);
        let Some(endpoint) = endpoint else { return };
        if asks_for("webhook_endpoint.url") {
            set(endpoint, "url", text(destination, URL));
        }
        // The secret is told once, to who made the destination.
        if asks_for("webhook_endpoint.signing_secret") && call.route.action == Action::Create {
            set(endpoint, "signing_secret", text(destination, SECRET));
        }
    }
}

/// Takes over what a creation and an update have in common.
fn changed(
    world: &World<'_>,
    params: &Object,
    destination: &mut Object,
) -> Result<(), StripeError> {
    if let Some(url) = endpoint_url(params) {
        webhooks::check_url(url, "webhook_endpoint.url")?;
        set(destination, URL, url.clone());
    }
    if audience::is_webhook(destination) {
        // Neither is shown unless it is asked for.
        let hidden = json!({"signing_secret": null, "url": null});
        set(destination, ENDPOINT, hidden);
    }
    set(destination, "updated", iso_8601(world.now));
    Ok(())
}

fn endpoint_url(params: &Object) -> Option<&Value> {
    params.get(ENDPOINT)?.get("url")
}

fn one_of(params: &Object, name: &str, words: &[&str]) -> Result<(), StripeError> {
    if words.contains(&text(params, name)) {
        return Ok(());
    }
    let message = format!("Invalid {name}: it is one of {}.", words.join(", "));
    Err(StripeError::invalid(message).param(name))
}

/// The accounts whose events are wanted: the destination's own, if nothing else is said.
fn events_from(params: &Object) -> Result<Value, StripeError> {
    let Some(given) = params.get("events_from").filter(|given| !given.is_null()) else {
        return Ok(json!(["@self"]));
    };
    let names = given.as_array().filter(|names| !names.is_empty());
    let known = |name: &Value| SOURCES.iter().any(|(known, _)| name == known);
    if names.is_some_and(|names| names.iter().all(known)) {
        return Ok(given.clone());
    }
    let message = "Invalid events_from: it is a list of @self (this account) and @accounts (those \
                   connected to it). The sandbox has no organizations.";
    Err(StripeError::invalid(message).param("events_from"))
}

/// Refuses names that there are no events of in this form.
fn check_events(params: &Object, is_thin: bool) -> Result<(), StripeError> {
    let wrong = |message: String| StripeError::invalid(message).param("enabled_events");
    let names = params.get("enabled_events").and_then(Value::as_array);
    let names = names.filter(|names| !names.is_empty()).ok_or_else(|| {
        wrong("Invalid enabled_events: it is a list of names of events.".to_owned())
    })?;
    for name in names {
        let Some(name) = name.as_str() else {
            return Err(wrong(format!("Invalid enabled_events: {name} is no name.")));
        };
        let problem = match (is_thin, thin::name_of(name), thin::snapshot_name(name)) {
            (true, Some(thin), _) => format!("is a snapshot event; the thin one is {thin}"),
            (true, None, _) if name != "*" && !thin::is_known(name) => {
                "is no thin event that Stripe has".to_owned()
            }
            (false, _, Some(snapshot)) => format!("is a thin event; the snapshot is {snapshot}"),
            (false, ..) if name.starts_with("v2.") => {
                "is a thin event, and has no snapshot".to_owned()
            }
            _ => continue,
        };
        return Err(wrong(format!("Invalid enabled_events: {name} {problem}.")));
    }
    Ok(())
}

/// Sends a trial event to a destination, whatever events that wants.
fn ping(world: &mut World<'_>, call: &Call<'_>, id: &str) -> Result<Value, StripeError> {
    let destination = world.at_path(DESTINATION, id)?;
    let asked = call.asked;
    let reason = thin::reason(asked.request_id, asked.idempotency_key);
    let mut event = thin::ping(&destination, reason, world.now);
    set(&mut event, "id", world.ids.id(thin::KIND));
    if text(&destination, "status") == "enabled" && audience::is_webhook(&destination) {
        deliveries::plan_for(&mut event, id, world.now);
    }
    let told = thin::full(&event).unwrap_or_default();
    world.store.put(thin::KIND, event);
    Ok(Value::Object(super::present(world.store, &told)))
}

fn list(store: &Store, call: &Call<'_>) -> Result<Value, StripeError> {
    let types = call.params.get("types").and_then(Value::as_array);
    if types.is_some_and(|types| types.len() > MAX_TYPES) {
        let message = format!("types holds at most {MAX_TYPES} names.");
        return Err(StripeError::malformed(message).param("types"));
    }
    let created = bounds(&call.params)?;
    let stored = events::STORED.into_iter();
    let mut records: Vec<_> = stored.flat_map(|kind| store.oldest_first(kind)).collect();
    records.retain(|record| thin::is_selected(&record.object, &call.params, &created));
    records.sort_by_key(|record| std::cmp::Reverse(record.sequence));
    lists::v2_page_of(&records, call, |event| {
        let full = thin::full(event).unwrap_or_default();
        super::present(store, &full)
    })
}

/// The limits of `created`, in milliseconds since 1970: each with its name.
fn bounds(params: &Object) -> Result<Vec<(String, i64)>, StripeError> {
    let range = match params.get("created") {
        None => return Ok(Vec::new()),
        Some(range) => range.as_object(),
    };
    let wrong = || {
        let message = "created takes gt, gte, lt and lte, each a time such as \
                       2026-01-31T12:00:00Z.";
        StripeError::malformed(message).param("created")
    };
    let bounds = range.ok_or_else(wrong)?.iter().map(|(bound, limit)| {
        let is_bound = matches!(bound.as_str(), "gt" | "gte" | "lt" | "lte");
        let limit = limit.as_str().filter(|_| is_bound);
        let time = limit.and_then(|limit| {
            let seconds = || limit.parse::<i64>().ok()?.checked_mul(1000);
            calendar::parse_rfc_3339(limit).or_else(seconds)
        });
        Ok((bound.clone(), time.ok_or_else(wrong)?))
    });
    bounds.collect()
}
