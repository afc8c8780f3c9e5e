//! What is said of each delivery; that signatures are Stripe's own is shown by
//! `tests/webhook_corpus.rs` with those the official client made.

use super::call::{self, Method, call};
use super::*;
use crate::connection::Settings;

const NOW: u64 = 1_700_000_000;
const EVENT: &str = "{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}";
const THIN: &str = r#"{"id":"evt_1","object":"v2.core.event"}"#;

fn secrets(all: &[&str]) -> Vec<Secret> {
    all.iter()
        .map(|one| Secret::new((*one).to_owned()))
        .collect()
}

fn header(payload: &str, secret: &str, at: u64) -> String {
    let secret = Secret::new(secret.to_owned());
    format!("t={at},v1={}", signature::signature(at, payload, &secret))
}

fn verified(payload: &str, header: &str, secrets: &[Secret]) -> Result<(), Refusal> {
    let delivery = Delivery {
        payload,
        header,
        secrets,
        tolerance: None,
        received_at: None,
    };
    delivery.verify(Kind::Snapshot, || NOW)
}

#[test]
fn every_cause_is_told_apart() {
    let good = header(EVENT, "whsec_a", NOW);
    let compact = r#"{"id":"evt_1","object":"event"}"#;
    let many: Vec<&str> = vec!["whsec_x"; 17];
    let large = "x".repeat(10 << 20);
    let long = format!("t=1,v1={large}");
    let v0 = good.replace("v1=", "v0=");
    type Case<'c> = (
        &'c str,
        &'c str,
        &'c [&'c str],
        Option<Cause>,
        &'c str,
        &'c str,
    );
    let cases: [Case<'_>; 20] = [
        (
            "",
            &good,
            &["whsec_a"],
            Some(Cause::PayloadMissing),
            "payload",
            "raw",
        ),
        (
            EVENT,
            "",
            &["whsec_a"],
            Some(Cause::HeaderMissing),
            "signature-header",
            "stripe-signature",
        ),
        (
            EVENT,
            &good,
            &[],
            Some(Cause::SecretMissing),
            "secrets",
            "whsec_",
        ),
        (
            EVENT,
            &good,
            &["whsec_a", " "],
            Some(Cause::SecretMissing),
            "secrets[1]",
            "blank",
        ),
        (
            EVENT,
            &good,
            &["sk_test_1"],
            Some(Cause::SecretIsApiKey),
            "secrets[0]",
            "API key",
        ),
        (EVENT, &good, &many, None, "secrets", "at most 16"),
        (
            EVENT,
            &good,
            &["whsec_b"],
            Some(Cause::SignatureMismatch),
            "payload",
            "the secret given",
        ),
        (
            EVENT,
            &good,
            &["whsec_a\n"],
            Some(Cause::SignatureMismatch),
            "payload",
            "white space",
        ),
        (
            EVENT,
            &good,
            &["abc", "whsec_c"],
            Some(Cause::SignatureMismatch),
            "payload",
            "start with whsec_",
        ),
        (
            "[object Object]",
            &good,
            &["whsec_a"],
            Some(Cause::PayloadParsed),
            "payload",
            "parsed body",
        ),
        (
            compact,
            &good,
            &["whsec_a"],
            Some(Cause::PayloadParsed),
            "payload",
            "wrote it again",
        ),
        (
            "{\"x\": \"\u{fffd}\"}",
            &good,
            &["whsec_a"],
            Some(Cause::PayloadParsed),
            "payload",
            "replacement",
        ),
        (
            &large,
            &good,
            &["whsec_a"],
            Some(Cause::PayloadTooLarge),
            "payload",
            "10485760",
        ),
        (
            EVENT,
            &long,
            &["whsec_a"],
            Some(Cause::HeaderMalformed),
            "signature-header",
            "16384",
        ),
        (
            EVENT,
            "v1=00",
            &["whsec_a"],
            Some(Cause::HeaderMalformed),
            "signature-header",
            "timestamp",
        ),
        (
            EVENT,
            "t=x,v1=00",
            &["whsec_a"],
            Some(Cause::HeaderMalformed),
            "signature-header",
            "timestamp",
        ),
        (
            EVENT,
            "whsec_a",
            &["whsec_a"],
            Some(Cause::HeaderMalformed),
            "signature-header",
            "signing secret",
        ),
        (
            EVENT,
            EVENT,
            &["whsec_a"],
            Some(Cause::HeaderMalformed),
            "signature-header",
            "a payload",
        ),
        (
            EVENT,
            "t=1",
            &["whsec_a"],
            Some(Cause::SchemeMissing),
            "signature-header",
            "v1",
        ),
        (
            EVENT,
            &v0,
            &["whsec_a"],
            Some(Cause::SchemeMissing),
            "signature-header",
            "v1",
        ),
    ];
    for (payload, header, known, cause, path, said) in cases {
        let refusal = verified(payload, header, &secrets(known)).unwrap_err();
        let shown = format!("{header:.40} {payload:.40}: {}", refusal.message);
        let kind = cause.map_or(
            crate::failure::Kind::Argument,
            crate::failure::Kind::Signature,
        );
        assert_eq!(
            (refusal.kind, refusal.path.as_str()),
            (kind, path),
            "{shown}"
        );
        assert!(refusal.message.contains(said), "{shown}");
        assert!(refusal.message.len() < 600);
        for secret in known.iter().filter(|secret| secret.len() > 4) {
            assert!(!refusal.message.contains(secret.trim()), "{shown}");
        }
    }
}

