//! Charges: one attempt to take money from a payment method. It owns attempts, captures and the
//! legacy way to charge a token directly; what a failed attempt means to an intent is the intent's
//! affair.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, flag, int, set, text};
use super::super::world::{Call, World, id_in};
use super::Family;
use super::balance::{self, Movement};
use super::test_cards::{self, Charging};
use super::{bank_debits, disputes, payment_methods};
use serde_json::{Value, json};

/// What to charge.
pub(crate) struct Attempt<'a> {
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    pub(crate) method: &'a Object,
    pub(crate) customer: &'a str,
    pub(crate) capture: bool,
    /// The holder has authenticated, or need not.
    pub(crate) authenticated: bool,
    /// Fields taken over as they are: payment_intent, description, metadata …
    pub(crate) context: Object,
}

/// Attempts a charge. The charge is stored whether it succeeds or not; the error is the decline.
pub(crate) fn attempt(
    world: &mut World<'_>,
    attempt: &Attempt<'_>,
) -> Result<Object, Box<(Object, StripeError)>> {
    let mut charge = world.fresh("charge", &attempt.context);
    let charging = match payment_methods::charging(attempt.method) {
        Charging::NeedsAction if attempt.authenticated => Charging::Succeeds,
        Charging::NeedsAction => {
            Charging::Declined("authentication_required", "authentication_required")
        }
        other => other,
    };
    set(&mut charge, "amount", attempt.amount);
    set(&mut charge, "currency", attempt.currency);
    let billing = attempt.method.get("billing_details").cloned();
    let empty =
        json!({"address": null, "email": null, "name": null, "phone": null, "tax_id": null});
    set(&mut charge, "billing_details", billing.unwrap_or(empty));
    let customer = attempt.customer;
    set(
        &mut charge,
        "customer",
        if customer.is_empty() {
            Value::Null
        } else {
            json!(customer)
        },
    );
    set(&mut charge, "payment_method", text(attempt.method, "id"));
    let details = test_cards::details_for_charge(attempt.method);
    set(&mut charge, "payment_method_details", details);
    set(&mut charge, "calculated_statement_descriptor", "SANDBOX");
    let receipt = format!(
        "https://pay.stripe.com/receipts/payment/{}",
        world.ids.text(32)
    );
    if let Charging::Delayed(_) = charging {
        // Charges of other methods than cards have ids of this kind.
        let id = text(&charge, "id").replacen("ch_", "py_", 1);
        set(&mut charge, "id", id);
        set(&mut charge, "status", "pending");
        set(&mut charge, "paid", false);
        set(&mut charge, "captured", true);
        world.store.put("charge", charge.clone());
        return Ok(charge);
    }
    if let Charging::Declined(code, decline_code) = charging {
        let message = test_cards::decline_message(code, decline_code);
        set(&mut charge, "status", "failed");
        set(&mut charge, "paid", false);
        set(&mut charge, "failure_code", code);
        set(&mut charge, "failure_message", message);
        set(
            &mut charge,
            "outcome",
            outcome(
                "issuer_declined",
                "declined_by_network",
                Some(decline_code),
                message,
            ),
        );
        let id = text(&charge, "id").to_owned();
        world.store.put("charge", charge.clone());
        let error = StripeError::card(code, message).with("charge", id);
        let error = error.with("decline_code", decline_code).keeping_changes();
        return Err(Box::new((charge, error)));
    }
    set(&mut charge, "status", "succeeded");
    set(&mut charge, "paid", true);
    set(&mut charge, "receipt_url", receipt);
    set(
        &mut charge,
        "outcome",
        outcome(
            "authorized",
            "approved_by_network",
            None,
            "Payment complete.",
        ),
    );
    set(
        &mut charge,
        "_available",
        charging == Charging::SucceedsAvailable,
    );
    if let Charging::Disputed(reason) | Charging::Inquired(reason) = charging {
        set(&mut charge, "_dispute", reason);
        let inquiry = matches!(charging, Charging::Inquired(_));
        set(&mut charge, "_inquiry", inquiry);
    }
    if attempt.capture {
        capture(world, &mut charge, attempt.amount);
    }
    world.store.put("charge", charge.clone());
    Ok(charge)
}

/// Completes a charge that was pending: its money is here, and available at once (Stripe docs, "Test
/// settlement behavior").
pub(crate) fn arrive(world: &mut World<'_>, charge: &mut Object) {
    let authorized = outcome(
        "authorized",
        "approved_by_network",
        None,
        "Payment complete.",
    );
    set(charge, "status", "succeeded");
    set(charge, "paid", true);
    set(charge, "outcome", authorized);
    set(charge, "_available", true);
    let amount = int(charge, "amount");
    capture(world, charge, amount);
    world.store.put("charge", charge.clone());
}

