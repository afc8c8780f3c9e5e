//! Disputes: a cardholder's bank takes a payment back, until it is decided whose the money is. It owns
//! their states and the money they move (Stripe docs, "Disputes" and "Testing", "Disputes"); the
//! balance books it, and which test cards are disputed is in `test_cards.rs`.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{flag, int, set, text};
use super::super::world::{Call, World, id_in};
use super::Family;
use super::balance::{self, Movement};
use serde_json::{Value, json};

/// What a dispute costs, whoever wins: 15.00. The sandbox's fixed tariff in every currency; a
/// dispute that is won gives it back (Stripe docs, "Testing", "Disputes").
const FEE: i64 = 1500;
/// How long evidence is waited for: seven days, the least that any card network gives (Stripe docs,
/// "Respond to disputes").
const TO_RESPOND: i64 = 7 * 86_400;

pub(crate) struct Disputes;

impl Family for Disputes {
    fn kinds(&self) -> &'static [&'static str] {
        &["dispute"]
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        dispute: &mut Object,
    ) -> Result<(), StripeError> {
        let Some(given) = call.params.get("evidence").and_then(Value::as_object) else {
            return Ok(());
        };
        if !awaits_response(dispute) {
            return Err(over(dispute));
        }
        detail(dispute, "has_evidence", json!(!given.is_empty()));
        // Stripe API, "Update a dispute": evidence is submitted unless `submit` is false.
        if call.params.get("submit") == Some(&Value::Bool(false)) {
            return Ok(());
        }
        let submitted = dispute
            .get("evidence_details")
            .and_then(Value::as_object)
            .map_or(0, |details| int(details, "submission_count"));
        detail(dispute, "submission_count", json!(submitted + 1));
        let said = dispute.get("evidence").and_then(Value::as_object);
        let said = said.map_or("", |evidence| text(evidence, "uncategorized_text"));
        match (said, is_inquiry(dispute)) {
            ("winning_evidence", _) => win(world, dispute),
            ("losing_evidence", _) => lose(dispute),
            ("escalate_inquiry_evidence", true) => {
                set(dispute, "status", "needs_response");
                set(dispute, "is_charge_refundable", false);
                withdraw(world, dispute);
            }
            (_, true) => set(dispute, "status", "warning_under_review"),
            (_, false) => set(dispute, "status", "under_review"),
        }
        Ok(())
    }

    fn acted(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        dispute: &mut Object,
    ) -> Result<bool, StripeError> {
        if action != "close" {
            return Ok(false);
        }
        if !awaits_response(dispute) {
            return Err(over(dispute));
        }
        // To close a dispute is to accept that it is lost (Stripe API, "Close a dispute").
        lose(dispute);
        Ok(true)
    }

    fn due(&self, dispute: &Object) -> Option<i64> {
        let details = dispute.get("evidence_details")?.as_object()?;
        awaits_response(dispute).then(|| int(details, "due_by"))
    }

    fn fall_due(&self, _world: &mut World<'_>, dispute: &mut Object) -> Result<(), StripeError> {
        detail(dispute, "past_due", json!(true));
        lose(dispute);
        Ok(())
    }
}

/// Disputes a charge that has taken its money; the dispute is stored, and the charge as it is then.
pub(crate) fn raise(world: &mut World<'_>, charge: &mut Object, reason: &str, is_inquiry: bool) {
    set(charge, "disputed", true);
    // The charge is told of before its dispute.
    world.store.put("charge", charge.clone());
    let mut dispute = world.blank("dispute");
    set(&mut dispute, "amount", int(charge, "amount_captured"));
    set(&mut dispute, "balance_transactions", json!([]));
    set(&mut dispute, "charge", text(charge, "id"));
    set(&mut dispute, "currency", text(charge, "currency"));
    set(&mut dispute, "enhanced_eligibility_types", json!([]));
    detail(&mut dispute, "due_by", json!(world.now + TO_RESPOND));
    set(&mut dispute, "is_charge_refundable", is_inquiry);
    let intent = charge.get("payment_intent").cloned();
    set(
        &mut dispute,
        "payment_intent",
        intent.unwrap_or(Value::Null),
    );
    let card = charge.get("payment_method_details");
    let card = card.and_then(|details| details.get("card"));
    let brand = card.and_then(|card| card.get("brand")).cloned();
    let case = if is_inquiry { "inquiry" } else { "chargeback" };
    let details = json!({"type": "card", "card": {"brand": brand, "case_type": case,
        "network": brand, "network_reason_code": null}});
    set(&mut dispute, "payment_method_details", details);
    set(&mut dispute, "reason", reason);
    if is_inquiry {
        set(&mut dispute, "status", "warning_needs_response");
    } else {
        set(&mut dispute, "status", "needs_response");
        withdraw(world, &mut dispute);
    }
    world.store.put("dispute", dispute);
}

