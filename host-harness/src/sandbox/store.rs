//! The objects of one account, in memory. It owns their order (of creation, which lists go by), who
//! belongs to whom, and the journal that makes a request all or nothing; it knows nothing of what
//! objects mean or how they are asked for.

use super::shapes::Object;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Kinds of which those with one value of a field are asked for again and again, and that field.
const INDEXED: [(&str, &str); 4] = [
    ("invoice_payment", "invoice"),
    ("invoiceitem", "customer"),
    ("line_item", "invoice"),
    ("subscription_item", "subscription"),
];

/// Of how many deleted objects of a kind it is remembered that they were there, the latest ones.
const MAX_DELETED: usize = 10_000;

/// One stored object.
#[derive(Debug, Clone, PartialEq)]
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
    order: BTreeMap<u64, String>,
    /// The field by which this kind is indexed, and the sequences of the objects with each value.
    indexed: &'static str,
    by_value: HashMap<String, BTreeSet<u64>>,
    /// What the objects take, roughly.
    bytes: usize,
    /// Objects that are gone but still answer that they are.
    deleted: HashMap<String, Value>,
    /// Their ids, the first deleted first; some may be back by now.
    deleted_order: VecDeque<String>,
}

impl Collection {
    fn of(kind: &str) -> Self {
        let indexed = INDEXED.iter().find(|(known, _)| *known == kind);
        Self {
            indexed: indexed.map_or("", |(_, field)| field),
            ..Self::default()
        }
    }

    fn leave(&mut self, id: &str, left: Value) {
        self.deleted.insert(id.to_owned(), left);
        self.deleted_order.push_back(id.to_owned());
    }

    /// The id of a deleted object that is to be forgotten, so that there are not too many.
    fn next_forgotten(&mut self) -> Option<String> {
        while self.deleted.len() > MAX_DELETED || self.deleted_order.len() > 2 * MAX_DELETED {
            let oldest = self.deleted_order.pop_front()?;
            if self.deleted.contains_key(&oldest) {
                return Some(oldest);
            }
        }
        None
    }

    fn insert(&mut self, id: &str, record: Record) {
        self.take(id);
        self.bytes = self.bytes.saturating_add(size_of_fields(&record.object));
        if !self.indexed.is_empty() {
            let value = text(&record.object, self.indexed).to_owned();
            let sequences = self.by_value.entry(value).or_default();
            sequences.insert(record.sequence);
        }
        self.order.insert(record.sequence, id.to_owned());
        self.records.insert(id.to_owned(), record);
    }

    fn take(&mut self, id: &str) -> Option<Record> {
        let record = self.records.remove(id)?;
        self.bytes = self.bytes.saturating_sub(size_of_fields(&record.object));
        self.order.remove(&record.sequence);
        let value = text(&record.object, self.indexed);
        if let Some(sequences) = self.by_value.get_mut(value) {
            sequences.remove(&record.sequence);
            if sequences.is_empty() {
                self.by_value.remove(value);
            }
        }
        Some(record)
    }
}

/// What an object was before the request at hand touched it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) before: Option<Record>,
    left_before: Option<Value>,
}

/// What the request at hand has changed, in the order in which it did.
#[derive(Debug, Default)]
struct Journal {
    changes: Vec<Change>,
    index: HashMap<(String, String), usize>,
    singles: Vec<(String, Option<Object>)>,
}

/// Everything an account holds.
#[derive(Debug, Default)]
pub(crate) struct Store {
    collections: HashMap<String, Collection>,
    singles: HashMap<String, Object>,
    sequence: u64,
    journal: Journal,
}

impl Store {
    /// Stores an object, new or changed; a new one comes last in the order of creation.
    pub(crate) fn put(&mut self, kind: &str, object: Object) {
        self.put_under(kind, object, Vec::new());
    }

    /// The same for an object that is listed under others.
    pub(crate) fn put_under(&mut self, kind: &str, object: Object, parents: Vec<String>) {
        let id = text(&object, "id").to_owned();
        self.note(kind, &id);
        let next = self.sequence + 1;
        let collection = self.collection(kind);
        let record = match collection.take(&id) {
            Some(mut present) => {
                present.object = object;
                present.parents.extend(parents);
                present
            }
            None => Record {
                sequence: next,
                parents,
                object,
            },
        };
        collection.deleted.remove(&id);
        let sequence = record.sequence;
        collection.insert(&id, record);
        self.sequence = self.sequence.max(sequence);
    }

