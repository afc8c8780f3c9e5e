//! What must hold of every input, whatever it is: one function per step, given
//! to the fuzzer by `targets/` and, over the committed corpora, to `cargo test`
//! by the plugin. They may know the plugin's modules, but not how those work:
//! what is decoded here is decoded by code of its own, or by another's.

pub(crate) mod answer;
pub(crate) mod arguments;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod decode;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod lookup;
pub(crate) mod multipart;
pub(crate) mod nested;

/// The key of all targets; it may be in no answer and no refusal.
pub(crate) const KEY: &str = "sk_test_sentinel51H7xkQ2eZvKYlo2C4242";

/// The part of [`KEY`] that no output may hold.
pub(crate) const SENTINEL: &str = "sentinel51H7xkQ2eZvKYlo2C";

/// Settings of a connection with [`KEY`] and nothing else.
pub(crate) fn settings() -> stripe::connection::Settings {
    let properties = format!("{{\"secretKey\":\"{KEY}\",\"clientId\":\"ca_1\"}}");
    let connection = stripe::connection::parse(&properties, false).expect("a plain connection");
    stripe::connection::Settings::new(connection, || None).expect("a plain connection")
}

/// What every refusal promises: something to read, a place that can be
/// printed, and nothing of the key.
pub(crate) fn refusal(refusal: &stripe::failure::Refusal) {
    let stripe::types::Error::Permanent(failure) = refusal.clone().into() else {
        panic!("{refusal:?}");
    };
    let message = &failure.message;
    assert!(
        message.ends_with(['.', '?', '}']) || message.starts_with("Invalid"),
        "{message}"
    );
    for text in [Some(message), failure.path.as_ref()].into_iter().flatten() {
        assert!(!text.is_empty() && text.chars().count() < 1_000, "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
    assert!(failure.attempts == 0 && !failure.may_have_been_sent);
}
