//! Kinds of object that need no behaviour, only other first values than "empty". It owns the table
//! of those values; a kind that gains behaviour moves to a family of its own.

use super::super::calendar::iso_8601;
use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{set, text};
use super::super::world::{Call, Outcome, World};
use super::Family;
use serde_json::{Value, json};

pub(crate) struct Defaults;

impl Family for Defaults {
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        let value = match call.route.template.as_str() {
            // Answers that are no object only say that the request was taken.
            "/v2/billing/meter_event_stream" => json!({}),
            "/v1/apps/secrets/find" => Value::Object(app_secret(world, &call.params)?),
            "/v1/apps/secrets/delete" => {
                let mut secret = app_secret(world, &call.params)?;
                world.store.remove("apps.secret", text(&secret, "id"), None);
                set(&mut secret, "deleted", true);
                Value::Object(secret)
            }
            _ => return Ok(None),
        };
        Ok(Some(Outcome::Json(value)))
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let kind = text(object, "object").to_owned();
        for (field, value) in first_values(&kind, world, object) {
            // What the caller gave stays.
            if !call.params.contains_key(field) {
                set(object, field, value);
            }
        }
        Ok(())
    }
}

/// An app's secret, which is named by its name and scope instead of its id.
fn app_secret(world: &World<'_>, params: &Object) -> Result<Object, StripeError> {
    let mut secrets = world
        .store
        .oldest_first("apps.secret")
        .map(|record| &record.object);
    let found = secrets.find(|secret| {
        ["name", "scope"]
            .iter()
            .all(|field| secret.get(*field) == params.get(*field))
    });
    found
        .cloned()
        .ok_or_else(|| StripeError::no_such("apps.secret", text(params, "name")))
}

fn first_values(kind: &str, world: &mut World<'_>, object: &Object) -> Vec<(&'static str, Value)> {
    let id = text(object, "id");
    match kind {
        "test_helpers.test_clock" => vec![
            ("status", json!("ready")),
            ("deletes_after", json!(world.now + 30 * 86_400)),
        ],
        "tax_id" => vec![(
            "verification",
            json!({"status": "pending", "verified_address": null,
            "verified_name": null}),
        )],
        "ephemeral_key" => vec![
            ("secret", json!(format!("ek_test_{}", world.ids.text(40)))),
            ("expires", json!(world.now + 3600)),
        ],
        "customer_session" | "account_session" => vec![
            ("client_secret", json!(format!("_{}", world.ids.text(64)))),
            ("expires_at", json!(world.now + 1800)),
        ],
        "identity.verification_session" => vec![
            ("status", json!("requires_input")),
            (
                "client_secret",
                json!(format!("{id}_secret_{}", world.ids.text(32))),
            ),
            (
                "url",
                json!(format!(
                    "https://verify.stripe.com/start/test_{}",
                    world.ids.text(24)
                )),
            ),
        ],
        "financial_connections.session" => vec![(
            "client_secret",
            json!(format!("{id}_secret_{}", world.ids.text(32))),
        )],
        "issuing.card" => vec![
            ("brand", json!("Visa")),
            ("last4", json!("4242")),
            ("exp_month", json!(12)),
            ("exp_year", json!(2034)),
            ("status", json!("inactive")),
        ],
        "issuing.cardholder" => vec![("status", json!("active"))],
        "terminal.reader" => vec![
            ("status", json!("online")),
            ("device_type", json!("simulated_wisepos_e")),
            ("label", json!(id)),
        ],
        "terminal.connection_token" => {
            vec![("secret", json!(format!("pst_test_{}", world.ids.text(40))))]
        }
        "reporting.report_run" => vec![("status", json!("pending"))],
        "topup" => vec![("status", json!("pending"))],
        "tax.registration" => vec![("status", json!("active"))],
        "apple_pay_domain" | "payment_method_domain" => vec![("enabled", json!(true))],
        // Where the caller gives none, Stripe makes an identifier, and the event is of now.
        "billing.meter_event" => vec![
            ("identifier", json!(world.ids.text(36))),
            ("timestamp", json!(world.now)),
        ],
        "v2.billing.meter_event" => vec![
            ("identifier", json!(world.ids.text(36))),
            ("timestamp", json!(iso_8601(world.now))),
        ],
        "billing.meter" | "billing.alert" => vec![("status", json!("active"))],
        "tax_rate" | "product_feature" | "entitlements.feature" => vec![("active", json!(true))],
        _ => Vec::new(),
    }
}
