//! What the official client was really called with, held against the schemas and
//! against `validate-args`: no false alarm about what it takes, and an alarm
//! about what the component refuses.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use stripe_harness::Plugin;
use stripe_harness::catalogue::Problem;

use crate::support::plugin;

#[derive(serde::Deserialize)]
struct Recording {
    id: String,
    resource: String,
    method: String,
    args: Box<RawValue>,
    error: Option<String>,
    difference: Option<String>,
    connection: Option<Value>,
    #[serde(default)]
    plugin: Value,
}

impl Recording {
    /// The number of a generated case: 1 to 4 and 6 are made of what the schema
    /// says, 5 of whatever JSON can say. Cases written by hand have a name.
    fn number(&self) -> Option<u32> {
        self.id.rsplit_once('#').unwrap().1.parse().ok()
    }

    fn is_refused(&self) -> bool {
        match self.plugin.is_null() {
            true => self.error.is_some(),
            false => self.plugin["refused"] == true,
        }
    }
}

/// All recordings by operation.
fn recordings() -> BTreeMap<(String, String), Vec<Recording>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let mut all: BTreeMap<_, Vec<Recording>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let one: Recording = serde_json::from_str(line).unwrap();
            let name = (one.resource.clone(), one.method.clone());
            all.entry(name).or_default().push(one);
        }
    }
    all
}

/// What is wrong with a recording's arguments; none where they are not JSON
/// that has one meaning.
async fn problems(plugin: &Plugin, recording: &Recording) -> Option<Vec<Problem>> {
    let (resource, method) = (&recording.resource, &recording.method);
    plugin
        .validate_args(resource, method, recording.args.get())
        .await
        .ok()
}

fn told(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.pointer, problem.message))
        .collect();
    lines.join("\n")
}

/// Whether nothing is wrong but that a method that needs params got none, as the
/// fourth case of each method tries.
fn only_missing(recording: &Recording, problems: &[Problem]) -> bool {
    let args: Value = serde_json::from_str(recording.args.get()).unwrap();
    let emptied = args
        .as_array()
        .unwrap()
        .iter()
        .any(|argument| argument.is_null() || *argument == json!({}));
    emptied && problems.iter().all(|p| p.message.contains("is required"))
}

#[tokio::test]
async fn what_the_official_client_was_called_with_raises_no_false_alarm() {
    let plugin = plugin(&[]);
    let (mut checked, mut wild, mut wrong) = (0, 0, Vec::new());
    for ((resource, method), recordings) in recordings() {
        let text = plugin.describe_operation(&resource, &method).await.unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        for recording in recordings {
            let Some(number) = recording.number() else {
                continue;
            };
            let found = problems(&plugin, &recording).await.unwrap();
            let args: Value = serde_json::from_str(recording.args.get()).unwrap();
            let valid = schema.is_valid(&args);
            // What the schema takes is never alarmed about.
            if valid && !found.is_empty() {
                wrong.push(format!(
                    "{} {args}\nvalid, and {}",
                    recording.id,
                    told(&found)
                ));
            }
            match number {
                5 => wild += 1,
                4 if !found.is_empty() && !valid && only_missing(&recording, &found) => {}
                _ if found.is_empty() && valid => {}
                _ => {
                    let error = schema.validate(&args).err().map(|error| error.to_string());
                    wrong.push(format!(
                        "{} {args}\n{}\n{error:?}",
                        recording.id,
                        told(&found)
                    ));
                }
            }
            checked += 1;
        }
    }
    assert_eq!((checked, wild), (673 * 6, 673));
    let shown: Vec<&String> = wrong.iter().take(5).collect();
    assert!(
        wrong.is_empty(),
        "{} are wrong, the first:\n{shown:#?}",
        wrong.len()
    );
}

/// Cases written by hand to be hard to encode, of which Stripe would take none:
/// what they are to be told.
const TRULY_WRONG: [(&str, &str); 4] = [
    (
        "customers.create#unset",
        "/0/shipping/name: This should be a string, not null.",
    ),
    (
        "v2.core.accounts.create#unset",
        "/0/include/0: This should be one of",
    ),
    (
        "customers.list#unset",
        "/0/limit: This should be a number, not null.",
    ),
    (
        "oauth.token#nothing",
        "/0/grant_type: \"grant_type\" is required",
    ),
];

