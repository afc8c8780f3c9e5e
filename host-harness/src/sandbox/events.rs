//! Events: what Stripe tells an account about every change (Stripe docs, "Types of events"). It owns
//! the names of events and what each carries; it learns of changes from the store's journal, so no
//! family has to report any.

use super::audience::{self, Listener};
use super::deliveries;
use super::families;
use super::shapes::Object;
use super::store::{Change, Store, flag, int, set, text};
use super::thin;
use super::world::World;
use serde_json::{Value, json};

/// The kinds of events that are kept: snapshot events, and those thin ones that have no snapshot.
pub(crate) const STORED: [&str; 2] = ["event", thin::KIND];

/// Events kept at most. Stripe forgets them after 30 days (Stripe docs, "List all events").
const MAX_EVENTS: usize = 10_000;

/// Kinds whose events are made, how their names begin, and which of created (c), updated (u) and
/// deleted (d) there are. What else happens to a kind is told by `transitions`.
#[rustfmt::skip]
const KINDS: &[(&str, &str, &str)] = &[
    ("account", "account", "u"),
    ("application_fee", "application_fee", "c"),
    ("bank_account", "customer.source", "cud"),
    ("billing_portal.configuration", "billing_portal.configuration", "cu"),
    ("billing_portal.session", "billing_portal.session", "c"),
    ("capability", "capability", "u"),
    ("card", "customer.source", "cud"),
    ("charge", "charge", ""),
    ("checkout.session", "checkout.session", ""),
    ("coupon", "coupon", "cud"),
    ("credit_note", "credit_note", "cu"),
    ("customer", "customer", "cud"),
    ("dispute", "charge.dispute", "cu"),
    ("file", "file", "c"),
    ("identity.verification_session", "identity.verification_session", "c"),
    ("invoice", "invoice", "cud"),
    ("invoiceitem", "invoiceitem", "cd"),
    ("issuing.card", "issuing_card", "cu"),
    ("issuing.cardholder", "issuing_cardholder", "cu"),
    ("payment_intent", "payment_intent", "c"),
    ("payment_link", "payment_link", "cu"),
    ("payment_method", "payment_method", ""),
    ("payout", "payout", "cu"),
    ("person", "person", "cud"),
    ("plan", "plan", "cud"),
    ("price", "price", "cud"),
    ("product", "product", "cud"),
    ("promotion_code", "promotion_code", "cu"),
    ("quote", "quote", "c"),
    ("refund", "refund", "cu"),
    ("setup_intent", "setup_intent", "c"),
    ("source", "customer.source", "cud"),
    ("subscription", "customer.subscription", "c"),
    ("subscription_schedule", "subscription_schedule", "cu"),
    ("tax_id", "customer.tax_id", "cud"),
    ("tax_rate", "tax_rate", "cu"),
    ("test_helpers.test_clock", "test_helpers.test_clock", "cd"),
    ("topup", "topup", "c"),
    ("transfer", "transfer", "cu"),
];

/// Kinds of v2 whose thin events are made, and which of created (c), updated (u) and deleted (d)
/// there are. Their names begin with the kind's.
const V2_KINDS: &[(&str, &str)] = &[("v2.core.account", "cu"), ("v2.core.account_person", "cud")];

/// Who asked for a change; nobody, when time passing made it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) idempotency_key: Option<&'a str>,
}

/// An event to be told of.
struct News {
    event: Object,
    /// It is about an account that is connected to this one.
    is_connected: bool,
}

/// Makes the events of every change that is not final yet. `platform` are those who are told of
/// what happens here in the account that this one is connected to.
pub(crate) fn record(
    world: &mut World<'_>,
    asked: Asked<'_>,
    api_version: &str,
    platform: &[Listener],
) {
    let mut news = Vec::new();
    for (kind, id, before) in changed(world.store) {
        snapshots(world, &kind, &id, before.as_ref(), &mut news);
        of_v2(world, &kind, &id, before.as_ref(), asked, &mut news);
    }
    if balance_became_available(world.store) {
        let balance = families::balance_now(world);
        news.push(snapshot("balance.available", json!({"object": balance})));
    }
    // Pings are put among the events as they are sent.
    forget_oldest(world.store);
    if news.is_empty() {
        return;
    }
    let own = audience::listeners(world.store);
    for News {
        mut event,
        is_connected,
    } in news
    {
        let kind = text(&event, "object").to_owned();
        set(&mut event, "id", world.ids.id(&kind));
        if kind == "event" {
            set(&mut event, "api_version", api_version);
            set(&mut event, "created", world.now);
            set(&mut event, "livemode", false);
            let request = json!({"id": asked.request_id, "idempotency_key": asked.idempotency_key});
            set(&mut event, "request", request);
        }
        deliveries::plan(&mut event, &own, platform, is_connected, world.now);
        world.store.put(&kind, event);
    }
    forget_oldest(world.store);
}