/// Refuses the refund of a charge whose money a dispute has taken, or is about to be decided. An
/// inquiry ends with a full refund (Stripe docs, "Dispute categories", "Inquiries").
pub(crate) fn check_refund(
    world: &mut World<'_>,
    charge: &Object,
    is_full: bool,
) -> Result<(), StripeError> {
    if !flag(charge, "disputed") {
        return Ok(());
    }
    let id = text(charge, "id");
    let disputes = world.store.oldest_first("dispute").rev();
    let dispute = disputes
        .map(|record| &record.object)
        .find(|dispute| text(dispute, "charge") == id);
    let Some(mut dispute) = dispute.cloned() else {
        return Ok(());
    };
    if is_inquiry(&dispute) {
        if is_full && awaits_response(&dispute) {
            set(&mut dispute, "status", "warning_closed");
            set(&mut dispute, "is_charge_refundable", false);
            world.store.put("dispute", dispute);
        }
        return Ok(());
    }
    if text(&dispute, "status") == "won" {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "Charge {id} has been charged back; it cannot be refunded."
    ))
    .code("charge_disputed"))
}

fn is_inquiry(dispute: &Object) -> bool {
    text(dispute, "status").starts_with("warning_")
}

fn awaits_response(dispute: &Object) -> bool {
    matches!(
        text(dispute, "status"),
        "needs_response" | "warning_needs_response"
    )
}

fn over(dispute: &Object) -> StripeError {
    let status = text(dispute, "status");
    StripeError::invalid(format!(
        "A dispute that is {status} takes no more evidence and cannot be closed."
    ))
}

fn detail(dispute: &mut Object, name: &str, value: Value) {
    let details = dispute.get_mut("evidence_details");
    if let Some(details) = details.and_then(Value::as_object_mut) {
        set(details, name, value);
    }
}

/// Takes the money and the fee.
fn withdraw(world: &mut World<'_>, dispute: &mut Object) {
    book(world, dispute, -int(dispute, "amount"), FEE);
}

/// Gives both back, if they were taken.
fn win(world: &mut World<'_>, dispute: &mut Object) {
    if is_inquiry(dispute) {
        set(dispute, "status", "warning_closed");
        return;
    }
    book(world, dispute, int(dispute, "amount"), -FEE);
    set(dispute, "status", "won");
}

/// What was taken stays so; an inquiry that became no chargeback ends with nothing taken.
fn lose(dispute: &mut Object) {
    let status = if is_inquiry(dispute) {
        "warning_closed"
    } else {
        "lost"
    };
    set(dispute, "status", status);
    set(dispute, "is_charge_refundable", false);
}

fn book(world: &mut World<'_>, dispute: &mut Object, amount: i64, fee: i64) {
    let currency = text(dispute, "currency").to_owned();
    let movement = Movement {
        kind: "adjustment",
        source: text(dispute, "id"),
        amount,
        fee,
        currency: &currency,
        available_on: world.now,
    };
    let id = balance::book(world, &movement);
    let Some(mut entry) = world.store.get("balance_transaction", &id).cloned() else {
        return;
    };
    let taken = amount < 0;
    let word = if taken { "withdrawal" } else { "reversal" };
    let description = format!("Chargeback {word} for {}", id_in(dispute, "charge"));
    set(&mut entry, "description", description);
    let category = if taken { "dispute" } else { "dispute_reversal" };
    set(&mut entry, "reporting_category", category);
    set(
        &mut entry,
        "fee_details",
        json!([{"amount": fee, "application": null, "currency": currency,
            "description": "Dispute fee", "type": "stripe_fee"}]),
    );
    world.store.put("balance_transaction", entry.clone());
    if let Some(Value::Array(entries)) = dispute.get_mut("balance_transactions") {
        entries.push(Value::Object(entry));
    }
}
