//! What every request and every answer is held to, whatever it is about.

use super::super::routes::{Action, Routes};
use super::super::shapes::Shapes;
use super::Client;
use serde_json::json;

#[test]
fn every_answer_carries_stripes_headers() {
    let client = Client::new()
        .with("idempotency-key", "k1")
        .with("stripe-account", "acct_9");
    let reply = client.post("/v1/customers", "email=a%40b.c");
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(reply.header("request-id").starts_with("req_"));
    assert_eq!(reply.header("stripe-version"), "2026-10-28.endive");
    assert_eq!(reply.header("idempotency-key"), "k1");
    assert_eq!(reply.header("stripe-account"), "acct_9");
    let older = client
        .with("stripe-version", "2022-11-15")
        .get("/v1/customers");
    assert_eq!(older.header("stripe-version"), "2022-11-15");
}

#[test]
fn errors_have_stripes_shape() {
    let client = Client::new();
    let error = client.get("/v1/customers/cus_none").error(404);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["code"], "resource_missing");
    assert_eq!(error["param"], "id");
    assert_eq!(error["message"], "No such customer: 'cus_none'");
    assert_eq!(
        error["doc_url"],
        "https://docs.stripe.com/error-codes#resource-missing"
    );
    assert!(error["request_log_url"].as_str().unwrap().contains("req_"));

    let error = client.get("/v1/nothing?x=1").error(404);
    assert_eq!(
        error["message"],
        "Unrecognized request URL (GET: /v1/nothing)."
    );
    for (path, param) in [
        ("/v1/payment_intents", "amount"),
        ("/v1/prices", "currency"),
        ("/v1/products", "name"),
        ("/v1/refunds", "charge"),
        ("/v1/invoices", "customer"),
        ("/v1/subscriptions", "customer"),
        ("/v1/checkout/sessions", "mode"),
        ("/v1/charges", "amount"),
    ] {
        let error = client.post(path, "").error(400);
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!("parameter_missing"), &json!(param))
        );
    }
}

#[test]
fn keys_are_checked_and_never_repeated() {
    for (authorization, says) in [
        ("", "No API key"),
        ("Bearer sk_live_abcdefghijklmnop", "refuses live keys"),
        ("Bearer rk_live_abcdefghijklmnop", "refuses live keys"),
        ("Bearer pk_test_abcdefghijklmnop", "publishable"),
        ("Bearer abcdefghijklmnop", "Invalid API Key"),
    ] {
        let client = Client::new().with("authorization", authorization);
        let reply = client.get("/v1/balance");
        let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
        let error = reply.error(401);
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(!text.contains("abcdefgh"), "{text}");
        let recorded = format!("{:?}", client.stand_in.requests());
        assert!(!recorded.contains("abcdefgh"), "{recorded}");
    }
}

#[test]
fn malformed_requests_are_refused() {
    let client = Client::new();
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "a=%zz"),
        ("application/x-www-form-urlencoded", "email=1&email[x]=2"),
        ("application/json", "{}"),
        ("multipart/form-data", "x"),
        ("text/plain", "hello"),
    ] {
        let error = client
            .send("POST", "/v1/customers", content_type, body.as_bytes())
            .error(400);
        assert_eq!(error["type"], "invalid_request_error", "{body}");
    }
    let error = client.post("/v1/customers", "colour=red").error(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("parameter_unknown"), &json!("colour"))
    );
    client
        .with("stripe-version", "2020-08-27")
        .post("/v1/customers", "colour=red")
        .ok();
    Client::new()
        .with("stripe-version", "latest")
        .get("/v1/customers")
        .error(400);
}

#[test]
fn the_same_key_gives_the_same_bytes() {
    let client = Client::new().with("idempotency-key", "k1");
    let first = client.post("/v1/customers", "email=a&name=b");
    let again = client.post("/v1/customers", "name=b&email=a");
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(client.get("/v1/customers").page().0.len(), 1);
    let other = client.post("/v1/customers", "email=other").error(400);
    assert_eq!(other["type"], "idempotency_error");
    let other = client.post("/v1/products", "name=x").error(400);
    assert_eq!(other["type"], "idempotency_error");
    // Another account's keys are its own.
    let client = client.with("stripe-account", "acct_2");
    assert_eq!(client.post("/v1/products", "name=x").status, 200);
}

#[test]
fn a_declined_payment_is_kept_under_its_key_but_a_typing_error_is_not() {
    let client = Client::new().with("idempotency-key", "k1");
    client
        .post("/v1/payment_intents", "amount=ten&currency=usd")
        .error(400);
    let form = "amount=1000&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined";
    let first = client.post("/v1/payment_intents", form);
    let again = client.post("/v1/payment_intents", form);
    assert_eq!((first.status, again.status), (402, 402));
    assert_eq!(first.bytes, again.bytes);
    let client = client.with("idempotency-key", "");
    assert_eq!(client.get("/v1/payment_intents").page().0.len(), 1);
}

#[test]
fn accounts_do_not_see_each_other() {
    let client = Client::new();
    let id = client.id("/v1/customers", "");
    let client = client.with("stripe-account", "acct_2");
    client.get(&format!("/v1/customers/{id}")).error(404);
    client.id("/v1/customers", "");
    let client = client.with("stripe-account", "");
    assert_eq!(client.get("/v1/customers").page().0, [id]);
    client
        .with("stripe-account", "nonsense")
        .get("/v1/customers")
        .error(403);
}

#[test]
fn a_seed_and_a_fixed_clock_make_runs_equal() {
    let run = || Client::new().post("/v1/customers", "email=a").bytes;
    assert_eq!(run(), run());
}

/// Every operation of the table answers sensibly for objects that do not exist, and every create
/// that needs no other object works.
#[test]
fn every_operation_answers() {
    let client = Client::new().with("stripe-version", "2026-10-28.endive");
    let (mut created, mut refused) = (0, Vec::new());
    for route in Routes::get().iter() {
        let path = route.template.replace("{}", "none_1");
        let is_v2 = route.is_v2();
        let mut form = String::new();
        let mut body = serde_json::Map::new();
        for (name, parameter) in route.answer.iter().flat_map(|answer| &answer.parameters) {
            if parameter.required {
                form.push_str(&format!("{name}=1&"));
                body.insert((*name).to_owned(), json!("1"));
            }
        }
        let reply = if is_v2 && route.verb == "POST" {
            let body = serde_json::to_vec(&body).unwrap();
            client.send("POST", &path, "application/json", &body)
        } else if route.verb == "POST" {
            client.post(&path, &form)
        } else {
            client.send(route.verb, &format!("{path}?{form}"), "", b"")
        };
        assert!(reply.status < 500, "{} {path}: {}", route.verb, reply.json);
        assert_ne!(reply.header("request-id"), "");
        let unrecognized = reply.json["error"]["message"].as_str().unwrap_or_default();
        assert!(
            !unrecognized.contains("Unrecognized"),
            "{} {path}",
            route.verb
        );
        if route.action != Action::Create || path.contains("none_1") {
            continue;
        }
        if reply.status != 200 {
            refused.push(format!("{path}: {}", reply.json["error"]["message"]));
            continue;
        }
        created += 1;
        let kind = route.kind();
        if Shapes::get().field(kind, "id").is_some() && !path.ends_with("create_preview") {
            assert!(reply.json["id"].is_string(), "{path}: {}", reply.json);
        }
        if !kind.is_empty() {
            assert_eq!(reply.json["object"], kind, "{path}");
        }
    }
    assert!(created > 70, "{created} created; refused: {refused:#?}");
    assert!(refused.len() < 30, "{refused:#?}");
}
