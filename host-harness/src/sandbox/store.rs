//! The objects of one account, in memory. It owns their order (of creation, which lists go by) and
//! who belongs to whom; it knows nothing of what objects mean or how they are asked for.

use super::shapes::Object;
use serde_json::Value;
use std::collections::HashMap;

/// One stored object.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Grows with every object of the account.
    pub(crate) sequence: u64,
    /// Ids of the objects under whose path this one is listed, where its fields do not say so.
    pub(crate) parents: Vec<String>,
    pub(crate) object: Object,
}

/// The objects of one kind.
#[derive(Debug, Default)]
struct Collection {
    records: HashMap<String, Record>,
    /// Ids in order of creation.
    order: Vec<String>,
    /// Objects that are gone but still answer that they are.
    deleted: HashMap<String, Value>,
}

/// Everything an account holds.
#[derive(Debug, Default)]
pub(crate) struct Store {
    collections: HashMap<String, Collection>,
    singles: HashMap<String, Object>,
    sequence: u64,
}

impl Store {
    /// Stores an object, new or changed; a new one comes last in the order of creation.
    pub(crate) fn put(&mut self, kind: &str, object: Object) {
        self.put_under(kind, object, Vec::new());
    }

    /// The same for an object that is listed under others.
    pub(crate) fn put_under(&mut self, kind: &str, object: Object, parents: Vec<String>) {
        let id = text(&object, "id").to_owned();
        let collection = self.collections.entry(kind.to_owned()).or_default();
        if let Some(record) = collection.records.get_mut(&id) {
            record.object = object;
            record.parents.extend(parents);
            return;
        }
        self.sequence += 1;
        let record = Record {
            sequence: self.sequence,
            parents,
            object,
        };
        collection.deleted.remove(&id);
        collection.order.push(id.clone());
        collection.records.insert(id, record);
    }

    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Object> {
        Some(&self.record(kind, id)?.object)
    }

    pub(crate) fn record(&self, kind: &str, id: &str) -> Option<&Record> {
        self.collections.get(kind)?.records.get(id)
    }

    /// The object with this id, whatever its kind. `hint`, a field's name, is tried first: a coupon
    /// and a product may share an id, since a caller chooses both.
    pub(crate) fn find(&self, hint: &str, id: &str) -> Option<&Object> {
        let mut kinds: Vec<_> = self.collections.keys().collect();
        kinds.sort_by_key(|kind| (!hint.contains(kind.as_str()), kind.as_str()));
        kinds.into_iter().find_map(|kind| self.get(kind, id))
    }

    /// Takes an object away. What is left answers for it from then on, if given.
    pub(crate) fn remove(&mut self, kind: &str, id: &str, left: Option<Value>) -> Option<Object> {
        let collection = self.collections.get_mut(kind)?;
        let record = collection.records.remove(id)?;
        collection.order.retain(|present| present != id);
        if let Some(left) = left {
            collection.deleted.insert(id.to_owned(), left);
        }
        Some(record.object)
    }

    /// What is left of a deleted object.
    pub(crate) fn deleted(&self, kind: &str, id: &str) -> Option<&Value> {
        self.collections.get(kind)?.deleted.get(id)
    }

    /// The objects of a kind, oldest first.
    pub(crate) fn oldest_first<'a>(
        &'a self,
        kind: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Record> + use<'a> {
        let collection = self.collections.get(kind);
        collection.into_iter().flat_map(|collection| {
            collection
                .order
                .iter()
                .filter_map(|id| collection.records.get(id))
        })
    }

    /// The one object at a path without an id.
    pub(crate) fn single(&self, path: &str) -> Option<&Object> {
        self.singles.get(path)
    }

    pub(crate) fn put_single(&mut self, path: &str, object: Object) {
        self.singles.insert(path.to_owned(), object);
    }
}

/// A field's text, or the empty text.
pub(crate) fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or("")
}

/// A field's whole number, or zero.
pub(crate) fn int(object: &Object, field: &str) -> i64 {
    object.get(field).and_then(Value::as_i64).unwrap_or(0)
}

/// Whether a field is true.
pub(crate) fn flag(object: &Object, field: &str) -> bool {
    object.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// Sets a field.
pub(crate) fn set(object: &mut Object, field: &str, value: impl Into<Value>) {
    object.insert(field.to_owned(), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(id: &str) -> Object {
        json!({"id": id}).as_object().unwrap().clone()
    }

    #[test]
    fn keeps_the_order_of_creation() {
        let mut store = Store::default();
        for id in ["a", "b", "c"] {
            store.put("customer", object(id));
        }
        store.put("customer", object("a"));
        store.remove("customer", "b", Some(json!({"deleted": true})));
        let ids: Vec<_> = store
            .oldest_first("customer")
            .map(|record| text(&record.object, "id"))
            .collect();
        assert_eq!(ids, ["a", "c"]);
        assert!(store.get("customer", "b").is_none());
        assert!(store.deleted("customer", "b").is_some());
        assert!(store.find("whatever", "c").is_some());
    }
}
