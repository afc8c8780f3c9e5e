//! What every operation does by its shape alone: create, retrieve, update, delete, list, search and
//! act, for any kind of object. It owns the general case, so that all of Stripe's paths answer; the
//! families are asked at each step and know what is particular.

use super::audience;
use super::errors::StripeError;
use super::families;
use super::lists;
use super::routes::Action;
use super::search;
use super::shapes::{self, Object, Shapes};
use super::store::{set, text};
use super::world::{Call, Outcome, World};
use bytes::Bytes;
use serde_json::{Value, json};

/// Parameters that name another object, which must exist.
const REFERENCES: [&str; 10] = [
    "charge",
    "coupon",
    "customer",
    "invoice",
    "payment_intent",
    "payout",
    "price",
    "product",
    "promotion_code",
    "subscription",
];

/// Kinds whose `secret` is in the answer to their creation and never again.
const TOLD_ONCE: [&str; 2] = ["webhook_endpoint", "ephemeral_key"];

/// Executes an operation.
pub(crate) fn run(
    world: &mut World<'_>,
    call: &Call<'_>,
    total_count: bool,
) -> Result<Outcome, StripeError> {
    check_references(world, call)?;
    if let Some(outcome) = families::answer(world, call)? {
        return Ok(outcome);
    }
    let kind = call.route.kind();
    let value = match call.route.action {
        Action::List => {
            require_owners(world, call)?;
            return Ok(Outcome::Json(if call.route.is_v2() {
                lists::v2_page(world.store, call)?
            } else {
                lists::v1_page(world.store, call)?
            }));
        }
        Action::Search => return Ok(Outcome::Json(search::page(world.store, call, total_count)?)),
        Action::Create => create(world, call)?,
        Action::Retrieve => {
            if let Some(left) = call.ids.last().and_then(|id| world.store.deleted(kind, id)) {
                return Ok(Outcome::Json(left.clone()));
            }
            named_by_path(world, call)?.1
        }
        Action::Update => update(world, call)?,
        Action::Delete => return delete(world, call).map(Outcome::Json),
        Action::RetrieveOnly => only(world, call)?,
        Action::UpdateOnly => {
            let mut object = only(world, call)?;
            apply(kind, &mut object, &call.params);
            families::of(kind).updated(world, call, &mut object)?;
            world.store.put_single(call.path, object.clone());
            object
        }
        Action::Clear => return clear(world, call).map(Outcome::Json),
        Action::Act => act(world, call)?,
        Action::Download => {
            owner(world, call)?;
            let content = Bytes::from_static(TINY_PDF);
            return Ok(Outcome::File {
                content_type: "application/pdf",
                content,
            });
        }
    };
    let mut shown = families::present(world.store, &value);
    families::of(kind).include(call, &value, &mut shown);
    Ok(Outcome::Json(Value::Object(shown)))
}

fn create(world: &mut World<'_>, call: &Call<'_>) -> Result<Object, StripeError> {
    require_owners(world, call)?;
    let kind = call.route.kind();
    let mut object = world.fresh(kind, &call.params);
    let chosen = text(&call.params, "id");
    if !chosen.is_empty() && object.contains_key("id") {
        if world.store.get(kind, chosen).is_some() {
            let message = format!("An object with the id '{chosen}' exists already.");
            return Err(StripeError::invalid(message)
                .code("resource_already_exists")
                .param("id"));
        }
        set(&mut object, "id", chosen);
    }
    for (owner, id) in call.route.owners.iter().zip(call.ids) {
        let field = owner
            .and_then(|owner| owner.rsplit('.').next())
            .unwrap_or("");
        if Shapes::get().field(kind, field).is_some() {
            set(&mut object, field, id.as_str());
        }
    }
    families::of(kind).created(world, call, &mut object)?;
    if object.contains_key("id") {
        let mut stored = object.clone();
        if TOLD_ONCE.contains(&kind) {
            let secret = stored.shift_remove("secret");
            if let (Some(secret), "webhook_endpoint") = (secret, kind) {
                set(&mut stored, audience::SECRET, secret);
            }
        }
        world.store.put_under(kind, stored, call.ids.to_vec());
    }
    Ok(object)
}

