//! A YAML file is read, or refused at a place within it; what is read has a
//! JSON form, and the outline and operators of Lowdefy work on it. It is the
//! harness's: the other checks are the plugin's.

use stripe_harness::document::Document;
use stripe_harness::operators::Context;
use stripe_harness::yaml;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines = text
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count();
    let placed = |error: &yaml::Error| {
        assert!(!error.message.is_empty());
        assert!(error.mark.line <= lines + 1, "{error}");
    };
    match yaml::parse(text) {
        Err(error) => placed(&error),
        Ok(node) => {
            let json = node.to_json();
            let value: serde_json::Value =
                serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            // JSON is YAML: read again, it is the same. But for characters that YAML
            // has no other way to write than escaped (YAML 1.2.2, 5.1).
            if !json.contains(|c| ('\u{7f}'..='\u{9f}').contains(&c)) {
                let again = yaml::parse(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
                assert_eq!(again.to_json(), json);
            }
            for place in ["", "a.b[0]", "properties.customers.create[0].email"] {
                // What is missing at the end of the text is after its last line.
                assert!(node.locate(place).line <= lines + 1);
            }
            let context = Context {
                env: &|name| (name == "SET").then(|| "value".to_owned()),
                payload: Some(&value),
                missing_secret: None,
            };
            match context.evaluate(&node) {
                Err(error) => placed(&error),
                Ok(evaluated) => {
                    let json = evaluated.to_json();
                    let _: serde_json::Value = serde_json::from_str(&json)
                        .unwrap_or_else(|error| panic!("{error}: {json}"));
                }
            }
        }
    }
    match Document::parse(text) {
        Err(error) => placed(&error),
        Ok(document) => {
            for request in &document.requests {
                assert!(document.connection(Some(&request.connection_id)).is_ok());
                let place = format!("requests.{}.properties", request.id);
                assert!(document.locate(&place).is_some(), "{place}");
            }
        }
    }
}
