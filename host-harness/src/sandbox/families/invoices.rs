//! Invoices and credit notes: what a customer owes. It owns the states from draft to paid; what
//! stands on an invoice is `invoice_lines.rs`'s affair, and taking the money a payment intent's.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{Store, flag, int, set, text};
use super::super::world::{Call, Outcome, World, id_in, whole_list};
use super::{Family, bank_debits, credit, intents, invoice_lines, payment_methods, subscriptions};
use serde_json::{Value, json};

pub(crate) struct Invoices;

impl Family for Invoices {
    fn kinds(&self) -> &'static [&'static str] {
        &["invoice", "invoiceitem", "line_item", "credit_note"]
    }

    fn answer(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        // Older API versions have these two instead of create_preview.
        Ok(match call.route.template.as_str() {
            "/v1/invoices/upcoming" => {
                let mut invoice = world.fresh("invoice", &call.params);
                preview(world, &mut invoice);
                let shown = super::present(world.store, &invoice);
                Some(Outcome::Json(Value::Object(shown)))
            }
            "/v1/invoices/upcoming/lines" => {
                let items = invoice_lines::pending_items(world, text(&call.params, "customer"));
                let data = items.iter().map(|item| super::present(world.store, item));
                let data = data.map(Value::Object).collect();
                Some(Outcome::Json(whole_list(data, call.path)))
            }
            _ => None,
        })
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        let params = &call.params;
        match text(object, "object") {
            "invoice" if call.route.last() == "create_preview" => {
                preview(world, object);
                Ok(())
            }
            "invoice" => {
                if text(params, "customer").is_empty() && !params.contains_key("from_invoice") {
                    return Err(StripeError::missing("customer"));
                }
                set(object, "_days_until_due", int(params, "days_until_due"));
                begin(world, object);
                set(object, "auto_advance", flag(params, "auto_advance"));
                if text(params, "pending_invoice_items_behavior") == "include" {
                    invoice_lines::pull_pending(world, object);
                }
                invoice_lines::refresh(world, object);
                Ok(())
            }
            "invoiceitem" => invoice_lines::complete_item(world, params, object),
            "credit_note" => credit_note(world, params, object),
            _ => Ok(()),
        }
    }

    fn updated(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "invoice" => {
                let settled = matches!(text(object, "status"), "paid" | "void" | "uncollectible");
                let harmless = ["metadata", "expand", "auto_advance", "description"];
                if settled
                    && !call
                        .params
                        .keys()
                        .all(|name| harmless.contains(&name.as_str()))
                {
                    return Err(unexpected(object, "changed"));
                }
                invoice_lines::refresh(world, object);
            }
            "invoiceitem" => {
                if let Some(quantity) = call.params.get("quantity").and_then(Value::as_i64) {
                    let unit = int(object, "_unit_amount");
                    set(object, "amount", unit.saturating_mul(quantity));
                }
                invoice_lines::update_line(world, object);
            }
            _ => {}
        }
        Ok(())
    }

    fn deleted(
        &self,
        world: &mut World<'_>,
        _call: &Call<'_>,
        object: &Object,
    ) -> Result<(), StripeError> {
        match text(object, "object") {
            "invoice" if text(object, "status") != "draft" => Err(unexpected(object, "deleted")),
            "invoiceitem" => {
                let line = text(object, "_line").to_owned();
                let invoice = world
                    .store
                    .get("invoice", id_in(object, "invoice"))
                    .cloned();
                if let Some(mut invoice) = invoice {
                    if text(&invoice, "status") != "draft" {
                        return Err(unexpected(&invoice, "changed"));
                    }
                    world.store.remove("line_item", &line, None);
                    invoice_lines::refresh(world, &mut invoice);
                    world.store.put("invoice", invoice);
                }
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
        if text(object, "object") == "credit_note" {
            set(object, "status", "void");
            set(object, "voided_at", world.now);
            return Ok(true);
        }
        let status = text(object, "status").to_owned();
        match (action, status.as_str()) {
            ("finalize", "draft") => finalize(world, object)?,
            ("send", "draft" | "open" | "paid") => {
                if status == "draft" {
                    finalize(world, object)?;
                }
                let sent = int(object, "_sent").saturating_add(1);
                set(object, "_sent", sent);
            }
            ("pay", "draft" | "open" | "uncollectible") => {
                if status == "draft" {
                    finalize(world, object)?;
                }
                if text(object, "status") != "paid" {
                    if flag(&call.params, "paid_out_of_band") {
                        cancel_intent(world, object)?;
                        settle(world, object);
                        set(object, "paid_out_of_band", true);
                    } else {
                        pay(world, object, text(&call.params, "payment_method"))?;
                    }
                }
            }
            ("void", "open" | "uncollectible") => {
                void(world, object)?;
            }
            ("mark_uncollectible", "open") => {
                set(object, "status", "uncollectible");
                mark(object, "marked_uncollectible_at", world.now);
            }
            ("add_lines" | "update_lines" | "remove_lines", "draft") => {
                invoice_lines::change_lines(world, call, action, object)?;
            }
            ("attach_payment", _) => {}
            ("pay", "paid") => {
                return Err(
                    StripeError::invalid("Invoice is already paid.").code("invoice_already_paid")
                );
            }
            (action, _) => return Err(unexpected(object, &format!("changed by {action}"))),
        }
        Ok(true)
    }

    fn due(&self, object: &Object) -> Option<i64> {
        // Stripe waits an hour before it finalizes a draft by itself (Stripe docs, "Automatically
        // advance invoices").
        let advances = text(object, "object") == "invoice"
            && text(object, "status") == "draft"
            && flag(object, "auto_advance");
        advances.then(|| int(object, "created").saturating_add(3600))
    }

    fn fall_due(&self, world: &mut World<'_>, object: &mut Object) -> Result<(), StripeError> {
        advance(world, object)
    }

    fn present(&self, store: &Store, object: &mut Object) {
        if text(object, "object") == "invoice" {
            let id = text(object, "id").to_owned();
            let data = invoice_lines::lines_of(store, &id)
                .into_iter()
                .map(Value::Object)
                .collect();
            if !id.is_empty() {
                let list = whole_list(data, format!("/v1/invoices/{id}/lines"));
                set(object, "lines", list);
            }
        }
    }

    fn included(&self, store: &Store, invoice: &Object, field: &str) -> Option<Value> {
        let payments = payments_of(store, text(invoice, "id"));
        if field == "payments" {
            let data = payments.into_iter().map(Value::Object).collect();
            let url = format!("/v1/invoice_payments?invoice={}", text(invoice, "id"));
            return Some(whole_list(data, url));
        }
        let source = payments.first()?.get("payment")?.as_object()?;
        let intent = store.get("payment_intent", text(source, "payment_intent"))?;
        (field == "confirmation_secret").then(
            || json!({"client_secret": text(intent, "client_secret"), "type": "payment_intent"}),
        )
    }

    fn own_filters(&self) -> &'static [&'static str] {
        &["pending", "subscription"]
    }

    fn selects(&self, params: &Object, object: &Object) -> bool {
        let pending = params.get("pending").and_then(Value::as_bool);
        let subscription = text(params, "subscription");
        pending.is_none_or(|pending| pending == id_in(object, "invoice").is_empty())
            && (subscription.is_empty() || subscription == text(object, "_subscription"))
    }
}

