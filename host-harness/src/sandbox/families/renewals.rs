//! What a subscription is billed, period after period. It owns the first invoice, renewals, the end
//! of trials and of subscriptions that were to end; what else a subscription does is
//! `subscriptions.rs`'s affair, and what a change within a period costs `prorations.rs`'s. Stripe keeps
//! a renewal's invoice a draft for an hour; here it is final at once.

use super::super::calendar::after;
use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{int, set, text};
use super::super::world::{World, id_in};
use super::{catalog, invoice_lines, invoices, subscriptions};
use serde_json::{Value, json};

/// How long a first payment may take: 23 hours (Stripe docs, "How subscriptions work").
const FIRST_PAYMENT: i64 = 23 * 3600;

/// When time alone changes a subscription next.
pub(crate) fn due(subscription: &Object) -> Option<i64> {
    match text(subscription, "status") {
        "incomplete" => Some(int(subscription, "created").saturating_add(FIRST_PAYMENT)),
        "trialing" | "active" | "past_due" => {
            let ends = subscription.get("cancel_at").and_then(Value::as_i64);
            let renews = Some(int(subscription, "_period_end")).filter(|end| *end > 0);
            [ends, renews].into_iter().flatten().min()
        }
        _ => None,
    }
}

/// Makes the change that was due.
pub(crate) fn fall_due(
    world: &mut World<'_>,
    subscription: &mut Object,
) -> Result<(), StripeError> {
    if text(subscription, "status") == "incomplete" {
        set(subscription, "status", "incomplete_expired");
        set(subscription, "ended_at", world.now);
        let first = world
            .store
            .get("invoice", id_in(subscription, "latest_invoice"));
        if let Some(mut invoice) = first
            .cloned()
            .filter(|first| text(first, "status") == "open")
        {
            invoices::void(world, &mut invoice)?;
            world.store.put("invoice", invoice);
        }
        return Ok(());
    }
    let ends = subscription.get("cancel_at").and_then(Value::as_i64);
    if ends.is_some_and(|end| end <= world.now) {
        // `canceled_at` stays the time of the request that asked for this end.
        set(subscription, "status", "canceled");
        set(subscription, "ended_at", world.now);
        return Ok(());
    }
    renew(world, subscription)
}

/// Begins the next period of every item whose period is over, and bills it.
pub(crate) fn renew(world: &mut World<'_>, subscription: &mut Object) -> Result<(), StripeError> {
    let id = text(subscription, "id").to_owned();
    let anchor = int(subscription, "billing_cycle_anchor");
    let mut billed = Vec::new();
    for mut item in subscriptions::items_of(world.store, &id) {
        let start = int(&item, "current_period_end");
        if start > world.now {
            continue;
        }
        set(&mut item, "current_period_start", start);
        let end = period_end(anchor, start, &item);
        set(&mut item, "current_period_end", end);
        world.store.put("subscription_item", item.clone());
        billed.push(item);
    }
    subscriptions::note_period_end(subscription, &subscriptions::items_of(world.store, &id));
    if text(subscription, "status") == "trialing" {
        set(subscription, "status", "active");
    }
    if billed.is_empty() {
        return Ok(());
    }
    bill(world, subscription, &billed, "subscription_cycle")
}

/// Bills these items' periods and whatever else the customer owes, at once.
pub(crate) fn bill(
    world: &mut World<'_>,
    subscription: &mut Object,
    items: &[Object],
    reason: &str,
) -> Result<(), StripeError> {
    let coupons = subscription.get("_coupons").cloned();
    let mut invoice = draft(world, subscription, items, reason, coupons);
    set(subscription, "latest_invoice", text(&invoice, "id"));
    world.store.put("subscription", subscription.clone());
    invoices::advance(world, &mut invoice)?;
    let owes = text(&invoice, "status") == "open"
        && text(&invoice, "collection_method") == "charge_automatically";
    set(
        subscription,
        "status",
        if owes { "past_due" } else { "active" },
    );
    world.store.put("invoice", invoice);
    Ok(())
}

/// The end of the period that begins at `start`: periods are counted from the anchor, so that one
/// that begins on the 31st does not stay on the 28th after February (Stripe docs, "Billing cycle").
fn period_end(anchor: i64, start: i64, item: &Object) -> i64 {
    let (interval, count) = interval(item);
    let ends = (1..=1200 / count.min(1200)).map(|times| after(anchor, interval, times * count));
    let next = ends.into_iter().find(|end| *end > start);
    next.unwrap_or_else(|| after(start, interval, count))
}

/// The period of an item that a time lies in, counted from the anchor.
pub(crate) fn period_around(anchor: i64, time: i64, item: &Object) -> (i64, i64) {
    let (interval, count) = interval(item);
    let mut start = anchor;
    for times in 1..=1200 / count.min(1200) {
        let end = after(anchor, interval, times * count);
        if end > time {
            return (start, end);
        }
        start = end;
    }
    (time, after(time, interval, count))
}

/// How often an item is billed: every so many of an interval.
pub(crate) fn interval(item: &Object) -> (&str, i64) {
    let recurring = item.get("price").and_then(|price| price.get("recurring"));
    let recurring = recurring.and_then(Value::as_object);
    let interval = recurring.map_or("month", |recurring| text(recurring, "interval"));
    let count = recurring.map_or(1, |recurring| int(recurring, "interval_count").max(1));
    (interval, count)
}

