//! Workflows of a shop: calls to stripe.wasm, one after the other. Obelisk keeps
//! the outcome of each, and after a crash replays a workflow up to where it was. So
//! nothing here may depend on the time, on chance or on the machine.

use serde_json::{Value, json};

use exports::shop::billing::workflows::{Guest, Order};
use lowcode::stripe::types::{Connection, Error, Failure, Response};
use lowcode::stripe_obelisk_ext::requests;
use obelisk::types::time::{Duration, ScheduleAt};
use obelisk::workflow::workflow_support::{
    execution_id_current, join_next, join_set_close, join_set_create, sleep, submit_delay,
};

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

/// How often a call is made before its step fails.
const ATTEMPTS: u32 = 9;
/// Wait before the first repetition, in milliseconds; twice as long before each after it.
const WAIT: u64 = 100;
/// How long an attempt may take, in seconds, the time until a node takes it up
/// included; twice as long after each that was lost, since the nodes may be behind.
const PATIENCE: u64 = 20;

impl Stripe {
    /// Makes a call that writes, again where it is not known how it ended.
    ///
    /// Its idempotency key is made of the execution's id and the step's name, so it
    /// is the same every time and on every node, and Stripe repeats its answer rather
    /// than the call. The engine, which cannot know whether a call has a key, repeats
    /// none by itself: see `max_retries` in deployment.toml.
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
        let args = json!(args).to_string();
        let (mut wait, mut patience) = (WAIT, PATIENCE);
        let mut error = Error::ExecutionFailed;
        for attempt in 1..=ATTEMPTS {
            error = match self.attempt(resource, method, &args, patience) {
                Ok(answer) => {
                    return serde_json::from_str(&answer.body)
                        .map_err(|error| unexpected(&error.to_string()));
                }
                Err(error @ Error::Permanent(_)) => return Err(error),
                Err(error) => error,
            };
            let told = match &error {
                Error::Transient(failure) => failure.retry_after_ms.unwrap_or(0),
                _ => {
                    patience *= 2;
                    0
                }
            };
            if attempt < ATTEMPTS {
                // A delay that someone cancels is one that is over.
                let _ = sleep(ScheduleAt::In(Duration::Milliseconds(
                    wait.max(told.into()),
                )));
                wait *= 2;
            }
        }
        Err(match error {
            Error::ExecutionFailed => Error::Permanent(Failure {
                type_: "connection_error".to_owned(),
                message: format!(
                    "{resource}.{method} was lost {ATTEMPTS} times, with the node that made it or waiting for one. \
                     It may have been carried out: look in Stripe's log for the idempotency key {key}."
                ),
                idempotency_key: Some(key),
                attempts: ATTEMPTS,
                may_have_been_sent: true,
                ..Failure::default()
            }),
            error => error,
        })
    }

    /// Makes a call once, as an activity of its own. `ExecutionFailed` where it was
    /// lost: its node is gone, or `patience` (seconds) is over.
    fn attempt(
        &self,
        resource: &str,
        method: &str,
        args: &str,
        patience: u64,
    ) -> Result<Response, Error> {
        let both = join_set_create();
        let call = requests::request_submit(&both, &self.connection(), resource, method, args);
        submit_delay(&both, ScheduleAt::In(Duration::Seconds(patience)));
        // Whichever is first; then a call that is not done is taken back.
        let _ = join_next(&both);
        join_set_close(both);
        requests::request_get(&call).unwrap_or(Err(Error::ExecutionFailed))
    }

    /// Without a key: the component finds a placeholder of it in its environment.
    fn connection(&self) -> Connection {
        Connection {
            base_url: self.0.clone(),
            // Repeating is the workflow's: the engine writes each attempt down.
            max_network_retries: Some(0),
            // Shorter than `PATIENCE`, so that a call says itself what became of it.
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
