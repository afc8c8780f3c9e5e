//! What an operation works on: the account's objects, the ids, the time, and the request itself. It
//! owns the making of fresh objects and the sentences about objects that do not exist; what the
//! objects do is the families' affair.

use super::calendar::iso_8601;
use super::errors::StripeError;
use super::events::Asked;
use super::ids::Ids;
use super::multipart::Part;
use super::routes::Route;
use super::shapes::{self, Object, Shapes};
use super::store::{Store, set, text};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::HashMap;

/// One request, decoded and routed.
pub(crate) struct Call<'a> {
    pub(crate) route: &'a Route,
    /// The values of the path's parameters.
    pub(crate) ids: &'a [String],
    /// The path without its query.
    pub(crate) path: &'a str,
    pub(crate) params: Object,
    /// The file of a multipart request.
    pub(crate) upload: Option<Part<'a>>,
    pub(crate) asked: Asked<'a>,
}

/// What an operation answers with.
pub(crate) enum Outcome {
    Json(Value),
    File {
        content_type: &'static str,
        content: Bytes,
    },
}

/// The state an operation may read and change.
pub(crate) struct World<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) ids: &'a mut Ids,
    /// Now, in Unix seconds.
    pub(crate) now: i64,
    /// The account the request acts for.
    pub(crate) account: &'a str,
    /// Keys given out by `/oauth/token`, and the account each acts for.
    pub(crate) tokens: &'a mut HashMap<String, String>,
}

impl World<'_> {
    /// A fresh object with an id of its own and every field at its empty value. Not stored.
    pub(crate) fn blank(&mut self, kind: &str) -> Object {
        let mut object = Object::new();
        let fields = Shapes::get().fields(kind);
        if fields.is_none_or(|fields| fields.iter().any(|field| field.name == "id")) {
            set(&mut object, "id", self.ids.id(kind));
        }
        set(&mut object, "object", kind);
        object.extend(
            shapes::blank(fields.unwrap_or_default())
                .into_iter()
                .filter(|(name, _)| name != "id"),
        );
        let is_v2 = kind.starts_with("v2.");
        if fields.is_none() || object.contains_key("created") {
            set(
                &mut object,
                "created",
                if is_v2 {
                    json!(iso_8601(self.now))
                } else {
                    json!(self.now)
                },
            );
        }
        if fields.is_none() || object.contains_key("livemode") {
            set(&mut object, "livemode", false);
        }
        for name in ["updated", "tax_date", "date"] {
            if object.get(name) == Some(&json!(0)) {
                set(&mut object, name, self.now);
            }
        }
        // These are never empty in Stripe, and a client may choke on an empty text.
        for (name, usual) in [("currency", "usd"), ("country", "US")] {
            if object.get(name).is_some_and(|value| value == "") {
                set(&mut object, name, usual);
            }
        }
        object
    }

    /// The same with parameters laid over it.
    pub(crate) fn fresh(&mut self, kind: &str, params: &Object) -> Object {
        let mut object = self.blank(kind);
        match Shapes::get().fields(kind) {
            Some(fields) => shapes::apply(fields, &mut object, params),
            None => object.extend(params.clone()),
        }
        object
    }

    /// An object named by the path.
    pub(crate) fn at_path(&self, kind: &str, id: &str) -> Result<Object, StripeError> {
        self.store
            .get(kind, id)
            .cloned()
            .ok_or_else(|| StripeError::no_such(kind, id))
    }

    /// An object named by a parameter.
    pub(crate) fn named_by(
        &self,
        param: &str,
        kind: &str,
        id: &str,
    ) -> Result<Object, StripeError> {
        self.at_path(kind, id)
            .map_err(|error| error.status(400).param(param))
    }
}

/// A list object with these elements, all on one page.
pub(crate) fn whole_list(data: Vec<Value>, url: impl Into<Value>) -> Value {
    let data = Value::Array(data);
    json!({"object": "list", "data": data, "has_more": false, "url": url.into()})
}

/// The id in a field that holds an id or an object.
pub(crate) fn id_in<'a>(object: &'a Object, field: &str) -> &'a str {
    match object.get(field) {
        Some(Value::Object(inner)) => text(inner, "id"),
        Some(Value::String(id)) => id,
        _ => "",
    }
}