/// What an invoice of the customer's pending items would be; not stored.
fn preview(world: &World<'_>, invoice: &mut Object) {
    begin(world, invoice);
    set(invoice, "billing_reason", "upcoming");
    invoice_lines::add_up(
        invoice,
        &invoice_lines::pending_items(world, id_in(invoice, "customer")),
    );
    invoice.shift_remove("id");
}

/// The first values of a draft.
pub(crate) fn begin(world: &World<'_>, invoice: &mut Object) {
    let customer_id = id_in(invoice, "customer").to_owned();
    let customer = world
        .store
        .get("customer", &customer_id)
        .cloned()
        .unwrap_or_default();
    set(invoice, "status", "draft");
    set(
        invoice,
        "status_transitions",
        json!({"finalized_at": null,
        "marked_uncollectible_at": null, "paid_at": null, "voided_at": null}),
    );
    for (field, source) in [
        ("customer_email", "email"),
        ("customer_name", "name"),
        ("customer_phone", "phone"),
        ("customer_address", "address"),
    ] {
        set(
            invoice,
            field,
            customer.get(source).cloned().unwrap_or(Value::Null),
        );
    }
    let currency = match (text(invoice, "currency"), text(&customer, "currency")) {
        ("", "") => "usd",
        ("", currency) | (currency, _) => currency,
    };
    set(invoice, "currency", currency.to_lowercase());
    if text(invoice, "collection_method") != "send_invoice" {
        set(invoice, "collection_method", "charge_automatically");
    }
    let days = int(invoice, "_days_until_due");
    if days > 0 {
        set(
            invoice,
            "due_date",
            world.now.saturating_add(days.saturating_mul(86_400)),
        );
    }
    if text(invoice, "billing_reason").is_empty() {
        set(invoice, "billing_reason", "manual");
    }
    set(invoice, "attempted", false);
    set(invoice, "period_start", world.now);
    set(invoice, "period_end", world.now);
}

