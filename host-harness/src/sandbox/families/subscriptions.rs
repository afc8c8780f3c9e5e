//! Subscriptions and their items: what a customer is billed for again and again. It owns their
//! states and periods; each period's bill is an invoice, which takes care of the money.

use super::super::calendar::after;
use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, flag, int, set, text};
use super::super::world::{Call, Outcome, World, id_in, whole_list};
use super::{Family, catalog, invoice_lines, payment_methods, prorations, renewals};
use serde_json::{Value, json};

pub(crate) struct Subscriptions;

impl Family for Subscriptions {
    fn kinds(&self) -> &'static [&'static str] {
        &["subscription", "subscription_item", "subscription_schedule"]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        // Older API versions report usage by item instead of by meter events.
        let item = call.ids.first().map_or("", String::as_str);
        Ok(match call.route.template.as_str() {
            "/v1/subscription_items/{}/usage_records" => {
                world.at_path("subscription_item", item)?;
                let timestamp = call.params.get("timestamp").filter(|time| time.is_number());
                Some(Outcome::Json(json!({"id": world.ids.id("usage_record"),
                    "object": "usage_record", "livemode": false, "quantity": int(&call.params, "quantity"),
                    "subscription_item": item, "timestamp": timestamp.unwrap_or(&json!(world.now))})))
            }
            "/v1/subscription_items/{}/usage_record_summaries" => {
                world.at_path("subscription_item", item)?;
                Some(Outcome::Json(whole_list(Vec::new(), call.path)))
            }
            _ => None,
        })
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "subscription" => begin(world, &call.params, object),
            "subscription_item" => {
                let subscription = text(&call.params, "subscription");
                let mut owner = world.named_by("subscription", "subscription", subscription)?;
                let (price, quantity) = catalog::priced(world, &call.params, "price")?;
                complete_item(world, object, subscription, price, quantity);
                settle(
                    world,
                    &call.params,
                    &mut owner,
                    vec![(None, Some(object.clone()))],
                )?;
                if let Some(settled) = world.store.get("subscription_item", text(object, "id")) {
                    *object = settled.clone();
                }
                Ok(())
            }
            _ => {
                let phases = call.params.get("phases").cloned().unwrap_or(json!([]));
                set(object, "phases", phases);
                set(object, "end_behavior", "release");
                set(object, "status", "not_started");
                Ok(())
            }
        }
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "subscription" => change(world, &call.params, object),
            "subscription_item" => {
                if !text(&call.params, "price").is_empty() || call.params.contains_key("price_data")
                {
                    let (price, _) = catalog::priced(world, &call.params, "price")?;
                    set(object, "price", Value::Object(price));
                }
                let before = world.store.get("subscription_item", text(object, "id"));
                let before = before.cloned();
                let mut owner = world.at_path("subscription", text(object, "subscription"))?;
                let changes = vec![(before, Some(object.clone()))];
                settle(world, &call.params, &mut owner, changes)?;
                if let Some(settled) = world.store.get("subscription_item", text(object, "id")) {
                    *object = settled.clone();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        if text(object, "object") != "subscription" {
            return Ok(false);
        }
        match (call.route.verb, action) {
            ("DELETE", _) => {
                if text(object, "status") == "canceled" {
                    return Err(StripeError::no_such("subscription", text(object, "id")));
                }
                if flag(&call.params, "prorate") || flag(&call.params, "invoice_now") {
                    prorations::cancel(world, &call.params, object)?;
                }
                end(world, object);
                if let Some(details) = call.params.get("cancellation_details") {
                    for (name, value) in details.as_object().into_iter().flatten() {
                        detail(object, name, value.clone());
                    }
                }
            }
            (_, "pause") => set(object, "status", "paused"),
            (_, "resume") => {
                if text(object, "status") != "paused" {
                    return Err(StripeError::invalid(
                        "Only a paused subscription can be resumed.",
                    ));
                }
                set(object, "status", "active");
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn deleted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &Object,
    ) -> Result<(), StripeError> {
        if text(object, "object") == "subscription_item" {
            remove_item(world, object, &Object::new())?;
            let mut owner = world.at_path("subscription", text(object, "subscription"))?;
            settle(
                world,
                &call.params,
                &mut owner,
                vec![(Some(object.clone()), None)],
            )?;
        }
        Ok(())
    }

    fn due(&self, object: &Object) -> Option<i64> {
        (text(object, "object") == "subscription")
            .then(|| renewals::due(object))
            .flatten()
    }

    fn fall_due(&self, world: &mut World<'_>, object: &mut Object) -> Result<(), StripeError> {
        renewals::fall_due(world, object)
    }

    fn present(&self, store: &Store, object: &mut Object) {
        if text(object, "object") == "subscription" {
            let id = text(object, "id").to_owned();
            let data = items_of(store, &id)
                .into_iter()
                .map(Value::Object)
                .collect();
            let list = whole_list(data, format!("/v1/subscription_items?subscription={id}"));
            set(object, "items", list);
        }
    }

    fn own_filters(&self) -> &'static [&'static str] {
        &["status", "price"]
    }

    fn selects(&self, params: &Object, object: &Object) -> bool {
        if text(object, "object") != "subscription" {
            return true;
        }
        let status = text(object, "status");
        match text(params, "status") {
            // Without a status, canceled subscriptions are left out (Stripe docs, "List
            // subscriptions").
            "" => status != "canceled",
            "all" => true,
            "ended" => matches!(status, "canceled" | "incomplete_expired"),
            wanted => wanted == status,
        }
    }
}

fn begin(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
) -> Result<(), StripeError> {
    let customer_id = text(params, "customer");
    if customer_id.is_empty() {
        return Err(StripeError::missing("customer"));
    }
    let elements = params
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if elements.is_empty() {
        return Err(StripeError::missing("items"));
    }
    let id = text(subscription, "id").to_owned();
    let mut items = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let param = format!("items[{index}]");
        let element = element
            .as_object()
            .ok_or_else(|| StripeError::missing(&param))?;
        let (price, quantity) = catalog::priced(world, element, &param)?;
        if text(&price, "type") != "recurring" {
            return Err(StripeError::invalid(
                "A subscription needs recurring prices; this one is for a single purchase.",
            )
            .param(&format!("{param}[price]")));
        }
        let mut item = world.blank("subscription_item");
        if let Some(metadata) = element
            .get("metadata")
            .filter(|metadata| metadata.is_object())
        {
            set(&mut item, "metadata", metadata.clone());
        }
        complete_item(world, &mut item, &id, price, quantity);
        items.push(item);
    }
    let now = world.now;
    let currency = items.first().and_then(|item| item.get("price"));
    let currency = currency
        .and_then(Value::as_object)
        .map_or("usd", |price| text(price, "currency"));
    set(subscription, "currency", currency);
    set(subscription, "start_date", now);
    if text(subscription, "collection_method") != "send_invoice" {
        set(subscription, "collection_method", "charge_automatically");
    }
    set(
        subscription,
        "cancellation_details",
        json!({"comment": null, "feedback": null, "reason": null}),
    );
    let trial_end = trial_end(params, now);
    if let Some(end) = trial_end {
        set(subscription, "trial_start", now);
        set(subscription, "trial_end", end);
        for item in &mut items {
            set(item, "current_period_start", now);
            set(item, "current_period_end", end);
        }
    }
    set(
        subscription,
        "billing_cycle_anchor",
        trial_end.unwrap_or(now),
    );
    set(
        subscription,
        "status",
        if trial_end.is_some() {
            "trialing"
        } else {
            "incomplete"
        },
    );
    for item in items.clone() {
        world.store.put("subscription_item", item);
    }
    note_period_end(subscription, &items);
    renewals::bill_first(world, params, subscription, &items, trial_end.is_some())
}