/// Makes the first invoice, and tries to get it paid.
pub(crate) fn bill_first(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
    items: &[Object],
    trial: bool,
) -> Result<(), StripeError> {
    let coupons = coupons(world, params)?;
    if let Some(coupons) = &coupons {
        let lasting = coupons.iter().filter(|id| {
            let coupon = world.store.get("coupon", id.as_str().unwrap_or_default());
            coupon.is_some_and(|coupon| text(coupon, "duration") != "once")
        });
        let lasting: Vec<_> = lasting.cloned().collect();
        set(subscription, "_coupons", lasting);
    }
    world.store.put("subscription", subscription.clone());
    let billed = if trial { &[] } else { items };
    let coupons = coupons.map(Value::Array);
    let mut invoice = draft(world, subscription, billed, "subscription_create", coupons);
    if trial {
        for item in items {
            add_line(world, &invoice, item, true);
        }
    }
    invoices::finalize(world, &mut invoice)?;
    set(subscription, "latest_invoice", text(&invoice, "id"));
    if text(&invoice, "status") == "paid" || text(&invoice, "collection_method") == "send_invoice" {
        set(
            subscription,
            "status",
            if trial { "trialing" } else { "active" },
        );
        world.store.put("invoice", invoice);
        return Ok(());
    }
    world.store.put("invoice", invoice.clone());
    let behavior = text(params, "payment_behavior");
    if behavior == "default_incomplete" {
        invoices::open_intent(world, &mut invoice);
        world.store.put("invoice", invoice);
        set(subscription, "status", "incomplete");
        return Ok(());
    }
    let paid = invoices::pay(world, &mut invoice, "");
    let status = match paid {
        Ok(()) => "active",
        // A declined card leaves an incomplete subscription; anything else is the caller's mistake,
        // and then nothing is left.
        Err(mut error) if error.status != 402 || behavior == "error_if_incomplete" => {
            error.keeps_changes = false;
            return Err(error);
        }
        Err(_) => "incomplete",
    };
    world.store.put("invoice", invoice);
    set(subscription, "status", status);
    Ok(())
}

/// A draft of what these items cost in their periods, and of whatever else the customer owes; stored.
fn draft(
    world: &mut World<'_>,
    subscription: &Object,
    items: &[Object],
    reason: &str,
    coupons: Option<Value>,
) -> Object {
    let id = text(subscription, "id");
    let mut invoice = world.blank("invoice");
    for field in [
        "customer",
        "currency",
        "collection_method",
        "default_payment_method",
    ] {
        let value = subscription.get(field).cloned().unwrap_or(Value::Null);
        set(&mut invoice, field, value);
    }
    let days = int(subscription, "days_until_due");
    set(&mut invoice, "_days_until_due", days);
    set(&mut invoice, "billing_reason", reason);
    set(&mut invoice, "_subscription", id);
    set(
        &mut invoice,
        "parent",
        json!({"quote_details": null, "type": "subscription_details",
        "subscription_details": {"metadata": subscription.get("metadata"), "subscription": id}}),
    );
    if let Some(coupons) = coupons {
        set(&mut invoice, "_coupons", coupons);
    }
    invoices::begin(world, &mut invoice);
    for item in items {
        add_line(world, &invoice, item, false);
    }
    invoice_lines::pull_pending(world, &invoice);
    invoice
}

fn add_line(world: &mut World<'_>, invoice: &Object, item: &Object, free: bool) {
    let price = item.get("price").and_then(Value::as_object);
    let price = price.cloned().unwrap_or_default();
    let quantity = int(item, "quantity");
    let amount = if free {
        0
    } else {
        catalog::cost(&price, quantity)
    };
    let line = json!({"amount": amount, "quantity": quantity,
        "currency": text(&price, "currency"), "subscription": text(item, "subscription"),
        "description": format!("{quantity} × {}", product_name(world, &price))});
    let period = json!({"start": int(item, "current_period_start"),
        "end": int(item, "current_period_end")});
    invoice_lines::add_line(world, text(invoice, "id"), &line, Some(&period));
}

fn coupons(world: &World<'_>, params: &Object) -> Result<Option<Vec<Value>>, StripeError> {
    let discounts = params.get("discounts").and_then(Value::as_array);
    let mut ids = Vec::new();
    for discount in discounts.into_iter().flatten().filter_map(Value::as_object) {
        let promotion = world
            .store
            .get("promotion_code", text(discount, "promotion_code"));
        let promotion = promotion
            .and_then(|code| code.get("promotion"))
            .and_then(Value::as_object);
        let id = match promotion {
            Some(promotion) => text(promotion, "coupon"),
            None => text(discount, "coupon"),
        };
        if !id.is_empty() {
            world.named_by("discounts", "coupon", id)?;
            ids.push(json!(id));
        }
    }
    Ok((!ids.is_empty()).then_some(ids))
}

pub(crate) fn product_name(world: &World<'_>, price: &Object) -> String {
    let product = world.store.get("product", id_in(price, "product"));
    product
        .map_or("", |product| text(product, "name"))
        .to_owned()
}
