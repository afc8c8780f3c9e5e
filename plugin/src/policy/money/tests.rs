//! What each call moves, as `maxAmount` sees it.

use super::*;
use crate::operation::{Verb, all, find};

fn of(name: &str, params: &str) -> Moved {
    let (resource, method) = name.rsplit_once('.').unwrap();
    match Value::parse(params).unwrap() {
        Value::Object(params) => moved(&find(resource, method).unwrap(), &params),
        other => panic!("{other:?}"),
    }
}

fn amount(amount: u64, currency: Option<&str>, place: &str) -> Moved {
    Moved::Amount {
        amount,
        currency: currency.map(str::to_owned),
        place: place.to_owned(),
    }
}

#[test]
fn nothing_is_moved_by_reading_and_aliases_move_the_same() {
    for row in all() {
        if row.verb == Verb::Get {
            assert_eq!(effect(&row), None, "{}.{}", row.resource, row.method);
        }
        for other in all().filter(|other| (other.verb, other.path) == (row.verb, row.path)) {
            assert_eq!(
                effect(&row),
                effect(&other),
                "{}.{}",
                row.resource,
                row.method
            );
        }
    }
}

/// A name that is misspelt would judge nothing.
#[test]
fn the_rules_name_params_that_there_are() {
    let mut texts = String::new();
    for entry in std::fs::read_dir("catalogue/parameters").unwrap() {
        texts.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let of = |name: &str| -> Vec<String> {
        let block = texts.split("\n\n").find(|block| {
            block
                .lines()
                .any(|l| l.split(' ').nth(1) == Some(name) && l.starts_with("method "))
        });
        let block = block.unwrap_or_else(|| panic!("{name}"));
        if let Some((_, same)) = block.lines().next().unwrap().split_once(" = ") {
            let lines = texts
                .split("\n\n")
                .find(|block| block.contains(&format!("method {same} params")))
                .unwrap();
            return lines
                .lines()
                .skip(1)
                .map(|l| l.trim().split([':', '?']).next().unwrap().to_owned())
                .collect();
        }
        block
            .lines()
            .skip(1)
            .map(|line| line.trim().split([':', '?']).next().unwrap().to_owned())
            .collect()
    };
    for (name, effect) in &EFFECTS {
        // Its params are not known.
        if *name == "subscriptionItems.createUsageRecord" {
            continue;
        }
        let params = of(name);
        let named: Vec<&str> = match effect {
            Effect::Read => Vec::new(),
            Effect::Amount(amount, currency) => std::iter::once(*amount).chain(*currency).collect(),
            Effect::Change(amount, currency) => vec![amount, currency],
            Effect::Lines(list, harmless) => {
                std::iter::once(*list).chain(harmless.split(',')).collect()
            }
            Effect::Given(names) | Effect::Unknown(names) => {
                names.split(',').filter(|name| !name.is_empty()).collect()
            }
        };
        for param in named {
            let top = param
                .trim_start_matches('!')
                .split(['.', '='])
                .next()
                .unwrap()
                .to_owned();
            // Names of older API versions, which are still in use.
            let older = ["payment_method_types", "account_balance"].contains(&top.as_str());
            assert!(
                older || params.contains(&top),
                "{name} has no {top}: {params:?}"
            );
        }
    }
}

#[test]
fn amounts_are_computed_or_not_known() {
    let eur = Some("eur");
    for (name, params, expected) in [
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":"EUR"}"#,
            amount(5, eur, "amount"),
        ),
        (
            "paymentIntents.create",
            r#"{"amount":"005","currency":"eur"}"#,
            amount(5, eur, "amount"),
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5}"#,
            amount(5, None, "amount"),
        ),
        (
            "paymentIntents.create",
            r#"{"amount":99999999999999999999999,"currency":"eur"}"#,
            amount(u64::MAX, eur, "amount"),
        ),
        (
            "customers.createBalanceTransaction",
            r#"{"amount":-70,"currency":"eur"}"#,
            amount(70, eur, "amount"),
        ),
        (
            "paymentIntents.update",
            r#"{"metadata":{"a":"b"}}"#,
            Moved::Nothing,
        ),
        (
            "paymentIntents.update",
            r#"{"amount":5}"#,
            amount(5, None, "amount"),
        ),
        (
            "refunds.create",
            r#"{"amount":5,"currency":"eur"}"#,
            amount(5, None, "amount"),
        ),
        (
            "v2.moneyManagement.outboundPayments.create",
            r#"{"amount":{"value":7,"currency":"eur"}}"#,
            amount(7, eur, "amount.value"),
        ),
        (
            "billing.creditGrants.create",
            r#"{"amount":{"type":"monetary","monetary":{"value":7,"currency":"eur"}}}"#,
            amount(7, eur, "amount.monetary.value"),
        ),
        (
            "checkout.sessions.create",
            r#"{"mode":"payment","line_items":[{"quantity":2,"price_data":{"currency":"eur","unit_amount":300,"product_data":{"name":"x"}}},{"quantity":"1","price_data":{"currency":"EUR","unit_amount":"1"}}]}"#,
            amount(601, eur, "line_items"),
        ),
        (
            "checkout.sessions.create",
            r#"{"mode":"payment","line_items":[{"quantity":4294967296,"price_data":{"currency":"eur","unit_amount":18446744073709551615}}]}"#,
            amount(u64::MAX, eur, "line_items"),
        ),
        (
            "subscriptions.update",
            r#"{"metadata":{},"cancel_at_period_end":true}"#,
            Moved::Nothing,
        ),
        ("subscriptions.cancel", "{}", Moved::Nothing),
        (
            "invoices.create",
            r#"{"customer":"c","auto_advance":false}"#,
            Moved::Nothing,
        ),
        (
            "invoices.create",
            r#"{"customer":"c","auto_advance":"false"}"#,
            Moved::Nothing,
        ),
        ("accounts.update", r#"{"email":"e"}"#, Moved::Nothing),
        ("products.create", r#"{"amount[]":1}"#, Moved::Nothing),
        ("customers.create", r#"{"email":"e"}"#, Moved::Nothing),
        (
            "subscriptions.update",
            r#"{"cancel_at_period_end":true}"#,
            Moved::Nothing,
        ),
        (
            "subscriptionSchedules.release",
            r#"{"preserve_cancel_date":true}"#,
            Moved::Nothing,
        ),
    ] {
        assert_eq!(of(name, params), expected, "{name} {params}");
    }
    for (name, params, at) in [
        ("customers.create", r#"{"balance":-1000000}"#, "balance"),
        ("customers.update", r#"{"source":"tok_visa"}"#, "source"),
        ("invoiceItems.del", "{}", ""),
        (
            "subscriptions.update",
            r#"{"cancel_at_period_end":false}"#,
            "cancel_at_period_end",
        ),
        (
            "billing.creditGrants.create",
            r#"{"amount":{"monetary":{"value":1,"currency":"usd"},"monetary][value":99}}"#,
            "amount",
        ),
        ("paymentIntents.create", r#"{"currency":"eur"}"#, "amount"),
        (
            "paymentIntents.create",
            r#"{"amount":1.5,"currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":"1e3","currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":"+5","currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":" 5","currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":"","currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":null,"currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":[5],"currency":"eur"}"#,
            "amount",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":"eur "}"#,
            "currency",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":"*"}"#,
            "currency",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":["eur"]}"#,
            "currency",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":"eur","amount[]":9}"#,
            "amount[]",
        ),
        (
            "paymentIntents.create",
            r#"{"amount":5,"currency":"eur","":9}"#,
            "",
        ),
        ("paymentIntents.update", r#"{"currency":"eur"}"#, "amount"),
        ("paymentIntents.update", r#"{"amount ":7}"#, "amount "),
        ("paymentIntents.capture", "{}", "amount_to_capture"),
        ("paymentIntents.confirm", "{}", "amount_to_confirm"),
        ("refunds.create", r#"{"charge":"ch_1"}"#, "amount"),
        ("invoices.pay", "{}", ""),
        ("invoices.create", r#"{"customer":"c"}"#, ""),
        (
            "invoices.create",
            r#"{"auto_advance":true}"#,
            "auto_advance",
        ),
        (
            "invoices.create",
            r#"{"auto_advance":null}"#,
            "auto_advance",
        ),
        ("subscriptions.update", r#"{"items":[]}"#, "items"),
        (
            "subscriptions.update",
            r#"{"metadata[a]":1}"#,
            "metadata[a]",
        ),
        ("accounts.update", r#"{"settings":{}}"#, "settings"),
        (
            "checkout.sessions.create",
            r#"{"line_items":[]}"#,
            "line_items",
        ),
        (
            "checkout.sessions.create",
            r#"{"mode":"subscription","line_items":[]}"#,
            "mode",
        ),
        (
            "checkout.sessions.create",
            r#"{"automatic_tax":{"enabled":true}}"#,
            "automatic_tax",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"price":"price_1","quantity":1}]}"#,
            "line_items[0]",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"quantity":1,"adjustable_quantity":{"enabled":true},"price_data":{"currency":"eur","unit_amount":1}}]}"#,
            "line_items[0]",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"price_data":{"currency":"eur","unit_amount":1}}]}"#,
            "line_items[0]",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"quantity":1,"price_data":{"currency":"eur","unit_amount":1,"recurring":{"interval":"day"}}}]}"#,
            "line_items[0]",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"quantity":1,"quantity[0]":9,"price_data":{"currency":"eur","unit_amount":1}}]}"#,
            "line_items[0]",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":[{"quantity":1,"price_data":{"currency":"eur","unit_amount":1}},{"quantity":1,"price_data":{"currency":"usd","unit_amount":1}}]}"#,
            "line_items",
        ),
        (
            "checkout.sessions.create",
            r#"{"line_items":{"0":{}}}"#,
            "line_items",
        ),
    ] {
        match of(name, params) {
            Moved::Unknown { place, .. } => assert_eq!(place, at, "{name} {params}"),
            other => panic!("{name} {params}: {other:?}"),
        }
    }
}
