//! What a customer is offered: quotes, and the pages that Stripe hosts (checkout sessions, payment
//! links, the billing portal). It owns their line items and totals; nobody can open the pages, so a
//! session stays open until it is expired.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, int, set, text};
use super::super::world::{Call, World, id_in, whole_list};
use super::{Family, catalog, customers, intents, subscriptions};
use serde_json::{Value, json};

pub(crate) struct Checkout;

impl Family for Checkout {
    fn kinds(&self) -> &'static [&'static str] {
        &[
            "checkout.session",
            "payment_link",
            "billing_portal.session",
            "quote",
        ]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "checkout.session" => session(world, &call.params, object),
            "quote" => {
                let items = line_items(world, &call.params, text(object, "id"))?;
                let total = total(&items);
                for field in ["amount_subtotal", "amount_total"] {
                    set(object, field, total);
                }
                if let Some(item) = items.first() {
                    set(object, "currency", text(item, "currency"));
                }
                if !call.params.contains_key("expires_at") {
                    set(object, "expires_at", world.now + 30 * 86_400);
                }
                set(object, "status", "draft");
                Ok(())
            }
            "payment_link" => {
                let items = line_items(world, &call.params, text(object, "id"))?;
                let currency = items.first().map_or("usd", |item| text(item, "currency"));
                set(object, "currency", currency);
                set(object, "active", true);
                let url = format!("https://buy.stripe.com/test_{}", world.ids.text(18));
                set(object, "url", url);
                if text(&call.params, "submit_type").is_empty() {
                    set(object, "submit_type", "auto");
                }
                if !call.params.contains_key("after_completion") {
                    let confirmation = json!({"hosted_confirmation": {"custom_message": null},
                        "type": "hosted_confirmation"});
                    set(object, "after_completion", confirmation);
                }
                Ok(())
            }
            _ => {
                if text(&call.params, "customer").is_empty() {
                    return Err(StripeError::missing("customer"));
                }
                let url = format!(
                    "https://billing.stripe.com/p/session/test_{}",
                    world.ids.text(32)
                );
                set(object, "url", url);
                if text(object, "configuration").is_empty() {
                    set(
                        object,
                        "configuration",
                        world.ids.id("billing_portal.configuration"),
                    );
                }
                Ok(())
            }
        }
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        let status = text(object, "status");
        let next = match (action, status) {
            ("finalize", "draft") => "open",
            ("accept", "open") => "accepted",
            ("cancel", "draft" | "open") => "canceled",
            ("expire", "open") => "expired",
            ("finalize" | "accept" | "cancel" | "expire", status) => {
                let kind = text(object, "object");
                let message = format!("A {kind} that is {status} cannot do this: {action}.");
                return Err(StripeError::invalid(message));
            }
            _ => return Ok(false),
        };
        set(object, "status", next);
        if next == "expired" {
            set(object, "url", Value::Null);
        }
        if next == "open" {
            set(
                object,
                "number",
                format!("QT-{}-0001-1", world.ids.text(8).to_uppercase()),
            );
        }
        let transition = if next == "open" {
            "finalized_at"
        } else {
            &format!("{next}_at")
        };
        let transitions = object
            .get_mut("status_transitions")
            .and_then(Value::as_object_mut);
        if let Some(transitions) = transitions {
            set(transitions, transition, world.now);
        }
        Ok(true)
    }

    fn due(&self, object: &Object) -> Option<i64> {
        let open = text(object, "status") == "open" && text(object, "object") == "checkout.session";
        open.then(|| int(object, "expires_at"))
    }

    fn fall_due(&self, _world: &mut World<'_>, object: &mut Object) -> Result<(), StripeError> {
        set(object, "status", "expired");
        set(object, "url", Value::Null);
        Ok(())
    }

    fn included(&self, store: &Store, object: &Object, field: &str) -> Option<Value> {
        if field != "line_items" {
            return None;
        }
        let id = text(object, "id");
        let items = store.oldest_first("item");
        let items = items.filter(|record| record.parents.iter().any(|parent| parent == id));
        let data = items
            .map(|record| Value::Object(super::present(store, &record.object)))
            .collect();
        let path = match text(object, "object") {
            "payment_link" => "payment_links",
            "quote" => "quotes",
            _ => "checkout/sessions",
        };
        Some(whole_list(data, format!("/v1/{path}/{id}/line_items")))
    }
}

