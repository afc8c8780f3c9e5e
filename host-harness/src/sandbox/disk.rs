//! What the sandbox keeps over restarts, in one file. It owns the tables of that file and what is in
//! them; redb owns that a request's changes are written whole or not at all, whenever the process
//! dies. It knows nothing of what objects mean.

use super::idempotency::{IdempotencyKeys, Name};
use super::shapes::Object;
use super::store::{Record, Store};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;

/// By account, kind and id.
const OBJECTS: TableDefinition<'_, (&str, &str, &str), &str> = TableDefinition::new("objects");
/// What is left of deleted objects, by the same.
const LEFT: TableDefinition<'_, (&str, &str, &str), &str> = TableDefinition::new("left");
/// Objects without an id, by account and path.
const SINGLES: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("singles");
/// Answers, by account and idempotency key.
const ANSWERS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("answers");
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// The form of what is in the tables.
const FORMAT: i64 = 1;

/// What belongs to the sandbox as a whole.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) own_account: String,
    pub(crate) ids: [u64; 3],
    pub(crate) clock_offset: i64,
    pub(crate) tokens: HashMap<String, String>,
}

/// Everything a file holds.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// None in a new file.
    pub(crate) meta: Option<Meta>,
    pub(crate) accounts: HashMap<String, Store>,
    pub(crate) idempotency: IdempotencyKeys,
}

/// The open file. While it is open, no other process can open it.
pub(crate) struct Disk(Database);

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

/// A request's part of the state, to be written down.
pub(crate) struct Changes<'a> {
    pub(crate) account: &'a str,
    pub(crate) store: &'a Store,
    pub(crate) idempotency: &'a IdempotencyKeys,
    /// Answers that are new, and answers that are forgotten.
    pub(crate) answered: &'a [Name],
    pub(crate) meta: &'a Meta,
}

impl Disk {
    /// Opens a file, or makes a new one, and reads what is in it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Kept)> {
        let named = |error: redb::Error| {
            io::Error::other(format!("{} cannot be used: {error}", path.display()))
        };
        let database = Database::create(path).map_err(|error| named(error.into()))?;
        let kept = read(&database).map_err(named)?;
        let kept = kept.ok_or_else(|| {
            let text = format!("{} was written by another version", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        Ok((Self(database), kept))
    }

    /// Writes a request's changes. They are on the disk when this returns.
    pub(crate) fn write(&self, changes: &Changes<'_>) -> Result<(), String> {
        write(&self.0, changes).map_err(|error| error.to_string())
    }
}

fn write(database: &Database, changes: &Changes<'_>) -> Result<(), redb::Error> {
    let &Changes {
        account,
        store,
        idempotency,
        answered,
        meta,
    } = changes;
    let transaction = database.begin_write()?;
    {
        let mut objects = transaction.open_table(OBJECTS)?;
        let mut left = transaction.open_table(LEFT)?;
        for change in store.changes() {
            let (kind, id) = (change.kind.as_str(), change.id.as_str());
            match store.record(kind, id) {
                Some(record) => {
                    let text = json!({"sequence": record.sequence, "parents": record.parents,
                        "object": record.object});
                    objects.insert((account, kind, id), text.to_string().as_str())?;
                }
                None => _ = objects.remove((account, kind, id))?,
            }
            match store.deleted(kind, id) {
                Some(value) => _ = left.insert((account, kind, id), value.to_string().as_str())?,
                None => _ = left.remove((account, kind, id))?,
            }
        }
        let mut singles = transaction.open_table(SINGLES)?;
        for path in store.changed_singles() {
            if let Some(object) = store.single(path) {
                let text = Value::Object(object.clone()).to_string();
                singles.insert((account, path), text.as_str())?;
            }
        }
        let mut answers = transaction.open_table(ANSWERS)?;
        for name in answered {
            let key = (name.0.as_str(), name.1.as_str());
            match idempotency.entry(name) {
                Some(entry) => _ = answers.insert(key, entry.to_string().as_str())?,
                None => _ = answers.remove(key)?,
            }
        }
        let text = json!({"format": FORMAT, "own_account": meta.own_account, "ids": meta.ids,
            "clock_offset": meta.clock_offset, "tokens": meta.tokens});
        let mut table = transaction.open_table(META)?;
        table.insert("sandbox", text.to_string().as_str())?;
    }
    transaction.commit()?;
    Ok(())
}

/// None when the file is in another form.
fn read(database: &Database) -> Result<Option<Kept>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut kept = Kept::default();
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        // Nothing was ever written.
        Err(TableError::TableDoesNotExist(_)) => return Ok(Some(kept)),
        Err(error) => return Err(error.into()),
    };
    let text = meta.get("sandbox")?.map(|text| text.value().to_owned());
    let Some(meta) = text.and_then(|text| parse_meta(&text)) else {
        return Ok(None);
    };
    kept.meta = Some(meta);
    for entry in transaction.open_table(OBJECTS)?.iter()? {
        let (key, text) = entry?;
        let (account, kind, id) = key.value();
        let Some(record) = parse_record(text.value()) else {
            return Ok(None);
        };
        let store = kept.accounts.entry(account.to_owned()).or_default();
        store.restore(kind, id, record);
    }
    for entry in transaction.open_table(LEFT)?.iter()? {
        let (key, text) = entry?;
        let (account, kind, id) = key.value();
        if let Ok(left) = serde_json::from_str(text.value()) {
            let store = kept.accounts.entry(account.to_owned()).or_default();
            store.restore_left(kind, id, left);
        }
    }
    for entry in transaction.open_table(SINGLES)?.iter()? {
        let (key, text) = entry?;
        let (account, path) = key.value();
        if let Ok(object) = serde_json::from_str::<Object>(text.value()) {
            let store = kept.accounts.entry(account.to_owned()).or_default();
            store.restore_single(path, object);
        }
    }
    let mut answers = Vec::new();
    for entry in transaction.open_table(ANSWERS)?.iter()? {
        let (key, text) = entry?;
        let (account, idempotency_key) = key.value();
        if let Ok(answer) = serde_json::from_str::<Value>(text.value()) {
            let name = (account.to_owned(), idempotency_key.to_owned());
            answers.push((answer.get("expires").and_then(Value::as_i64), name, answer));
        }
    }
    // The oldest first, as they came.
    answers.sort_by_key(|(expires, ..)| *expires);
    for (_, name, answer) in answers {
        kept.idempotency.restore(name, &answer);
    }
    Ok(Some(kept))
}

fn parse_meta(text: &str) -> Option<Meta> {
    let meta: Value = serde_json::from_str(text).ok()?;
    if meta.get("format")?.as_i64()? != FORMAT {
        return None;
    }
    Some(Meta {
        own_account: meta.get("own_account")?.as_str()?.to_owned(),
        ids: serde_json::from_value(meta.get("ids")?.clone()).ok()?,
        clock_offset: meta.get("clock_offset")?.as_i64()?,
        tokens: serde_json::from_value(meta.get("tokens")?.clone()).ok()?,
    })
}

fn parse_record(text: &str) -> Option<Record> {
    let mut record: Object = serde_json::from_str(text).ok()?;
    Some(Record {
        sequence: record.get("sequence")?.as_u64()?,
        parents: serde_json::from_value(record.get("parents")?.clone()).ok()?,
        object: match record.remove("object")? {
            Value::Object(object) => object,
            _ => return None,
        },
    })
}
