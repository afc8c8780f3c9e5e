//! A call's arguments become one request or one refusal. The first line names
//! the method, the rest are its arguments. Of a request: the path is the
//! table's with the ids in it, the params are those given, in order and to the
//! digit, and the key is nowhere.

use serde_json::Value as Json;
use stripe::json::Value;
use stripe::nested::{self, Target};
use stripe::operation::{self, Operation, Verb};
use stripe::outgoing::{self, Outgoing, Planned, RawRequest};
use stripe::webhook::call as webhooks;
use stripe::{arguments, body::Body};

use super::SENTINEL;
use super::decode::{expected, pairs, percent, same_pairs};

const UUID: &str = "b0undary-0f-a-call";

pub(crate) fn check(data: &[u8]) {
    let Some((name, text)) = std::str::from_utf8(data)
        .ok()
        .and_then(|t| t.split_once('\n'))
    else {
        return;
    };
    let (resource, method) = name.rsplit_once('.').unwrap_or(("", name));
    // Names that are none have a target of their own, and cost a search.
    let is_raw = resource.is_empty() && method == RawRequest::METHOD;
    let is_webhook = webhooks::find(resource, method).is_some();
    if !is_raw && !is_webhook && operation::find(resource, method).is_none() {
        return;
    }
    let (Ok(target), Ok(args)) = (nested::find(resource, method), Value::parse(text)) else {
        return;
    };
    let Some(theirs) = super::decode::tree(text) else {
        return;
    };
    let list = match theirs {
        Json::Null => Vec::new(),
        Json::Array(list) => list,
        one => vec![one],
    };
    let settings = super::settings();
    let uuid = || UUID.to_owned();
    match target {
        Target::Raw => {
            let built = RawRequest::split(args).and_then(|raw| raw.build(&settings, uuid));
            match built {
                Err(refusal) => super::refusal(&refusal),
                Ok(outgoing) => {
                    sound(&outgoing, text);
                    let path = list[1].as_str().expect("a path");
                    assert_eq!(outgoing.target, path);
                    assert!(stays(path), "{path}");
                }
            }
        }
        // Whatever it is given, it answers with JSON or says where the fault is.
        Target::Webhook(method) => match webhooks::call(method, args, &settings, || 0) {
            Err(refusal) => super::refusal(&refusal),
            Ok(json) => assert!(serde_json::from_str::<Json>(&json).is_ok(), "{json}"),
        },
        Target::Operation(operation) => {
            let ids = operation.path_parameters().count();
            let built = arguments::split(&operation, args)
                .and_then(|split| outgoing::build(&operation, split, &settings, uuid));
            match built {
                Err(refusal) => {
                    super::refusal(&refusal);
                    assert!(
                        refusal.path.is_empty()
                            || refusal.path.starts_with(['[', 'h'])
                            || !list.is_empty(),
                        "{refusal:?}"
                    );
                }
                Ok(Planned::Local(json)) => {
                    let url: String = serde_json::from_str(&json).expect("a string");
                    assert!(url.starts_with("https://connect.stripe.com/"), "{url}");
                }
                Ok(Planned::Http(outgoing)) => {
                    sound(&outgoing, text);
                    path(&operation, &outgoing, &list);
                    params(&operation, &outgoing, list.get(ids), list.len() > ids + 1);
                }
            }
        }
    }
}