/// Ends a charge that was pending: its money does not come.
pub(crate) fn fail(world: &mut World<'_>, charge: &mut Object, code: &str, message: &str) {
    let declined = outcome(
        "issuer_declined",
        "declined_by_network",
        Some(code),
        message,
    );
    set(charge, "status", "failed");
    set(charge, "captured", false);
    set(charge, "failure_code", code);
    set(charge, "failure_message", message);
    set(charge, "outcome", declined);
    world.store.put("charge", charge.clone());
}

fn outcome(kind: &str, network: &str, reason: Option<&str>, message: &str) -> Value {
    json!({"advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": network, "reason": reason, "risk_level": "normal", "risk_score": 20,
        "seller_message": message, "type": kind})
}

/// Takes authorized money; what is not taken goes back. The caller stores the charge.
pub(crate) fn capture(world: &mut World<'_>, charge: &mut Object, amount: i64) {
    let (id, currency) = (
        text(charge, "id").to_owned(),
        text(charge, "currency").to_owned(),
    );
    let movement = Movement {
        kind: "charge",
        source: &id,
        amount,
        fee: balance::card_fee(amount),
        currency: &currency,
        available_on: if flag(charge, "_available") {
            world.now
        } else {
            balance::pending_until(world.now)
        },
    };
    let entry = balance::book(world, &movement);
    let rest = int(charge, "amount").saturating_sub(amount);
    set(charge, "captured", true);
    set(charge, "amount_captured", amount);
    set(charge, "amount_refunded", rest);
    set(charge, "balance_transaction", entry);
    let reason = text(charge, "_dispute").to_owned();
    if !reason.is_empty() {
        let is_inquiry = flag(charge, "_inquiry");
        disputes::raise(world, charge, &reason, is_inquiry);
    }
}

pub(crate) struct Charges;

impl Family for Charges {
    fn kinds(&self) -> &'static [&'static str] {
        &["charge"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        for name in ["amount", "currency"] {
            if !params.contains_key(name) {
                return Err(StripeError::missing(name));
            }
        }
        let amount = balance::positive(object)?;
        let customer = text(params, "customer").to_owned();
        let method = match params.get("source").filter(|source| *source != "") {
            Some(Value::String(id)) => payment_methods::resolve(world, "source", id)?,
            Some(described) => payment_methods::source_from(world, "source", described)?.1,
            None => {
                let customer = world.store.get("customer", &customer);
                let source = customer.map_or("", |customer| id_in(customer, "default_source"));
                if source.is_empty() {
                    return Err(
                        StripeError::invalid("Give a source, or a customer who has one.")
                            .code("parameter_missing")
                            .param("source"),
                    );
                }
                let source = source.to_owned();
                payment_methods::resolve(world, "source", &source)?
            }
        };
        bank_debits::refuse(&method)?;
        let mut context = object.clone();
        context.shift_remove("source");
        let attempt_result = attempt(
            world,
            &Attempt {
                amount,
                currency: &text(object, "currency").to_lowercase(),
                method: &method,
                customer: &customer,
                capture: params.get("capture") != Some(&Value::Bool(false)),
                authenticated: true,
                context,
            },
        );
        *object = attempt_result.map_err(|failed| failed.1)?;
        Ok(())
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        if action != "capture" {
            return Ok(false);
        }
        if flag(object, "captured") {
            return Err(StripeError::invalid("This charge is captured already.")
                .code("charge_already_captured"));
        }
        if flag(object, "refunded") {
            return Err(StripeError::invalid(
                "This charge was released, so it cannot be captured.",
            )
            .code("charge_already_refunded"));
        }
        let amount = amount_to_take(&call.params, "amount", int(object, "amount"))?;
        capture(world, object, amount);
        Ok(true)
    }

    fn included(&self, store: &Store, charge: &Object, field: &str) -> Option<Value> {
        if field != "refunds" {
            return None;
        }
        let id = text(charge, "id");
        let refunds = store.oldest_first("refund").rev();
        let refunds = refunds.filter(|record| text(&record.object, "charge") == id);
        let data = refunds.map(|record| Value::Object(super::present(store, &record.object)));
        let url = format!("/v1/charges/{id}/refunds");
        Some(super::super::world::whole_list(data.collect(), url))
    }
}

/// A part of an authorized amount: all of it when the parameter is not given.
pub(crate) fn amount_to_take(params: &Object, name: &str, most: i64) -> Result<i64, StripeError> {
    let Some(given) = params.get(name).filter(|given| *given != "") else {
        return Ok(most);
    };
    match given.as_i64() {
        Some(amount) if (1..=most).contains(&amount) => Ok(amount),
        _ => Err(
            StripeError::invalid(format!("{name} must be a whole number from 1 to {most}."))
                .code("amount_too_large")
                .param(name),
        ),
    }
}