/// Makes a draft final: from now on it is owed, or paid when nothing is.
pub(crate) fn finalize(world: &mut World<'_>, invoice: &mut Object) -> Result<(), StripeError> {
    invoice_lines::refresh(world, invoice);
    let customer_id = id_in(invoice, "customer").to_owned();
    let mut customer = world.at_path("customer", &customer_id)?;
    let sequence = int(&customer, "next_invoice_sequence").max(1);
    set(
        invoice,
        "number",
        format!("{}-{sequence:04}", text(&customer, "invoice_prefix")),
    );
    set(
        &mut customer,
        "next_invoice_sequence",
        sequence.saturating_add(1),
    );
    if text(&customer, "currency").is_empty() {
        set(&mut customer, "currency", text(invoice, "currency"));
    }
    world.store.put("customer", customer);
    credit::apply(world, invoice);
    invoice_lines::refresh(world, invoice);
    let page = format!(
        "https://invoice.stripe.com/i/{}/test_{}",
        world.account,
        world.ids.text(40)
    );
    set(invoice, "invoice_pdf", format!("{page}/pdf"));
    set(invoice, "hosted_invoice_url", page);
    set(invoice, "status", "open");
    mark(invoice, "finalized_at", world.now);
    if int(invoice, "amount_due") == 0 {
        settle(world, invoice);
    }
    Ok(())
}

/// Finalizes a draft, and charges it unless the customer is to pay it. A declined card, or none,
/// leaves it open.
pub(crate) fn advance(world: &mut World<'_>, invoice: &mut Object) -> Result<(), StripeError> {
    finalize(world, invoice)?;
    let charges = text(invoice, "collection_method") == "charge_automatically";
    if charges && text(invoice, "status") == "open" && pay(world, invoice, "").is_err() {
        set(invoice, "attempted", true);
    }
    Ok(())
}

/// Charges an open invoice. On a decline the invoice stays open.
pub(crate) fn pay(
    world: &mut World<'_>,
    invoice: &mut Object,
    method: &str,
) -> Result<(), StripeError> {
    let customer = world.at_path("customer", id_in(invoice, "customer"))?;
    let method = [method, id_in(invoice, "default_payment_method")]
        .into_iter()
        .find(|method| !method.is_empty())
        .map(str::to_owned)
        .or_else(|| payment_methods::default_of(world.store, &customer));
    let Some(method) = method else {
        return Err(StripeError::invalid(
            "This customer has no default payment method. Give a payment_method, or set the \
             customer's invoice_settings[default_payment_method] to one that is attached.",
        )
        .code("resource_missing"));
    };
    let method = payment_methods::resolve(world, "payment_method", &method)?;
    bank_debits::refuse(&method)?;
    let mut intent = open_intent(world, invoice);
    set(&mut intent, "payment_method", text(&method, "id"));
    set(&mut intent, "status", "requires_confirmation");
    set(invoice, "attempted", true);
    let attempts = int(invoice, "attempt_count") + 1;
    set(invoice, "attempt_count", attempts);
    world.store.put("invoice", invoice.clone());
    let params = json!({"off_session": true});
    let params = params.as_object().cloned().unwrap_or_default();
    intents::confirm(world, &params, &mut intent)?;
    world.store.put("payment_intent", intent.clone());
    settle(world, invoice);
    Ok(())
}

/// The intent that an invoice is paid with; stored.
pub(crate) fn open_intent(world: &mut World<'_>, invoice: &mut Object) -> Object {
    if let Some(intent) = world
        .store
        .get("payment_intent", text(invoice, "_payment_intent"))
    {
        return intent.clone();
    }
    let mut intent = world.blank("payment_intent");
    set(&mut intent, "amount", int(invoice, "amount_remaining"));
    set(&mut intent, "currency", text(invoice, "currency"));
    set(&mut intent, "customer", id_in(invoice, "customer"));
    set(&mut intent, "_invoice", text(invoice, "id"));
    intents::begin(world, &mut intent);
    set(invoice, "_payment_intent", text(&intent, "id"));
    world.store.put("payment_intent", intent.clone());
    let mut payment = world.blank("invoice_payment");
    set(&mut payment, "amount_requested", int(&intent, "amount"));
    set(&mut payment, "currency", text(&intent, "currency"));
    set(&mut payment, "invoice", text(invoice, "id"));
    set(&mut payment, "is_default", true);
    let source = json!({"payment_intent": text(&intent, "id"), "type": "payment_intent"});
    set(&mut payment, "payment", source);
    set(&mut payment, "status", "open");
    world.store.put("invoice_payment", payment);
    intent
}