fn complete_item(
    world: &World<'_>,
    item: &mut Object,
    subscription: &str,
    price: Object,
    quantity: i64,
) {
    let recurring = price.get("recurring").and_then(Value::as_object);
    let interval = recurring.map_or("month", |recurring| text(recurring, "interval"));
    let count = recurring.map_or(1, |recurring| int(recurring, "interval_count").max(1));
    set(item, "current_period_start", world.now);
    set(
        item,
        "current_period_end",
        after(world.now, interval, count),
    );
    set(item, "subscription", subscription);
    set(item, "quantity", quantity);
    set(item, "price", Value::Object(price));
    set(item, "discounts", json!([]));
    set(item, "tax_rates", json!([]));
}

fn trial_end(params: &Object, now: i64) -> Option<i64> {
    let days = int(params, "trial_period_days");
    match params.get("trial_end") {
        Some(Value::Number(end)) => end.as_i64().filter(|end| *end > now),
        _ if days > 0 => Some(now.saturating_add(days.saturating_mul(86_400))),
        _ => None,
    }
}

/// Starts the subscription that a checkout session asks for; stored. What is not recurring in the
/// session is on its first invoice.
pub(crate) fn start(
    world: &mut World<'_>,
    session: &Object,
    method: &str,
) -> Result<Object, StripeError> {
    let customer = id_in(session, "customer").to_owned();
    let mut method = payment_methods::resolve(world, "payment_method", method)?;
    set(&mut method, "customer", customer.as_str());
    let id = text(session, "id");
    let bought = world.store.oldest_first("item");
    let bought = bought.filter(|record| record.parents.iter().any(|parent| parent == id));
    let bought: Vec<_> = bought.map(|record| record.object.clone()).collect();
    let mut items = Vec::new();
    for item in bought {
        let Some(price) = item.get("price").and_then(Value::as_object) else {
            continue;
        };
        let quantity = int(&item, "quantity");
        if text(price, "type") == "recurring" {
            items.push(json!({"price": text(price, "id"), "quantity": quantity}));
            continue;
        }
        let params = json!({"customer": customer, "quantity": quantity,
            "pricing": {"price": text(price, "id")}});
        let params = params.as_object().cloned().unwrap_or_default();
        let mut extra = world.fresh("invoiceitem", &params);
        invoice_lines::complete_item(world, &params, &mut extra)?;
        world.store.put("invoiceitem", extra);
    }
    let given = session.get("_subscription_data").and_then(Value::as_object);
    let mut params = given.cloned().unwrap_or_default();
    set(&mut params, "customer", customer);
    set(&mut params, "items", items);
    set(&mut params, "default_payment_method", text(&method, "id"));
    set(&mut params, "payment_behavior", "error_if_incomplete");
    world.store.put("payment_method", method);
    let mut subscription = world.fresh("subscription", &params);
    begin(world, &params, &mut subscription)?;
    world.store.put("subscription", subscription.clone());
    Ok(subscription)
}

