//! Stripe's test cards (Stripe docs, "Test card numbers"): which names and numbers there are, how a
//! charge of each ends, and what a card shows of itself. It owns that table; what a decline does to
//! a payment is for the intents and charges.

use super::super::ids::Ids;
use super::super::shapes::Object;
use super::super::store::text;
use serde_json::{Value, json};

/// What happens when a card is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charging {
    Succeeds,
    /// As above, and the money is available at once.
    SucceedsAvailable,
    /// Succeeds, and is disputed for this reason as soon as the money is taken.
    Disputed(&'static str),
    /// The same, but the bank only asks: no money is taken back.
    Inquired(&'static str),
    /// Declined with this error code and decline code.
    Declined(&'static str, &'static str),
    /// It takes days until it is known whether the money comes.
    Delayed(Settlement),
    /// The holder must authenticate first; off session that counts as a decline.
    NeedsAction,
}

/// How a payment ends whose end is known later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    Succeeds,
    /// Fails with this code.
    Fails(&'static str),
    /// It stays under way.
    Never,
}

struct TestCard {
    /// What follows `pm_card_` and `tok_`.
    name: &'static str,
    number: &'static str,
    brand: &'static str,
    charging: Charging,
}

use Charging::{Declined, Disputed, Inquired, NeedsAction, Succeeds, SucceedsAvailable};

const fn card(
    name: &'static str,
    number: &'static str,
    brand: &'static str,
    charging: Charging,
) -> TestCard {
    TestCard {
        name,
        number,
        brand,
        charging,
    }
}

#[rustfmt::skip]
static TEST_CARDS: &[TestCard] = &[
    card("visa", "4242424242424242", "visa", Succeeds),
    card("visa_debit", "4000056655665556", "visa", Succeeds),
    card("mastercard", "5555555555554444", "mastercard", Succeeds),
    card("mastercard_debit", "5200828282828210", "mastercard", Succeeds),
    card("mastercard_prepaid", "5105105105105100", "mastercard", Succeeds),
    card("amex", "378282246310005", "amex", Succeeds),
    card("discover", "6011111111111117", "discover", Succeeds),
    card("diners", "3056930009020004", "diners", Succeeds),
    card("jcb", "3566002020360505", "jcb", Succeeds),
    card("unionpay", "6200000000000005", "unionpay", Succeeds),
    card("us", "4242424242424242", "visa", Succeeds),
    card("bypassPending", "4000000000000077", "visa", SucceedsAvailable),
    card("bypassPendingInternational", "4000003720000278", "visa", SucceedsAvailable),
    card("createDispute", "4000000000000259", "visa", Disputed("fraudulent")),
    card("createDisputeProductNotReceived", "4000000000002685", "visa", Disputed("product_not_received")),
    card("createDisputeInquiry", "4000000000001976", "visa", Inquired("fraudulent")),
    card("chargeDeclined", "4000000000000002", "visa", Declined("card_declined", "generic_decline")),
    card("visa_chargeDeclined", "4000000000000002", "visa", Declined("card_declined", "generic_decline")),
    card("chargeDeclinedInsufficientFunds", "4000000000009995", "visa", Declined("card_declined", "insufficient_funds")),
    card("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "visa", Declined("card_declined", "insufficient_funds")),
    card("chargeDeclinedLostCard", "4000000000009987", "visa", Declined("card_declined", "lost_card")),
    card("visa_chargeDeclinedLostCard", "4000000000009987", "visa", Declined("card_declined", "lost_card")),
    card("chargeDeclinedStolenCard", "4000000000009979", "visa", Declined("card_declined", "stolen_card")),
    card("visa_chargeDeclinedStolenCard", "4000000000009979", "visa", Declined("card_declined", "stolen_card")),
    card("chargeDeclinedFraudulent", "4100000000000019", "visa", Declined("card_declined", "fraudulent")),
    card("chargeDeclinedVelocityLimitExceeded", "4000000000006975", "visa", Declined("card_declined", "card_velocity_exceeded")),
    card("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "visa", Declined("card_declined", "card_velocity_exceeded")),
    card("chargeDeclinedExpiredCard", "4000000000000069", "visa", Declined("expired_card", "expired_card")),
    card("chargeDeclinedIncorrectCvc", "4000000000000127", "visa", Declined("incorrect_cvc", "incorrect_cvc")),
    card("chargeDeclinedProcessingError", "4000000000000119", "visa", Declined("processing_error", "processing_error")),
    card("chargeCustomerFail", "4000000000000341", "visa", Declined("card_declined", "generic_decline")),
    card("authenticationRequired", "4000002760003184", "visa", NeedsAction),
    card("authenticationRequiredOnSetup", "4000002500003155", "visa", NeedsAction),
    card("threeDSecure2Required", "4000000000003220", "visa", NeedsAction),
    card("threeDSecureRequired", "4000000000003063", "visa", NeedsAction),
];

pub(crate) fn passes_luhn(number: &str) -> bool {
    let digits = number
        .bytes()
        .rev()
        .map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    number.len() >= 12 && number.len() <= 19 && sum.is_multiple_of(10)
}

pub(crate) fn brand(number: &str) -> &'static str {
    match TEST_CARDS.iter().find(|card| card.number == number) {
        Some(card) => card.brand,
        None => match number.as_bytes() {
            [b'5', ..] => "mastercard",
            [b'3', b'4' | b'7', ..] => "amex",
            [b'6', ..] => "discover",
            _ => "visa",
        },
    }
}

pub(crate) fn last_four(number: &str) -> &str {
    number
        .get(number.len().saturating_sub(4)..)
        .unwrap_or(number)
}

fn funding(number: &str) -> &'static str {
    match number {
        "4000056655665556" | "5200828282828210" => "debit",
        "5105105105105100" => "prepaid",
        _ => "credit",
    }
}

/// The `card` of a payment method.
pub(crate) fn card_details(given: &Object, number: &str) -> Value {
    let brand = brand(number);
    json!({
        "brand": brand,
        "checks": {"address_line1_check": null, "address_postal_code_check": null,
            "cvc_check": if given.contains_key("cvc") { json!("pass") } else { Value::Null }},
        "country": "US",
        "display_brand": brand,
        "exp_month": given.get("exp_month").cloned().unwrap_or(json!(12)),
        "exp_year": given.get("exp_year").cloned().unwrap_or(json!(2034)),
        "fingerprint": fingerprint(number),
        "funding": funding(number),
        "generated_from": null,
        "last4": last_four(number),
        "networks": {"available": [brand], "preferred": null},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": true},
        "wallet": null,
    })
}

/// The same text for the same number, as a card's fingerprint is.
pub(crate) fn fingerprint(number: &str) -> String {
    let seed = number.bytes().fold(7u64, |hash, byte| {
        hash.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)
    });
    Ids::new(Some(seed)).text(16)
}

