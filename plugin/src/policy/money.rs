//! What a call moves: how much of which currency, computed from its params
//! alone, by the rules of `catalogue/money.txt`. What cannot be computed is
//! said to be so, never guessed.

use std::collections::BTreeMap;

use crate::json::{Object, Value};
use crate::operation::Operation;

/// What an operation does with money. Lists of names are joined by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Changes nothing, although it is no GET.
    Read,
    /// Moves what a param says, in the currency another says.
    Amount(&'static str, Option<&'static str>),
    /// The same, unless neither is given.
    Change(&'static str, &'static str),
    /// Moves the sum over a list, if nothing is given but that and these.
    Lines(&'static str, &'static str),
    /// How much is not known if one of these is given.
    Given(&'static str),
    /// How much is not known, unless nothing is given but these.
    Unknown(&'static str),
}

include!(concat!(env!("OUT_DIR"), "/money.rs"));

/// An operation that moves nothing has no effect.
fn effect(operation: &Operation) -> Option<Effect> {
    let is_it = |name: &str| {
        name.strip_prefix(operation.resource)
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(operation.method)
    };
    EFFECTS
        .iter()
        .find(|(name, _)| is_it(name))
        .map(|(_, effect)| *effect)
}

/// Whether an operation that is no GET changes nothing.
pub(super) fn reads(operation: &Operation) -> bool {
    effect(operation) == Some(Effect::Read)
}

/// Whether some call of an operation moves something.
pub(super) fn may_move(operation: &Operation) -> bool {
    effect(operation).is_some_and(|effect| effect != Effect::Read)
}

/// What a call moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moved {
    /// Nothing.
    Nothing,
    /// So much in the currency's smallest unit.
    Amount {
        amount: u64,
        /// In lower case; none where the call does not bind it.
        currency: Option<String>,
        /// The param that says how much.
        place: String,
    },
    /// Something; why it is not known how much, and the param at fault.
    Unknown { why: String, place: String },
}

fn unknown(place: impl Into<String>, why: impl Into<String>) -> Moved {
    Moved::Unknown {
        why: why.into(),
        place: place.into(),
    }
}

/// Whether a name within has a bracket, which a form does not escape.
fn has_brackets(value: &Value<'_>) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| name.contains(['[', ']']) || has_brackets(member)),
        Value::Array(items) => items.iter().any(has_brackets),
        _ => false,
    }
}

/// What a call with these params moves.
pub(super) fn moved(operation: &Operation, params: &Object<'_>) -> Moved {
    let Some(effect) = effect(operation) else {
        return Moved::Nothing;
    };
    // `amount[]` beside `amount` would be read as the same param, and so would
    // `a][b` within one.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_open = !matches!(effect, Effect::Lines(..)); // of lines, all names are judged
    let odd = params.iter().find(|(name, value)| {
        name.is_empty() || !name.bytes().all(plain) || (is_open && has_brackets(value))
    });
    if let (Some((name, _)), false) = (odd, effect == Effect::Read) {
        return unknown(name.as_ref(), "this is not the name of a param");
    }
    match effect {
        Effect::Read => Moved::Nothing,
        Effect::Given(names) => {
            match params
                .iter()
                .find(|(name, _)| names.split(',').any(|given| given == name))
            {
                None => Moved::Nothing,
                Some((name, _)) => unknown(
                    name.as_ref(),
                    "this may move money, and does not say how much",
                ),
            }
        }
        Effect::Unknown("") => unknown("", "how much the call moves is not in its arguments"),
        Effect::Unknown(harmless) => {
            match (not_harmless(params, harmless), missing(params, harmless)) {
                (None, None) => Moved::Nothing,
                (Some(name), _) => unknown(
                    name,
                    "with this the call may move money, and does not say how much",
                ),
                (None, Some(known)) => unknown(
                    "",
                    format!("without {known} the call may move money, and does not say how much"),
                ),
            }
        }
        Effect::Change(amount, currency) => {
            if get(params, amount).is_none() && get(params, currency).is_none() {
                Moved::Nothing
            } else {
                stated(params, amount, Some(currency))
            }
        }
        Effect::Amount(amount, currency) => stated(params, amount, currency),
        Effect::Lines(list, harmless) => lines(params, list, harmless),
    }
}

/// The first param that is not among the harmless ones.
fn not_harmless(params: &Object<'_>, harmless: &str) -> Option<String> {
    params
        .iter()
        .find(|(name, value)| !harmless.split(',').any(|known| is(name, value, known)))
        .map(|(name, _)| name.clone().into_owned())
}