/// Takes an item away. The last one stays, unless the same request adds others.
fn remove_item(world: &mut World<'_>, item: &Object, params: &Object) -> Result<(), StripeError> {
    let adds = params.get("items").and_then(Value::as_array);
    let adds = adds.is_some_and(|items| items.iter().any(|item| item.get("id").is_none()));
    if items_of(world.store, text(item, "subscription")).len() < 2 && !adds {
        return Err(StripeError::invalid(
            "A subscription needs an item, and this is its last. Cancel the subscription instead.",
        )
        .param("items"));
    }
    let id = text(item, "id").to_owned();
    world.store.remove("subscription_item", &id, None);
    Ok(())
}

/// Notes when the next period begins, which is when time alone changes the subscription.
pub(crate) fn note_period_end(subscription: &mut Object, items: &[Object]) {
    let ends = items.iter().map(|item| int(item, "current_period_end"));
    set(subscription, "_period_end", ends.min().unwrap_or(0));
}

pub(crate) fn items_of(store: &Store, subscription: &str) -> Vec<Object> {
    store
        .with_value("subscription_item", subscription)
        .cloned()
        .collect()
}

fn change(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
) -> Result<(), StripeError> {
    if text(subscription, "status") == "canceled" {
        let harmless = ["metadata", "cancellation_details", "expand"];
        if !params.keys().all(|name| harmless.contains(&name.as_str())) {
            return Err(StripeError::invalid(
                "A canceled subscription can only change its metadata and cancellation_details.",
            ));
        }
    }
    let id = text(subscription, "id").to_owned();
    let mut changes: Vec<prorations::Change> = Vec::new();
    let elements = params.get("items").and_then(Value::as_array);
    for (index, element) in elements
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .enumerate()
    {
        let param = format!("items[{index}]");
        let item_id = text(element, "id");
        if item_id.is_empty() {
            let (price, quantity) = catalog::priced(world, element, &param)?;
            let mut item = world.blank("subscription_item");
            complete_item(world, &mut item, &id, price, quantity);
            changes.push((None, Some(item)));
            continue;
        }
        let mut item = world.named_by(&format!("{param}[id]"), "subscription_item", item_id)?;
        if flag(element, "deleted") {
            remove_item(world, &item, params)?;
            changes.push((Some(item), None));
            continue;
        }
        let before = item.clone();
        if let Some(quantity) = element.get("quantity") {
            set(&mut item, "quantity", quantity.clone());
        }
        if element.contains_key("price") || element.contains_key("price_data") {
            let (price, _) = catalog::priced(world, element, &param)?;
            set(&mut item, "price", Value::Object(price));
        }
        changes.push((Some(before), Some(item)));
    }
    settle(world, params, subscription, changes)?;
    if let Some(at_period_end) = params.get("cancel_at_period_end").and_then(Value::as_bool) {
        let ends = items_of(world.store, &id)
            .iter()
            .map(|item| int(item, "current_period_end"))
            .max();
        let (at, canceled, reason) = if at_period_end {
            (
                json!(ends),
                json!(world.now),
                json!("cancellation_requested"),
            )
        } else {
            (Value::Null, Value::Null, Value::Null)
        };
        set(subscription, "cancel_at", at);
        set(subscription, "canceled_at", canceled);
        detail(subscription, "reason", reason);
    }
    if params.get("trial_end").is_some_and(|end| end == "now")
        && text(subscription, "status") == "trialing"
    {
        set(subscription, "trial_end", world.now);
        set(subscription, "billing_cycle_anchor", world.now);
        for mut item in items_of(world.store, &id) {
            set(&mut item, "current_period_end", world.now);
            world.store.put("subscription_item", item);
        }
        renewals::renew(world, subscription)?;
    }
    Ok(())
}

