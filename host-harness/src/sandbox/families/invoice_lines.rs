//! What stands on an invoice: its lines, the invoice items they come from, and what they add up to.
//! It owns sums and discounts; an invoice's states are `invoices.rs`'s affair.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, flag, int, set, text};
use super::super::world::{Call, World, id_in};
use super::catalog;
use super::invoices::unexpected;
use serde_json::{Value, json};

/// Completes an invoice item, and puts it on its invoice when it names one.
pub(crate) fn complete_item(
    world: &mut World<'_>,
    params: &Object,
    item: &mut Object,
) -> Result<(), StripeError> {
    if text(params, "customer").is_empty() && text(params, "invoice").is_empty() {
        return Err(StripeError::missing("customer"));
    }
    let quantity = params.get("quantity").and_then(Value::as_i64).unwrap_or(1);
    let mut element = params
        .get("pricing")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for name in ["price", "price_data"] {
        if let Some(value) = params.get(name) {
            element.insert(name.to_owned(), value.clone());
        }
    }
    let unit = if element.is_empty() {
        let unit = text(params, "unit_amount_decimal").parse::<i64>().ok();
        let unit = unit.or_else(|| params.get("unit_amount").and_then(Value::as_i64));
        match (params.get("amount").and_then(Value::as_i64), unit) {
            (Some(amount), _) => amount,
            (None, Some(unit)) => unit,
            (None, None) => return Err(StripeError::missing("amount")),
        }
    } else {
        let (price, _) = catalog::priced(world, &element, "pricing")?;
        set(item, "currency", text(&price, "currency"));
        set(
            item,
            "pricing",
            json!({"price_details": {"price": text(&price, "id"),
            "product": id_in(&price, "product")}, "type": "price_details",
            "unit_amount_decimal": int(&price, "unit_amount").to_string()}),
        );
        if text(item, "description").is_empty() {
            let product = world.store.get("product", id_in(&price, "product"));
            let name = product
                .map_or("", |product| text(product, "name"))
                .to_owned();
            set(item, "description", name);
        }
        int(&price, "unit_amount")
    };
    let amount = if params.contains_key("amount") {
        unit
    } else {
        unit.saturating_mul(quantity)
    };
    set(item, "amount", amount);
    set(item, "_unit_amount", unit);
    set(item, "quantity", quantity);
    set(item, "currency", text(item, "currency").to_lowercase());
    set(item, "date", world.now);
    set(item, "discountable", amount >= 0);
    set(
        item,
        "period",
        json!({"start": world.now, "end": world.now}),
    );
    let invoice_id = text(params, "invoice");
    if !invoice_id.is_empty() {
        let mut invoice = world.named_by("invoice", "invoice", invoice_id)?;
        if text(&invoice, "status") != "draft" {
            return Err(unexpected(&invoice, "given more items"));
        }
        set(item, "customer", id_in(&invoice, "customer"));
        line_from(world, item, invoice_id);
        refresh(world, &mut invoice);
        world.store.put("invoice", invoice);
    }
    Ok(())
}

/// Puts an invoice item on an invoice as one of its lines.
fn line_from(world: &mut World<'_>, item: &mut Object, invoice: &str) {
    let mut line = json!({"amount": int(item, "amount"), "currency": text(item, "currency"),
        "description": item.get("description").cloned().unwrap_or(Value::Null),
        "quantity": int(item, "quantity")});
    if let (Some(line), true) = (line.as_object_mut(), flag(item, "proration")) {
        let details = json!({"invoice_item": text(item, "id"), "proration": true,
            "proration_details": null, "subscription": text(item, "_subscription")});
        let parent = json!({"type": "invoice_item_details", "invoice_item_details": details,
            "subscription_item_details": null});
        set(line, "parent", parent);
    }
    let line = add_line(world, invoice, &line, item.get("period"));
    set(item, "_line", line);
    set(item, "invoice", invoice);
}

/// Stores a line of an invoice, and answers with its id.
pub(crate) fn add_line(
    world: &mut World<'_>,
    invoice: &str,
    values: &Value,
    period: Option<&Value>,
) -> String {
    let mut line = world.blank("line_item");
    line.extend(values.as_object().cloned().unwrap_or_default());
    set(&mut line, "invoice", invoice);
    let amount = int(&line, "amount");
    set(&mut line, "subtotal", amount);
    let now = json!({"start": world.now, "end": world.now});
    set(&mut line, "period", period.cloned().unwrap_or(now));
    set(&mut line, "discountable", true);
    let id = text(&line, "id").to_owned();
    world
        .store
        .put_under("line_item", line, vec![invoice.to_owned()]);
    id
}

