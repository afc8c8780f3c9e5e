//! A customer's balance: what stands to a customer's credit (below zero) or is owed besides (above).
//! It owns what invoices take from it and put into it (Stripe docs, "Customer credit balance"); it is
//! no money of the account's, whose balance knows nothing of it.

use super::super::shapes::Object;
use super::super::store::{int, set, text};
use super::super::world::{World, id_in};
use serde_json::Value;

/// Settles a final invoice with its customer's balance: less than nothing is credited, what stands to
/// the customer's credit is used, and what is owed besides is added.
pub(crate) fn apply(world: &mut World<'_>, invoice: &mut Object) {
    let Some(customer) = world.store.get("customer", id_in(invoice, "customer")) else {
        return;
    };
    let (balance, total) = (int(customer, "balance"), int(invoice, "total"));
    let applied = match (total, balance) {
        (..0, _) => -total,
        (_, ..0) => balance.max(-total),
        (_, owed) => owed,
    };
    set(invoice, "starting_balance", balance);
    set(invoice, "ending_balance", balance.saturating_sub(applied));
    set(invoice, "_from_balance", applied);
    if applied != 0 {
        book(world, invoice, -applied, "applied_to_invoice");
    }
}

/// Gives back what a void invoice took, and takes back what it gave.
pub(crate) fn restore(world: &mut World<'_>, invoice: &Object) {
    let applied = int(invoice, "_from_balance");
    if applied != 0 {
        book(world, invoice, applied, "unapplied_from_invoice");
    }
}

fn book(world: &mut World<'_>, invoice: &Object, amount: i64, kind: &str) {
    let id = id_in(invoice, "customer").to_owned();
    let Some(mut customer) = world.store.get("customer", &id).cloned() else {
        return;
    };
    let balance = int(&customer, "balance").saturating_add(amount);
    set(&mut customer, "balance", balance);
    world.store.put("customer", customer);
    let mut entry = world.blank("customer_balance_transaction");
    set(&mut entry, "amount", amount);
    set(&mut entry, "currency", text(invoice, "currency"));
    set(&mut entry, "customer", id.as_str());
    set(&mut entry, "customer_account", Value::Null);
    set(&mut entry, "ending_balance", balance);
    set(&mut entry, "invoice", text(invoice, "id"));
    set(&mut entry, "type", kind);
    world
        .store
        .put_under("customer_balance_transaction", entry, vec![id]);
}