/// Pays on a session's page, as a customer would, with a payment method that `params` names.
pub(crate) fn complete_session(
    world: &mut World<'_>,
    id: &str,
    params: &Object,
) -> Result<Object, StripeError> {
    let mut session = world.at_path("checkout.session", id)?;
    if text(&session, "status") != "open" {
        let status = text(&session, "status");
        let message = format!("A session that is {status} cannot be completed.");
        return Err(StripeError::invalid(message));
    }
    let method = match text(params, "payment_method") {
        "" => "pm_card_visa",
        method => method,
    };
    let details = session.get("customer_details").cloned();
    let email = details.as_ref().and_then(|details| details.get("email"));
    let email = email.cloned().unwrap_or(Value::Null);
    let mode = text(&session, "mode").to_owned();
    if mode != "payment" && id_in(&session, "customer").is_empty() {
        // Stripe makes a customer where a payment method is kept for later.
        let given = json!({"email": email});
        let customer = customers::make(world, given.as_object().unwrap_or(&Object::new()))?;
        set(&mut session, "customer", text(&customer, "id"));
    }
    match mode.as_str() {
        "payment" if int(&session, "amount_total") > 0 => {
            let intent = intents::pay(world, &session, method)?;
            set(&mut session, "payment_intent", text(&intent, "id"));
            set(&mut session, "payment_status", "paid");
        }
        "subscription" => {
            let subscription = subscriptions::start(world, &session, method)?;
            set(
                &mut session,
                "invoice",
                id_in(&subscription, "latest_invoice"),
            );
            set(&mut session, "subscription", text(&subscription, "id"));
            set(&mut session, "payment_status", "paid");
        }
        _ => {}
    }
    set(&mut session, "status", "complete");
    set(&mut session, "url", Value::Null);
    if details.is_none_or(|details| details.is_null()) {
        let details = json!({"address": null, "email": email, "name": null, "phone": null,
            "tax_exempt": "none", "tax_ids": null});
        set(&mut session, "customer_details", details);
    }
    world.store.put("checkout.session", session.clone());
    Ok(session)
}

fn session(
    world: &mut World<'_>,
    params: &Object,
    session: &mut Object,
) -> Result<(), StripeError> {
    let mode = match text(params, "mode") {
        mode @ ("payment" | "setup" | "subscription") => mode,
        "" => return Err(StripeError::missing("mode")),
        other => {
            let message = format!("Invalid mode: {other} is none of payment, setup, subscription.");
            return Err(StripeError::invalid(message).param("mode"));
        }
    };
    let id = text(session, "id").to_owned();
    let items = line_items(world, params, &id)?;
    if items.is_empty() && mode != "setup" {
        return Err(StripeError::missing("line_items"));
    }
    let total = total(&items);
    let nothing_due = mode == "setup" || total == 0;
    if mode != "setup" {
        set(session, "amount_subtotal", total);
        set(session, "amount_total", total);
        set(
            session,
            "currency",
            items.first().map_or("usd", |item| text(item, "currency")),
        );
        set(
            session,
            "total_details",
            json!({"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}),
        );
    }
    let ui_mode = text(params, "ui_mode");
    set(
        session,
        "ui_mode",
        if ui_mode.is_empty() {
            "hosted"
        } else {
            ui_mode
        },
    );
    if matches!(ui_mode, "" | "hosted" | "hosted_page") {
        set(
            session,
            "url",
            format!("https://checkout.stripe.com/c/pay/{id}"),
        );
    } else {
        set(
            session,
            "client_secret",
            format!("{id}_secret_{}", world.ids.text(32)),
        );
    }
    for (note, name) in [
        ("_payment_intent_data", "payment_intent_data"),
        ("_subscription_data", "subscription_data"),
    ] {
        if let Some(data) = params.get(name).filter(|data| data.is_object()) {
            set(session, note, data.clone());
        }
    }
    set(session, "mode", mode);
    set(session, "status", "open");
    set(
        session,
        "payment_status",
        if nothing_due {
            "no_payment_required"
        } else {
            "unpaid"
        },
    );
    if session
        .get("payment_method_types")
        .is_none_or(|types| *types == json!([]))
    {
        set(session, "payment_method_types", json!(["card"]));
    }
    if int(session, "expires_at") == 0 {
        set(session, "expires_at", world.now + 86_400);
    }
    let email = text(params, "customer_email").to_owned();
    if !email.is_empty() {
        set(
            session,
            "customer_details",
            json!({"address": null, "email": email, "name": null,
            "phone": null, "tax_exempt": "none", "tax_ids": null}),
        );
    }
    Ok(())
}

fn total(items: &[Object]) -> i64 {
    items
        .iter()
        .fold(0, |sum, item| sum.saturating_add(int(item, "amount_total")))
}

/// Makes the line items of a page; they are stored under it.
fn line_items(
    world: &mut World<'_>,
    params: &Object,
    owner: &str,
) -> Result<Vec<Object>, StripeError> {
    let given = params.get("line_items").and_then(Value::as_array);
    let mut items = Vec::new();
    for (index, element) in given.into_iter().flatten().enumerate() {
        let param = format!("line_items[{index}]");
        let element = element
            .as_object()
            .ok_or_else(|| StripeError::missing(&param))?;
        let (price, quantity) = catalog::priced(world, element, &param)?;
        let amount = catalog::cost(&price, quantity);
        let mut item = world.blank("item");
        for field in ["amount_subtotal", "amount_total"] {
            set(&mut item, field, amount);
        }
        set(&mut item, "currency", text(&price, "currency"));
        let product = world.store.get("product", id_in(&price, "product"));
        let name = product
            .map_or("", |product| text(product, "name"))
            .to_owned();
        set(&mut item, "description", name);
        set(&mut item, "price", Value::Object(price));
        set(&mut item, "quantity", quantity);
        world
            .store
            .put_under("item", item.clone(), vec![owner.to_owned()]);
        items.push(item);
    }
    Ok(items)
}
