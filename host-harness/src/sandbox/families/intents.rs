//! Payment intents: the states from `requires_payment_method` to `succeeded`. It owns the state
//! machine (Stripe docs, "How PaymentIntents work"); attempts to take money are charges.

use super::super::errors::StripeError;
use super::super::operations;
use super::super::shapes::Object;
use super::super::store::{flag, int, set, text};
use super::super::world::{Call, World, id_in};
use super::charges::{self, Attempt};
use super::payment_methods;
use super::test_cards::{self, Charging};
use super::{Family, balance, bank_debits, invoices, refunds};
use serde_json::{Value, json};

pub(crate) struct PaymentIntents;

impl Family for PaymentIntents {
    fn kinds(&self) -> &'static [&'static str] {
        &["payment_intent"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        check_amount(object)?;
        begin(world, object);
        if let Some(allowed) = params
            .get("allowed_payment_method_types")
            .filter(|a| a.is_array())
        {
            set(object, "payment_method_types", allowed.clone());
        } else if !params.contains_key("payment_method_types") {
            let automatic = json!({"allow_redirects": "always", "enabled": true});
            if object
                .get("automatic_payment_methods")
                .is_none_or(Value::is_null)
            {
                set(object, "automatic_payment_methods", automatic);
            }
            set(object, "payment_method_types", json!(["card", "link"]));
        }
        if !params.contains_key("capture_method") {
            set(object, "capture_method", "automatic_async");
        }
        take_method(world, params, object)?;
        if flag(params, "confirm") {
            world.store.put("payment_intent", object.clone());
            confirm(world, params, object)?;
        }
        Ok(())
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        check_amount(object)?;
        let changes_payment = [
            "amount",
            "currency",
            "payment_method",
            "payment_method_data",
        ]
        .iter()
        .any(|name| call.params.contains_key(*name));
        if changes_payment && !is_open(object) {
            return Err(unexpected_state(world, object, "updated in this way"));
        }
        take_method(world, &call.params, object)
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        match action {
            "confirm" => {
                if !is_open(object) {
                    return Err(unexpected_state(world, object, "confirmed"));
                }
                operations::apply("payment_intent", object, &call.params);
                take_method(world, &call.params, object)?;
                confirm(world, &call.params, object)?;
            }
            "capture" => capture(world, &call.params, object)?,
            "cancel" => cancel(world, text(&call.params, "cancellation_reason"), object)?,
            "increment_authorization" => {
                if text(object, "status") != "requires_capture" {
                    return Err(unexpected_state(world, object, "incremented"));
                }
                let amount = call
                    .params
                    .get("amount")
                    .and_then(Value::as_i64)
                    .unwrap_or(0);
                if amount <= int(object, "amount") {
                    let message = "The new amount must be larger than the authorized one.";
                    return Err(StripeError::invalid(message).param("amount"));
                }
                let mut charge = world.at_path("charge", id_in(object, "latest_charge"))?;
                set(&mut charge, "amount", amount);
                world.store.put("charge", charge);
                set(object, "amount", amount);
                set(object, "amount_capturable", amount);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn due(&self, intent: &Object) -> Option<i64> {
        bank_debits::due(intent)
    }

    fn fall_due(&self, world: &mut World<'_>, intent: &mut Object) -> Result<(), StripeError> {
        settle(world, intent)
    }
}

/// Ends the wait of an intent whose payment takes days.
fn settle(world: &mut World<'_>, intent: &mut Object) -> Result<(), StripeError> {
    let id = id_in(intent, "payment_method").to_owned();
    let method = payment_methods::resolve(world, "payment_method", &id)?;
    intent.shift_remove("_settles");
    match bank_debits::settle(world, intent, &method) {
        Ok(()) => succeed(world, intent, method),
        Err(failed) => _ = declined(world, intent, &method, &failed.0, failed.1),
    }
    Ok(())
}

/// The fields every intent starts with.
pub(crate) fn begin(world: &mut World<'_>, intent: &mut Object) {
    let secret = format!("{}_secret_{}", text(intent, "id"), world.ids.text(25));
    set(intent, "client_secret", secret);
    set(intent, "currency", text(intent, "currency").to_lowercase());
    set(intent, "status", "requires_payment_method");
    if intent
        .get("payment_method_types")
        .is_none_or(|types| *types == json!([]))
    {
        set(intent, "payment_method_types", json!(["card"]));
    }
}

fn check_amount(intent: &Object) -> Result<(), StripeError> {
    let amount = balance::positive(intent)?;
    let currency = text(intent, "currency").to_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(
            StripeError::invalid(format!("Invalid currency: {currency}.")).param("currency"),
        );
    }
    // Stripe docs, "Minimum and maximum charge amounts".
    let least = match currency.as_str() {
        "usd" | "eur" | "chf" | "cad" | "aud" | "jpy" => 50,
        "gbp" => 30,
        _ => 1,
    };
    if amount < least {
        return Err(
            StripeError::invalid(format!("Amount must be at least {least} {currency}."))
                .code("amount_too_small")
                .param("amount"),
        );
    }
    Ok(())
}

/// States in which the payment has not happened yet.
fn is_open(intent: &Object) -> bool {
    matches!(
        text(intent, "status"),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    )
}

/// Takes the payment method that the parameters name or describe.
fn take_method(
    world: &mut World<'_>,
    params: &Object,
    intent: &mut Object,
) -> Result<(), StripeError> {
    let Some(method) = payment_methods::given(world, params)? else {
        return Ok(());
    };
    let (owner, customer) = (text(&method, "customer"), id_in(intent, "customer"));
    if !owner.is_empty() && owner != customer {
        return Err(StripeError::invalid(
            "The payment method is attached to a customer, so that customer must be given too.",
        )
        .param("payment_method"));
    }
    set(intent, "payment_method", text(&method, "id"));
    set(intent, "status", "requires_confirmation");
    Ok(())
}

/// Pays what a checkout session asks for; the intent is stored. The page has the cardholder
/// authenticate where that is needed.
pub(crate) fn pay(
    world: &mut World<'_>,
    session: &Object,
    method: &str,
) -> Result<Object, StripeError> {
    let method = payment_methods::resolve(world, "payment_method", method)?;
    bank_debits::refuse(&method)?;
    let given = session
        .get("_payment_intent_data")
        .and_then(Value::as_object);
    let mut intent = world.fresh("payment_intent", given.unwrap_or(&Object::new()));
    set(&mut intent, "amount", int(session, "amount_total"));
    set(&mut intent, "currency", text(session, "currency"));
    let customer = session.get("customer").cloned().unwrap_or(Value::Null);
    set(&mut intent, "customer", customer);
    begin(world, &mut intent);
    set(&mut intent, "payment_method", text(&method, "id"));
    take_money(world, &mut intent, method, true)?;
    world.store.put("payment_intent", intent.clone());
    Ok(intent)
}

/// Ends an intent's wait for its cardholder, as the bank's page does.
pub(crate) fn authenticate(
    world: &mut World<'_>,
    id: &str,
    succeeds: bool,
) -> Result<Object, StripeError> {
    let mut intent = world.at_path("payment_intent", id)?;
    if text(&intent, "status") != "requires_action" {
        return Err(unexpected_state(world, &intent, "authenticated"));
    }
    let method = id_in(&intent, "payment_method").to_owned();
    let method = payment_methods::resolve(world, "payment_method", &method)?;
    if succeeds {
        take_money(world, &mut intent, method, true)?;
    } else {
        // Stripe docs, error code payment_intent_authentication_failure.
        let code = "payment_intent_authentication_failure";
        let error = StripeError::card(code, test_cards::decline_message(code, ""));
        let charge = Object::new();
        declined(world, &mut intent, &method, &charge, error);
    }
    world.store.put("payment_intent", intent.clone());
    Ok(intent)
}

/// Attempts the payment. On a decline the intent is stored as it is then, and the error says why.
pub(crate) fn confirm(
    world: &mut World<'_>,
    params: &Object,
    intent: &mut Object,
) -> Result<(), StripeError> {
    let method_id = id_in(intent, "payment_method").to_owned();
    if method_id.is_empty() {
        let message = "This PaymentIntent has no payment method. Give one to confirm it with.";
        return Err(StripeError::invalid(message)
            .code("payment_intent_unexpected_state")
            .param("payment_method")
            .with(
                "payment_intent",
                Value::Object(super::present(world.store, intent)),
            ));
    }
    let method = payment_methods::resolve(world, "payment_method", &method_id)?;
    let off_session = params
        .get("off_session")
        .is_some_and(|value| *value != json!(false));
    let refuses_action = off_session || flag(params, "error_on_requires_action");
    if payment_methods::charging(&method) == Charging::NeedsAction && !refuses_action {
        let return_url = text(params, "return_url");
        let authenticate = format!(
            "https://hooks.stripe.com/3d_secure_2/{}",
            text(intent, "id")
        );
        let next = if return_url.is_empty() {
            json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect",
                "stripe_js": authenticate}})
        } else {
            json!({"type": "redirect_to_url",
                "redirect_to_url": {"return_url": return_url, "url": authenticate}})
        };
        set(intent, "next_action", next);
        set(intent, "status", "requires_action");
        return Ok(());
    }
    if let Charging::Delayed(_) = payment_methods::charging(&method) {
        bank_debits::check(intent)?;
    }
    take_money(world, intent, method, false)
}

