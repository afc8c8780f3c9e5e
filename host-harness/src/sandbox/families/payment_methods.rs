//! Payment methods, cards, bank accounts, tokens and sources. It owns how one is named or described
//! and its attachment to customers; which test card behaves how is `test_cards.rs`'s affair.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, set, text};
use super::super::world::{Call, Outcome, World, id_in};
use super::test_cards::{self, Charging, brand, card_details, last_four, passes_luhn};
use super::{Family, bank_debits};
use serde_json::{Value, json};

pub(crate) struct PaymentMethods;

impl Family for PaymentMethods {
    fn kinds(&self) -> &'static [&'static str] {
        &["payment_method", "token", "source", "card", "bank_account"]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        let id = call.ids.last().map_or("", String::as_str);
        // A test card used by its name becomes a payment method of its own, as in Stripe.
        let is_named = id.starts_with("pm_card_") || bank_debits::named(id).is_some();
        if !call.route.template.starts_with("/v1/payment_methods/{}") || !is_named {
            return Ok(None);
        }
        let mut method = resolve(world, "id", id).map_err(|error| error.status(404))?;
        match (call.route.verb, call.route.last()) {
            ("POST", "attach") => attach(world, &mut method, text(&call.params, "customer"))?,
            ("POST", "detach") => set(&mut method, "customer", Value::Null),
            _ => {}
        }
        world.store.put("payment_method", method.clone());
        Ok(Some(Outcome::Json(Value::Object(super::present(
            world.store,
            &method,
        )))))
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "payment_method" => {
                if text(&call.params, "type").is_empty() && !call.params.contains_key("customer") {
                    return Err(StripeError::missing("type"));
                }
                complete(world, object, &call.params)
            }
            "token" => {
                for kind in ["card", "bank_account"] {
                    let Some(given) = call.params.get(kind).and_then(Value::as_object) else {
                        continue;
                    };
                    let number = given_number(kind, given)?;
                    let details = source_object(world, kind, given, &number)?;
                    set(object, "type", kind);
                    set(object, "_number", number);
                    set(object, kind, super::present(world.store, &details));
                }
                if text(object, "type").is_empty()
                    || !call.params.keys().any(|name| name != "customer")
                {
                    set(object, "type", "account");
                }
                set(object, "used", false);
                Ok(())
            }
            "source" => {
                set(object, "status", "chargeable");
                set(
                    object,
                    "client_secret",
                    format!("src_client_secret_{}", world.ids.text(24)),
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        match action {
            "attach" => {
                let customer = text(&call.params, "customer");
                if customer.is_empty() {
                    return Err(StripeError::missing("customer"));
                }
                attach(world, object, customer)?;
                Ok(true)
            }
            "detach" => {
                if text(object, "customer").is_empty() {
                    return Err(StripeError::invalid(
                        "This payment method is attached to no customer, so it cannot be detached.",
                    ));
                }
                set(object, "customer", Value::Null);
                Ok(true)
            }
            "verify" => {
                set(object, "status", "verified");
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn deleted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        object: &Object,
    ) -> Result<(), StripeError> {
        let customer = world.store.get("customer", text(object, "customer"));
        if let Some(mut customer) = customer.cloned()
            && id_in(&customer, "default_source") == text(object, "id")
        {
            set(&mut customer, "default_source", Value::Null);
            world.store.put("customer", customer);
        }
        Ok(())
    }

    fn own_filters(&self) -> &'static [&'static str] {
        &["object"]
    }

    fn selects(&self, params: &Object, object: &Object) -> bool {
        let wanted = text(params, "object");
        wanted.is_empty() || wanted == text(object, "object")
    }
}

fn attach(world: &World<'_>, method: &mut Object, customer: &str) -> Result<(), StripeError> {
    world.named_by("customer", "customer", customer)?;
    let present = text(method, "customer");
    if !present.is_empty() && present != customer {
        return Err(StripeError::invalid(
            "This payment method is attached to another customer already.",
        ));
    }
    set(method, "customer", customer);
    Ok(())
}

/// The payment method (or stored card) that an id, a test card's name or a token means. What a
/// name or a token means is made new and stored.
pub(crate) fn resolve(world: &mut World<'_>, param: &str, id: &str) -> Result<Object, StripeError> {
    for kind in ["payment_method", "card", "source", "bank_account"] {
        if let Some(object) = world.store.get(kind, id) {
            return Ok(object.clone());
        }
    }
    let card = |number: String| json!({"type": "card", "card": {"number": number}});
    let meant = bank_debits::named(id).or_else(|| number_of(world, id).map(card));
    let meant = meant.as_ref().and_then(Value::as_object).ok_or_else(|| {
        StripeError::no_such("PaymentMethod", id)
            .status(400)
            .param(param)
    })?;
    describe(world, meant)
}

/// The payment method that an intent's parameters name or describe, if they do.
pub(crate) fn given(world: &mut World<'_>, params: &Object) -> Result<Option<Object>, StripeError> {
    match (
        params.get("payment_method"),
        params.get("payment_method_data"),
    ) {
        (Some(Value::String(id)), _) if !id.is_empty() => {
            resolve(world, "payment_method", id).map(Some)
        }
        (_, Some(Value::Object(data))) => describe(world, data).map(Some),
        _ => Ok(None),
    }
}

/// The payment method that `payment_method_data` describes; stored.
pub(crate) fn describe(world: &mut World<'_>, data: &Object) -> Result<Object, StripeError> {
    let mut method = world.fresh("payment_method", data);
    complete(world, &mut method, data)?;
    world.store.put("payment_method", method.clone());
    Ok(method)
}

/// The card number behind a test card's name (`pm_card_visa`, `tok_visa`) or a token.
fn number_of(world: &World<'_>, id: &str) -> Option<String> {
    if let Some(token) = world.store.get("token", id) {
        return Some(text(token, "_number").to_owned());
    }
    let name = id
        .strip_prefix("pm_card_")
        .or_else(|| id.strip_prefix("tok_"))?;
    test_cards::number_named(name).map(str::to_owned)
}

/// How a charge of this payment method, card or source ends.
pub(crate) fn charging(method: &Object) -> Charging {
    let number = text(method, "_number");
    if text(method, "type") == bank_debits::TYPE {
        return bank_debits::charging(number);
    }
    test_cards::charging(number)
}

fn complete(
    world: &mut World<'_>,
    method: &mut Object,
    params: &Object,
) -> Result<(), StripeError> {
    if text(method, "type").is_empty() || params.get("type").is_none() {
        set(method, "type", "card");
    }
    if text(method, "type") == "card" {
        let given = params
            .get("card")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let number = match text(&given, "token") {
            "" => given_number("card", &given)?,
            token => number_of(world, token).ok_or_else(|| {
                StripeError::no_such("token", token)
                    .status(400)
                    .param("card[token]")
            })?,
        };
        set(method, "card", card_details(&given, &number));
        set(method, "_number", number);
    }
    if text(method, "type") == bank_debits::TYPE {
        let given = params.get(bank_debits::TYPE).and_then(Value::as_object);
        let given = given.cloned().unwrap_or_default();
        let number = given_number(bank_debits::TYPE, &given)?;
        set(
            method,
            bank_debits::TYPE,
            bank_debits::details(&given, &number),
        );
        set(method, "_number", number);
    }
    if method.get("billing_details").is_none_or(Value::is_null) {
        set(
            method,
            "billing_details",
            json!({"address": null, "email": null, "name": null,
            "phone": null, "tax_id": null}),
        );
    }
    Ok(())
}

fn given_number(kind: &str, given: &Object) -> Result<String, StripeError> {
    let (field, usual) = match kind {
        "card" => ("number", "4242424242424242"),
        _ => ("account_number", "000123456789"),
    };
    let number: String = match given.get(field) {
        None => usual.to_owned(),
        Some(Value::String(text)) => text.chars().filter(|c| !matches!(c, ' ' | '-')).collect(),
        Some(other) => other.to_string(),
    };
    let plausible = number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() >= 4;
    if plausible && (kind != "card" || passes_luhn(&number)) {
        return Ok(number);
    }
    let message = "Your card number is incorrect.";
    Err(StripeError::card("incorrect_number", message).param(&format!("{kind}[{field}]")))
}

/// A card or bank account as sources and external accounts hold them; not stored.
pub(crate) fn source_object(
    world: &mut World<'_>,
    kind: &str,
    given: &Object,
    number: &str,
) -> Result<Object, StripeError> {
    let mut source = world.fresh(kind, given);
    set(&mut source, "last4", last_four(number));
    set(&mut source, "_number", number);
    if kind == "card" {
        let details = card_details(given, number);
        for field in ["exp_month", "exp_year", "fingerprint", "funding", "country"] {
            set(
                &mut source,
                field,
                details.get(field).cloned().unwrap_or(Value::Null),
            );
        }
        let brand = match brand(number) {
            "visa" => "Visa",
            "mastercard" => "MasterCard",
            "amex" => "American Express",
            "discover" => "Discover",
            "diners" => "Diners Club",
            "jcb" => "JCB",
            _ => "UnionPay",
        };
        set(&mut source, "brand", brand);
    } else {
        set(&mut source, "bank_name", "STRIPE TEST BANK");
        set(&mut source, "status", "new");
    }
    Ok(source)
}

/// Makes the card or bank account that `source=tok_…` or `source[object]=card` names; not stored.
pub(crate) fn source_from(
    world: &mut World<'_>,
    param: &str,
    value: &Value,
) -> Result<(&'static str, Object), StripeError> {
    let unknown = |id: &str| StripeError::no_such("token", id).status(400).param(param);
    match value {
        Value::Object(given) => {
            let kind = if text(given, "object") == "bank_account" {
                "bank_account"
            } else {
                "card"
            };
            let number = given_number(kind, given)?;
            Ok((kind, source_object(world, kind, given, &number)?))
        }
        Value::String(id) => {
            let token = world.store.get("token", id).cloned().unwrap_or_default();
            let is_bank = text(&token, "type") == "bank_account" || id.starts_with("btok_");
            let kind = if is_bank { "bank_account" } else { "card" };
            let number = match number_of(world, id) {
                Some(number) => number,
                None if id.starts_with("btok_") => String::from("000123456789"),
                None => return Err(unknown(id)),
            };
            let given = token
                .get(kind)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            let mut given = given;
            given.shift_remove("id");
            Ok((kind, source_object(world, kind, &given, &number)?))
        }
        _ => Err(unknown("")),
    }
}

/// The payment method a customer's invoices are charged to.
pub(crate) fn default_of(store: &Store, customer: &Object) -> Option<String> {
    let settings = customer.get("invoice_settings").and_then(Value::as_object);
    let method = settings.map_or("", |settings| id_in(settings, "default_payment_method"));
    let method = if method.is_empty() {
        id_in(customer, "default_source")
    } else {
        method
    };
    let exists = ["payment_method", "card", "source"]
        .iter()
        .any(|k| store.get(k, method).is_some());
    exists.then(|| method.to_owned())
}