fn update(world: &mut World<'_>, call: &Call<'_>) -> Result<Object, StripeError> {
    let (kind, mut object) = named_by_path(world, call)?;
    apply(kind, &mut object, &call.params);
    families::of(kind).updated(world, call, &mut object)?;
    world.store.put(kind, object.clone());
    Ok(object)
}

fn delete(world: &mut World<'_>, call: &Call<'_>) -> Result<Value, StripeError> {
    let (kind, object) = named_by_path(world, call)?;
    families::of(kind).deleted(world, call, &object)?;
    let id = text(&object, "id");
    if call.route.is_v2() {
        world.store.remove(kind, id, None);
        return Ok(json!({"id": id, "object": kind}));
    }
    let left = json!({"id": id, "object": kind, "deleted": true});
    // Only of a customer Stripe still says that it was there.
    world
        .store
        .remove(kind, id, (kind == "customer").then(|| left.clone()));
    Ok(left)
}

fn clear(world: &mut World<'_>, call: &Call<'_>) -> Result<Value, StripeError> {
    let (owner_kind, mut object) = owner(world, call)?;
    let field = call.route.last();
    let mut left = json!({"object": call.route.kind(), "deleted": true});
    if let (Some(left), Some(id)) = (
        left.as_object_mut(),
        object.get(field).and_then(|v| v.get("id")),
    ) {
        left.insert("id".into(), id.clone());
    }
    if object.contains_key(field) {
        set(&mut object, field, Value::Null);
    }
    world.store.put(owner_kind, object);
    Ok(left)
}

/// The one object at a path without an id: as it was last changed, or else fresh.
fn only(world: &mut World<'_>, call: &Call<'_>) -> Result<Object, StripeError> {
    require_owners(world, call)?;
    if let Some(object) = world.store.single(call.path) {
        return Ok(object.clone());
    }
    let kind = call.route.kind();
    let mut object = world.blank(kind);
    for (owner, id) in call.route.owners.iter().zip(call.ids) {
        let field = owner
            .and_then(|owner| owner.rsplit('.').next())
            .unwrap_or("");
        if object.contains_key(field) {
            set(&mut object, field, id.as_str());
        }
    }
    families::of(kind).created(world, call, &mut object)?;
    Ok(object)
}

fn act(world: &mut World<'_>, call: &Call<'_>) -> Result<Object, StripeError> {
    let named = named_by_path(world, call);
    let (kind, mut object) = match named {
        Ok(named) => named,
        // The path's object is of another kind, so this makes one: a login link of an account.
        Err(_)
            if call
                .route
                .owners
                .iter()
                .flatten()
                .any(|kind| *kind != call.route.kind()) =>
        {
            return create(world, call);
        }
        Err(error) => return Err(error),
    };
    let action = call.route.last();
    if !families::of(kind).acted(world, call, action, &mut object)? {
        apply(kind, &mut object, &call.params);
        settle(action, &mut object);
    }
    world.store.put(kind, object.clone());
    Ok(object)
}

/// What an action's name says about the status afterwards.
fn settle(action: &str, object: &mut Object) {
    let status = match action {
        "activate" | "reactivate" | "unarchive" | "resume" => "active",
        "archive" => "archived",
        "cancel" => "canceled",
        "close" => "closed",
        "deactivate" => "inactive",
        "disable" => "disabled",
        "enable" => "enabled",
        "expire" => "expired",
        "void" => "voided",
        "submit" => "submitted",
        "fail" => "failed",
        "post" => "posted",
        "return" => "returned",
        "succeed" => "succeeded",
        "redact" => "redacted",
        "release" => "released",
        "uninstall" => "uninstalled",
        "ship" => "shipped",
        "deliver" => "delivered",
        _ => return,
    };
    if object
        .get("status")
        .is_some_and(|value| value.is_string() || value.is_null())
    {
        set(object, "status", status);
    }
    if status == "canceled" && object.get("canceled_at").is_some_and(Value::is_null) {
        let now = object.get("created").cloned().unwrap_or(Value::Null);
        set(object, "canceled_at", now);
    }
}