#[test]
fn age_is_counted_to_the_second() {
    let own = secrets(&["whsec_old", "whsec_a"]);
    let good = header(EVENT, "whsec_a", NOW);
    let after = |seconds: i64, tolerance: Option<u32>| {
        let delivery = Delivery {
            payload: EVENT,
            header: &good,
            secrets: &own,
            tolerance,
            received_at: u32::try_from(NOW as i64 + seconds).ok(),
        };
        delivery
            .verify(Kind::Snapshot, || panic!("the clock was asked"))
            .map_err(|refusal| refusal.kind)
    };
    let old = Err(crate::failure::Kind::Signature(Cause::TimestampTooOld));
    assert_eq!(after(300, None), Ok(()));
    assert_eq!(after(301, None), old);
    assert_eq!(after(10, Some(10)), Ok(()));
    assert_eq!(after(11, Some(10)), old);
    assert_eq!(after(1_000_000_000, Some(0)), Ok(()));
    assert_eq!(
        after(-1_000_000, None),
        Ok(()),
        "the future, as the official clients do"
    );
    // Without a time of arrival the clock is asked.
    let delivery = Delivery {
        payload: EVENT,
        header: &good,
        secrets: &own,
        tolerance: None,
        received_at: None,
    };
    assert!(delivery.verify(Kind::Snapshot, || NOW + 300).is_ok());
    assert!(delivery.verify(Kind::Snapshot, || NOW + 301).is_err());
}