/// The event with this id, snapshot or thin, as it is stored.
pub(crate) fn find<'s>(store: &'s Store, id: &str) -> Option<&'s Object> {
    STORED.into_iter().find_map(|kind| store.get(kind, id))
}

/// The snapshot events of one change.
fn snapshots(
    world: &World<'_>,
    kind: &str,
    id: &str,
    before: Option<&Object>,
    news: &mut Vec<News>,
) {
    let after = world.store.get(kind, id);
    let Some((_, prefix, usual)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
        return;
    };
    let mut names = names(prefix, usual, before, after);
    let shown = before.map(|object| families::present(world.store, object));
    let now = after.map(|object| families::present(world.store, object));
    let Some(object) = now.clone().or_else(|| shown.clone()) else {
        return;
    };
    let previous = match (shown, now) {
        (Some(mut shown), Some(now)) => {
            items_before(world.store, kind, id, &mut shown);
            difference(&shown, &now)
        }
        _ => Object::new(),
    };
    // What changed is only the sandbox's own note.
    if before.is_some() && after.is_some() && previous.is_empty() {
        names.retain(|name| !name.ends_with(".updated"));
    }
    let account = connected(world, kind, &object).to_owned();
    for name in names {
        let mut data = json!({"object": object});
        // Only updates say what was before (Stripe docs, "The Event object").
        let updates = name.ends_with(".updated")
            || matches!(name.as_str(), "payment_method.detached" | "charge.refunded");
        if let Some(data) = data.as_object_mut()
            && updates
            && !previous.is_empty()
        {
            set(data, "previous_attributes", previous.clone());
        }
        let mut told = snapshot(&name, data);
        if !account.is_empty() {
            set(&mut told.event, "account", account.as_str());
            told.is_connected = true;
        }
        news.push(told);
    }
}

fn snapshot(name: &str, data: Value) -> News {
    let mut event = Object::new();
    set(&mut event, "object", "event");
    set(&mut event, "data", data);
    set(&mut event, "type", name);
    News {
        event,
        is_connected: false,
    }
}

/// The connected account that an object is about, or nothing. An account and its persons are kept
/// with the platform that made them, but what happens to them happens in that account (Stripe docs,
/// "Connect webhooks").
fn connected<'o>(world: &World<'_>, kind: &str, object: &'o Object) -> &'o str {
    let account = match kind {
        "account" => text(object, "id"),
        "person" => text(object, "account"),
        _ => "",
    };
    if account == world.account {
        ""
    } else {
        account
    }
}

/// The thin events of one change to an object of v2.
fn of_v2(
    world: &World<'_>,
    kind: &str,
    id: &str,
    before: Option<&Object>,
    asked: Asked<'_>,
    news: &mut Vec<News>,
) {
    let Some((_, usual)) = V2_KINDS.iter().find(|(known, _)| *known == kind) else {
        return;
    };
    let shown = |object: &Object| families::present(world.store, object);
    let (before, after) = (before.map(shown), world.store.get(kind, id).map(shown));
    for name in names(kind, usual, before.as_ref(), after.as_ref()) {
        let reason = thin::reason(asked.request_id, asked.idempotency_key);
        let event = thin::of_v2(&name, before.as_ref(), after.as_ref(), reason, world.now);
        news.push(News {
            event,
            is_connected: false,
        });
    }
}

fn forget_oldest(store: &mut Store) {
    for kind in STORED {
        let surplus = store.count(kind).saturating_sub(MAX_EVENTS);
        let oldest = store.oldest_first(kind).take(surplus);
        let oldest: Vec<_> = oldest
            .map(|record| text(&record.object, "id").to_owned())
            .collect();
        for id in oldest {
            store.remove(kind, &id, None);
        }
    }
}

