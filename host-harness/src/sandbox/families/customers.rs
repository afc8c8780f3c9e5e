//! Customers and what hangs on them: sources, tax ids, the balance of credits. It owns those kinds;
//! payment methods and subscriptions only point at customers.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, int, set, text};
use super::super::world::{Call, Outcome, World, id_in, whole_list};
use super::{Family, payment_methods, subscriptions};
use serde_json::{Value, json};

pub(crate) struct Customers;

impl Family for Customers {
    fn kinds(&self) -> &'static [&'static str] {
        &["customer", "customer_balance_transaction", "cash_balance"]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        match (call.route.verb, call.route.template.as_str()) {
            ("POST", "/v1/customers/{}/sources") => {
                let customer_id = call.ids.first().map_or("", String::as_str);
                let mut customer = world.at_path("customer", customer_id)?;
                let source = call.params.get("source").cloned().unwrap_or(Value::Null);
                let source = add_source(world, &mut customer, "source", &source)?;
                world.store.put("customer", customer);
                let shown = super::present(world.store, &source);
                Ok(Some(Outcome::Json(Value::Object(shown))))
            }
            _ => Ok(None),
        }
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        match text(object, "object") {
            "customer" => begin(world, params, object)?,
            "customer_balance_transaction" => {
                let id = call.ids.first().map_or("", String::as_str);
                let mut customer = world.at_path("customer", id)?;
                let balance = int(&customer, "balance").saturating_add(int(object, "amount"));
                set(&mut customer, "balance", balance);
                set(object, "ending_balance", balance);
                set(object, "type", "adjustment");
                world.store.put("customer", customer);
            }
            "cash_balance" => {
                let settings = json!({"reconciliation_mode": "automatic",
                    "using_merchant_default": true});
                set(object, "settings", settings);
            }
            _ => {}
        }
        Ok(())
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        if text(object, "object") != "customer" {
            return Ok(());
        }
        if let Some(source) = call.params.get("source").filter(|source| *source != "") {
            add_source(world, object, "source", source)?;
        }
        default_method(world, object)
    }

    fn deleted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        object: &Object,
    ) -> Result<(), StripeError> {
        if text(object, "object") == "customer" {
            subscriptions::cancel_all_of(world, text(object, "id"));
        }
        Ok(())
    }

    fn included(&self, store: &Store, customer: &Object, field: &str) -> Option<Value> {
        let id = text(customer, "id");
        let kinds: &[&str] = match field {
            "sources" => &["card", "bank_account", "source"],
            "subscriptions" => &["subscription"],
            "tax_ids" => &["tax_id"],
            "cash_balance" => return Some(Value::Null),
            _ => return None,
        };
        let records = kinds.iter().flat_map(|kind| store.oldest_first(kind).rev());
        let records = records.filter(|record| text(&record.object, "customer") == id);
        let records = records.filter(|record| text(&record.object, "status") != "canceled");
        let data = records.map(|record| Value::Object(super::present(store, &record.object)));
        Some(whole_list(
            data.collect(),
            format!("/v1/customers/{id}/{field}"),
        ))
    }
}

/// Makes a customer; stored.
pub(crate) fn make(world: &mut World<'_>, params: &Object) -> Result<Object, StripeError> {
    let mut customer = world.fresh("customer", params);
    begin(world, params, &mut customer)?;
    world.store.put("customer", customer.clone());
    Ok(customer)
}

fn begin(world: &mut World<'_>, params: &Object, object: &mut Object) -> Result<(), StripeError> {
    set(object, "delinquent", false);
    set(object, "discount", Value::Null);
    set(object, "next_invoice_sequence", 1);
    if text(object, "invoice_prefix").is_empty() {
        set(object, "invoice_prefix", world.ids.text(8).to_uppercase());
    }
    if text(object, "tax_exempt").is_empty() {
        set(object, "tax_exempt", "none");
    }
    if object.get("preferred_locales").is_none_or(Value::is_null) {
        set(object, "preferred_locales", json!([]));
    }
    if let Some(source) = params.get("source").filter(|source| *source != "") {
        add_source(world, object, "source", source)?;
    }
    let method = text(params, "payment_method");
    if !method.is_empty() {
        let mut method = payment_methods::resolve(world, "payment_method", method)?;
        set(&mut method, "customer", text(object, "id"));
        world.store.put("payment_method", method);
    }
    default_method(world, object)?;
    let tax_ids = params.get("tax_id_data").and_then(Value::as_array);
    for given in tax_ids.into_iter().flatten().filter_map(Value::as_object) {
        let mut tax_id = world.fresh("tax_id", given);
        set(&mut tax_id, "customer", text(object, "id"));
        world.store.put("tax_id", tax_id);
    }
    Ok(())
}

fn add_source(
    world: &mut World<'_>,
    customer: &mut Object,
    param: &str,
    value: &Value,
) -> Result<Object, StripeError> {
    let (kind, mut source) = payment_methods::source_from(world, param, value)?;
    set(&mut source, "customer", text(customer, "id"));
    if id_in(customer, "default_source").is_empty() {
        set(customer, "default_source", text(&source, "id"));
    }
    world.store.put(kind, source.clone());
    Ok(source)
}

/// A default payment method must be the customer's own.
fn default_method(world: &mut World<'_>, customer: &mut Object) -> Result<(), StripeError> {
    let settings = customer.get("invoice_settings").and_then(Value::as_object);
    let id = settings.map_or("", |settings| id_in(settings, "default_payment_method"));
    if id.is_empty() {
        return Ok(());
    }
    let param = "invoice_settings[default_payment_method]";
    let id = id.to_owned();
    let method = payment_methods::resolve(world, param, &id)?;
    if text(&method, "customer") == text(customer, "id") {
        return Ok(());
    }
    Err(StripeError::invalid(
        "The default payment method must be attached to the customer before it is made the default.",
    )
    .param(param))
}
