//! Event destinations and thin events (Stripe API v2), and who is told what of connected accounts.

use super::super::deliveries::{Delivery, Outcome};
use super::{Client, NOW, Reply};
use serde_json::{Value, json};

/// A client of the API version that v2 asks for.
fn client() -> Client {
    Client::new().with("stripe-version", "2026-10-28.endive")
}

fn post(client: &Client, path: &str, body: &Value) -> Reply {
    client.send(
        "POST",
        path,
        "application/json",
        body.to_string().as_bytes(),
    )
}

fn wanted(events: &[&str], more: &Value) -> Value {
    let mut body = json!({"name": "n", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": events, "webhook_endpoint": {"url": "http://127.0.0.1:9/hook"}});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

/// Makes a destination; its path.
fn destination(client: &Client, events: &[&str], more: &Value) -> String {
    let made = post(client, DESTINATIONS, &wanted(events, more)).ok();
    format!("{DESTINATIONS}/{}", made["id"].as_str().unwrap())
}

const DESTINATIONS: &str = "/v2/core/event_destinations";

/// What is to be delivered now, as it is told, with the id of who is told.
fn due(client: &Client) -> Vec<(String, Value)> {
    let due: Vec<Delivery> = client.stand_in.due_deliveries(100);
    for delivery in &due {
        client.stand_in.delivered(delivery, Outcome::Answered(200));
    }
    let told = due.iter().map(|delivery| {
        let body = serde_json::from_slice(&delivery.body).unwrap();
        (delivery.endpoint.clone(), body)
    });
    told.collect()
}

#[test]
fn a_destination_shows_its_url_and_secret_on_request_alone() {
    let client = client();
    let included = json!({"include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"]});
    let made = post(
        &client,
        DESTINATIONS,
        &wanted(&["v1.customer.created"], &included),
    )
    .ok();
    let endpoint = &made["webhook_endpoint"];
    assert_eq!(endpoint["url"], "http://127.0.0.1:9/hook");
    let secret = endpoint["signing_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    for (field, value) in [
        ("status", json!("enabled")),
        ("status_details", Value::Null),
        ("events_from", json!(["@self"])),
        ("snapshot_api_version", Value::Null),
        ("created", json!("2026-01-15T12:00:00.000Z")),
        ("updated", json!("2026-01-15T12:00:00.000Z")),
        ("metadata", json!({})),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let path = format!("{DESTINATIONS}/{}", made["id"].as_str().unwrap());
    let hidden = json!({"signing_secret": null, "url": null});
    let url_alone = json!({"signing_secret": null, "url": "http://127.0.0.1:9/hook"});
    assert_eq!(client.get(&path).ok()["webhook_endpoint"], hidden);
    let asking = "?include[]=webhook_endpoint.url&include[]=webhook_endpoint.signing_secret";
    for (query, shown) in [("", &hidden), (asking, &url_alone)] {
        let one = client.get(&format!("{path}{query}")).ok();
        assert_eq!(&one["webhook_endpoint"], shown, "{query}");
        let all = client.get(&format!("{DESTINATIONS}{query}")).ok();
        assert_eq!(&all["data"][0]["webhook_endpoint"], shown, "{query}");
        assert!(!all.to_string().contains(secret));
    }
    client.advance(60);
    let off = post(&client, &format!("{path}/disable"), &json!({})).ok();
    assert_eq!(off["status"], "disabled");
    assert_eq!(
        off["status_details"],
        json!({"disabled": {"reason": "user"}})
    );
    assert_eq!(off["updated"], "2026-01-15T12:01:00.000Z");
    let on = post(&client, &format!("{path}/enable"), &json!({})).ok();
    assert_eq!(
        (&on["status"], &on["status_details"]),
        (&json!("enabled"), &Value::Null)
    );
    let moved = json!({"webhook_endpoint": {"url": "http://127.0.0.1:9/other"}, "name": "m",
        "include": ["webhook_endpoint.url"]});
    let moved = post(&client, &path, &moved).ok();
    assert_eq!(moved["webhook_endpoint"]["url"], "http://127.0.0.1:9/other");
    assert_eq!(moved["name"], "m");
    client.id("/v1/customers", "");
    assert_eq!(
        client.stand_in.due_deliveries(9)[0].url,
        "http://127.0.0.1:9/other"
    );
}

#[test]
fn a_destination_that_could_tell_nothing_is_refused() {
    let client = client();
    for (body, said) in [
        (
            wanted(&["customer.created"], &json!({})),
            "v1.customer.created",
        ),
        (
            wanted(&["v1.customer.invented"], &json!({})),
            "no thin event",
        ),
        (wanted(&[], &json!({})), "enabled_events"),
        (
            wanted(
                &["v1.customer.created"],
                &json!({"event_payload": "snapshot"}),
            ),
            "customer.created",
        ),
        (
            wanted(&["*"], &json!({"event_payload": "whole"})),
            "event_payload",
        ),
        (
            wanted(&["*"], &json!({"type": "email"})),
            "webhook_endpoint",
        ),
        (
            wanted(&["*"], &json!({"webhook_endpoint": {}})),
            "webhook_endpoint.url",
        ),
        (
            wanted(&["*"], &json!({"webhook_endpoint": {"url": "hook"}})),
            "URL",
        ),
        (
            wanted(&["*"], &json!({"events_from": ["@organization_members"]})),
            "@accounts",
        ),
        (
            wanted(
                &["*"],
                &json!({"snapshot_api_version": "2026-10-28.endive"}),
            ),
            "thin",
        ),
    ] {
        let error = post(&client, DESTINATIONS, &body).error(400);
        let message = error["message"].as_str().unwrap().to_lowercase();
        assert!(message.contains(&said.to_lowercase()), "{body}: {message}");
    }
    let path = destination(&client, &["v1.customer.created"], &json!({}));
    post(
        &client,
        &path,
        &json!({"enabled_events": ["customer.created"]}),
    )
    .error(400);
    post(&client, &format!("{DESTINATIONS}/ed_none/ping"), &json!({})).error(404);
}

#[test]
fn a_thin_event_names_what_its_snapshot_shows() {
    let client = client().with("idempotency-key", "k1");
    destination(
        &client,
        &["v1.customer.created", "v1.customer.updated"],
        &json!({}),
    );
    let client = client.with("idempotency-key", "k2");
    let customer = client.post("/v1/customers", "name=Ann&address[city]=Bern");
    let request = customer.header("request-id").to_owned();
    let customer = customer.ok();
    let told = due(&client);
    assert_eq!(told.len(), 1);
    let notification = &told[0].1;
    let snapshot = client.get("/v1/events?type=customer.created").ok()["data"][0].clone();
    let url = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    assert_eq!(
        *notification,
        json!({
            "id": notification["id"],
            "object": "v2.core.event",
            "context": null,
            "created": "2026-01-15T12:00:00.000Z",
            "livemode": false,
            "reason": {"type": "request", "request": {"id": request, "idempotency_key": "k2"}},
            "related_object": {"id": customer["id"], "type": "customer", "url": url},
            "snapshot_event": snapshot["id"],
            "type": "v1.customer.created",
        })
    );
    let id = notification["id"].as_str().unwrap();
    assert!(id.starts_with("evt_test_"), "{id}");
    assert_eq!(client.get(&url).ok(), customer, "the reference leads there");
    let full = client.get(&format!("/v2/core/events/{id}")).ok();
    assert_eq!(full["changes"], Value::Null);
    for (field, value) in notification.as_object().unwrap() {
        assert_eq!(full[field], *value, "{field}");
    }
    let client = client.with("idempotency-key", "");
    client.post(&url, "name=Bea&address[city]=Basel").ok();
    let told = due(&client);
    assert!(
        told[0].1.get("changes").is_none(),
        "a notification is small"
    );
    let id = told[0].1["id"].as_str().unwrap();
    let full = client.get(&format!("/v2/core/events/{id}")).ok();
    assert_eq!(
        full["changes"],
        json!({"before": {"name": "Ann", "address": {"city": "Bern"}},
            "after": {"name": "Bea", "address": {"city": "Basel"}}})
    );
    // What time changes, no request has asked for; and a balance has no id.
    destination(&client, &["v1.balance.available"], &json!({}));
    let pay = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa";
    client.post("/v1/payment_intents", pay).ok();
    client.advance(3 * 86_400);
    let told = due(&client);
    assert_eq!(told[0].1["reason"], Value::Null);
    let balance = json!({"type": "balance", "url": "/v1/balance"});
    assert_eq!(told[0].1["related_object"], balance);
}

#[test]
fn thin_events_are_listed_newest_first_and_filtered() {
    let client = client();
    let ann = client.id("/v1/customers", "name=Ann");
    client.advance(10);
    client.id("/v1/products", "name=x");
    client
        .post(&format!("/v1/customers/{ann}"), "name=Bea")
        .ok();
    post(
        &client,
        "/v2/core/accounts",
        &json!({"contact_email": "a@b.c"}),
    )
    .ok();
    let list = |query: &str| {
        let page = client.get(&format!("/v2/core/events?{query}")).ok();
        let names = page["data"].as_array().unwrap().iter();
        let names = names.map(|event| event["type"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let all = "v2.core.account.created v1.customer.updated v1.product.created v1.customer.created";
    assert_eq!(list(""), all);
    let types = "types[]=v1.customer.created&types[]=v1.product.created";
    assert_eq!(list(types), "v1.product.created v1.customer.created");
    assert_eq!(
        list(&format!("object_id={ann}")),
        "v1.customer.updated v1.customer.created"
    );
    assert_eq!(
        list("created[lt]=2026-01-15T12:00:10Z"),
        "v1.customer.created"
    );
    assert_eq!(
        list("created[gte]=2026-01-15T12:00:10.000Z&limit=1"),
        "v2.core.account.created"
    );
    assert_eq!(list(&format!("created[lte]={NOW}")), "v1.customer.created");
    let first = client.get("/v2/core/events?limit=3").ok();
    let next = client.get(first["next_page_url"].as_str().unwrap()).ok();
    assert_eq!(next["data"][0]["type"], "v1.customer.created");
    assert_eq!(next["next_page_url"], Value::Null);
    let account = &first["data"][0];
    assert_eq!(account["changes"]["before"], Value::Null);
    assert_eq!(account["changes"]["after"]["contact_email"], "a@b.c");
    assert!(account.get("snapshot_event").is_none());
    let types: Vec<_> = (0..21).map(|n| format!("types[]=t{n}")).collect();
    client
        .get(&format!("/v2/core/events?{}", types.join("&")))
        .error(400);
    client
        .get("/v2/core/events?created[gt]=yesterday")
        .error(400);
    // Neither kind of event is found by the other's id.
    let thin = next["data"][0]["id"].as_str().unwrap();
    let snapshot = next["data"][0]["snapshot_event"].as_str().unwrap();
    client.get(&format!("/v1/events/{thin}")).error(404);
    client
        .get(&format!("/v2/core/events/{snapshot}"))
        .error(404);
    client
        .get(&format!("/v2/core/events/{}x", &thin[..thin.len() - 1]))
        .error(404);
}

#[test]
fn a_ping_reaches_the_one_destination_whatever_it_wants() {
    let client = client();
    let path = destination(&client, &["v1.coupon.created"], &json!({}));
    destination(&client, &["*"], &json!({}));
    let reply = post(&client, &format!("{path}/ping"), &json!({}));
    let request = reply.header("request-id").to_owned();
    let ping = reply.ok();
    assert_eq!(ping["type"], "v2.core.event_destination.ping");
    assert_eq!(ping["related_object"]["url"], path.as_str());
    assert_eq!(ping["reason"]["request"]["id"], request.as_str());
    let told = due(&client);
    assert_eq!(told.len(), 1);
    assert!(path.ends_with(&told[0].0));
    assert_eq!(told[0].1["id"], ping["id"]);
    let id = ping["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v2/core/events/{id}")).ok(), ping);
    assert!(client.get("/v1/events").page().0.is_empty());
    post(&client, &format!("{path}/disable"), &json!({})).ok();
    post(&client, &format!("{path}/ping"), &json!({})).ok();
    assert!(due(&client).is_empty(), "it is disabled");
}

/// Stripe docs, "Connect webhooks".
#[test]
fn who_asked_for_connected_accounts_is_told_of_those_alone() {
    let client = client();
    let endpoint = |form: &str| {
        let form = format!("url=http%3A%2F%2F127.0.0.1%3A9%2Fhook&enabled_events[]=*{form}");
        client.id("/v1/webhook_endpoints", &form)
    };
    let (own, connect) = (endpoint(""), endpoint("&connect=true"));
    let of = |sources: Value| {
        let path = destination(&client, &["*"], &json!({"events_from": sources}));
        path.rsplit('/').next().unwrap().to_owned()
    };
    let (thin, thin_connect) = (of(json!(["@self"])), of(json!(["@accounts"])));
    let thin_all = of(json!(["@self", "@accounts"]));
    let told = |client: &Client| {
        let mut told = due(client);
        told.sort_by_key(|(who, _)| who.clone());
        let who: Vec<_> = told.iter().map(|(who, _)| who.clone()).collect();
        (who, told)
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    let customer = client.id("/v1/customers", "");
    let (who, events) = told(&client);
    assert_eq!(who, sorted(&[&own, &thin, &thin_all]));
    assert!(
        events
            .iter()
            .all(|(_, event)| event.get("account").is_none())
    );
    assert!(
        events
            .iter()
            .all(|(_, event)| event.get("context").is_none_or(Value::is_null))
    );

    let client = client.with("stripe-account", "acct_2");
    let other = client.id("/v1/customers", "");
    let (who, events) = told(&client);
    assert_eq!(who, sorted(&[&connect, &thin_connect, &thin_all]));
    for (who, event) in &events {
        let (field, id) = if *who == connect {
            ("account", &event["data"]["object"]["id"])
        } else {
            ("context", &event["related_object"]["id"])
        };
        assert_eq!(
            (&event[field], id),
            (&json!("acct_2"), &json!(other)),
            "{event}"
        );
    }
    // It is the connected account's own event, and is fetched in that account.
    let thin_event = events.iter().find(|(who, _)| *who == thin_connect).unwrap();
    let path = format!("/v2/core/events/{}", thin_event.1["id"].as_str().unwrap());
    assert_eq!(client.get(&path).ok()["type"], "v1.customer.created");
    assert!(
        client.get("/v1/events").ok()["data"][0]
            .get("account")
            .is_none()
    );
    let client = client.with("stripe-account", "");
    client.get(&path).error(404);
    assert_eq!(client.get("/v1/customers").page().0, [customer]);

    // The account itself is kept with the platform, but what happens to it happens there.
    let account = client.id("/v1/accounts", "type=express");
    assert!(told(&client).0.is_empty());
    client
        .post(&format!("/v1/accounts/{account}"), "email=a%40b.c")
        .ok();
    let (who, events) = told(&client);
    assert_eq!(who, sorted(&[&connect, &thin_connect, &thin_all]));
    let updated = events.iter().find(|(who, _)| *who == connect).unwrap();
    assert_eq!(updated.1["account"], account.as_str());
    let updated = events.iter().find(|(who, _)| *who == thin_connect).unwrap();
    assert_eq!(updated.1["context"], account.as_str());
}

/// The page after the first is of the same list, and shown in the same way.
#[test]
fn filters_are_kept_on_every_page() {
    let client = client();
    for _ in 0..5 {
        client.id("/v1/customers", "");
        client.id("/v1/products", "name=Tea");
    }
    let first = "/v2/core/events?limit=2&types[0]=v1.customer.created\
                 &created[gte]=2020-01-01T00%3A00%3A00Z";
    let mut path = first.to_owned();
    let mut kinds = Vec::new();
    let mut pages = Vec::new();
    loop {
        let page = client.get(&path).ok();
        let data = page["data"].as_array().unwrap();
        kinds.extend(
            data.iter()
                .map(|event| event["type"].as_str().unwrap().to_owned()),
        );
        pages.push(page.clone());
        match page["next_page_url"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(kinds, ["v1.customer.created"; 5]);
    let back = pages[1]["previous_page_url"].as_str().unwrap();
    assert_eq!(client.get(back).ok()["data"], pages[0]["data"]);

    for name in ["v1.customer.created", "v1.product.created"] {
        destination(&client, &[name], &json!({}));
    }
    let list = format!("{DESTINATIONS}?limit=1&include[0]=webhook_endpoint.url");
    let page = client.get(&list).ok();
    let next = page["next_page_url"].as_str().unwrap();
    for page in [&page, &client.get(next).ok()] {
        let url = &page["data"][0]["webhook_endpoint"]["url"];
        assert_eq!(*url, "http://127.0.0.1:9/hook", "{page}");
    }
}
