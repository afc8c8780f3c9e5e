//! Objects of any kind: made, read, changed, listed, searched, expanded, deleted.

use super::{Client, NOW};
use serde_json::{Value, json};

#[test]
fn an_object_lives_from_create_to_delete() {
    let client = Client::new();
    let form = "email=a%40b.c&name=Ann+B&metadata[plan]=pro&metadata[n]=1&address[city]=Bern";
    let customer = client.post("/v1/customers", form).ok();
    let id = customer["id"].as_str().unwrap();
    assert!(id.starts_with("cus_"));
    for (field, value) in [
        ("object", json!("customer")),
        ("created", json!(NOW)),
        ("livemode", json!(false)),
        ("email", json!("a@b.c")),
        ("name", json!("Ann B")),
        ("metadata", json!({"plan": "pro", "n": "1"})),
        ("phone", Value::Null),
        ("balance", json!(0)),
        ("delinquent", json!(false)),
        ("tax_exempt", json!("none")),
    ] {
        assert_eq!(customer[field], value, "{field}");
    }
    assert_eq!(customer["address"]["city"], "Bern");
    let path = format!("/v1/customers/{id}");
    assert_eq!(client.get(&path).ok(), customer);
    let changed = client.post(&path, "name=&metadata[n]=&metadata[x]=2").ok();
    assert_eq!(changed["name"], Value::Null);
    assert_eq!(changed["email"], "a@b.c");
    assert_eq!(changed["metadata"], json!({"plan": "pro", "x": "2"}));
    let deleted = json!({"id": id, "object": "customer", "deleted": true});
    assert_eq!(client.delete(&path).ok(), deleted);
    assert_eq!(
        client.get(&path).ok(),
        deleted,
        "a deleted customer still says that it was"
    );
    client.post(&path, "name=x").error(404);
    assert!(client.get("/v1/customers").page().0.is_empty());
}

#[test]
fn lists_are_paged_newest_first() {
    let client = Client::new();
    let mut ids: Vec<_> = (0..12).map(|_| client.id("/v1/customers", "")).collect();
    ids.reverse();
    let list = client.get("/v1/customers").ok();
    assert_eq!(
        (&list["object"], &list["url"]),
        (&json!("list"), &json!("/v1/customers"))
    );
    assert_eq!(
        client.get("/v1/customers").page(),
        (ids[..10].to_vec(), true)
    );
    assert_eq!(
        client.get("/v1/customers?limit=100").page(),
        (ids.clone(), false)
    );
    let after = format!("/v1/customers?limit=5&starting_after={}", ids[4]);
    assert_eq!(client.get(&after).page(), (ids[5..10].to_vec(), true));
    let after = format!("/v1/customers?limit=5&starting_after={}", ids[9]);
    assert_eq!(client.get(&after).page(), (ids[10..].to_vec(), false));
    let before = format!("/v1/customers?limit=3&ending_before={}", ids[5]);
    assert_eq!(client.get(&before).page(), (ids[2..5].to_vec(), true));
    let before = format!("/v1/customers?limit=3&ending_before={}", ids[2]);
    assert_eq!(client.get(&before).page(), (ids[..2].to_vec(), false));
    for query in ["limit=0", "limit=101", "limit=x", "starting_after=cus_none"] {
        client.get(&format!("/v1/customers?{query}")).error(400);
    }
}

#[test]
fn lists_are_filtered() {
    let client = Client::new();
    let ann = client.id("/v1/customers", "email=ann%40x.y");
    let bob = client.id("/v1/customers", "email=bob%40x.y");
    assert_eq!(
        client.get("/v1/customers?email=ann%40x.y").page().0,
        [ann.as_str()]
    );
    let later = NOW + 1;
    assert_eq!(
        client
            .get(&format!("/v1/customers?created[gte]={NOW}"))
            .page()
            .0
            .len(),
        2
    );
    assert_eq!(
        client
            .get(&format!("/v1/customers?created[gt]={NOW}"))
            .page()
            .0
            .len(),
        0
    );
    assert_eq!(
        client
            .get(&format!("/v1/customers?created[lt]={later}"))
            .page()
            .0
            .len(),
        2
    );
    let form = |customer: &str| format!("amount=500&currency=usd&customer={customer}");
    let intent = client.id("/v1/payment_intents", &form(&ann));
    client.id("/v1/payment_intents", &form(&bob));
    assert_eq!(
        client
            .get(&format!("/v1/payment_intents?customer={ann}"))
            .page()
            .0,
        [intent]
    );
    let product = client.id("/v1/products", "name=x&active=false");
    client.id("/v1/products", "name=y");
    assert_eq!(
        client.get("/v1/products?active=false").page().0,
        [product.as_str()]
    );
    assert_eq!(
        client
            .get(&format!("/v1/products?ids[]={product}"))
            .page()
            .0,
        [product]
    );
}