/// The objects that changed, and what they were. A subscription changes with its items.
fn changed(store: &Store) -> Vec<(String, String, Option<Object>)> {
    let mut changed: Vec<_> = store
        .changes()
        .map(|change| {
            let before = change.before.as_ref().map(|record| record.object.clone());
            (change.kind.clone(), change.id.clone(), before)
        })
        .collect();
    for item in item_changes(store) {
        let id = subscription_of(store, item);
        let known = changed
            .iter()
            .any(|(kind, present, _)| kind == "subscription" && *present == id);
        if let Some(subscription) = store.get("subscription", &id).filter(|_| !known) {
            changed.push(("subscription".into(), id, Some(subscription.clone())));
        }
    }
    changed
}

fn item_changes(store: &Store) -> impl Iterator<Item = &Change> {
    store
        .changes()
        .filter(|change| change.kind == "subscription_item")
}

fn subscription_of(store: &Store, item: &Change) -> String {
    let before = item.before.as_ref().map(|record| &record.object);
    let object = store.get("subscription_item", &item.id).or(before);
    object
        .map_or("", |object| text(object, "subscription"))
        .to_owned()
}

/// Gives a subscription as it was the items as they were.
fn items_before(store: &Store, kind: &str, id: &str, shown: &mut Object) {
    let items = shown.get_mut("items").and_then(|list| list.get_mut("data"));
    let (Some(items), "subscription") = (items.and_then(Value::as_array_mut), kind) else {
        return;
    };
    for change in item_changes(store).filter(|item| subscription_of(store, item) == id) {
        let place = items
            .iter()
            .position(|item| item.get("id").and_then(Value::as_str) == Some(change.id.as_str()));
        let before = change.before.as_ref();
        let before = before.map(|record| Value::Object(families::present(store, &record.object)));
        match (place, before) {
            (Some(place), Some(before)) => {
                if let Some(item) = items.get_mut(place) {
                    *item = before;
                }
            }
            (Some(place), None) => _ = items.remove(place),
            (None, Some(before)) => items.push(before),
            (None, None) => {}
        }
    }
}

/// The values that fields had before they changed. Of a nested object only what changed is told,
/// and a field that is new was null.
pub(crate) fn difference(before: &Object, after: &Object) -> Object {
    let mut previous = Object::new();
    for (name, now) in after {
        let was = before.get(name).unwrap_or(&Value::Null);
        match (was, now) {
            (was, now) if was == now => {}
            (Value::Object(was), Value::Object(now)) => {
                previous.insert(name.clone(), Value::Object(difference(was, now)));
            }
            (was, _) => _ = previous.insert(name.clone(), was.clone()),
        }
    }
    for (name, was) in before {
        if !after.contains_key(name) {
            previous.insert(name.clone(), was.clone());
        }
    }
    previous
}

/// Money that was pending can be paid out from now on.
fn balance_became_available(store: &Store) -> bool {
    store.changes().any(|change| {
        change.kind == "balance_transaction"
            && change
                .before
                .as_ref()
                .is_some_and(|record| text(&record.object, "status") == "pending")
    })
}

/// The names of the events that a change makes.
fn names(
    prefix: &str,
    usual: &str,
    before: Option<&Object>,
    after: Option<&Object>,
) -> Vec<String> {
    let mut names = Vec::new();
    let mut push = |name: &str| names.push(format!("{prefix}.{name}"));
    match (before, after) {
        (None, Some(after)) => {
            // External accounts of accounts have another event, which nobody has asked for yet.
            if prefix == "customer.source" && text(after, "customer").is_empty() {
                return names;
            }
            if usual.contains('c') {
                push("created");
            }
            transitions(prefix, &Object::new(), after, &mut push);
        }
        (Some(before), Some(after)) => {
            let told = transitions(prefix, before, after, &mut push);
            if usual.contains('u') && !told {
                push("updated");
            }
        }
        (Some(_), None) if usual.contains('d') => push("deleted"),
        _ => {}
    }
    names
}