/// Lays parameters over an object.
pub(crate) fn apply(kind: &str, object: &mut Object, params: &Object) {
    if let Some(fields) = Shapes::get().fields(kind) {
        shapes::apply(fields, object, params);
    }
}

/// The object that the path is about: of the kinds the operation answers with, the last id first.
fn named_by_path(
    world: &World<'_>,
    call: &Call<'_>,
) -> Result<(&'static str, Object), StripeError> {
    for (index, id) in call.ids.iter().enumerate().rev() {
        for kind in &call.route.kinds {
            let Some(record) = world.store.record(kind, id) else {
                continue;
            };
            let owners = call.ids.get(..index).unwrap_or_default();
            if owners.iter().all(|owner| lists::belongs(record, owner)) {
                return Ok((kind, record.object.clone()));
            }
        }
        // An operation without a known kind of answer (v2 deletes) is about any object.
        if call.route.kinds.is_empty()
            && let Some(object) = world.store.find("", id)
        {
            let kind = text(object, "object");
            let known = call
                .route
                .owners
                .iter()
                .flatten()
                .find(|owner| **owner == kind);
            if let Some(kind) = known {
                return Ok((kind, object.clone()));
            }
        }
    }
    let (id, owner) = (call.ids.last(), call.route.owners.last().copied().flatten());
    let kind = if call.route.kind().is_empty() {
        owner.unwrap_or("object")
    } else {
        call.route.kind()
    };
    Err(StripeError::no_such(kind, id.map_or("", String::as_str)))
}

/// The object whose path this one's begins with.
fn owner(world: &World<'_>, call: &Call<'_>) -> Result<(&'static str, Object), StripeError> {
    match (call.route.owners.last().copied().flatten(), call.ids.last()) {
        (Some(kind), Some(id)) => Ok((kind, world.at_path(kind, id)?)),
        _ => Err(StripeError::no_such(call.route.kind(), "")),
    }
}

/// Everything on the path before the object itself must exist.
fn require_owners(world: &World<'_>, call: &Call<'_>) -> Result<(), StripeError> {
    for (kind, id) in call.route.owners.iter().zip(call.ids) {
        if let Some(kind) = kind.filter(|kind| *kind != "account") {
            world.at_path(kind, id)?;
        }
    }
    Ok(())
}

fn check_references(world: &World<'_>, call: &Call<'_>) -> Result<(), StripeError> {
    if call.route.verb != "POST" || call.route.is_v2() {
        return Ok(());
    }
    for name in REFERENCES {
        let id = text(&call.params, name);
        if !id.is_empty() && call.route.kind() != name {
            world.named_by(name, name, id)?;
        }
    }
    Ok(())
}

/// One empty page.
const TINY_PDF: &[u8] = b"%PDF-1.4\n\
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n\
xref\n0 4\n\
0000000000 65535 f \n\
0000000009 00000 n \n\
0000000052 00000 n \n\
0000000101 00000 n \n\
trailer<</Size 4/Root 1 0 R>>\nstartxref\n164\n%%EOF\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pdfs_offsets_are_right() {
        let text = std::str::from_utf8(TINY_PDF).unwrap();
        for (offset, object) in [
            (9, "1 0 obj"),
            (52, "2 0 obj"),
            (101, "3 0 obj"),
            (164, "xref"),
        ] {
            assert_eq!(text.find(object), Some(offset), "{object}");
        }
    }
}
