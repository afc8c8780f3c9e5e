//! Payments from US bank accounts (ACH Direct Debit), whose end is known days later: the test accounts
//! there are, and what an intent does while it is `processing`. It owns that wait; what a payment that
//! arrived or failed means to an intent is the intent's affair.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{int, set, text};
use super::super::world::{World, id_in};
use super::charges;
use super::test_cards::{Charging, Settlement, last_four};
use serde_json::{Value, json};

/// The type of these payment methods.
pub(crate) const TYPE: &str = "us_bank_account";
/// What the names of the test accounts begin with.
const PREFIX: &str = "pm_usBankAccount_";
/// How long a debit takes: four days, the most that Stripe names (Stripe docs, "ACH Direct Debit",
/// which counts business days).
const TAKES: i64 = 4 * 86_400;

/// Stripe's test accounts (Stripe docs, "Test account numbers"): the rest of their names, their
/// numbers, and how a debit ends.
#[rustfmt::skip]
const ACCOUNTS: [(&str, &str, Settlement); 6] = [
    ("success", "000123456789", Settlement::Succeeds),
    ("accountClosed", "000111111113", Settlement::Fails("account_closed")),
    ("noAccount", "000111111116", Settlement::Fails("no_account")),
    ("insufficientFunds", "000222222227", Settlement::Fails("insufficient_funds")),
    ("debitNotAuthorized", "000333333335", Settlement::Fails("debit_not_authorized")),
    ("processing", "000000000009", Settlement::Never),
];

/// The parameters of a payment method that a test account's name stands for.
pub(crate) fn named(name: &str) -> Option<Value> {
    let rest = name.strip_prefix(PREFIX)?;
    let (_, number, _) = ACCOUNTS.iter().find(|(known, ..)| *known == rest)?;
    Some(
        json!({"type": TYPE, TYPE: {"account_number": number, "routing_number": "110000000",
        "account_holder_type": "individual"}}),
    )
}

/// How a debit of the account with this number ends.
pub(crate) fn charging(number: &str) -> Charging {
    let account = ACCOUNTS.iter().find(|(_, known, _)| *known == number);
    Charging::Delayed(account.map_or(Settlement::Succeeds, |(.., settlement)| *settlement))
}

/// The `us_bank_account` of a payment method.
pub(crate) fn details(given: &Object, number: &str) -> Value {
    let or = |field: &str, usual: &str| match text(given, field) {
        "" => usual.to_owned(),
        given => given.to_owned(),
    };
    json!({
        "account_holder_type": or("account_holder_type", "individual"),
        "account_type": or("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": null,
        "fingerprint": super::test_cards::fingerprint(number),
        "last4": last_four(number),
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": or("routing_number", "110000000"),
        "status_details": null,
    })
}

/// Refuses a payment that no bank debit can make (Stripe docs, "ACH Direct Debit").
pub(crate) fn check(intent: &Object) -> Result<(), StripeError> {
    let currency = text(intent, "currency");
    if currency != "usd" {
        let message = format!("A US bank account pays in usd, not in {currency}.");
        return Err(StripeError::invalid(message).param("currency"));
    }
    let holds = |name: &str, wanted: &Value| {
        let types = intent.get(name).and_then(Value::as_array);
        types.is_some_and(|types| types.contains(wanted))
    };
    let is_automatic = intent
        .get("automatic_payment_methods")
        .is_some_and(|automatic| automatic.get("enabled") == Some(&json!(true)));
    if !is_automatic && !holds("payment_method_types", &json!("us_bank_account")) {
        let message = "This PaymentIntent takes no us_bank_account: its payment_method_types do \
                       not name it.";
        return Err(StripeError::invalid(message).param("payment_method"));
    }
    if text(intent, "capture_method") == "manual" {
        let message = "A bank debit cannot be captured later: leave capture_method out.";
        return Err(StripeError::invalid(message).param("capture_method"));
    }
    Ok(())
}

/// Refuses a bank debit where the sandbox has none.
pub(crate) fn refuse(method: &Object) -> Result<(), StripeError> {
    if !matches!(
        super::payment_methods::charging(method),
        Charging::Delayed(_)
    ) {
        return Ok(());
    }
    let message = "In this sandbox, bank debits pay PaymentIntents alone. Pay this with a card.";
    Err(StripeError::invalid(message).param("payment_method"))
}

/// Begins to wait for the money of a charge that is under way.
pub(crate) fn wait(world: &World<'_>, intent: &mut Object, settlement: Settlement) {
    set(intent, "status", "processing");
    if settlement != Settlement::Never {
        set(intent, "_settles", world.now.saturating_add(TAKES));
    }
}

/// When an intent's wait is over.
pub(crate) fn due(intent: &Object) -> Option<i64> {
    let is_waiting = text(intent, "status") == "processing" && intent.contains_key("_settles");
    is_waiting.then(|| int(intent, "_settles"))
}

/// Ends the wait for an intent's money. The charge is stored as it is then; the error says why the
/// money did not come.
pub(crate) fn settle(
    world: &mut World<'_>,
    intent: &Object,
    method: &Object,
) -> Result<(), Box<(Object, StripeError)>> {
    let charge = world.store.get("charge", id_in(intent, "latest_charge"));
    let mut charge = charge.cloned().unwrap_or_default();
    let charging = super::payment_methods::charging(method);
    let Charging::Delayed(Settlement::Fails(code)) = charging else {
        charges::arrive(world, &mut charge);
        return Ok(());
    };
    let message = match code {
        "account_closed" => "The customer's bank account has been closed.",
        "no_account" => "The customer's bank account could not be located.",
        "insufficient_funds" => "The customer's bank account has insufficient funds.",
        _ => "The customer's bank does not permit debits from this account.",
    };
    charges::fail(world, &mut charge, code, message);
    let id = text(&charge, "id").to_owned();
    let error = StripeError::card(code, message).with("charge", id);
    Err(Box::new((charge, error)))
}
