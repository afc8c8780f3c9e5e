//! What is particular to each family of objects. It owns the interface between the general case
//! (`operations.rs`) and the families, and the list of them; each family owns its own kinds and may
//! make objects of others only through the functions those families offer.

mod balance;
mod bank_debits;
mod catalog;
mod charges;
mod checkout;
mod connect;
mod credit;
mod customers;
mod defaults;
mod disputes;
mod event_destinations;
mod files;
mod intents;
mod invoice_lines;
mod invoices;
mod payment_methods;
mod prorations;
mod refunds;
mod renewals;
mod setup_intents;
mod subscriptions;
mod test_cards;
mod webhooks;

use super::errors::StripeError;
use super::shapes::Object;
use super::store::{Store, text};
use super::world::{Call, Outcome, World};
use serde_json::Value;

/// What a family of objects does beyond the general case. Every part has a default: nothing.
pub(crate) trait Family: Sync {
    /// The kinds of object it is asked about.
    fn kinds(&self) -> &'static [&'static str];

    /// Operations it answers all by itself, told by their paths.
    fn answer(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
    ) -> Result<Option<Outcome>, StripeError> {
        Ok(None)
    }

    /// Completes a new object that holds its parameters already; it is stored afterwards.
    fn created(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        _object: &mut Object,
    ) -> Result<(), StripeError> {
        Ok(())
    }

    /// Completes a change; the object holds the new values, the store still the old ones.
    fn updated(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        _object: &mut Object,
    ) -> Result<(), StripeError> {
        Ok(())
    }

    /// Performs an action of Stripe's own (confirm, capture …). False when it knows none such.
    fn acted(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        _action: &str,
        _object: &mut Object,
    ) -> Result<bool, StripeError> {
        Ok(false)
    }

    /// Refuses a deletion or cleans up after it.
    fn deleted(
        &self,
        _world: &mut World<'_>,
        _call: &Call<'_>,
        _object: &Object,
    ) -> Result<(), StripeError> {
        Ok(())
    }

    /// When time alone changes an object next, in Unix seconds.
    fn due(&self, _object: &Object) -> Option<i64> {
        None
    }

    /// Makes the change that was [`due`](Family::due). The world's time is the time it was due at.
    fn fall_due(&self, _world: &mut World<'_>, _object: &mut Object) -> Result<(), StripeError> {
        Ok(())
    }

    /// Fills in what an object shows of other objects, whenever it is shown.
    fn present(&self, _store: &Store, _object: &mut Object) {}

    /// A field that is absent unless it is expanded.
    fn included(&self, _store: &Store, _object: &Object, _field: &str) -> Option<Value> {
        None
    }

    /// Adds to an answer what an object only shows when `include` asks for it (v2).
    fn include(&self, _call: &Call<'_>, _object: &Object, _shown: &mut Object) {}

    /// List filters whose meaning is not "this field has this value".
    fn own_filters(&self) -> &'static [&'static str] {
        &[]
    }

    /// Applies those filters.
    fn selects(&self, _params: &Object, _object: &Object) -> bool {
        true
    }
}

static FAMILIES: [&dyn Family; 17] = [
    &balance::Balance,
    &catalog::Catalog,
    &charges::Charges,
    &checkout::Checkout,
    &connect::Connect,
    &customers::Customers,
    &disputes::Disputes,
    &event_destinations::EventDestinations,
    &files::Files,
    &intents::PaymentIntents,
    &invoices::Invoices,
    &payment_methods::PaymentMethods,
    &refunds::Refunds,
    &setup_intents::SetupIntents,
    &subscriptions::Subscriptions,
    &webhooks::Webhooks,
    // Last: it takes every kind that no other family does.
    &defaults::Defaults,
];

/// The family of a kind of object.
pub(crate) fn of(kind: &str) -> &'static dyn Family {
    let family = FAMILIES
        .iter()
        .find(|family| family.kinds().contains(&kind));
    family.copied().unwrap_or(&defaults::Defaults)
}

/// The answer of a family that answers the whole operation itself.
pub(crate) fn answer(
    world: &mut World<'_>,
    call: &Call<'_>,
) -> Result<Option<Outcome>, StripeError> {
    for family in FAMILIES {
        if let Some(outcome) = family.answer(world, call)? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// An object as a client sees it: filled in, in Stripe's order (id, object, then by name), and
/// without the sandbox's own notes, whose names start with an underscore.
pub(crate) fn present(store: &Store, object: &Object) -> Object {
    let mut shown = object.clone();
    of(text(object, "object")).present(store, &mut shown);
    let mut fields: Vec<_> = shown
        .into_iter()
        .filter(|(name, _)| !name.starts_with('_'))
        .collect();
    fields.sort_by(|(a, _), (b, _)| {
        let place = |name: &str| {
            ["id", "object"]
                .iter()
                .position(|first| *first == name)
                .unwrap_or(2)
        };
        (place(a), a).cmp(&(place(b), b))
    });
    fields.into_iter().collect()
}

/// A field that an object only has when it is expanded.
pub(crate) fn included(store: &Store, object: &Object, field: &str) -> Option<Value> {
    of(text(object, "object")).included(store, object, field)
}

/// What answers for an id that names no object any more.
pub(crate) fn absent(store: &Store, field: &str, id: &str) -> Option<Value> {
    store.deleted(field, id).cloned()
}

pub(crate) use checkout::complete_session;
pub(crate) use intents::authenticate;

/// The account's balance as it is now.
pub(crate) fn balance_now(world: &World<'_>) -> Value {
    balance::balance(world.store, world.now)
}
