//! Decoding a form gives back what went in, and no pair changes its place.

use stripe::form;
use stripe::json::Value;

use super::decode::{expected, pairs, percent, same_pairs};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut segment = String::new();
    form::encode_segment(text, &mut segment);
    assert!(!segment.contains(['/', '?', '#', '%']) || segment.contains('%'));
    assert!(
        !segment.contains(['/', '?', '#', '&', ' ', '\\']),
        "{segment}"
    );
    assert_eq!(percent(&segment), text);

    let Ok(Value::Object(params)) = Value::parse(text) else {
        return;
    };
    let Some(theirs) = super::decode::tree(text) else {
        return;
    };
    let mut encoded = String::new();
    form::encode(&params, usize::MAX, &mut encoded);
    let (found, expected) = (pairs(&encoded), expected(&theirs));
    assert!(
        same_pairs(&found, &expected),
        "{found:?} is not {expected:?}"
    );

    // However little room there is: what fits is the beginning, and what does
    // not is longer than the room, so that the caller sees it.
    for most in [0, 1, encoded.len() / 2, encoded.len()] {
        let mut short = String::new();
        form::encode(&params, most, &mut short);
        assert!(short.len() > most || short == encoded, "{most}: {short}");
    }
}
