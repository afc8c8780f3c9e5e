//! Money: balance transactions, the balance they add up to, payouts and transfers. It owns the rule
//! that the balance is nothing but the sum of its transactions; it knows nothing of why money moves.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, int, set, text};
use super::super::world::{Call, Outcome, World, id_in, whole_list};
use super::Family;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Seconds until a card payment's money is available, and until a payout arrives: two days.
const PENDING: i64 = 2 * 86_400;

/// One movement of money.
pub(crate) struct Movement<'a> {
    /// Stripe's `type`: charge, refund, payout …
    pub(crate) kind: &'static str,
    /// What moved it.
    pub(crate) source: &'a str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'a str,
    /// From when on it counts as available; a time that is past means at once.
    pub(crate) available_on: i64,
}

/// When the money of a payment made now is available.
pub(crate) fn pending_until(now: i64) -> i64 {
    now.saturating_add(PENDING)
}

/// What is taken of a card payment: 2.9 % and 30 of the smallest unit. This is the sandbox's fixed
/// tariff for every card and currency; Stripe's depends on the account's country and contract.
pub(crate) fn card_fee(amount: i64) -> i64 {
    amount.saturating_mul(29).saturating_add(500) / 1000 + 30
}

/// Books a movement, and answers with the id of its balance transaction.
pub(crate) fn book(world: &mut World<'_>, movement: &Movement<'_>) -> String {
    let mut entry = world.blank("balance_transaction");
    let &Movement {
        kind,
        source,
        amount,
        fee,
        currency,
        available_on,
    } = movement;
    let available = available_on <= world.now;
    set(&mut entry, "amount", amount);
    set(&mut entry, "available_on", available_on.max(world.now));
    set(&mut entry, "balance_type", "payments");
    set(&mut entry, "currency", currency);
    set(&mut entry, "fee", fee);
    let details = json!([{"amount": fee, "application": null, "currency": currency,
        "description": "Stripe processing fees", "type": "stripe_fee"}]);
    set(
        &mut entry,
        "fee_details",
        if fee == 0 { json!([]) } else { details },
    );
    set(&mut entry, "net", amount.saturating_sub(fee));
    set(&mut entry, "reporting_category", kind);
    set(&mut entry, "source", source);
    set(
        &mut entry,
        "status",
        if available { "available" } else { "pending" },
    );
    set(&mut entry, "type", kind);
    let id = text(&entry, "id").to_owned();
    world.store.put("balance_transaction", entry);
    id
}

/// By currency, what is available and what is pending at a time.
fn sums(store: &Store, now: i64) -> BTreeMap<String, (i64, i64)> {
    let mut sums = BTreeMap::from([(String::from("usd"), (0i64, 0i64))]);
    for record in store.oldest_first("balance_transaction") {
        let entry = &record.object;
        let (available, pending) = sums.entry(text(entry, "currency").to_owned()).or_default();
        let sum = if int(entry, "available_on") <= now {
            available
        } else {
            pending
        };
        *sum = sum.saturating_add(int(entry, "net"));
    }
    sums
}

/// The balance at a time.
pub(crate) fn balance(store: &Store, now: i64) -> Value {
    let part = |pick: fn(&(i64, i64)) -> i64| -> Vec<Value> {
        let amounts = sums(store, now);
        let amounts = amounts.iter().map(|(currency, sums)| {
            json!({"amount": pick(sums), "currency": currency,
                "source_types": {"card": pick(sums)}})
        });
        amounts.collect()
    };
    json!({
        "object": "balance",
        "available": part(|(available, _)| *available),
        "livemode": false,
        "pending": part(|(_, pending)| *pending),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    })
}

pub(crate) struct Balance;