/// Makes an invoice one that nobody has to pay, or can.
pub(crate) fn void(world: &mut World<'_>, invoice: &mut Object) -> Result<(), StripeError> {
    cancel_intent(world, invoice)?;
    credit::restore(world, invoice);
    set(invoice, "status", "void");
    mark(invoice, "voided_at", world.now);
    Ok(())
}

/// Ends the intent of an invoice that needs it no more, so that nobody pays for nothing.
fn cancel_intent(world: &mut World<'_>, invoice: &Object) -> Result<(), StripeError> {
    let intent = world
        .store
        .get("payment_intent", text(invoice, "_payment_intent"));
    let Some(mut intent) = intent.cloned() else {
        return Ok(());
    };
    if matches!(text(&intent, "status"), "succeeded" | "canceled") {
        return Ok(());
    }
    intents::cancel(world, "void_invoice", &mut intent)?;
    world.store.put("payment_intent", intent);
    for mut payment in payments_of(world.store, text(invoice, "id")) {
        set(&mut payment, "status", "canceled");
        world.store.put("invoice_payment", payment);
    }
    Ok(())
}

fn payments_of(store: &Store, invoice: &str) -> Vec<Object> {
    store
        .with_value("invoice_payment", invoice)
        .cloned()
        .collect()
}

/// Called when an intent has taken its money: the invoice it belongs to is paid.
pub(crate) fn paid_by(world: &mut World<'_>, intent: &Object) {
    let Some(mut invoice) = world
        .store
        .get("invoice", text(intent, "_invoice"))
        .cloned()
    else {
        return;
    };
    if text(&invoice, "status") == "open" {
        settle(world, &mut invoice);
        world.store.put("invoice", invoice);
    }
}

fn settle(world: &mut World<'_>, invoice: &mut Object) {
    let due = int(invoice, "amount_due");
    set(invoice, "status", "paid");
    set(invoice, "amount_paid", due);
    set(invoice, "amount_remaining", 0);
    set(invoice, "attempted", true);
    mark(invoice, "paid_at", world.now);
    for mut payment in payments_of(world.store, text(invoice, "id")) {
        set(&mut payment, "amount_paid", due);
        set(&mut payment, "status", "paid");
        mark(&mut payment, "paid_at", world.now);
        world.store.put("invoice_payment", payment);
    }
    subscriptions::invoice_paid(world, text(invoice, "_subscription"));
}

fn mark(invoice: &mut Object, transition: &str, now: i64) {
    let transitions = invoice
        .get_mut("status_transitions")
        .and_then(Value::as_object_mut);
    if let Some(transitions) = transitions {
        set(transitions, transition, now);
    }
}

fn credit_note(
    world: &mut World<'_>,
    params: &Object,
    note: &mut Object,
) -> Result<(), StripeError> {
    let invoice = world.named_by("invoice", "invoice", text(params, "invoice"))?;
    if !matches!(text(&invoice, "status"), "open" | "paid") {
        return Err(unexpected(&invoice, "credited"));
    }
    let amount = params
        .get("amount")
        .and_then(Value::as_i64)
        .unwrap_or(int(&invoice, "total"));
    for field in ["amount", "subtotal", "total"] {
        set(note, field, amount);
    }
    set(note, "currency", text(&invoice, "currency"));
    set(note, "customer", id_in(&invoice, "customer"));
    set(
        note,
        "number",
        format!("{}-CN-01", text(&invoice, "number")),
    );
    set(note, "status", "issued");
    let paid = text(&invoice, "status") == "paid";
    set(
        note,
        "type",
        if paid { "post_payment" } else { "pre_payment" },
    );
    Ok(())
}

/// The complaint about an action that an invoice's status does not allow.
pub(crate) fn unexpected(invoice: &Object, what: &str) -> StripeError {
    let status = text(invoice, "status");
    StripeError::invalid(format!("An invoice that is {status} cannot be {what}."))
        .code("invoice_not_editable")
}
