//! What is sold and for how much: products, prices, plans, coupons, promotion codes, tax and
//! shipping rates. It owns their rules and the making of a price from `price_data`; what a price
//! amounts to in a cart is asked of it, not known elsewhere.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{int, set, text};
use super::super::world::{Call, World, id_in};
use super::Family;
use serde_json::{Value, json};

pub(crate) struct Catalog;

impl Family for Catalog {
    fn kinds(&self) -> &'static [&'static str] {
        &[
            "product",
            "price",
            "plan",
            "coupon",
            "promotion_code",
            "shipping_rate",
        ]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        let now = world.now;
        if object.contains_key("active") && !params.contains_key("active") {
            set(object, "active", true);
        }
        match text(object, "object") {
            "product" => {
                set(object, "updated", now);
                if text(params, "type").is_empty() {
                    set(object, "type", "service");
                }
                for list in ["images", "marketing_features"] {
                    if !params.contains_key(list) {
                        set(object, list, json!([]));
                    }
                }
                if let Some(data) = params.get("default_price_data").and_then(Value::as_object) {
                    world.store.put("product", object.clone());
                    let mut data = data.clone();
                    set(&mut data, "product", text(object, "id"));
                    let price = price(world, &data, "default_price_data")?;
                    set(object, "default_price", text(&price, "id"));
                }
            }
            "price" => complete_price(world, params, object, "")?,
            "plan" => complete_plan(world, params, object)?,
            "coupon" => {
                let percent = params.get("percent_off").filter(|value| *value != "");
                let amount = params.get("amount_off").filter(|value| *value != "");
                if percent.is_some() == amount.is_some() {
                    return Err(StripeError::malformed(
                        "A coupon takes either percent_off or amount_off.",
                    )
                    .code("parameter_missing")
                    .param("percent_off"));
                }
                if amount.is_some() && text(params, "currency").is_empty() {
                    return Err(StripeError::missing("currency"));
                }
                if amount.is_none() {
                    set(object, "currency", Value::Null);
                }
                if text(params, "duration").is_empty() {
                    set(object, "duration", "once");
                }
                set(object, "times_redeemed", 0);
                set(object, "valid", true);
            }
            "promotion_code" => {
                if text(params, "code").is_empty() {
                    set(object, "code", world.ids.text(8).to_uppercase());
                }
                let promotion = params.get("promotion").and_then(Value::as_object);
                if let Some(coupon) = promotion.map(|promotion| text(promotion, "coupon")) {
                    world.named_by("promotion[coupon]", "coupon", coupon)?;
                }
                set(object, "times_redeemed", 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        if text(object, "object") == "product" {
            let now = world.now;
            set(object, "updated", now);
        }
        Ok(())
    }

    fn deleted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        object: &Object,
    ) -> Result<(), StripeError> {
        let id = text(object, "id");
        let mut prices = world.store.oldest_first("price");
        if text(object, "object") == "product"
            && prices.any(|record| id_in(&record.object, "product") == id)
        {
            return Err(StripeError::invalid(
                "This product has prices, so it cannot be deleted. Set active to false instead.",
            ));
        }
        Ok(())
    }

    fn own_filters(&self) -> &'static [&'static str] {
        &["ids", "recurring"]
    }

    fn selects(&self, params: &Object, object: &Object) -> bool {
        let ids = params.get("ids").and_then(Value::as_array);
        let listed = ids.is_none_or(|ids| object.get("id").is_some_and(|id| ids.contains(id)));
        let wanted = params.get("recurring").and_then(Value::as_object);
        let recurring = object.get("recurring");
        listed
            && wanted.is_none_or(|wanted| {
                wanted
                    .iter()
                    .all(|(name, value)| recurring.and_then(|r| r.get(name)) == Some(value))
            })
    }
}

/// The price that `price_data` describes; stored, and inactive as Stripe makes them.
pub(crate) fn inline_price(
    world: &mut World<'_>,
    data: &Object,
    param: &str,
) -> Result<Object, StripeError> {
    let mut price = price(world, data, param)?;
    set(&mut price, "active", false);
    world.store.put("price", price.clone());
    Ok(price)
}

fn price(world: &mut World<'_>, data: &Object, param: &str) -> Result<Object, StripeError> {
    let mut price = world.fresh("price", data);
    set(&mut price, "active", true);
    complete_price(world, data, &mut price, param)?;
    world.store.put("price", price.clone());
    Ok(price)
}

fn within(param: &str, name: &str) -> String {
    if param.is_empty() {
        name.to_owned()
    } else {
        format!("{param}[{name}]")
    }
}