fn take_money(
    world: &mut World<'_>,
    intent: &mut Object,
    method: Object,
    authenticated: bool,
) -> Result<(), StripeError> {
    let mut context = Object::new();
    set(&mut context, "payment_intent", text(intent, "id"));
    for field in [
        "description",
        "metadata",
        "receipt_email",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
        "on_behalf_of",
    ] {
        context.insert(
            field.to_owned(),
            intent.get(field).cloned().unwrap_or(Value::Null),
        );
    }
    let amount = int(intent, "amount");
    let manual = text(intent, "capture_method") == "manual";
    let attempt = Attempt {
        amount,
        currency: text(intent, "currency"),
        method: &method,
        customer: id_in(intent, "customer"),
        capture: !manual,
        authenticated,
        context,
    };
    let charge = match charges::attempt(world, &attempt) {
        Ok(charge) => charge,
        Err(failed) => return Err(declined(world, intent, &method, &failed.0, failed.1)),
    };
    set(intent, "latest_charge", text(&charge, "id"));
    set(intent, "last_payment_error", Value::Null);
    set(intent, "next_action", Value::Null);
    if manual {
        set(intent, "status", "requires_capture");
        set(intent, "amount_capturable", amount);
        return Ok(());
    }
    if let Charging::Delayed(settlement) = payment_methods::charging(&method) {
        bank_debits::wait(world, intent, settlement);
        return Ok(());
    }
    succeed(world, intent, method);
    Ok(())
}

