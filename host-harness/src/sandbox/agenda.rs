//! What time alone will change, and when. It owns the order in which objects fall due; what happens
//! to them then is the families' affair, and what time it is the clock's.

use super::families;
use super::shapes::Object;
use super::store::Store;
use std::collections::{BTreeSet, HashMap};

/// An object by its kind and id.
pub(crate) type Name = (String, String);

/// The objects of one account that time will change.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    by_time: BTreeSet<(i64, Name)>,
    times: HashMap<Name, i64>,
}

impl Agenda {
    /// Notes when the objects of a store that was read from disk fall due.
    pub(crate) fn fill(&mut self, store: &Store) {
        for (kind, id, object) in store.iter() {
            self.note((kind.to_owned(), id.to_owned()), Some(object));
        }
    }

    /// Notes when every object that has just changed falls due.
    pub(crate) fn update(&mut self, store: &Store) {
        for change in store.changes() {
            let object = store.get(&change.kind, &change.id);
            self.note((change.kind.clone(), change.id.clone()), object);
        }
    }

    /// Notes when an object falls due, or that it no longer does.
    pub(crate) fn note(&mut self, name: Name, object: Option<&Object>) {
        self.forget(&name);
        let due = object.and_then(|object| families::of(&name.0).due(object));
        if let Some(time) = due {
            self.times.insert(name.clone(), time);
            self.by_time.insert((time, name));
        }
    }

    fn forget(&mut self, name: &Name) {
        if let Some(time) = self.times.remove(name) {
            self.by_time.remove(&(time, name.clone()));
        }
    }

    /// Takes the first object that is due by now.
    pub(crate) fn next(&mut self, now: i64) -> Option<(i64, Name)> {
        let first = self.by_time.first().filter(|(time, _)| *time <= now)?;
        let first = first.clone();
        self.forget(&first.1);
        Some(first)
    }

    /// Takes another object of this kind that is due at this time.
    pub(crate) fn next_like(&mut self, time: i64, kind: &str) -> Option<String> {
        let start = (time, (kind.to_owned(), String::new()));
        let next = self.by_time.range(start..).next();
        let (_, name) = next.filter(|(due, name)| *due == time && name.0 == kind)?;
        let name = name.clone();
        self.forget(&name);
        Some(name.1)
    }
}