/// Whether a param is the one a rule names: `NAME`, or `NAME=VALUE`; either may
/// begin with `!`.
fn is(name: &str, value: &Value<'_>, known: &str) -> bool {
    let known = known.strip_prefix('!').unwrap_or(known);
    let Some((known, only)) = known.split_once('=') else {
        return known == name;
    };
    known == name
        && match value {
            Value::String(text) => text == only,
            Value::Bool(flag) => only == if *flag { "true" } else { "false" },
            _ => false,
        }
}

/// A param that must be given for the call to be harmless, and is not.
fn missing<'h>(params: &Object<'_>, harmless: &'h str) -> Option<&'h str> {
    harmless
        .split(',')
        .filter_map(|known| known.strip_prefix('!'))
        .find(|known| !params.iter().any(|(name, value)| is(name, value, known)))
}

/// A param by its dotted name.
fn get<'v, 'a>(params: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    let mut names = name.split('.');
    let first = names.next()?;
    let mut value = params
        .iter()
        .find(|(key, _)| key == first)
        .map(|(_, value)| value)?;
    for name in names {
        value = value.get(name)?;
    }
    Some(value)
}

fn stated(params: &Object<'_>, amount: &str, currency: Option<&str>) -> Moved {
    let Some(value) = get(params, amount) else {
        return unknown(
            amount,
            format!("without {amount:?} it is not known how much"),
        );
    };
    let Some(units) = whole(value) else {
        return unknown(
            amount,
            format!("{amount:?} is not a whole number of the smallest unit"),
        );
    };
    let currency = match currency {
        None => None,
        Some(name) => match get(params, name) {
            None => None,
            Some(Value::String(code)) if is_currency(code) => Some(code.to_ascii_lowercase()),
            Some(_) => return unknown(name, format!("{name:?} is not a currency code")),
        },
    };
    Moved::Amount {
        amount: units,
        currency,
        place: amount.to_owned(),
    }
}

/// Letters alone: what a server would trim could pass for another currency.
fn is_currency(code: &str) -> bool {
    (3..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A whole number, as Stripe takes it: a number, or text of digits. What is
/// given back counts as what is taken.
fn whole(value: &Value<'_>) -> Option<u64> {
    let (Value::Number(text) | Value::String(text)) = value else {
        return None;
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More than any limit can be.
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// The sum over line items that bring their own prices.
fn lines(params: &Object<'_>, list: &str, harmless: &str) -> Moved {
    let harmful = params.iter().find(|(name, value)| {
        name != list && !harmless.split(',').any(|known| is(name, value, known))
    });
    if let Some((name, _)) = harmful {
        return unknown(
            name.as_ref(),
            "with this the line items are not all that is paid",
        );
    }
    let Some(Value::Array(items)) = get(params, list) else {
        return unknown(
            list,
            format!("without a list of {list:?} it is not known how much"),
        );
    };
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        match line(item) {
            Some((currency, amount)) => {
                let sum = sums.entry(currency).or_default();
                *sum = sum.saturating_add(amount);
            }
            None => {
                return unknown(
                    format!("{list}[{at}]"),
                    "how much this comes to is only known if it has nothing but \"quantity\" and a \
                     \"price_data\" of \"currency\", \"unit_amount\" and \"product_data\"",
                );
            }
        }
    }
    let mut sums = sums.into_iter();
    match (sums.next(), sums.next()) {
        (Some((currency, amount)), None) => Moved::Amount {
            amount,
            currency: Some(currency),
            place: list.to_owned(),
        },
        (None, _) => unknown(list, format!("{list:?} is empty")),
        _ => unknown(list, "the line items are of several currencies"),
    }
}

/// A line's currency and amount; none if anything about it is not plain.
fn line(item: &Value<'_>) -> Option<(String, u64)> {
    let item = item.as_object()?;
    if not_harmless(item, "price_data,quantity").is_some() {
        return None;
    }
    let price = get(item, "price_data")?.as_object()?;
    let known = "currency,unit_amount,product,product_data,tax_behavior=inclusive";
    if not_harmless(price, known).is_some() {
        return None;
    }
    let currency = get(price, "currency")?
        .as_str()
        .filter(|code| is_currency(code))?;
    let currency = currency.to_ascii_lowercase();
    let unit = whole(get(price, "unit_amount")?)?;
    let quantity = whole(get(item, "quantity")?)?;
    Some((currency, unit.saturating_mul(quantity)))
}

#[cfg(test)]
mod tests;