/// Notes on an intent that all of its money has come.
fn succeed(world: &mut World<'_>, intent: &mut Object, mut method: Object) {
    set(intent, "status", "succeeded");
    set(intent, "amount_received", int(intent, "amount"));
    let keeps_method = !text(intent, "setup_future_usage").is_empty();
    if keeps_method && !id_in(intent, "customer").is_empty() {
        set(&mut method, "customer", id_in(intent, "customer"));
        world.store.put("payment_method", method);
    }
    invoices::paid_by(world, intent);
}

fn declined(
    world: &mut World<'_>,
    intent: &mut Object,
    method: &Object,
    charge: &Object,
    error: StripeError,
) -> StripeError {
    let shown_method = Value::Object(super::present(world.store, method));
    let mut last = error
        .to_json("")
        .get("error")
        .cloned()
        .unwrap_or(Value::Null);
    if let Some(last) = last.as_object_mut() {
        last.shift_remove("request_log_url");
        set(last, "payment_method", shown_method.clone());
    }
    if !charge.is_empty() {
        set(intent, "latest_charge", text(charge, "id"));
    }
    set(intent, "last_payment_error", last);
    set(intent, "next_action", Value::Null);
    set(intent, "payment_method", Value::Null);
    set(intent, "status", "requires_payment_method");
    world.store.put("payment_intent", intent.clone());
    let shown = Value::Object(super::present(world.store, intent));
    error
        .with("payment_intent", shown)
        .with("payment_method", shown_method)
}

fn capture(world: &mut World<'_>, params: &Object, intent: &mut Object) -> Result<(), StripeError> {
    if text(intent, "status") != "requires_capture" {
        return Err(unexpected_state(world, intent, "captured"));
    }
    let amount = charges::amount_to_take(
        params,
        "amount_to_capture",
        int(intent, "amount_capturable"),
    )?;
    let mut charge = world.at_path("charge", id_in(intent, "latest_charge"))?;
    charges::capture(world, &mut charge, amount);
    world.store.put("charge", charge);
    set(intent, "amount_capturable", 0);
    set(intent, "amount_received", amount);
    set(intent, "status", "succeeded");
    invoices::paid_by(world, intent);
    Ok(())
}

/// Ends an intent that has not taken money.
pub(crate) fn cancel(
    world: &mut World<'_>,
    reason: &str,
    intent: &mut Object,
) -> Result<(), StripeError> {
    let authorized = text(intent, "status") == "requires_capture";
    let waits = text(intent, "status") == "processing";
    if !is_open(intent) && !authorized && !waits {
        return Err(unexpected_state(world, intent, "canceled"));
    }
    if waits {
        let mut charge = world.at_path("charge", id_in(intent, "latest_charge"))?;
        charges::fail(world, &mut charge, "canceled", "The payment was canceled.");
        intent.shift_remove("_settles");
    }
    if authorized {
        let charge = world.at_path("charge", id_in(intent, "latest_charge"))?;
        let mut refund = world.blank("refund");
        refunds::give_back(world, charge, None, &mut refund)?;
        world.store.put("refund", refund);
    }
    set(intent, "amount_capturable", 0);
    set(intent, "canceled_at", world.now);
    set(
        intent,
        "cancellation_reason",
        if reason.is_empty() {
            Value::Null
        } else {
            json!(reason)
        },
    );
    set(intent, "next_action", Value::Null);
    set(intent, "status", "canceled");
    Ok(())
}

fn unexpected_state(world: &World<'_>, intent: &Object, what: &str) -> StripeError {
    let status = text(intent, "status");
    let message = format!("This PaymentIntent cannot be {what} because its status is {status}.");
    StripeError::invalid(message)
        .code("payment_intent_unexpected_state")
        .with(
            "payment_intent",
            Value::Object(super::present(world.store, intent)),
        )
}