    fn collection(&mut self, kind: &str) -> &mut Collection {
        self.collections
            .entry(kind.to_owned())
            .or_insert_with(|| Collection::of(kind))
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
        self.record(kind, id)?;
        self.note(kind, id);
        let collection = self.collections.get_mut(kind)?;
        let record = collection.take(id)?;
        if let Some(left) = left {
            collection.leave(id, left);
            while let Some(oldest) = self.collection(kind).next_forgotten() {
                self.note(kind, &oldest);
                self.collection(kind).deleted.remove(&oldest);
            }
        }
        Some(record.object)
    }

    /// What is left of a deleted object.
    pub(crate) fn deleted(&self, kind: &str, id: &str) -> Option<&Value> {
        self.collections.get(kind)?.deleted.get(id)
    }

    /// The kinds of which there are objects, in the order of their names.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let present = self.collections.iter();
        let present = present.filter(|(_, collection)| !collection.records.is_empty());
        let mut kinds: Vec<_> = present.map(|(kind, _)| kind.as_str()).collect();
        kinds.sort_unstable();
        kinds
    }

    /// How many objects of a kind there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.collections
            .get(kind)
            .map_or(0, |collection| collection.records.len())
    }

    /// How many objects there are, the events aside, of which old ones make room for new ones.
    pub(crate) fn len(&self) -> usize {
        let collections = self.collections.iter();
        let counted =
            collections.filter(|(kind, _)| !super::events::STORED.contains(&kind.as_str()));
        counted
            .map(|(_, collection)| collection.records.len())
            .sum()
    }

    /// What all objects take, roughly, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let collections = self.collections.values();
        collections.map(|collection| collection.bytes).sum()
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
                .values()
                .filter_map(|id| collection.records.get(id))
        })
    }

    /// The objects of an indexed kind with this value, oldest first.
    pub(crate) fn with_value<'a>(
        &'a self,
        kind: &str,
        value: &str,
    ) -> impl Iterator<Item = &'a Object> + use<'a> {
        let collection = self.collections.get(kind);
        let found = collection.and_then(|all| Some((all, all.by_value.get(value)?)));
        found.into_iter().flat_map(|(all, sequences)| {
            let ids = sequences
                .iter()
                .filter_map(|sequence| all.order.get(sequence));
            ids.filter_map(|id| Some(&all.records.get(id)?.object))
        })
    }

    /// Every object with its kind and id, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Object)> {
        self.collections.iter().flat_map(|(kind, collection)| {
            let records = collection.records.iter();
            records.map(move |(id, record)| (kind.as_str(), id.as_str(), &record.object))
        })
    }

    /// The one object at a path without an id.
    pub(crate) fn single(&self, path: &str) -> Option<&Object> {
        self.singles.get(path)
    }

    pub(crate) fn put_single(&mut self, path: &str, object: Object) {
        let before = self.singles.insert(path.to_owned(), object);
        let noted = self.journal.singles.iter().any(|(noted, _)| noted == path);
        if !noted {
            self.journal.singles.push((path.to_owned(), before));
        }
    }

    /// Remembers an object as it is before its first change.
    fn note(&mut self, kind: &str, id: &str) {
        let name = (kind.to_owned(), id.to_owned());
        if self.journal.index.contains_key(&name) {
            return;
        }
        let change = Change {
            before: self.record(kind, id).cloned(),
            left_before: self.deleted(kind, id).cloned(),
            kind: name.0.clone(),
            id: name.1.clone(),
        };
        self.journal.index.insert(name, self.journal.changes.len());
        self.journal.changes.push(change);
    }

    /// What has changed since the last [`Store::commit`], in the order of the first changes. An
    /// object that is as it was, or came and went, is not among it.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.journal.changes.iter().filter(|change| {
            change.before.as_ref() != self.record(&change.kind, &change.id)
                || change.left_before.as_ref() != self.deleted(&change.kind, &change.id)
        })
    }

    /// The paths of the objects without an id that have changed since.
    pub(crate) fn changed_singles(&self) -> impl Iterator<Item = &str> {
        self.journal.singles.iter().map(|(path, _)| path.as_str())
    }

    /// Makes the changes final.
    pub(crate) fn commit(&mut self) {
        self.journal = Journal::default();
    }

    /// Takes the changes back.
    pub(crate) fn roll_back(&mut self) {
        let journal = std::mem::take(&mut self.journal);
        for change in journal.changes {
            let collection = self.collection(&change.kind);
            collection.take(&change.id);
            match change.left_before {
                Some(left) => collection.leave(&change.id, left),
                None => _ = collection.deleted.remove(&change.id),
            }
            if let Some(record) = change.before {
                collection.insert(&change.id, record);
            }
        }
        for (path, before) in journal.singles {
            match before {
                Some(before) => _ = self.singles.insert(path, before),
                None => _ = self.singles.remove(&path),
            }
        }
    }

    /// Puts back an object that was kept on disk.
    pub(crate) fn restore(&mut self, kind: &str, id: &str, record: Record) {
        self.sequence = self.sequence.max(record.sequence);
        self.collection(kind).insert(id, record);
    }

    /// Puts back what is left of a deleted object.
    pub(crate) fn restore_left(&mut self, kind: &str, id: &str, left: Value) {
        self.collection(kind).leave(id, left);
    }

    /// Puts back an object without an id.
    pub(crate) fn restore_single(&mut self, path: &str, object: Object) {
        self.singles.insert(path.to_owned(), object);
    }
}

