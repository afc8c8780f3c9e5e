//! Setup intents: a payment method made ready for later, without a payment. It owns their states;
//! how cards behave is the payment methods' affair.

use super::super::errors::StripeError;
use super::super::operations;
use super::super::shapes::Object;
use super::super::store::{flag, set, text};
use super::super::world::{Call, World, id_in};
use super::Family;
use super::payment_methods;
use super::test_cards::{self, Charging};
use serde_json::{Value, json};

pub(crate) struct SetupIntents;

impl Family for SetupIntents {
    fn kinds(&self) -> &'static [&'static str] {
        &["setup_intent"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let secret = format!("{}_secret_{}", text(object, "id"), world.ids.text(25));
        set(object, "client_secret", secret);
        set(object, "status", "requires_payment_method");
        if text(&call.params, "usage").is_empty() {
            set(object, "usage", "off_session");
        }
        if object
            .get("payment_method_types")
            .is_none_or(|types| *types == json!([]))
        {
            set(object, "payment_method_types", json!(["card"]));
        }
        take_method(world, &call.params, object)?;
        if flag(&call.params, "confirm") {
            confirm(world, object)?;
        }
        Ok(())
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        take_method(world, &call.params, object)
    }

    fn acted(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        action: &str,
        object: &mut Object,
    ) -> Result<bool, StripeError> {
        let status = text(object, "status");
        if matches!(status, "succeeded" | "canceled") {
            let message = format!("This SetupIntent is {status} already.");
            return Err(StripeError::invalid(message).code("setup_intent_unexpected_state"));
        }
        match action {
            "confirm" => {
                operations::apply("setup_intent", object, &call.params);
                take_method(world, &call.params, object)?;
                confirm(world, object)?;
            }
            "cancel" => {
                let reason = text(&call.params, "cancellation_reason");
                set(
                    object,
                    "cancellation_reason",
                    if reason.is_empty() {
                        Value::Null
                    } else {
                        json!(reason)
                    },
                );
                set(object, "next_action", Value::Null);
                set(object, "status", "canceled");
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn take_method(
    world: &mut World<'_>,
    params: &Object,
    intent: &mut Object,
) -> Result<(), StripeError> {
    let Some(method) = payment_methods::given(world, params)? else {
        return Ok(());
    };
    set(intent, "payment_method", text(&method, "id"));
    set(intent, "status", "requires_confirmation");
    Ok(())
}

fn confirm(world: &mut World<'_>, intent: &mut Object) -> Result<(), StripeError> {
    let id = id_in(intent, "payment_method").to_owned();
    if id.is_empty() {
        let message = "This SetupIntent has no payment method. Give one to confirm it with.";
        return Err(StripeError::invalid(message)
            .code("setup_intent_unexpected_state")
            .param("payment_method"));
    }
    let mut method = payment_methods::resolve(world, "payment_method", &id)?;
    match payment_methods::charging(&method) {
        Charging::NeedsAction => {
            set(intent, "status", "requires_action");
            set(
                intent,
                "next_action",
                json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}}),
            );
            return Ok(());
        }
        Charging::Declined(code, decline_code) => {
            let message = test_cards::decline_message(code, decline_code);
            let error = StripeError::card(code, message)
                .with("decline_code", decline_code)
                .keeping_changes();
            set(intent, "payment_method", Value::Null);
            set(intent, "status", "requires_payment_method");
            let shown_method = Value::Object(super::present(world.store, &method));
            let last = json!({"code": code, "decline_code": decline_code, "message": message,
                "payment_method": shown_method, "type": "card_error"});
            set(intent, "last_setup_error", last);
            world.store.put("setup_intent", intent.clone());
            let shown = Value::Object(super::present(world.store, intent));
            return Err(error.with("setup_intent", shown));
        }
        Charging::Succeeds
        | Charging::SucceedsAvailable
        | Charging::Delayed(_)
        | Charging::Disputed(_)
        | Charging::Inquired(_) => {}
    }
    set(intent, "status", "succeeded");
    set(intent, "next_action", Value::Null);
    let customer = id_in(intent, "customer");
    if !customer.is_empty() {
        set(&mut method, "customer", customer);
        world.store.put("payment_method", method);
    }
    Ok(())
}
