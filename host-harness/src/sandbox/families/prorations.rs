//! What a change within a paid period costs: a credit for the time that was paid and is not used, and
//! a charge for the time that is left, by the second (Stripe docs, "Prorations"). It owns which
//! changes are prorated and how much each part is; the invoice items it makes are billed by others.

use super::super::calendar::{after, iso_8601};
use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{flag, int, set, text};
use super::super::world::{World, id_in};
use super::{catalog, renewals, subscriptions};
use serde_json::{Value, json};

/// An item before and after: none before when it is new, none after when it is gone.
pub(crate) type Change = (Option<Object>, Option<Object>);

/// What becomes of prorations (Stripe API, `proration_behavior`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behavior {
    /// They wait for the next invoice.
    Create,
    /// There are none.
    None,
    /// They are billed at once.
    Invoice,
}

/// Stores changed items with their periods, and makes the invoice items that settle the changes.
/// `params` are those of the request: `proration_behavior` and `proration_date`.
pub(crate) fn settle(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
    changes: Vec<Change>,
) -> Result<(), StripeError> {
    let behavior = match text(params, "proration_behavior") {
        "" | "create_prorations" => Behavior::Create,
        "none" => Behavior::None,
        "always_invoice" => Behavior::Invoice,
        other => {
            let message = format!(
                "Invalid proration_behavior: must be one of always_invoice, create_prorations, or \
                 none, not {other}"
            );
            return Err(StripeError::invalid(message).param("proration_behavior"));
        }
    };
    // What is free, not yet paid for, or over has nothing to be settled.
    let is_billed = matches!(text(subscription, "status"), "active" | "past_due");
    let mut begun = Vec::new();
    let mut prorated = false;
    for (before, after_it) in changes {
        let after_it = after_it.map(|mut item| {
            if place(world, subscription, before.as_ref(), &mut item) && is_billed {
                begun.push(item.clone());
            }
            world.store.put("subscription_item", item.clone());
            item
        });
        if behavior == Behavior::None || !is_billed || is_same(before.as_ref(), after_it.as_ref()) {
            continue;
        }
        if let Some(item) = &before {
            let amount = -left_of(world, params, item)?;
            prorated |= add(world, params, subscription, item, amount, "Unused time on");
        }
        let pays_anew = |item: &Object| begun.iter().any(|begun| begun.get("id") == item.get("id"));
        if let Some(item) = after_it.as_ref().filter(|item| !pays_anew(item)) {
            let amount = left_of(world, params, item)?;
            prorated |= add(
                world,
                params,
                subscription,
                item,
                amount,
                "Remaining time on",
            );
        }
    }
    // Another interval begins its first period now, which is billed now (Stripe docs, "Prorations",
    // "What triggers prorations").
    if !begun.is_empty() || (prorated && behavior == Behavior::Invoice) {
        renewals::bill(world, subscription, &begun, "subscription_update")?;
    }
    Ok(())
}

/// Credits what is left of every item's period, when a subscription is canceled with `prorate`, and
/// bills what waits with `invoice_now` (Stripe API, "Cancel a subscription").
pub(crate) fn cancel(
    world: &mut World<'_>,
    params: &Object,
    subscription: &mut Object,
) -> Result<(), StripeError> {
    if !matches!(text(subscription, "status"), "active" | "past_due") {
        return Ok(());
    }
    if flag(params, "prorate") {
        for item in subscriptions::items_of(world.store, text(subscription, "id")) {
            let amount = -left_of(world, params, &item)?;
            add(world, params, subscription, &item, amount, "Unused time on");
        }
    }
    if flag(params, "invoice_now") {
        renewals::bill(world, subscription, &[], "subscription_update")?;
    }
    Ok(())
}

/// Gives an item its period; whether it begins a new one now, because it is billed at another
/// interval than before.
fn place(
    world: &World<'_>,
    subscription: &mut Object,
    before: Option<&Object>,
    item: &mut Object,
) -> bool {
    let (start, end, begins) = match before {
        Some(before) if renewals::interval(before) == renewals::interval(item) => return false,
        _ if text(subscription, "status") == "trialing" => {
            let trial = |field: &str| int(subscription, field);
            (trial("trial_start"), trial("trial_end"), false)
        }
        None => {
            let anchor = int(subscription, "billing_cycle_anchor");
            let (start, end) = renewals::period_around(anchor, world.now, item);
            (start, end, false)
        }
        Some(_) => {
            set(subscription, "billing_cycle_anchor", world.now);
            let (interval, count) = renewals::interval(item);
            (world.now, after(world.now, interval, count), true)
        }
    };
    set(item, "current_period_start", start);
    set(item, "current_period_end", end);
    begins
}