/// Names what happened beyond "updated". True when that name stands in the place of "updated".
fn transitions(prefix: &str, before: &Object, after: &Object, push: &mut impl FnMut(&str)) -> bool {
    let is_new = before.is_empty();
    let status = text(after, "status");
    let moved = text(before, "status") != status;
    let differs = |field: &str| before.get(field) != after.get(field);
    let failed = |field: &str| differs(field) && after.get(field).is_some_and(|v| !v.is_null());
    match prefix {
        "payment_intent" => {
            if failed("last_payment_error") {
                push("payment_failed");
            }
            if int(after, "amount_capturable") > int(before, "amount_capturable") {
                push("amount_capturable_updated");
            }
            if moved
                && matches!(
                    status,
                    "succeeded" | "canceled" | "processing" | "requires_action"
                )
            {
                push(status);
            }
        }
        "setup_intent" => {
            if failed("last_setup_error") {
                push("setup_failed");
            }
            if moved && matches!(status, "succeeded" | "canceled" | "requires_action") {
                push(status);
            }
        }
        "charge" => {
            let captured = flag(after, "captured") && !flag(before, "captured");
            let refunded = int(after, "amount_refunded") > int(before, "amount_refunded");
            match (is_new, status) {
                (true, "succeeded" | "failed" | "pending") => push(status),
                (true, _) => {}
                (false, "succeeded" | "failed") if moved => push(status),
                (false, _) if captured => push("captured"),
                (false, _) if refunded => push("refunded"),
                (false, _) => push("updated"),
            }
        }
        "invoice" => invoice(before, after, push),
        "customer.subscription" => match (status, text(before, "status")) {
            ("canceled", was) if was != "canceled" && !is_new => push("deleted"),
            ("paused", was) if was != "paused" && !is_new => push("paused"),
            (_, "paused") => push("resumed"),
            _ if !is_new => push("updated"),
            _ => {}
        },
        "payout" if moved && matches!(status, "paid" | "canceled" | "failed") => push(status),
        "transfer" if int(after, "amount_reversed") > int(before, "amount_reversed") => {
            push("reversed");
            return true;
        }
        "topup" if moved && matches!(status, "succeeded" | "canceled" | "failed") => push(status),
        "checkout.session" => match (moved, status) {
            (true, "complete") => push("completed"),
            (true, "expired") => push("expired"),
            _ => {}
        },
        "payment_method" => {
            let (owner, was) = (text(after, "customer"), text(before, "customer"));
            match (owner.is_empty(), was.is_empty()) {
                (false, true) => push("attached"),
                (true, false) => push("detached"),
                (false, false) => push("updated"),
                (true, true) => {}
            }
        }
        "charge.dispute" => {
            let moves = |object: &Object| {
                let entries = object.get("balance_transactions").and_then(Value::as_array);
                entries.map_or(0, Vec::len)
            };
            let over = matches!(status, "won" | "lost" | "warning_closed");
            if moves(after) > moves(before) {
                push(if status == "won" {
                    "funds_reinstated"
                } else {
                    "funds_withdrawn"
                });
            }
            if moved && over {
                push("closed");
            }
        }
        "quote" => match (moved, status) {
            (true, "open") => push("finalized"),
            (true, "accepted" | "canceled") => push(status),
            _ => {}
        },
        "credit_note" if moved && status == "void" => {
            push("voided");
            return true;
        }
        _ => {}
    }
    false
}

fn invoice(before: &Object, after: &Object, push: &mut impl FnMut(&str)) {
    let was = match text(before, "status") {
        "" => "draft",
        was => was,
    };
    let status = text(after, "status");
    if was == "draft" && status != "draft" {
        push("finalized");
    }
    if int(after, "_sent") > int(before, "_sent") {
        push("sent");
    }
    let attempted = int(after, "attempt_count") > int(before, "attempt_count");
    if attempted && status != "paid" {
        push("payment_failed");
    }
    if was != status {
        match status {
            "paid" => {
                push("paid");
                // What was paid elsewhere was no payment of Stripe's.
                if !flag(after, "paid_out_of_band") {
                    push("payment_succeeded");
                }
            }
            "void" => push("voided"),
            "uncollectible" => push("marked_uncollectible"),
            _ => {}
        }
    }
}

/// Whether an event's name is the wanted one; `*` stands for any ending (Stripe docs, "List all
/// events").
pub(crate) fn is_of_type(name: &str, wanted: &str) -> bool {
    match wanted.split_once('*') {
        Some((start, "")) => name.starts_with(start),
        _ => name == wanted,
    }
}
