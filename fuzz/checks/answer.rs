//! Whatever a server answers is a success with JSON or a failure that can be
//! read; the key, should the server repeat it, is in no failure. The first line
//! is `STATUS [v2] [binary]`, then headers as `name: value` until an empty
//! line, then the body.

use stripe::answer::{Acted, Answer, Judged};
use stripe::headers::Headers;
use stripe::json::Value;
use stripe::outgoing::Traits;
use stripe::retry::Outcome;
use stripe::secret::Secret;

use super::KEY;

pub(crate) fn check(data: &[u8]) {
    let Some((answer, traits)) = read(data) else {
        return;
    };
    let (status, body) = (answer.status, answer.body.clone());
    match answer.judge(traits, &Secret::new(KEY.to_owned())) {
        Judged::Success(json) => {
            assert!((200..300).contains(&status));
            let _: serde::de::IgnoredAny = serde_json::from_str(&json).expect("JSON");
            if !traits.binary && !body.is_empty() {
                assert_eq!(json.as_bytes(), body, "byte for byte");
            }
        }
        Judged::Failure {
            failure,
            acted,
            outcome,
        } => {
            // The whole of it: what a server made of its parts is the server's.
            assert!(!format!("{failure:?}").contains(KEY), "{failure:?}");
            assert_eq!(failure.status, Some(status));
            assert!(!failure.message.is_empty() && !failure.type_.is_empty());
            if let Some(raw) = &failure.raw {
                assert!(matches!(Value::parse(raw), Ok(Value::Object(_))), "{raw}");
                assert!(!(300..400).contains(&status));
            }
            assert!(
                !failure.may_have_been_sent && failure.attempts == 0,
                "the call's to say"
            );
            // 5xx, and 2xx without a readable answer, may have been acted on.
            let unknown = status >= 500 || (200..300).contains(&status);
            assert_eq!(acted == Acted::Maybe, unknown, "{status}");
            assert!(
                acted != Acted::No || failure.raw.is_some(),
                "not Stripe's word"
            );
            assert_eq!(outcome == Outcome::Unreadable, (200..300).contains(&status));
        }
    }
}

pub(crate) fn read(data: &[u8]) -> Option<(Answer, Traits)> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (first, mut rest) = data.split_at(end);
    let first = std::str::from_utf8(first).ok()?;
    let mut words = first.split(' ');
    let status: u16 = words.next()?.parse().ok()?;
    if !(200..600).contains(&status) {
        return None;
    }
    let mut traits = Traits {
        v2: false,
        binary: false,
        caller_key: false,
        repeatable: false,
    };
    for word in words {
        match word {
            "v2" => traits.v2 = true,
            "binary" => traits.binary = true,
            "keyed" => traits.caller_key = true,
            "repeatable" => traits.repeatable = true,
            _ => return None,
        }
    }
    let mut headers = Headers::default();
    rest = rest.get(1..)?;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = after.get(1..)?;
        let line = String::from_utf8_lossy(line);
        match line.split_once(": ") {
            Some((name, value)) => headers.set(name.to_owned(), value.to_owned()),
            None => break,
        }
    }
    let answer = Answer {
        status,
        headers,
        body: rest.to_vec(),
    };
    Some((answer, traits))
}