/// What a value takes in memory, roughly: its text, and 64 bytes for everything that has a place.
fn size_of(value: &Value) -> usize {
    64 + match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(size_of).sum(),
        Value::Object(fields) => size_of_fields(fields),
        _ => 0,
    }
}

fn size_of_fields(object: &Object) -> usize {
    let fields = object.iter();
    fields
        .map(|(name, value)| name.len() + size_of(value))
        .sum()
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

    #[test]
    fn an_index_follows_every_change() {
        let mut store = Store::default();
        let line = |id: &str, invoice: &str| {
            let mut line = object(id);
            set(&mut line, "invoice", invoice);
            line
        };
        let of = |store: &Store, invoice: &str| {
            let lines = store.with_value("line_item", invoice);
            lines
                .map(|line| text(line, "id").to_owned())
                .collect::<Vec<_>>()
        };
        for (id, invoice) in [("a", "in_1"), ("b", "in_2"), ("c", "in_1")] {
            store.put("line_item", line(id, invoice));
        }
        store.commit();
        assert_eq!(of(&store, "in_1"), ["a", "c"]);
        store.put("line_item", line("a", "in_2"));
        store.remove("line_item", "c", None);
        assert_eq!((of(&store, "in_1"), of(&store, "in_2").len()), (vec![], 2));
        store.roll_back();
        assert_eq!(of(&store, "in_1"), ["a", "c"]);
        assert_eq!(of(&store, "in_2"), ["b"]);
    }

    #[test]
    fn of_deleted_objects_the_latest_are_remembered() {
        let mut store = Store::default();
        let delete = |store: &mut Store, number: usize| {
            let id = number.to_string();
            store.put("customer", object(&id));
            store.remove("customer", &id, Some(json!({"deleted": true})));
        };
        for number in 0..MAX_DELETED {
            delete(&mut store, number);
            store.commit();
        }
        delete(&mut store, MAX_DELETED);
        let changed: Vec<_> = store.changes().map(|change| change.id.clone()).collect();
        assert_eq!(changed.len(), 2, "the disk is told what was forgotten");
        assert!(store.deleted("customer", "0").is_none());
        store.roll_back();
        assert!(store.deleted("customer", "0").is_some());
        for number in 0..3 * MAX_DELETED {
            delete(&mut store, number);
            store.commit();
        }
        let customers = store.collection("customer");
        assert_eq!(customers.deleted.len(), MAX_DELETED);
        assert!(customers.deleted_order.len() <= 2 * MAX_DELETED);
        let last = (3 * MAX_DELETED - 1).to_string();
        assert!(store.deleted("customer", &last).is_some());
    }

    #[test]
    fn a_request_can_be_taken_back() {
        let mut store = Store::default();
        store.put("customer", object("a"));
        store.put("customer", object("b"));
        store.put_single("/v1/x", object("x"));
        store.commit();
        let mut changed = object("a");
        set(&mut changed, "name", "Ann");
        store.put("customer", changed);
        store.remove("customer", "b", Some(json!({"deleted": true})));
        store.put("customer", object("c"));
        store.put_single("/v1/x", object("y"));
        let touched: Vec<_> = store.changes().map(|change| change.id.clone()).collect();
        assert_eq!(touched, ["a", "b", "c"]);
        store.roll_back();
        let ids: Vec<_> = store
            .oldest_first("customer")
            .map(|record| text(&record.object, "id"))
            .collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(store.get("customer", "a"), Some(&object("a")));
        assert!(store.deleted("customer", "b").is_none());
        assert_eq!(store.single("/v1/x"), Some(&object("x")));
        store.put("customer", object("a"));
        assert_eq!(store.changes().count(), 0, "nothing is different");
    }
}