/// Whether a change costs nothing.
fn is_same(before: Option<&Object>, after: Option<&Object>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    let price = |item: &Object| item.get("price").and_then(|price| price.get("id")).cloned();
    price(before) == price(after) && int(before, "quantity") == int(after, "quantity")
}

/// What the time that is left of an item's period costs.
fn left_of(world: &World<'_>, params: &Object, item: &Object) -> Result<i64, StripeError> {
    let (start, end) = (
        int(item, "current_period_start"),
        int(item, "current_period_end"),
    );
    let at = from(world, params);
    if !(start..=end).contains(&at) {
        let message =
            format!("proration_date must lie within the current period, from {start} to {end}.");
        return Err(StripeError::invalid(message).param("proration_date"));
    }
    let price = item.get("price").and_then(Value::as_object);
    let cost = price.map_or(0, |price| catalog::cost(price, int(item, "quantity")));
    Ok(part(cost, end - at, end - start))
}

/// From when on a change counts.
fn from(world: &World<'_>, params: &Object) -> i64 {
    let given = params.get("proration_date").and_then(Value::as_i64);
    given.unwrap_or(world.now)
}

/// A part of an amount, to the nearest unit.
fn part(amount: i64, seconds: i64, of: i64) -> i64 {
    if of <= 0 {
        return 0;
    }
    let (amount, seconds, of) = (i128::from(amount), i128::from(seconds), i128::from(of));
    let nearest = (2 * amount * seconds + of).div_euclid(2 * of);
    i64::try_from(nearest).unwrap_or(i64::MAX)
}

/// Makes an invoice item that waits for the next invoice; none for nothing.
fn add(
    world: &mut World<'_>,
    params: &Object,
    subscription: &Object,
    item: &Object,
    amount: i64,
    what: &str,
) -> bool {
    let price = item.get("price").and_then(Value::as_object);
    let price = price.cloned().unwrap_or_default();
    if amount == 0 {
        return false;
    }
    let (quantity, at) = (int(item, "quantity"), from(world, params));
    let name = renewals::product_name(world, &price);
    let time = iso_8601(at);
    let date = time.split('T').next().unwrap_or_default();
    let mut line = world.blank("invoiceitem");
    set(&mut line, "amount", amount);
    set(&mut line, "_unit_amount", amount);
    set(&mut line, "currency", text(&price, "currency"));
    set(&mut line, "customer", id_in(subscription, "customer"));
    set(
        &mut line,
        "description",
        format!("{what} {quantity} × {name} after {date}"),
    );
    set(&mut line, "discountable", false);
    let period = json!({"start": at, "end": int(item, "current_period_end")});
    set(&mut line, "period", period);
    set(&mut line, "proration", true);
    set(&mut line, "quantity", quantity);
    let id = text(subscription, "id");
    set(&mut line, "_subscription", id);
    let details = json!({"subscription": id, "subscription_item": text(item, "id")});
    let parent = json!({"type": "subscription_details", "subscription_details": details});
    set(&mut line, "parent", parent);
    set(
        &mut line,
        "pricing",
        json!({"price_details": {"price": text(&price, "id"), "product": id_in(&price, "product")},
            "type": "price_details", "unit_amount_decimal": int(&price, "unit_amount").to_string()}),
    );
    world.store.put("invoiceitem", line);
    true
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_is_rounded_to_the_nearest_unit() {
        for (amount, seconds, of, expected) in [
            (1500, 21, 31, 1016),
            (4500, 21, 31, 3048),
            (1, 1, 2, 1),
            (1000, 0, 31, 0),
            (1000, 31, 31, 1000),
            (1000, 1, 0, 0),
            (i64::MAX, 1, 1, i64::MAX),
        ] {
            assert_eq!(
                part(amount, seconds, of),
                expected,
                "{amount} {seconds}/{of}"
            );
        }
    }
}