/// What holds of every request.
fn sound(outgoing: &Outgoing<'_>, text: &str) {
    // Unless the caller wrote the key somewhere else than into `apiKey`.
    if !text.contains(SENTINEL) {
        assert!(!format!("{outgoing:?}").contains(SENTINEL), "{outgoing:?}");
    }
    assert!(outgoing.target.starts_with('/') && !outgoing.target.starts_with("//"));
    assert!(
        outgoing
            .target
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'#'),
        "{}",
        outgoing.target
    );
    assert!(outgoing.authority.ends_with(".stripe.com") && outgoing.https);
    let length = outgoing.body.as_ref().map(|body| body.len().to_string());
    assert_eq!(outgoing.headers.get("content-length"), length.as_deref());
    assert_eq!(outgoing.body.is_some(), outgoing.verb == Verb::Post);
    assert!(outgoing.headers.get("authorization").is_none());
    for (name, value) in outgoing.headers.iter() {
        assert!(
            name.bytes()
                .all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && b != b':'),
            "{name:?}"
        );
        assert!(
            value.bytes().all(|b| (b' '..=b'~').contains(&b)),
            "{name}: {value:?}"
        );
    }
    let names: std::collections::BTreeSet<&str> =
        outgoing.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), outgoing.headers.iter().count(), "each once");
    let keyed = match outgoing.verb {
        Verb::Get => false,
        Verb::Post => true,
        Verb::Delete => outgoing.traits.v2,
    };
    assert!(!keyed || outgoing.has_idempotency_key());
}

/// Whether no server or proxy resolves the path to another (RFC 3986, 5.2.4).
fn stays(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').all(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain != "." && plain != ".."
    })
}

/// The table's path, segment by segment, with the ids in the braces' place.
fn path(operation: &Operation, outgoing: &Outgoing<'_>, list: &[Json]) {
    let found = outgoing.target.split('?').next().unwrap_or_default();
    assert!(stays(found), "{found}");
    let mut ids = list.iter();
    if operation.null_path == Some(found) {
        return;
    }
    let (found, row): (Vec<&str>, Vec<&str>) = (
        found.split('/').collect(),
        operation.path.split('/').collect(),
    );
    assert_eq!(found.len(), row.len(), "{found:?}");
    for (found, row) in found.into_iter().zip(row) {
        let Some((before, rest)) = row.split_once('{') else {
            assert_eq!(found, row);
            continue;
        };
        let (_, after) = rest.split_once('}').expect("a brace");
        let found = found
            .strip_prefix(before)
            .and_then(|f| f.strip_suffix(after));
        let found = percent(found.expect("the row's own text"));
        match ids.next().expect("an id") {
            Json::String(id) => assert_eq!(&found, id),
            Json::Number(id) => assert!(super::decode::same_number(&found, &id.to_string())),
            other => panic!("{other} as an id"),
        }
    }
}

/// The params, decoded from the query, the form or the JSON they travel in.
fn params(operation: &Operation, outgoing: &Outgoing<'_>, given: Option<&Json>, more: bool) {
    // A lone object may be options, and some methods add a param of their own.
    let local = operation.flags.client_id() || operation.flags.multipart();
    let empty = Json::Object(serde_json::Map::new());
    let given = given.filter(|given| !given.is_null()).unwrap_or(&empty);
    let is_options = !more && {
        let shown = format!("{:?}", outgoing.headers);
        let members = given.as_object().expect("an object");
        members.keys().all(|key| OPTIONS.contains(&key.as_str())) && !shown.is_empty()
    };
    if local || is_options {
        return;
    }
    let body = outgoing.body.as_ref().map(Body::to_bytes);
    match (&body, operation.is_v2()) {
        (Some(body), true) => {
            let sent = std::str::from_utf8(body).expect("text");
            let given = serde_json::to_string(given).expect("JSON");
            assert_eq!(Value::parse(sent), Value::parse(&given));
        }
        (Some(body), false) => {
            let sent = std::str::from_utf8(body).expect("text");
            assert!(
                same_pairs(&pairs(sent), &expected(given)),
                "{sent}: {given}"
            );
        }
        (None, _) => {
            let query = outgoing
                .target
                .split_once('?')
                .map_or("", |(_, query)| query);
            assert!(
                same_pairs(&pairs(query), &expected(given)),
                "{query}: {given}"
            );
        }
    }
}

/// The README's list of options, and the official client's names for two.
const OPTIONS: [&str; 11] = [
    "apiKey",
    "idempotencyKey",
    "stripeAccount",
    "stripeContext",
    "apiVersion",
    "maxNetworkRetries",
    "timeout",
    "headers",
    "apiBase",
    "additionalHeaders",
    "express",
];