/// The `payment_method_details` of a charge.
pub(crate) fn details_for_charge(method: &Object) -> Value {
    let mut card = match method.get("card").and_then(Value::as_object) {
        Some(card) => card.clone(),
        None => match card_details(method, text(method, "_number")) {
            Value::Object(card) => card,
            _ => Object::new(),
        },
    };
    if text(method, "object") == "payment_method" && text(method, "type") != "card" {
        let kind = text(method, "type");
        let mut details = method.get(kind).cloned().unwrap_or(json!({}));
        if let Some(details) = details.as_object_mut() {
            for field in [
                "financial_connections_account",
                "networks",
                "status_details",
            ] {
                details.shift_remove(field);
            }
        }
        return json!({"type": kind, kind: details});
    }
    for field in [
        "display_brand",
        "generated_from",
        "networks",
        "three_d_secure_usage",
    ] {
        card.shift_remove(field);
    }
    let network = card.get("brand").cloned().unwrap_or(Value::Null);
    card.insert("network".into(), network);
    card.insert("three_d_secure".into(), Value::Null);
    json!({"type": "card", "card": card})
}

/// The sentence that goes with a decline.
pub(crate) fn decline_message(code: &str, decline_code: &str) -> &'static str {
    match (code, decline_code) {
        ("expired_card", _) => "Your card has expired.",
        ("incorrect_cvc", _) => "Your card's security code is incorrect.",
        ("processing_error", _) => "An error occurred while processing your card. Try again later.",
        ("authentication_required", _) => {
            "Your card was declined. This transaction requires authentication."
        }
        ("payment_intent_authentication_failure", _) => {
            "The payment method could not be authenticated. Confirm with another one."
        }
        (_, "insufficient_funds") => "Your card has insufficient funds.",
        _ => "Your card was declined.",
    }
}

/// The number of the test card with this name.
pub(crate) fn number_named(name: &str) -> Option<&'static str> {
    TEST_CARDS
        .iter()
        .find(|card| card.name == name)
        .map(|card| card.number)
}

/// How a charge of the card with this number ends.
pub(crate) fn charging(number: &str) -> Charging {
    TEST_CARDS
        .iter()
        .find(|card| card.number == number)
        .map_or(Succeeds, |card| card.charging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_card_is_a_card() {
        for card in TEST_CARDS {
            assert!(passes_luhn(card.number), "{} {}", card.name, card.number);
        }
        assert!(!passes_luhn("4242424242424241"));
    }
}