impl Family for Balance {
    fn kinds(&self) -> &'static [&'static str] {
        &[
            "balance",
            "balance_transaction",
            "payout",
            "transfer",
            "transfer_reversal",
            "topup",
        ]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        if !call.route.template.starts_with("/v1/balance") {
            return Ok(None);
        }
        let reads_balance = call.route.template == "/v1/balance" && call.route.verb == "GET";
        Ok(reads_balance.then(|| Outcome::Json(balance(world.store, world.now))))
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let id = text(object, "id").to_owned();
        let currency = text(object, "currency").to_lowercase();
        set(object, "currency", currency.as_str());
        match text(object, "object") {
            "payout" => {
                let amount = positive(object)?;
                withdraw(world, amount, &currency)?;
                let movement = Movement {
                    kind: "payout",
                    source: &id,
                    amount: -amount,
                    fee: 0,
                    currency: &currency,
                    available_on: world.now,
                };
                set(object, "balance_transaction", book(world, &movement));
                set(object, "arrival_date", world.now + PENDING);
                set(object, "automatic", false);
                set(object, "status", "pending");
                set(object, "source_type", "card");
                set(object, "reconciliation_status", "not_applicable");
                if text(&call.params, "method").is_empty() {
                    set(object, "method", "standard");
                }
            }
            "transfer" => {
                let amount = positive(object)?;
                withdraw(world, amount, &currency)?;
                let movement = Movement {
                    kind: "transfer",
                    source: &id,
                    amount: -amount,
                    fee: 0,
                    currency: &currency,
                    available_on: world.now,
                };
                set(object, "balance_transaction", book(world, &movement));
                set(
                    object,
                    "destination_payment",
                    world.ids.id("charge").replace("ch_", "py_"),
                );
            }
            "transfer_reversal" => {
                let transfer_id = call.ids.first().map_or("", String::as_str);
                let mut transfer = world.at_path("transfer", transfer_id)?;
                let left = int(&transfer, "amount") - int(&transfer, "amount_reversed");
                let amount = if call.params.contains_key("amount") {
                    positive(object)?
                } else {
                    left
                };
                if amount > left || left == 0 {
                    return Err(StripeError::invalid(format!(
                        "{amount} cannot be reversed: {left} of this transfer is left."
                    ))
                    .param("amount"));
                }
                let currency = text(&transfer, "currency").to_owned();
                let movement = Movement {
                    kind: "transfer_refund",
                    source: &id,
                    amount,
                    fee: 0,
                    currency: &currency,
                    available_on: world.now,
                };
                set(object, "amount", amount);
                set(object, "currency", currency.as_str());
                set(object, "balance_transaction", book(world, &movement));
                let reversed = int(&transfer, "amount_reversed") + amount;
                set(&mut transfer, "amount_reversed", reversed);
                let whole = reversed == int(&transfer, "amount");
                set(&mut transfer, "reversed", whole);
                world.store.put("transfer", transfer);
            }
            "topup" => {
                positive(object)?;
                set(object, "status", "pending");
                set(
                    object,
                    "expected_availability_date",
                    pending_until(world.now),
                );
            }
            _ => {}
        }
        Ok(())
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        let wanted = match (text(object, "object"), action) {
            ("payout", "cancel") => "pending",
            ("payout", "reverse") => "paid",
            _ => return Ok(false),
        };
        let status = text(object, "status");
        if status != wanted || int(object, "amount") < 0 || !id_in(object, "reversed_by").is_empty()
        {
            return Err(StripeError::invalid(format!(
                "To {action} a payout it must be {wanted}; this one is {status}."
            )));
        }
        if action == "reverse" {
            reverse(world, object);
            return Ok(true);
        }
        let (id, amount) = (text(object, "id").to_owned(), int(object, "amount"));
        let currency = text(object, "currency").to_owned();
        let movement = Movement {
            kind: "payout_cancel",
            source: &id,
            amount,
            fee: 0,
            currency: &currency,
            available_on: world.now,
        };
        let entry = book(world, &movement);
        set(object, "failure_balance_transaction", entry);
        set(object, "status", "canceled");
        Ok(true)
    }

    fn due(&self, object: &Object) -> Option<i64> {
        let field = match (text(object, "object"), text(object, "status")) {
            ("balance_transaction", "pending") => "available_on",
            ("payout", "pending") => "arrival_date",
            ("topup", "pending") => "expected_availability_date",
            _ => return None,
        };
        object.get(field).and_then(Value::as_i64)
    }

    fn fall_due(&self, world: &mut World<'_>, object: &mut Object) -> Result<(), StripeError> {
        let status = match text(object, "object") {
            "balance_transaction" => "available",
            "payout" => "paid",
            _ => {
                let currency = text(object, "currency").to_owned();
                let movement = Movement {
                    kind: "topup",
                    source: text(object, "id"),
                    amount: int(object, "amount"),
                    fee: 0,
                    currency: &currency,
                    available_on: world.now,
                };
                let entry = book(world, &movement);
                set(object, "balance_transaction", entry);
                "succeeded"
            }
        };
        set(object, "status", status);
        Ok(())
    }

    fn present(&self, store: &Store, object: &mut Object) {
        if text(object, "object") == "transfer" {
            let id = text(object, "id").to_owned();
            let reversals = store.oldest_first("transfer_reversal");
            let reversals = reversals.filter(|record| record.parents.contains(&id));
            let data = reversals
                .map(|record| Value::Object(record.object.clone()))
                .collect();
            set(
                object,
                "reversals",
                whole_list(data, format!("/v1/transfers/{id}/reversals")),
            );
        }
    }
}

/// Takes a paid payout back: a payout of less than nothing, which is the answer (Stripe API, "Reverse
/// a payout").
fn reverse(world: &mut World<'_>, payout: &mut Object) {
    let mut original = payout.clone();
    let mut back = world.blank("payout");
    let id = text(&back, "id").to_owned();
    let (amount, currency) = (int(payout, "amount"), text(payout, "currency").to_owned());
    let movement = Movement {
        kind: "payout",
        source: &id,
        amount,
        fee: 0,
        currency: &currency,
        available_on: world.now,
    };
    set(&mut back, "balance_transaction", book(world, &movement));
    set(&mut back, "amount", -amount);
    set(&mut back, "arrival_date", world.now + PENDING);
    set(&mut back, "original_payout", text(payout, "id"));
    set(&mut back, "status", "pending");
    for field in ["currency", "method", "source_type", "reconciliation_status"] {
        let value = payout.get(field).cloned().unwrap_or(Value::Null);
        set(&mut back, field, value);
    }
    set(&mut original, "reversed_by", id);
    world.store.put("payout", original);
    *payout = back;
}

/// The object's amount, which must be more than nothing.
pub(crate) fn positive(object: &Object) -> Result<i64, StripeError> {
    let amount = object.get("amount").and_then(Value::as_i64).unwrap_or(0);
    if amount < 1 {
        return Err(
            StripeError::invalid("The amount must be a whole number above zero.")
                .code("parameter_invalid_integer")
                .param("amount"),
        );
    }
    if amount > 99_999_999_999 {
        return Err(StripeError::invalid("The amount is too large.")
            .code("amount_too_large")
            .param("amount"));
    }
    Ok(amount)
}

fn withdraw(world: &World<'_>, amount: i64, currency: &str) -> Result<(), StripeError> {
    let sums = sums(world.store, world.now);
    let available = sums.get(currency).map_or(0, |(available, _)| *available);
    if amount <= available {
        return Ok(());
    }
    Err(StripeError::invalid(format!(
        "There is {available} {currency} available, which is less than {amount}. In test mode, a \
         payment with pm_card_bypassPending is available at once."
    ))
    .code("balance_insufficient"))
}
