//! Lists: which objects a request selects, in which order, and which page of them it gets. It owns
//! cursors and filters for v1 and v2; what a filter of a particular kind means beyond "this field
//! has this value" is the family's affair.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::errors::StripeError;
use super::families;
use super::shapes::{Object, Shapes};
use super::store::{Record, Store, text};
use super::world::Call;

/// Parameters of every list that are no filters.
const PAGING: [&str; 8] = [
    "limit",
    "starting_after",
    "ending_before",
    "expand",
    "page",
    "include",
    "query",
    "count",
];

/// Kinds that Stripe lists in the order they were added instead of newest first.
const OLDEST_FIRST: [&str; 6] = [
    "item",
    "line_item",
    "subscription_item",
    "credit_note_line_item",
    "tax.calculation_line_item",
    "tax.transaction_line_item",
];

/// One page of a v1 list.
pub(crate) fn v1_page(store: &Store, call: &Call<'_>) -> Result<Value, StripeError> {
    let limit = limit(&call.params, 10)?;
    let records = select(store, call);
    let after = cursor(&records, call, "starting_after")?;
    let before = cursor(&records, call, "ending_before")?;
    if after.is_some() && before.is_some() {
        return Err(StripeError::invalid(
            "Give either starting_after or ending_before, not both.",
        ));
    }
    let (start, end, has_more) = match before {
        Some(before) => (before.saturating_sub(limit), before, before > limit),
        None => {
            let start = after.map_or(0, |index| index + 1);
            let end = (start + limit).min(records.len());
            (start, end, end < records.len())
        }
    };
    let data = present(store, records.get(start..end).unwrap_or_default());
    Ok(json!({"object": "list", "data": data, "has_more": has_more, "url": call.path}))
}

/// One page of a v2 list.
pub(crate) fn v2_page(store: &Store, call: &Call<'_>) -> Result<Value, StripeError> {
    v2_page_of(&select(store, call), call, |object| {
        let mut shown = families::present(store, object);
        families::of(call.route.kind()).include(call, object, &mut shown);
        shown
    })
}

/// One page of these records, the newest first, each shown in this way. The page token names the
/// object the page starts or ends at, so that objects made meanwhile do not shift the pages.
pub(crate) fn v2_page_of(
    records: &[&Record],
    call: &Call<'_>,
    show: impl Fn(&Object) -> Object,
) -> Result<Value, StripeError> {
    let limit = limit(&call.params, 20)?;
    let place = |sequence: u64| records.partition_point(|record| record.sequence > sequence);
    let (start, end) = match parse_token(text(&call.params, "page")) {
        None => {
            return Err(
                StripeError::invalid("The page token is none of this list's.").param("page"),
            );
        }
        Some(Token::First) => (0, limit),
        Some(Token::After(sequence)) => {
            let start = place(sequence.saturating_sub(1));
            (start, start + limit)
        }
        Some(Token::Before(sequence)) => {
            let end = place(sequence);
            (end.saturating_sub(limit), end)
        }
    };
    let end = end.min(records.len());
    let page = records.get(start..end).unwrap_or_default();
    let mut others = String::new();
    for (name, value) in &call.params {
        if !["limit", "page"].contains(&name.as_str()) {
            append(&mut others, name, value);
        }
    }
    let url = |letter: char, record: Option<&&Record>| match record {
        Some(record) => {
            json!(format!(
                "{}?limit={limit}&page=page_{letter}{:x}{others}",
                call.path, record.sequence
            ))
        }
        None => Value::Null,
    };
    let next = if end < records.len() {
        page.last()
    } else {
        None
    };
    let previous = if start > 0 { page.first() } else { None };
    let data = page.iter().map(|record| show(&record.object));
    Ok(json!({
        "data": data.collect::<Vec<_>>(),
        "next_page_url": url('n', next),
        "previous_page_url": url('p', previous),
    }))
}

