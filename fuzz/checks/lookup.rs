//! The table finds what is in it and nothing else, and what it suggests exists.
//! The first line is the resource, the rest the method.

use stripe::nested::{self, Target};
use stripe::operation;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (resource, method) = text.split_once('\n').unwrap_or(("", text));
    let by_reading = operation::all()
        .find(|operation| operation.resource == resource && operation.method == method);
    assert_eq!(operation::find(resource, method), by_reading);

    let nearest = operation::nearest(resource, method);
    assert!(nearest.len() <= 3, "{nearest:?}");
    for name in &nearest {
        let (resource, method) = name.rsplit_once('.').expect("resource.method");
        assert!(operation::find(resource, method).is_some(), "{name}");
    }
    if let Some(found) = by_reading.filter(|found| !found.flags.alias()) {
        let name = format!("{}.{}", found.resource, found.method);
        assert_eq!(nearest.first(), Some(&name));
    }
    match nested::find(resource, method) {
        Ok(Target::Operation(found)) => assert_eq!(Some(found), by_reading),
        Ok(Target::Webhook(_)) => assert!(["", "webhooks"].contains(&resource)),
        Ok(Target::Raw) => assert_eq!((resource, method), ("", "rawRequest")),
        Err(refusal) => {
            super::refusal(&refusal);
            assert_eq!(by_reading, None);
            assert!(refusal.message.starts_with("Invalid Stripe method"));
            for name in &nearest {
                assert!(
                    refusal.message.contains(name.as_str()),
                    "{}",
                    refusal.message
                );
            }
        }
    }
}
