//! A request in the spelling of the recordings, in which what others' clients
//! sent and what the component sends are compared. See the format in
//! `tests/recordings/README.md`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Headers that say truthfully who speaks, and so differ.
const WHO_SPEAKS: [&str; 3] = [
    "user-agent",
    "x-stripe-client-user-agent",
    "x-stripe-client-telemetry",
];

/// Stands for a key that was made up for the call.
const GENERATED: &str = "<generated>";

/// A request, as recordings spell it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
}

impl Sent {
    /// A request of the component's. Where the expected one has a generated
    /// idempotency key, any key is spelled as one.
    pub(crate) fn spelled(
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
        expected: Option<&Sent>,
    ) -> Sent {
        let mut headers: BTreeMap<String, String> = headers
            .into_iter()
            .filter(|(name, _)| !WHO_SPEAKS.contains(&name.as_str()))
            .collect();
        let mut body = body.map(|bytes| String::from_utf8(bytes).unwrap());
        let generated = expected
            .and_then(|sent| sent.headers.get("idempotency-key"))
            .is_some_and(|key| key == GENERATED);
        if generated
            && headers
                .get("idempotency-key")
                .is_some_and(|key| !key.is_empty())
        {
            headers.insert("idempotency-key".into(), GENERATED.into());
        }
        let boundary = headers
            .get("content-type")
            .and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="))
            .map(str::to_owned);
        if let (Some(boundary), Some(text)) = (boundary, &mut body) {
            assert_eq!(headers["content-length"], text.len().to_string());
            *text = text.replace(&boundary, "<boundary>");
            headers.insert(
                "content-type".into(),
                "multipart/form-data; boundary=<boundary>".into(),
            );
            headers.insert("content-length".into(), text.len().to_string());
        }
        Sent {
            method,
            url,
            headers,
            body,
        }
    }

    /// A recorded request, if there is one, with other members and headers put
    /// over it; null removes a header.
    pub(crate) fn overlaid(recorded: Option<&Sent>, over: &Value) -> Sent {
        let mut sent = match recorded {
            Some(sent) => json!({
                "method": sent.method, "url": sent.url, "headers": sent.headers, "body": sent.body
            }),
            None => json!({}),
        };
        for (name, value) in over.as_object().unwrap() {
            if name != "headers" {
                sent[name] = value.clone();
                continue;
            }
            for (header, value) in value.as_object().unwrap() {
                match value {
                    Value::Null => {
                        sent["headers"]
                            .as_object_mut()
                            .unwrap()
                            .shift_remove(header);
                    }
                    value => sent["headers"][header] = value.clone(),
                }
            }
        }
        serde_json::from_value(sent).unwrap()
    }
}
