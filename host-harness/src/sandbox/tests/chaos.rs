//! Requests that no sane client sends. Whatever arrives, the sandbox answers, and never with a 5xx.

use super::super::ids::Ids;
use super::super::routes::Routes;
use super::super::shapes::Content;
use super::{Client, Reply};
use serde_json::Value;

/// Draws from the sandbox's own source of randomness, so that a failure can be repeated.
struct Dice(Ids);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        let text = self.0.text(8);
        text.bytes().fold(0usize, |sum, byte| {
            sum.wrapping_mul(61).wrapping_add(usize::from(byte))
        }) % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "5",
    "100",
    "2000",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999999",
    "1.5",
    "true",
    "false",
    "null",
    "usd",
    "USD",
    "jpy",
    "month",
    "year",
    "card",
    "tok_visa",
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "now",
    "%00",
    "%F0%9F%92%B3",
    "a'b\\",
    "status:'active'",
    "payment",
    "subscription",
    "include",
    "data.customer",
    "send_invoice",
    "manual",
    "all",
    "default_incomplete",
    "recurring",
];

const SHAPES: &[&str] = &[
    "",
    "[]",
    "[0]",
    "[x]",
    "[0][price]",
    "[price_data][currency]",
    "[gte]",
    "[0][amount]",
    "[recurring][interval]",
    "[interval_count]",
];

#[test]
fn nothing_a_client_sends_breaks_it() {
    let client = Client::new().with("stripe-version", "2026-10-28.endive");
    let mut dice = Dice(Ids::new(Some(42)));
    let mut routes: Vec<_> = Routes::get().iter().collect();
    routes.sort_by_key(|route| (&route.template, route.verb));
    let busy: Vec<_> = routes
        .iter()
        .copied()
        .filter(|route| {
            [
                "customer",
                "payment_intent",
                "invoice",
                "subscription",
                "refund",
                "price",
                "charge",
                "payout",
            ]
            .iter()
            .any(|name| route.template.contains(name))
        })
        .collect();
    let mut ids = vec![String::from("none_1")];
    let mut succeeded = 0;
    for round in 0..6000 {
        let route = if round % 3 == 0 {
            *dice.pick(&routes)
        } else {
            *dice.pick(&busy)
        };
        let mut path = route.template.clone();
        while path.contains("{}") {
            let id = dice.pick(&ids).clone();
            path = path.replacen("{}", &id, 1);
        }
        let mut pairs = Vec::new();
        for (name, parameter) in route.answer.iter().flat_map(|answer| &answer.parameters) {
            if !parameter.required && dice.roll(6) > 0 {
                continue;
            }
            let shape = if dice.roll(3) == 0 {
                *dice.pick(SHAPES)
            } else {
                ""
            };
            let value = match (&parameter.content, dice.roll(4)) {
                (Content::Number, 1 | 2) => dice.pick(&["1", "100", "5000", "9223372036854775807"]),
                (Content::Boolean, 1 | 2) => dice.pick(&["true", "false"]),
                (_, 0 | 1) => dice.pick(VALUES),
                _ => dice.pick(&ids).as_str(),
            };
            pairs.push(format!("{name}{shape}={value}"));
        }
        pairs.sort();
        let form = pairs.join("&");
        if round % 100 == 99 {
            // Time brings renewals, payouts and expiries of whatever was made so far.
            client.advance(i64::try_from(dice.roll(40 * 86_400)).unwrap());
        }
        let newest = || client.get("/v1/events?limit=1").page().0;
        let before = (round % 10 == 0).then(newest);
        let reply = send(&client, route.verb, &path, &form, route.is_v2());
        if let Some(before) = before.filter(|_| !matches!(reply.status, 200 | 402)) {
            assert_eq!(newest(), before, "{} {path} {form}", route.verb);
        }
        assert!(
            reply.status < 500,
            "{} {path} {form}: {}",
            route.verb,
            reply.json
        );
        assert!(
            reply.status == 200 || !reply.json["error"].is_null(),
            "{} {path}",
            route.verb
        );
        succeeded += usize::from(reply.status == 200);
        if let Some(id) = reply.json["id"]
            .as_str()
            .filter(|id| id.is_ascii() && !id.contains(['%', ' ', '\\', '\'']))
        {
            ids.push(id.to_owned());
        }
        if ids.len() > 60 {
            let index = dice.roll(ids.len());
            ids.remove(index);
        }
    }
    assert!(succeeded > 500, "only {succeeded} requests made sense");
}

fn send(client: &Client, verb: &str, path: &str, form: &str, is_v2: bool) -> Reply {
    if verb != "POST" {
        return client.send(
            verb,
            &format!("{path}?{}", form.replace(['\'', '\\', ' '], "+")),
            "",
            b"",
        );
    }
    if !is_v2 {
        return client.post(path, form);
    }
    let body: serde_json::Map<String, Value> = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    client.send(
        "POST",
        path,
        "application/json",
        &serde_json::to_vec(&body).unwrap(),
    )
}