#[test]
fn a_list_by_lookup_keys_leaves_out_what_has_none() {
    let client = Client::new();
    let product = client.id("/v1/products", "name=x");
    let price = |more: &str| {
        let form = format!("product={product}&currency=usd&unit_amount=500{more}");
        client.id("/v1/prices", &form)
    };
    let (standard, _, _) = (
        price("&lookup_key=standard"),
        price("&lookup_key=premium"),
        price(""),
    );
    let list = client.get("/v1/prices?lookup_keys[]=standard");
    assert_eq!(list.page().0, [standard]);
}

#[test]
fn a_meter_event_has_an_identifier_and_a_time() {
    let client = Client::new().with("stripe-version", "2026-10-28.endive");
    let form = "event_name=calls&payload[value]=1";
    let made = client.post("/v1/billing/meter_events", form).ok();
    assert_eq!(made["identifier"].as_str().map(str::len), Some(36));
    assert_eq!(made["timestamp"], NOW);
    let given = format!("{form}&identifier=mine&timestamp=1768478000");
    let given = client.post("/v1/billing/meter_events", &given).ok();
    assert_eq!(given["identifier"], "mine");
    assert_eq!(given["timestamp"], 1_768_478_000);
    let body = br#"{"event_name": "calls", "payload": {"value": "1"}}"#;
    let path = "/v2/billing/meter_events";
    let made = client.send("POST", path, "application/json", body).ok();
    assert_eq!(made["identifier"].as_str().map(str::len), Some(36));
    assert_eq!(made["timestamp"], "2026-01-15T12:00:00.000Z");
}

#[test]
fn nested_objects_belong_to_their_owners() {
    let client = Client::new();
    let (ann, bob) = (
        client.id("/v1/customers", ""),
        client.id("/v1/customers", ""),
    );
    let card = client.id(&format!("/v1/customers/{ann}/sources"), "source=tok_visa");
    assert!(card.starts_with("card_"));
    assert_eq!(
        client.get(&format!("/v1/customers/{ann}/sources")).page().0,
        [card.as_str()]
    );
    assert!(
        client
            .get(&format!("/v1/customers/{bob}/sources"))
            .page()
            .0
            .is_empty()
    );
    client
        .get(&format!("/v1/customers/{bob}/sources/{card}"))
        .error(404);
    let path = format!("/v1/customers/{ann}/sources/{card}");
    let found = client.get(&path).ok();
    assert_eq!(
        (&found["brand"], &found["last4"]),
        (&json!("Visa"), &json!("4242"))
    );
    assert!(
        found.get("_number").is_none(),
        "the number is the sandbox's own note"
    );
    assert_eq!(client.delete(&path).ok()["deleted"], true);
    let tax_id = client.id(
        &format!("/v1/customers/{ann}/tax_ids"),
        "type=eu_vat&value=DE1",
    );
    assert_eq!(
        client.get(&format!("/v1/customers/{ann}/tax_ids")).page().0,
        [tax_id]
    );
    client.get("/v1/customers/cus_none/sources").error(404);
}

#[test]
fn objects_without_an_id_are_found_at_their_path() {
    let client = Client::new();
    assert_eq!(client.get("/v1/balance").ok()["object"], "balance");
    assert_eq!(
        client.get("/v1/account").ok()["id"],
        client.stand_in.own_account()
    );
    assert_eq!(
        client.get("/v1/tax/settings").ok()["object"],
        "tax.settings"
    );
    let changed = client
        .post("/v1/tax/settings", "defaults[tax_behavior]=inclusive")
        .ok();
    assert_eq!(changed["defaults"]["tax_behavior"], "inclusive");
    assert_eq!(client.get("/v1/tax/settings").ok(), changed);
}

