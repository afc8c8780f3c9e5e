//! Policy, natively: calls judged by the rules of a connection.

use super::*;

#[test]
fn a_keys_mode_is_what_it_tells() {
    for (key, mode) in [
        ("sk_test_1", Some(Mode::Test)),
        ("rk_live_1", Some(Mode::Live)),
        ("sk_org_test_1", Some(Mode::Test)),
        ("sk_org_live_1", Some(Mode::Live)),
        ("ek_test_1", Some(Mode::Test)),
        ("sk_test_placeholder0123", Some(Mode::Test)),
        ("sk_test", None),
        ("sk_", None),
        ("sk_org_1", None),
        ("SK_TEST_1", None),
        ("sk_TEST_1", None),
        ("ssk_test_1", None),
        ("my_test_token", None),
        ("placeholder_live_1", None),
        ("{{ key }}", None),
    ] {
        assert_eq!(mode_of(&Secret::new(key.to_owned())), mode, "{key}");
    }
}

#[test]
fn limits_are_whole_and_of_one_currency_each() {
    let read = |given: &[(&str, &str)]| {
        let given: Vec<_> = given
            .iter()
            .map(|(c, d)| ((*c).into(), (*d).into()))
            .collect();
        limits(&given).map_err(|refusal| refusal.path)
    };
    assert_eq!(
        read(&[("eur", "5000"), ("*", "0")]),
        Ok(vec![("eur".into(), 5000), ("*".into(), 0)])
    );
    for (given, place) in [
        (&[("EUR", "1")][..], "maxAmount.EUR"),
        (&[("euro", "1")], "maxAmount.euro"),
        (&[("eur", "")], "maxAmount.eur"),
        (&[("eur", "+1")], "maxAmount.eur"),
        (&[("eur", "1.5")], "maxAmount.eur"),
        (&[("eur", "18446744073709551615")], "maxAmount.eur"),
        (&[("eur", "99999999999999999999999")], "maxAmount.eur"),
        (&[("eur", "1"), ("eur", "2")], "maxAmount.eur"),
    ] {
        assert_eq!(read(given), Err(place.to_owned()));
    }
}

#[test]
fn a_policy_without_a_rule_is_none() {
    let mut policy = Policy {
        allow: None,
        deny: Some(Vec::new()),
        read_only: Some(false),
        mode: None,
        max_amount: None,
    };
    assert!(matches!(Rules::new(Some(&policy), None), Ok(None)));
    policy.allow = Some(Vec::new());
    assert!(
        matches!(Rules::new(Some(&policy), None), Ok(Some(_))),
        "nothing is allowed"
    );
}