#[tokio::test]
async fn what_was_written_by_hand_is_judged_as_the_component_does() {
    let plugin = plugin(&[]);
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for recording in recordings().into_values().flatten() {
        if recording.number().is_some() {
            continue;
        }
        let found = problems(&plugin, &recording).await;
        if recording.is_refused() {
            // What only the connection decides is not in the arguments.
            let elsewhere = recording.connection.is_some()
                || recording.difference.as_deref() == Some("client-id")
                || recording.id == "oauth.deauthorize#nothing";
            if !elsewhere && found.is_some_and(|found| found.is_empty()) {
                wrong.push(format!("{} is refused, and nothing was said", recording.id));
            }
            refused += 1;
            continue;
        }
        taken += 1;
        let found = found.unwrap_or_else(|| panic!("{} is not JSON", recording.id));
        let expected = TRULY_WRONG.iter().find(|(id, _)| *id == recording.id);
        if let Some((_, said)) = expected {
            assert!(
                told(&found).contains(said),
                "{}: {}",
                recording.id,
                told(&found)
            );
            continue;
        }
        // Many have params that no method has, which Stripe refuses as well.
        let others: Vec<&Problem> = found
            .iter()
            .filter(|problem| !problem.message.starts_with("There is no parameter"))
            .collect();
        if !others.is_empty() {
            wrong.push(format!("{}: {}", recording.id, told(&found)));
        }
    }
    assert!(taken > 100 && refused > 50, "{taken} {refused}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One row: an operation, arguments, and what is said: pointer, part of the
/// message, suggestion, parameter.
type Row<'t> = (
    &'t str,
    Value,
    &'t [(&'t str, &'t str, Option<&'t str>, Option<&'t str>)],
);

#[tokio::test]
async fn every_problem_is_told_at_once_with_its_place() {
    let plugin = plugin(&[]);
    let rows: [Row<'_>; 20] = [
        (
            "paymentIntents.create",
            json!([{"amounts": 1, "allowed_payment_method_types": "card", "confirm": "yes",
                "automatic_payment_methods": {"enabled": true, "allow_redirects": "sometimes"}}]),
            &[
                (
                    "/0/amounts",
                    "There is no parameter \"amounts\"",
                    Some("amount"),
                    Some("amounts"),
                ),
                (
                    "/0/allowed_payment_method_types",
                    "should be a list, not this text",
                    None,
                    Some("allowed_payment_method_types"),
                ),
                (
                    "/0/confirm",
                    "should be true or false",
                    None,
                    Some("confirm"),
                ),
                (
                    "/0/amount",
                    "\"amount\" is required: a number",
                    None,
                    Some("amount"),
                ),
                (
                    "/0/currency",
                    "\"currency\" is required",
                    None,
                    Some("currency"),
                ),
            ],
        ),
        // One mapping in place of the list: places are seen from it.
        (
            "customers.create",
            json!({"shipping": {"name": 5, "addresses": {"city": "x"}}}),
            &[
                (
                    "/shipping/addresses",
                    "There is no parameter",
                    Some("address"),
                    Some("shipping[addresses]"),
                ),
                (
                    "/shipping/address",
                    "is required",
                    None,
                    Some("shipping[address]"),
                ),
            ],
        ),
        (
            "subscriptions.create",
            json!([{"customer": "c", "items": [{"price": "p"}, {"price": "p", "quantity": "two"}]}]),
            &[(
                "/0/items/1/quantity",
                "should be a number",
                None,
                Some("items[1][quantity]"),
            )],
        ),
        (
            "customers.retrieve",
            json!([]),
            &[("/0", "is missing", None, None)],
        ),
        (
            "customers.retrieve",
            json!(["", null]),
            &[("/0", "empty", None, None)],
        ),
        (
            "customers.retrieve",
            json!([{"id": "cus_1"}]),
            &[("/0", "not an object", None, None)],
        ),
        (
            "customers.update",
            json!(["cus_1", {"balance": {"a": 1}}, {"idempotencykey": "k", "timeout": "1"}, 7]),
            &[
                ("/3", "At most 3 arguments", None, None),
                (
                    "/1/balance",
                    "should be a number, not an object",
                    None,
                    Some("balance"),
                ),
                (
                    "/2/idempotencykey",
                    "idempotencyKey",
                    Some("idempotencyKey"),
                    None,
                ),
                ("/2/timeout", "whole number", None, None),
            ],
        ),
        (
            "customers.create",
            json!([{}, {"headers": {"Authorization": "x"}}]),
            &[("/1/headers/Authorization", "cannot be set", None, None)],
        ),
        (
            "ephemeralKeys.create",
            json!([{"customer": "c"}]),
            &[("/1/apiVersion", "API version", None, None)],
        ),
        // Names with what a pointer must escape.
        (
            "customers.create",
            json!([{"a/b~c": 1}]),
            &[("/0/a~1b~0c", "There is no parameter", None, Some("a/b~c"))],
        ),
        // In a form these are the same bytes.
        (
            "paymentIntents.create",
            json!([{"amount": "2000", "currency": "eur", "confirm": "true"}]),
            &[],
        ),
        (
            "customers.create",
            json!([{"phone": 491234, "metadata": {"paid": true, "n": 1, "x": null}}]),
            &[],
        ),
        (
            "customers.create",
            json!([{"description": null, "email": "", "shipping": ""}]),
            &[],
        ),
        // Every v1 call expands; options may stand in the params' place.
        ("customers.del", json!(["cus_1", {"expand": ["x"]}]), &[]),
        (
            "customers.retrieve",
            json!(["cus_1", {"stripeAccount": "acct_1"}]),
            &[],
        ),
        // JSON is stricter, but for null, which clears.
        (
            "v2.core.accounts.create",
            json!([{"display_name": null}]),
            &[],
        ),
        (
            "v2.core.accounts.create",
            json!([{"display_name": 5, "dashboard": "partly"}]),
            &[
                (
                    "/0/display_name",
                    "should be a string, not a number",
                    None,
                    Some("display_name"),
                ),
                ("/0/dashboard", "should be one of ", None, Some("dashboard")),
            ],
        ),
        // Of files, both forms of data.
        (
            "files.create",
            json!([{"purpose": "dispute_evidence", "file": {"data": {"base64": "aGk="}}}]),
            &[],
        ),
        (
            "files.create",
            json!([{"purpose": "dispute_evidence", "file": {"data": 5.0, "names": "x"}}]),
            &[
                (
                    "/0/file/names",
                    "There is no parameter",
                    Some("name"),
                    Some("file[names]"),
                ),
                ("/0/file/data", "not a number", None, Some("file[data]")),
            ],
        ),
        // What only older versions have is not known here.
        (
            "invoices.retrieveUpcoming",
            json!([{"customer": "c", "whatever": 1}]),
            &[],
        ),
    ];
    for (name, args, expected) in rows {
        let (resource, method) = name.rsplit_once('.').unwrap();
        let found = plugin
            .validate_args(resource, method, args.to_string())
            .await
            .unwrap();
        for (pointer, message, suggestion, parameter) in expected {
            let one = found.iter().find(|one| one.pointer == *pointer);
            let one = one.unwrap_or_else(|| panic!("{name} {args} {pointer}:\n{}", told(&found)));
            assert!(one.message.contains(message), "{name}: {}", one.message);
            assert_eq!(one.suggestion.as_deref(), *suggestion, "{name} {pointer}");
            assert_eq!(one.parameter.as_deref(), *parameter, "{name} {pointer}");
        }
        assert_eq!(
            found.len(),
            expected.len(),
            "{name} {args}\n{}",
            told(&found)
        );
    }
}

#[tokio::test]
async fn problems_have_an_end_and_show_no_value() {
    let plugin = plugin(&[]);
    let mut params = serde_json::Map::new();
    for number in 0..5000 {
        params.insert(
            format!("key_{number}_{}", "x".repeat(200)),
            json!("sentinel"),
        );
    }
    params.insert("tax_exempt".to_owned(), json!(["sentinel"]));
    params.insert("balance".to_owned(), json!("sentinel"));
    let args =
        json!([params, {"apiKey": 5, "timeout": "sentinel", "stripeAccount": "\u{1}sentinel"}]);
    let found = plugin
        .validate_args("customers", "create", args.to_string())
        .await
        .unwrap();
    assert_eq!(found.len(), 100);
    assert!(!told(&found).contains("sentinel"));
    assert!(found.iter().all(|problem| problem.message.len() < 300));
}
