//! Workflows of a shop: calls to stripe.wasm, one after the other. Obelisk keeps
//! the outcome of each, and after a crash replays a workflow up to where it was. So
//! nothing here may depend on the time, on chance or on the machine.

use serde_json::{Value, json};

use exports::shop::billing::workflows::{Guest, Order};
use lowcode::stripe::requests::{self, Connection};
use lowcode::stripe::types::{Error, Failure};
use obelisk::workflow::workflow_support::execution_id_current;

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "shop:billing/billing",
    generate_all,
    additional_type_attributes: {
        "lowcode:stripe/types@0.1.0/connection": [#[derive(Default)]],
        "lowcode:stripe/types@0.1.0/failure": [#[derive(Default)]],
    },
});

struct Billing;

export!(Billing);

impl Guest for Billing {
    fn pay(
        order: Order,
        payment_method: String,
        base_url: Option<String>,
    ) -> Result<String, Error> {
        let params = json!({
            "amount": order.amount,
            "currency": order.currency,
            "payment_method": payment_method,
            "payment_method_types": ["card"],
            "confirm": true,
            "metadata": {"order": order.id},
        });
        let payment = Stripe(base_url).call("pay", "paymentIntents", "create", &[params])?;
        text(&payment, "id")
    }

    fn invoice(
        order: Order,
        email: String,
        name: String,
        base_url: Option<String>,
    ) -> Result<String, Error> {
        let stripe = Stripe(base_url);
        let params = json!({"email": email, "name": name});
        let customer = text(
            &stripe.call("customer", "customers", "create", &[params])?,
            "id",
        )?;
        let params = json!({
            "customer": customer,
            "auto_advance": false,
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "metadata": {"order": order.id},
        });
        let invoice = text(
            &stripe.call("invoice", "invoices", "create", &[params])?,
            "id",
        )?;
        let params = json!({
            "customer": customer,
            "invoice": invoice,
            "amount": order.amount,
            "currency": order.currency,
        });
        stripe.call("item", "invoiceItems", "create", &[params])?;
        let of_invoice = [json!(invoice), json!({})];
        stripe.call("finalize", "invoices", "finalizeInvoice", &of_invoice)?;
        text(
            &stripe.call("send", "invoices", "sendInvoice", &of_invoice)?,
            "id",
        )
    }
}

/// Calls go to this origin, or else to Stripe.
struct Stripe(Option<String>);

impl Stripe {
    /// Makes a call that writes, as an activity of its own.
    ///
    /// The engine makes it again whenever it does not know how it ended. Its
    /// idempotency key is made of the execution's id and the step's name, so it is
    /// the same every time, and Stripe repeats its answer rather than the call.
    fn call(
        &self,
        step: &str,
        resource: &str,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let key = format!("{}-{step}", execution_id_current().id);
        let mut args = args.to_vec();
        args.push(json!({"idempotencyKey": key}));
        let answer = requests::request(
            &self.connection(),
            resource,
            method,
            &json!(args).to_string(),
        )?;
        serde_json::from_str(&answer.body).map_err(|error| unexpected(&error.to_string()))
    }

    /// Without a key: the component finds a placeholder of it in its environment.
    fn connection(&self) -> Connection {
        Connection {
            base_url: self.0.clone(),
            // Repeating is the engine's, which writes each attempt down.
            max_network_retries: Some(0),
            // Shorter than the lock of the activity in deployment.toml.
            timeout: Some(8_000),
            total_timeout: Some(10_000),
            ..Connection::default()
        }
    }
}

/// A text field of an answer.
fn text(answer: &Value, name: &str) -> Result<String, Error> {
    match answer[name].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(unexpected(&format!("The answer has no text \"{name}\"."))),
    }
}

fn unexpected(message: &str) -> Error {
    Error::Permanent(Failure {
        type_: "response_error".to_owned(),
        message: message.to_owned(),
        ..Failure::default()
    })
}