#[test]
fn a_kind_of_event_is_read_with_its_own_function() {
    let own = secrets(&["whsec_a"]);
    for (payload, kind, said) in [
        (EVENT, Kind::Snapshot, None),
        (THIN, Kind::Thin, None),
        ("{}", Kind::Snapshot, None),
        ("{}", Kind::Thin, Some("no thin event")),
        (THIN, Kind::Snapshot, Some("parse-event-notification")),
        (EVENT, Kind::Thin, Some("construct-event")),
        (
            r#"{"object":"customer"}"#,
            Kind::Thin,
            Some("no thin event"),
        ),
        (r#"{"object":1}"#, Kind::Thin, Some("no thin event")),
        ("[]", Kind::Snapshot, Some("no event, but a list")),
        ("{", Kind::Snapshot, Some("not JSON")),
    ] {
        let signed = header(payload, "whsec_a", NOW);
        let delivery = Delivery {
            payload,
            header: &signed,
            secrets: &own,
            tolerance: None,
            received_at: None,
        };
        let result = delivery.verify(kind, || NOW);
        match said {
            None => assert_eq!(result, Ok(())),
            Some(said) => {
                let refusal = result.unwrap_err();
                assert_eq!(refusal.kind, crate::failure::Kind::Argument);
                assert!(refusal.message.contains(said), "{}", refusal.message);
            }
        }
    }
}

#[test]
fn envelopes_are_opened_without_a_signature() {
    let snapshot = r#"{"id":"evt_1","object":"event","amount":1.10}"#;
    for (payload, kind, expected) in [
        (snapshot.to_owned(), Kind::Snapshot, Ok(snapshot)),
        (
            format!(r#"{{"version":"0","detail":{snapshot}}}"#),
            Kind::Snapshot,
            Ok(snapshot),
        ),
        (
            format!(r#"{{"specversion":"1.0","data":{snapshot}}}"#),
            Kind::Snapshot,
            Ok(snapshot),
        ),
        (format!(r#"{{"detail":{THIN}}}"#), Kind::Thin, Ok(THIN)),
        (
            format!(r#"{{"detail":{THIN}}}"#),
            Kind::Snapshot,
            Err("payload.detail"),
        ),
        (
            r#"{"detail":{"instance-id":"i-1","state":"stopped"}}"#.to_owned(),
            Kind::Snapshot,
            Err("payload.detail"),
        ),
        (
            r#"{"detail":1}"#.to_owned(),
            Kind::Snapshot,
            Err("payload.detail"),
        ),
        (
            r#"{"specversion":"1.0"}"#.to_owned(),
            Kind::Snapshot,
            Err("payload"),
        ),
        (
            r#"{"object":"customer"}"#.to_owned(),
            Kind::Snapshot,
            Err("payload"),
        ),
        (String::new(), Kind::Snapshot, Err("payload")),
        ("nonsense".to_owned(), Kind::Snapshot, Err("payload")),
    ] {
        let opened = unverified(&payload, kind);
        match (&opened, expected) {
            (Ok(event), Ok(expected)) => assert_eq!(event, expected),
            (Err(refusal), Err(path)) => assert_eq!(refusal.path, path, "{payload}"),
            _ => panic!("{payload}: {opened:?}"),
        }
    }
}

fn settings(properties: &str) -> Settings {
    let connection = crate::connection::parse(properties, true).unwrap_or_else(|refusal| {
        panic!("{refusal:?}");
    });
    Settings::new(connection, || None).unwrap()
}

#[test]
fn yaml_takes_what_the_connection_has() {
    let own = settings(r#"{"webhookSecrets":["whsec_new","whsec_old"],"webhookTolerance":10}"#);
    let none = settings("{}");
    let good = header(EVENT, "whsec_old", NOW);
    let event = json_text(EVENT);
    let called = |args: &str, settings: &Settings| {
        let method = call::find("webhooks", "constructEvent").unwrap();
        call(method, Value::parse(args).unwrap(), settings, || NOW + 20)
    };
    // Its tolerance too: what is 20 s old is too old for it.
    let refusal = called(&format!(r#"[{event},"{good}"]"#), &own).unwrap_err();
    assert_eq!(
        refusal.kind,
        crate::failure::Kind::Signature(Cause::TimestampTooOld)
    );
    for args in [
        format!(r#"[{event},"{good}",null,30]"#),
        format!(r#"[{event},"{good}",null,null,{NOW}]"#),
        format!(r#"[{event},"{good}",["whsec_z","whsec_old"],0]"#),
        format!(r#"[{event},"{good}","whsec_old",0,null]"#),
    ] {
        assert_eq!(called(&args, &own).as_deref(), Ok(EVENT), "{args}");
    }
    for (args, settings, path) in [
        (format!(r#"[{event},"{good}"]"#), &none, "webhookSecrets"),
        (format!(r#"[{EVENT},"{good}"]"#), &own, "[0]"),
        (EVENT.to_owned(), &own, ""),
        ("[]".to_owned(), &own, "[0]"),
        (format!("[{event}]"), &own, "[1]"),
        (format!("[{event},7]"), &own, "[1]"),
        (format!(r#"[{event},"{good}",7]"#), &own, "[2]"),
        (
            format!(r#"[{event},"{good}",["whsec_old",""]]"#),
            &own,
            "[2][1]",
        ),
        (format!(r#"[{event},"{good}","rk_live_1"]"#), &own, "[2]"),
        (format!(r#"[{event},"{good}",null,-1]"#), &own, "[3]"),
        (
            format!(r#"[{event},"{good}",null,null,"now"]"#),
            &own,
            "[4]",
        ),
        (
            format!(r#"[{event},"{good}",null,null,null,1]"#),
            &own,
            "[5]",
        ),
    ] {
        let refusal = called(&args, settings).unwrap_err();
        assert_eq!(refusal.path, path, "{args}: {}", refusal.message);
    }
}

#[test]
fn a_header_for_tests_is_made_as_the_client_makes_it() {
    let own = settings(r#"{"webhookSecrets":["whsec_new","whsec_old"]}"#);
    let made = |args: &str| call(Method::Generate, Value::parse(args).unwrap(), &own, || NOW);
    let payload = json_text(EVENT);
    let expected = json_text(&header(EVENT, "whsec_new", NOW));
    assert_eq!(
        made(&format!(r#"[{{"payload":{payload}}}]"#)).unwrap(),
        expected
    );
    assert_eq!(
        made(&format!(r#"{{"payload":{payload},"timestamp":0}}"#)).unwrap(),
        expected
    );
    assert_eq!(
        made(r#"[{"payload":"x","secret":"s","timestamp":12.7,"scheme":"v0","signature":"abc"}]"#)
            .unwrap(),
        r#""t=12,v0=abc""#
    );
    for (args, path) in [
        ("[]", "[0]"),
        ("[7]", "[0]"),
        ("[{}]", "[0].payload"),
        (r#"[{"payload":{}}]"#, "[0].payload"),
        (r#"[{"payload":"x","secret":"sk_test_1"}]"#, "[0].secret"),
        (r#"[{"payload":"x","timestamp":"now"}]"#, "[0].timestamp"),
        (r#"[{"payload":"x","timestamps":1}]"#, "[0].timestamps"),
        (r#"{"payload":"x","scheme":1}"#, "scheme"),
        (r#"[{"payload":"x"},1]"#, "[1]"),
    ] {
        let refusal = made(args).unwrap_err();
        assert_eq!(refusal.path, path, "{args}: {}", refusal.message);
    }
}

fn json_text(text: &str) -> String {
    let mut out = String::new();
    crate::json::write_string(text, &mut out);
    out
}