#[test]
fn ids_that_a_caller_chooses_are_kept() {
    let client = Client::new();
    assert_eq!(
        client.id("/v1/coupons", "id=SAVE10&percent_off=10"),
        "SAVE10"
    );
    let error = client
        .post("/v1/coupons", "id=SAVE10&percent_off=10")
        .error(400);
    assert_eq!(error["code"], "resource_already_exists");
    assert_eq!(client.get("/v1/coupons/SAVE10").ok()["valid"], true);
}

#[test]
fn ids_are_expanded_to_four_levels() {
    let client = Client::new();
    let customer = client.id("/v1/customers", "");
    let form = format!(
        "amount=500&currency=usd&customer={customer}&confirm=true&payment_method=pm_card_visa"
    );
    let intent = client.id("/v1/payment_intents", &form);
    let path = format!("/v1/payment_intents/{intent}");
    let expanded = client
        .get(&format!(
            "{path}?expand[]=latest_charge.balance_transaction&expand[]=customer"
        ))
        .ok();
    assert_eq!(expanded["customer"]["id"], customer);
    assert_eq!(expanded["latest_charge"]["balance_transaction"]["fee"], 45);
    let deep = client.get(&format!(
        "{path}?expand[]=latest_charge.payment_intent.latest_charge.customer"
    ));
    let deep = deep.ok();
    assert_eq!(
        deep["latest_charge"]["payment_intent"]["latest_charge"]["customer"]["id"],
        customer
    );
    let list = client
        .get("/v1/payment_intents?expand[]=data.customer")
        .ok();
    assert_eq!(list["data"][0]["customer"]["id"], customer);
    assert!(list["data"][0]["latest_charge"].is_string());
    let list = client
        .get("/v1/payment_intents?expand[]=data.latest_charge.payment_intent.customer")
        .ok();
    let charge = &list["data"][0]["latest_charge"];
    assert_eq!(charge["payment_intent"]["customer"]["id"], customer);
    // One level more, counted as Stripe counts: stripe/stripe-java, issue 2011.
    let deeper = "data.latest_charge.payment_intent.latest_charge.customer";
    let refused = client
        .get(&format!("/v1/payment_intents?expand[]={deeper}"))
        .error(400);
    assert_eq!(refused["param"], "expand");
    client.get(&format!("{path}?expand[]=a.b.c.d.e")).error(400);
    client.get(&format!("{path}?expand[]=nonsense")).error(400);
    client.get(&format!("{path}?expand[]=amount")).error(400);
    let posted = client.post(&path, "description=x&expand[]=customer").ok();
    assert_eq!(posted["customer"]["id"], customer);
    assert!(posted.get("expand").is_none());
}

#[test]
fn search_finds_by_field_and_metadata() {
    let client = Client::new();
    let ann = client.id("/v1/customers", "email=ann%40x.y&metadata[tier]=gold");
    client.id("/v1/customers", "email=bob%40x.y");
    let query = "/v1/customers/search?query=metadata%5B%27tier%27%5D%3A%27gold%27";
    let result = client.get(query).ok();
    assert_eq!(result["object"], "search_result");
    assert_eq!(result["next_page"], Value::Null);
    assert_eq!(result["data"][0]["id"], ann);
    let first = client
        .get("/v1/customers/search?limit=1&query=email~%22x.y%22")
        .ok();
    let page = first["next_page"].as_str().unwrap();
    let path = format!("/v1/customers/search?limit=1&query=email~%22x.y%22&page={page}");
    assert_eq!(client.get(&path).ok()["data"][0]["id"], ann);
    let counted = client.get(&format!("{query}&expand[]=total_count")).ok();
    assert_eq!(counted["total_count"], 1);
    client.get("/v1/customers/search").error(400);
    client.get("/v1/customers/search?query=nonsense").error(400);
}

#[test]
fn files_are_uploaded_as_multipart() {
    let client = Client::new();
    let body =
        b"--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n\
        --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.PNG\"\r\n\
        Content-Type: image/png\r\n\r\n12345\r\n--x--\r\n";
    let file = client
        .send("POST", "/v1/files", "multipart/form-data; boundary=x", body)
        .ok();
    for (field, value) in [
        ("object", json!("file")),
        ("size", json!(5)),
        ("filename", json!("a.PNG")),
        ("type", json!("png")),
        ("purpose", json!("dispute_evidence")),
    ] {
        assert_eq!(file[field], value, "{field}");
    }
    let link = client.post(
        "/v1/file_links",
        &format!("file={}", file["id"].as_str().unwrap()),
    );
    assert!(link.ok()["url"].as_str().unwrap().starts_with("https://"));
    client
        .post("/v1/files", "purpose=dispute_evidence")
        .error(400);
}