/// Stores changed items, and settles what the changes cost; the subscription is stored.
fn settle(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
    changes: Vec<prorations::Change>,
) -> Result<(), StripeError> {
    prorations::settle(world, params, subscription, changes)?;
    let items = items_of(world.store, text(subscription, "id"));
    note_period_end(subscription, &items);
    world.store.put("subscription", subscription.clone());
    Ok(())
}

fn detail(subscription: &mut Object, name: &str, value: Value) {
    let details = subscription
        .get_mut("cancellation_details")
        .and_then(Value::as_object_mut);
    if let Some(details) = details {
        set(details, name, value);
    }
}

fn end(world: &World<'_>, subscription: &mut Object) {
    let now = world.now;
    set(subscription, "status", "canceled");
    set(subscription, "canceled_at", now);
    set(subscription, "ended_at", now);
    set(subscription, "cancel_at_period_end", false);
    detail(subscription, "reason", json!("cancellation_requested"));
}

/// Ends every subscription of a customer, as the customer's deletion does.
pub(crate) fn cancel_all_of(world: &mut World<'_>, customer: &str) {
    let theirs = world
        .store
        .oldest_first("subscription")
        .map(|record| record.object.clone());
    let theirs: Vec<_> = theirs
        .filter(|object| id_in(object, "customer") == customer)
        .collect();
    for mut subscription in theirs {
        end(world, &mut subscription);
        world.store.put("subscription", subscription);
    }
}

/// Called when an invoice is paid: what was incomplete or overdue is active again.
pub(crate) fn invoice_paid(world: &mut World<'_>, subscription: &str) {
    let Some(mut subscription) = world.store.get("subscription", subscription).cloned() else {
        return;
    };
    if matches!(
        text(&subscription, "status"),
        "incomplete" | "past_due" | "unpaid"
    ) {
        set(&mut subscription, "status", "active");
        world.store.put("subscription", subscription);
    }
}