fn complete_price(
    world: &mut World<'_>,
    params: &Object,
    price: &mut Object,
    param: &str,
) -> Result<(), StripeError> {
    if text(params, "currency").is_empty() {
        return Err(StripeError::missing(&within(param, "currency")));
    }
    set(price, "currency", text(params, "currency").to_lowercase());
    match params.get("product_data").and_then(Value::as_object) {
        Some(data) => {
            if text(data, "name").is_empty() {
                return Err(StripeError::missing(&within(param, "product_data[name]")));
            }
            let mut product = world.fresh("product", data);
            set(&mut product, "active", true);
            set(&mut product, "type", "service");
            let now = world.now;
            set(&mut product, "updated", now);
            set(price, "product", text(&product, "id"));
            world.store.put("product", product);
        }
        None => {
            let id = text(params, "product");
            if id.is_empty() {
                return Err(StripeError::missing(&within(param, "product")));
            }
            world.named_by(&within(param, "product"), "product", id)?;
        }
    }
    let tiered = params.contains_key("tiers") || text(params, "billing_scheme") == "tiered";
    set(
        price,
        "billing_scheme",
        if tiered { "tiered" } else { "per_unit" },
    );
    let decimal = text(params, "unit_amount_decimal");
    match params.get("unit_amount").and_then(Value::as_i64) {
        Some(amount) => set(price, "unit_amount_decimal", amount.to_string()),
        None if !decimal.is_empty() => {
            let whole = decimal.parse::<i64>().ok();
            set(price, "unit_amount", whole.map_or(Value::Null, Value::from));
        }
        None if tiered || params.contains_key("custom_unit_amount") => {}
        None => return Err(StripeError::missing(&within(param, "unit_amount"))),
    }
    let recurring = params.get("recurring").and_then(Value::as_object);
    if let Some(given) = recurring {
        let interval = text(given, "interval");
        if !matches!(interval, "day" | "week" | "month" | "year") {
            let param = within(param, "recurring[interval]");
            return Err(
                StripeError::invalid("An interval is one of day, week, month and year.")
                    .param(&param),
            );
        }
        set(
            price,
            "recurring",
            json!({
                "interval": interval,
                "interval_count": given.get("interval_count").cloned().unwrap_or(json!(1)),
                "meter": given.get("meter").cloned().unwrap_or(Value::Null),
                "trial_period_days": null,
                "usage_type": given.get("usage_type").cloned().unwrap_or(json!("licensed")),
            }),
        );
    }
    set(
        price,
        "type",
        if recurring.is_some() {
            "recurring"
        } else {
            "one_time"
        },
    );
    if text(price, "tax_behavior").is_empty() {
        set(price, "tax_behavior", "unspecified");
    }
    Ok(())
}

fn complete_plan(
    world: &mut World<'_>,
    params: &Object,
    plan: &mut Object,
) -> Result<(), StripeError> {
    if let Some(product) = params.get("product").and_then(Value::as_object) {
        let mut product = world.fresh("product", product);
        set(&mut product, "active", true);
        set(plan, "product", text(&product, "id"));
        world.store.put("product", product);
    }
    if let Some(amount) = params.get("amount").and_then(Value::as_i64) {
        set(plan, "amount_decimal", amount.to_string());
    }
    for (field, usual) in [("billing_scheme", "per_unit"), ("usage_type", "licensed")] {
        if text(params, field).is_empty() {
            set(plan, field, usual);
        }
    }
    if int(plan, "interval_count") == 0 {
        set(plan, "interval_count", 1);
    }
    Ok(())
}

/// The price that an element of `items` or `line_items` names or describes, and its quantity.
pub(crate) fn priced(
    world: &mut World<'_>,
    element: &Object,
    param: &str,
) -> Result<(Object, i64), StripeError> {
    let id = match text(element, "price") {
        "" => text(element, "plan"),
        price => price,
    };
    let price = if let Some(data) = element.get("price_data").and_then(Value::as_object) {
        inline_price(world, data, &format!("{param}[price_data]"))?
    } else if id.is_empty() {
        return Err(StripeError::missing(&format!("{param}[price]")));
    } else {
        world.named_by(&format!("{param}[price]"), "price", id)?
    };
    let quantity = element.get("quantity").and_then(Value::as_i64).unwrap_or(1);
    if quantity < 0 {
        let message = "A quantity cannot be below zero.";
        return Err(StripeError::invalid(message).param(&format!("{param}[quantity]")));
    }
    Ok((price, quantity))
}

/// What so many of a price cost.
pub(crate) fn cost(price: &Object, quantity: i64) -> i64 {
    int(price, "unit_amount").saturating_mul(quantity)
}

/// What a coupon takes off an amount.
pub(crate) fn discount(coupon: &Object, amount: i64) -> i64 {
    let off = match coupon.get("percent_off").and_then(Value::as_f64) {
        Some(percent) => {
            // Percentages have at most two decimals, so hundredths of a percent are exact.
            #[allow(clippy::cast_possible_truncation)]
            let hundredths = (percent * 100.0).round() as i64;
            amount.saturating_mul(hundredths).saturating_add(5000) / 10_000
        }
        None => int(coupon, "amount_off"),
    };
    off.clamp(0, amount.max(0))
}