/// Puts a parameter at a query's end, the way it came.
fn append(query: &mut String, name: &str, value: &Value) {
    let text = match value {
        Value::Object(members) => {
            for (key, member) in members {
                append(query, &format!("{name}[{key}]"), member);
            }
            return;
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                append(query, &format!("{name}[{at}]"), item);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    query.push_str(&format!("&{}={}", encoded(name), encoded(&text)));
}

enum Token {
    First,
    After(u64),
    Before(u64),
}

fn parse_token(token: &str) -> Option<Token> {
    if token.is_empty() {
        return Some(Token::First);
    }
    let rest = token.strip_prefix("page_")?;
    let sequence = u64::from_str_radix(rest.get(1..)?, 16).ok()?;
    match rest.get(..1)? {
        "n" => Some(Token::After(sequence)),
        "p" => Some(Token::Before(sequence)),
        _ => None,
    }
}

/// Every object the request selects, in the list's order.
pub(crate) fn select<'s>(store: &'s Store, call: &Call<'_>) -> Vec<&'s Record> {
    let kinds = &call.route.kinds;
    let mut records: Vec<_> = kinds
        .iter()
        .flat_map(|kind| store.oldest_first(kind).map(move |record| (*kind, record)))
        .filter(|(_, record)| call.ids.iter().all(|id| belongs(record, id)))
        .filter(|(kind, record)| selected(kind, &call.params, &record.object))
        .map(|(_, record)| record)
        .collect();
    records.sort_by_key(|record| record.sequence);
    if !OLDEST_FIRST.contains(&call.route.kind()) {
        records.reverse();
    }
    records
}

/// True when an object is listed under another one's path.
pub(crate) fn belongs(record: &Record, owner: &str) -> bool {
    record.parents.iter().any(|parent| parent == owner)
        || record.object.values().any(|value| value == owner)
}

fn selected(kind: &str, params: &Object, object: &Object) -> bool {
    let family = families::of(kind);
    if !family.selects(params, object) {
        return false;
    }
    params.iter().all(|(name, wanted)| {
        if PAGING.contains(&name.as_str()) || family.own_filters().contains(&name.as_str()) {
            return true;
        }
        match wanted {
            Value::Object(range) if is_range(range) => in_range(object.get(name), range),
            // `ids[]`, `lookup_keys[]`, `types[]`: any of these values of the field.
            Value::Array(wanted) => {
                let field = name.strip_suffix('s').unwrap_or(name);
                match object.get(field) {
                    Some(value @ Value::String(_)) => wanted.contains(value),
                    // An object without a lookup key has none of these.
                    Some(Value::Null) => false,
                    _ => true,
                }
            }
            Value::Object(_) => true,
            wanted if Shapes::get().field(kind, name).is_some() => match object.get(name) {
                Some(Value::Object(inner)) => inner.get("id") == Some(wanted),
                // `created` may be a range, so its number is still text when it is none.
                Some(Value::Number(number)) if wanted.is_string() => {
                    wanted.as_str() == Some(number.to_string().as_str())
                }
                Some(value) => value == wanted,
                None => false,
            },
            _ => true,
        }
    })
}

fn is_range(range: &Object) -> bool {
    range
        .keys()
        .all(|key| matches!(key.as_str(), "gt" | "gte" | "lt" | "lte"))
}

fn in_range(value: Option<&Value>, range: &Object) -> bool {
    let Some(value) = value.and_then(Value::as_i64) else {
        return false;
    };
    range.iter().all(|(bound, limit)| {
        let Some(limit) = limit.as_i64() else {
            return true;
        };
        match bound.as_str() {
            "gt" => value > limit,
            "gte" => value >= limit,
            "lt" => value < limit,
            _ => value <= limit,
        }
    })
}

/// The page's size: 1 to 100.
pub(crate) fn limit(params: &Object, default: usize) -> Result<usize, StripeError> {
    let limit = match params.get("limit") {
        None => return Ok(default),
        Some(Value::String(text)) if text.is_empty() => return Ok(default),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    limit
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| {
            StripeError::malformed("limit must be a whole number from 1 to 100.")
                .code("parameter_invalid_integer")
                .param("limit")
        })
}

fn cursor(records: &[&Record], call: &Call<'_>, name: &str) -> Result<Option<usize>, StripeError> {
    let id = text(&call.params, name);
    if id.is_empty() {
        return Ok(None);
    }
    match records
        .iter()
        .position(|record| text(&record.object, "id") == id)
    {
        Some(index) => Ok(Some(index)),
        None => Err(StripeError::no_such(call.route.kind(), id)
            .status(400)
            .param(name)),
    }
}

fn present(store: &Store, records: &[&Record]) -> Vec<Value> {
    records
        .iter()
        .map(|record| Value::Object(families::present(store, &record.object)))
        .collect()
}
