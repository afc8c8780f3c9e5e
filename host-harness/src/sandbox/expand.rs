//! The `expand` parameter: ids in an answer replaced by the objects they name. It owns the walk
//! along `data.customer.default_source` and its limit of four levels (Stripe docs, "Expanding
//! Responses"); it knows nothing of what the objects are.

use super::errors::StripeError;
use super::families;
use super::shapes::{Object, Shapes};
use super::store::{Store, text};
use serde_json::Value;

/// The deepest expansion.
const MAX_LEVELS: usize = 4;

/// Takes the `expand` parameter out of a request's parameters.
pub(crate) fn take(params: &mut Object) -> Result<Vec<String>, StripeError> {
    let paths = match params.shift_remove("expand") {
        None => return Ok(Vec::new()),
        Some(Value::Array(paths)) => paths,
        Some(Value::String(path)) if path.is_empty() => return Ok(Vec::new()),
        Some(_) => {
            return Err(
                StripeError::malformed("Invalid array: expand takes expand[]=name.")
                    .param("expand"),
            );
        }
    };
    let mut texts = Vec::new();
    for path in paths {
        let path = path.as_str().unwrap_or_default().to_owned();
        // `data` of a list counts too: the deepest when listing charges is
        // data.payment_intent.customer.default_source (Stripe API, "Expanding Responses").
        let levels = path.split('.').count();
        if levels > MAX_LEVELS {
            return Err(StripeError::malformed(format!(
                "You cannot expand more than {MAX_LEVELS} levels of a property ({path})."
            ))
            .param("expand"));
        }
        texts.push(path);
    }
    Ok(texts)
}

/// Expands an answer in place.
pub(crate) fn expand(
    store: &Store,
    answer: &mut Value,
    paths: &[String],
) -> Result<(), StripeError> {
    for path in paths {
        let names: Vec<_> = path.split('.').collect();
        expand_one(store, answer, &names, path)?;
    }
    Ok(())
}

fn expand_one(
    store: &Store,
    value: &mut Value,
    names: &[&str],
    path: &str,
) -> Result<(), StripeError> {
    let Some((name, deeper)) = names.split_first() else {
        return Ok(());
    };
    match value {
        Value::Array(elements) => {
            for element in elements {
                expand_one(store, element, names, path)?;
            }
            Ok(())
        }
        Value::Object(object) => {
            if object.get(*name).is_none_or(Value::is_null) {
                match families::included(store, object, name) {
                    Some(included) => _ = object.insert((*name).to_owned(), included),
                    // A field that this object may have but does not is nothing to complain about.
                    None if may_have(object, name) => return Ok(()),
                    None => return Err(cannot_expand(path)),
                }
            }
            let Some(field) = object.get_mut(*name) else {
                return Ok(());
            };
            resolve(store, name, field, path)?;
            expand_one(store, field, deeper, path)
        }
        Value::Null => Ok(()),
        _ => Err(cannot_expand(path)),
    }
}

/// Replaces an id, or each id of an array, by its object.
fn resolve(store: &Store, name: &str, value: &mut Value, path: &str) -> Result<(), StripeError> {
    match value {
        Value::String(id) => match store.find(name, id) {
            Some(object) => {
                *value = Value::Object(families::present(store, object));
                Ok(())
            }
            None => match families::absent(store, name, id) {
                Some(left) => {
                    *value = left;
                    Ok(())
                }
                None => Err(cannot_expand(path)),
            },
        },
        Value::Array(elements) => {
            for element in elements.iter_mut().filter(|element| element.is_string()) {
                resolve(store, name, element, path)?;
            }
            Ok(())
        }
        Value::Object(_) | Value::Null => Ok(()),
        _ => Err(cannot_expand(path)),
    }
}

fn may_have(object: &Object, name: &str) -> bool {
    Shapes::get().field(text(object, "object"), name).is_some()
        || object.get("deleted").is_some()
        || !object.contains_key("object")
}

fn cannot_expand(path: &str) -> StripeError {
    StripeError::invalid(format!("This property cannot be expanded ({path}).")).param("expand")
}