#[test]
fn a_quotes_pdf_is_a_pdf() {
    let client = Client::new();
    let quote = client.id("/v1/quotes", "");
    let reply = client.get(&format!("/v1/quotes/{quote}/pdf"));
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/pdf")
    );
    assert!(reply.bytes.starts_with(b"%PDF-"));
    client.get("/v1/quotes/qt_none/pdf").error(404);
}

#[test]
fn v2_speaks_json_and_pages_by_url() {
    let client = Client::new().with("stripe-version", "2026-10-28.endive");
    let post = |path: &str, body: Value| {
        client.send(
            "POST",
            path,
            "application/json",
            body.to_string().as_bytes(),
        )
    };
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let account = post("/v2/core/accounts", json!({"display_name": name})).ok();
        assert_eq!(account["object"], "v2.core.account");
        assert_eq!(account["created"], "2026-01-15T12:00:00.000Z");
        ids.insert(0, account["id"].as_str().unwrap().to_owned());
    }
    let page = client.get("/v2/core/accounts?limit=2").ok();
    assert_eq!(page["previous_page_url"], Value::Null);
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    let next = client.get(page["next_page_url"].as_str().unwrap()).ok();
    assert_eq!(next["data"][0]["id"], ids[2]);
    assert_eq!(next["next_page_url"], Value::Null);
    let previous = client.get(next["previous_page_url"].as_str().unwrap()).ok();
    assert_eq!(previous["data"], page["data"]);
    let path = format!("/v2/core/accounts/{}", ids[0]);
    let changed = post(
        &path,
        json!({"display_name": null, "contact_email": "a@b.c"}),
    )
    .ok();
    assert_eq!(changed["contact_email"], "a@b.c");
    assert!(changed["display_name"].is_null());
    client
        .post("/v2/core/accounts", "display_name=x")
        .error(400);
    post("/v2/core/accounts", json!([1])).error(400);
    let destination = json!({"name": "n", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": ["v1.customer.created"], "webhook_endpoint": {"url": "https://a.b"}});
    let destination = post("/v2/core/event_destinations", destination).ok();
    let path = format!(
        "/v2/core/event_destinations/{}",
        destination["id"].as_str().unwrap()
    );
    assert_eq!(client.delete(&path).ok()["id"], destination["id"]);
    client.get(&path).error(404);
    let client = client.with("stripe-version", "");
    client.get("/v2/core/accounts").error(400);
}

#[test]
fn connected_accounts_have_capabilities_and_links() {
    let client = Client::new();
    let account = client.id(
        "/v1/accounts",
        "type=express&country=US&capabilities[transfers][requested]=true",
    );
    let path = format!("/v1/accounts/{account}");
    assert_eq!(
        client.get(&path).ok()["capabilities"]["transfers"],
        "active"
    );
    assert_eq!(
        client.get(&format!("{path}/capabilities")).page().0,
        ["transfers"]
    );
    client
        .post(
            &format!("{path}/capabilities/card_payments"),
            "requested=true",
        )
        .ok();
    assert_eq!(
        client.get(&format!("{path}/capabilities")).page().0.len(),
        2
    );
    let link = client.post(&format!("{path}/login_links"), "").ok();
    assert_eq!(link["object"], "login_link");
    let form = format!("account={account}&type=account_onboarding");
    assert!(client.post("/v1/account_links", &form).ok()["url"].is_string());
}

#[test]
fn oauth_gives_out_keys_that_work() {
    let client = Client::new();
    let token = client
        .post("/oauth/token", "grant_type=authorization_code&code=ac_1")
        .ok();
    let account = token["stripe_user_id"].as_str().unwrap().to_owned();
    let key = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let client = client.with("authorization", &key);
    assert_eq!(client.get("/v1/account").ok()["id"], account);
    let reply = client.post("/oauth/token", "grant_type=nonsense");
    assert_eq!(
        (reply.status, &reply.json["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    let form = format!("client_id=ca_1&stripe_user_id={account}");
    assert_eq!(
        client.post("/oauth/deauthorize", &form).ok()["stripe_user_id"],
        account
    );
}