/// Carries a change of an invoice item over to its line.
pub(crate) fn update_line(world: &mut World<'_>, item: &Object) {
    let Some(mut line) = world.store.get("line_item", text(item, "_line")).cloned() else {
        return;
    };
    for field in ["amount", "description", "quantity"] {
        set(
            &mut line,
            field,
            item.get(field).cloned().unwrap_or(Value::Null),
        );
    }
    set(&mut line, "subtotal", int(item, "amount"));
    world.store.put("line_item", line);
    if let Some(mut invoice) = world.store.get("invoice", id_in(item, "invoice")).cloned() {
        refresh(world, &mut invoice);
        world.store.put("invoice", invoice);
    }
}

/// The customer's items that are on no invoice yet.
pub(crate) fn pending_items(world: &World<'_>, customer: &str) -> Vec<Object> {
    let items = world.store.with_value("invoiceitem", customer);
    items
        .filter(|item| id_in(item, "invoice").is_empty())
        .cloned()
        .collect()
}

/// Takes the customer's items that are on no invoice yet.
pub(crate) fn pull_pending(world: &mut World<'_>, invoice: &Object) {
    for mut item in pending_items(world, id_in(invoice, "customer")) {
        if text(&item, "currency") == text(invoice, "currency") {
            line_from(world, &mut item, text(invoice, "id"));
            world.store.put("invoiceitem", item);
        }
    }
}

/// An invoice's lines, in their order.
pub(crate) fn lines_of(store: &Store, invoice: &str) -> Vec<Object> {
    store.with_value("line_item", invoice).cloned().collect()
}

/// Computes an invoice's sums from its lines.
pub(crate) fn refresh(world: &World<'_>, invoice: &mut Object) {
    let lines = lines_of(world.store, text(invoice, "id"));
    add_up(invoice, &lines);
    let coupons = invoice
        .get("_coupons")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let subtotal = int(invoice, "subtotal");
    let mut total = subtotal;
    let mut amounts = Vec::new();
    for id in coupons.iter().filter_map(Value::as_str) {
        if let Some(coupon) = world.store.get("coupon", id) {
            let off = catalog::discount(coupon, total);
            amounts.push(json!({"amount": off, "discount": id}));
            total -= off;
        }
    }
    if !amounts.is_empty() {
        set(invoice, "total_discount_amounts", amounts);
        set_total(invoice, total);
    }
}

/// Sets an invoice's sums to those of some lines.
pub(crate) fn add_up(invoice: &mut Object, lines: &[Object]) {
    let sum = lines
        .iter()
        .fold(0i64, |sum, line| sum.saturating_add(int(line, "amount")));
    for field in ["subtotal", "subtotal_excluding_tax"] {
        set(invoice, field, sum);
    }
    set_total(invoice, sum);
}

fn set_total(invoice: &mut Object, total: i64) {
    // What the customer's balance pays, or adds (`credit.rs`).
    let due = total.saturating_add(int(invoice, "_from_balance")).max(0);
    let paid = if text(invoice, "status") == "paid" {
        due
    } else {
        0
    };
    for field in ["total", "total_excluding_tax"] {
        set(invoice, field, total);
    }
    set(invoice, "amount_due", due);
    set(invoice, "amount_paid", paid);
    set(invoice, "amount_remaining", due - paid);
}

/// Adds, changes or removes lines, as the action says.
pub(crate) fn change_lines(
    world: &mut World<'_>,
    call: &Call<'_>,
    action: &str,
    invoice: &mut Object,
) -> Result<(), StripeError> {
    let id = text(invoice, "id").to_owned();
    let lines = call.params.get("lines").and_then(Value::as_array);
    for line in lines.into_iter().flatten().filter_map(Value::as_object) {
        let line_id = text(line, "id");
        match action {
            "add_lines" => {
                let mut values = Object::new();
                let quantity = line.get("quantity").and_then(Value::as_i64).unwrap_or(1);
                set(&mut values, "amount", int(line, "amount"));
                set(&mut values, "quantity", quantity);
                set(&mut values, "description", text(line, "description"));
                set(&mut values, "currency", text(invoice, "currency"));
                add_line(world, &id, &Value::Object(values), None);
            }
            "remove_lines" => {
                world.store.remove("line_item", line_id, None);
            }
            _ => {
                let mut present = world.named_by("lines", "line_item", line_id)?;
                super::super::operations::apply("line_item", &mut present, line);
                world.store.put("line_item", present);
            }
        }
    }
    refresh(world, invoice);
    Ok(())
}
