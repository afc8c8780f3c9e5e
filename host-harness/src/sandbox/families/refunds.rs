//! Refunds: money given back, in full or in parts, never more than was taken. It owns refunds and
//! what they change on their charge; the money itself is booked by the balance.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{flag, int, set, text};
use super::super::world::{Call, World, id_in};
use super::Family;
use super::balance::{self, Movement};
use super::disputes;
use serde_json::Value;

pub(crate) struct Refunds;

impl Family for Refunds {
    fn kinds(&self) -> &'static [&'static str] {
        &["refund"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let intent = text(&call.params, "payment_intent");
        let charge = match (text(&call.params, "charge"), intent) {
            ("", "") => {
                return Err(StripeError::malformed(
                    "Give a charge or a payment_intent: a refund needs to know what to give back.",
                )
                .code("parameter_missing")
                .param("charge"));
            }
            ("", intent) => {
                let intent = world.named_by("payment_intent", "payment_intent", intent)?;
                let charge = id_in(&intent, "latest_charge");
                if charge.is_empty() {
                    return Err(StripeError::invalid(
                        "This payment intent has no successful charge to refund.",
                    )
                    .param("payment_intent"));
                }
                world.named_by("payment_intent", "charge", charge)?
            }
            (charge, _) => world.named_by("charge", "charge", charge)?,
        };
        if text(&charge, "status") == "succeeded" && !flag(&charge, "captured") {
            check_release(&charge, call.params.get("amount"))?;
        }
        give_back(world, charge, call.params.get("amount"), object)
    }

    fn acted(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        if action != "cancel" {
            return Ok(false);
        }
        let status = text(object, "status");
        Err(StripeError::invalid(format!(
            "Only a refund that requires action can be canceled; this one is {status}."
        )))
    }
}

/// An authorization is released as a whole, and by its intent where it has one: an intent that is
/// still to be captured has no payment to refund (Stripe docs, "Refund and cancel payments").
fn check_release(charge: &Object, amount: Option<&Value>) -> Result<(), StripeError> {
    let intent = text(charge, "payment_intent");
    if !intent.is_empty() {
        return Err(StripeError::invalid(format!(
            "The PaymentIntent {intent} is not captured, so there is nothing to refund. Cancel it \
             instead."
        ))
        .param("payment_intent"));
    }
    let part = amount.filter(|amount| *amount != "");
    if part.is_some_and(|part| part.as_i64() != Some(int(charge, "amount"))) {
        return Err(StripeError::invalid(
            "A charge that is not captured can only be refunded as a whole.",
        )
        .param("amount"));
    }
    Ok(())
}

/// Completes a refund of a charge; the caller stores the refund.
pub(crate) fn give_back(
    world: &mut World<'_>,
    mut charge: Object,
    amount: Option<&Value>,
    refund: &mut Object,
) -> Result<(), StripeError> {
    let charge_id = text(&charge, "id").to_owned();
    if text(&charge, "status") != "succeeded" {
        let status = text(&charge, "status");
        let message = format!("A {status} charge took nothing that could be refunded.");
        return Err(StripeError::invalid(message).param("charge"));
    }
    let left = int(&charge, "amount") - int(&charge, "amount_refunded");
    if left <= 0 {
        return Err(
            StripeError::invalid(format!("Charge {charge_id} has already been refunded."))
                .code("charge_already_refunded"),
        );
    }
    let amount = match amount.filter(|amount| *amount != "") {
        None => left,
        Some(amount) => amount
            .as_i64()
            .filter(|amount| *amount > 0)
            .ok_or_else(|| {
                StripeError::invalid("The amount must be a whole number above zero.")
                    .code("parameter_invalid_integer")
                    .param("amount")
            })?,
    };
    if amount > left {
        return Err(StripeError::invalid(format!(
            "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})."
        ))
        .param("amount"));
    }
    disputes::check_refund(world, &charge, amount == left)?;
    let currency = text(&charge, "currency").to_owned();
    let refund_id = text(refund, "id").to_owned();
    // An authorization that was never captured is released, which moves no money.
    if flag(&charge, "captured") {
        let movement = Movement {
            kind: "refund",
            source: &refund_id,
            amount: -amount,
            fee: 0,
            currency: &currency,
            // Money that is still pending goes back from there: both become available together.
            available_on: available_on(world, &charge),
        };
        let entry = balance::book(world, &movement);
        set(refund, "balance_transaction", entry);
    }
    set(refund, "amount", amount);
    set(refund, "currency", currency);
    set(refund, "charge", charge_id);
    set(
        refund,
        "payment_intent",
        charge.get("payment_intent").cloned().unwrap_or(Value::Null),
    );
    set(refund, "status", "succeeded");
    let refunded = int(&charge, "amount_refunded") + amount;
    set(&mut charge, "amount_refunded", refunded);
    let whole = refunded == int(&charge, "amount");
    set(&mut charge, "refunded", whole);
    world.store.put("charge", charge);
    Ok(())
}

fn available_on(world: &World<'_>, charge: &Object) -> i64 {
    let entry = world
        .store
        .get("balance_transaction", id_in(charge, "balance_transaction"));
    entry.map_or(world.now, |entry| int(entry, "available_on"))
}
