//! The status page: what a person sees at the sandbox's root.

use super::{Client, NOW};
use bytes::Bytes;
use serde_json::Value;

/// What a browser gets, which sends no key.
fn browse(client: &Client, path: &str) -> (u16, http::HeaderMap, String) {
    let request = http::Request::get(path).body(Bytes::new()).unwrap();
    let (head, body) = client.stand_in.handle(&request).into_parts();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (head.status.as_u16(), head.headers, text)
}

/// The row of the table of objects that is about this kind.
fn row<'a>(page: &'a str, kind: &str) -> &'a str {
    let start = format!("<tr><td>{kind}<td class=n>");
    page.lines()
        .find_map(|line| line.strip_prefix(start.as_str()))
        .unwrap_or_else(|| panic!("no {kind} in {page}"))
}

#[test]
fn it_shows_counts_balance_clock_and_requests() {
    let client = Client::new();
    let paid = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_bypassPending";
    for _ in 0..2 {
        client.id("/v1/payment_intents", paid);
    }
    client.post("/v1/payment_intents", "amount=2000").error(400);
    client
        .delete(&format!("/v1/customers/{}", client.id("/v1/customers", "")))
        .ok();
    let (status, headers, page) = browse(&client, "/");
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!headers.contains_key("request-id"), "an answer of the API");
    assert!(row(&page, "payment_intent").starts_with("2<td>"), "{page}");
    assert!(row(&page, "charge").starts_with("2<td>"), "{page}");
    assert!(!page.contains("<td>customer<"), "it is deleted: {page}");
    // 2000 less 2.9 % and 30, twice.
    assert!(
        page.contains("<tr><td>usd<td class=n>3824<td class=n>0</tr>"),
        "{page}"
    );
    assert!(page.contains("2026-01-15T12:00:00.000Z"), "{page}");
    assert!(page.contains("5 since the start; the latest 5,"), "{page}");
    assert!(
        page.contains("paymentIntents.create<td class=n>400<td>parameter_missing"),
        "{page}"
    );
    assert!(!page.contains("sk_test"), "{page}");
    client.advance(60);
    assert!(browse(&client, "/").2.contains(&format!("({})", NOW + 60)));
}

#[test]
fn values_are_shown_and_never_run() {
    let client = Client::new();
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let form = format!("name={script}&email={script}&metadata[{script}]={script}");
    client.id("/v1/customers", &form);
    let id = "%22%3E%3Cimg%20src%3Dx%3E";
    client.id(
        "/v1/coupons",
        &format!("id={id}&percent_off=10&duration=once"),
    );
    let client = client.with("idempotency-key", "<script>alert(2)</script>");
    client.post("/v1/customers", "");
    let (_, _, page) = browse(&client, "/");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert!(
        page.contains("&lt;script&gt;alert(2)&lt;/script&gt;"),
        "{page}"
    );
    for markup in ["<script", "<img", "\"><"] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
    // The link leads to the object, whatever its id.
    let link = page.split("/_sandbox/objects/coupon/").nth(1).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let (status, headers, object) = browse(&client, &format!("/_sandbox/objects/coupon/{link}"));
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["id"], "\"><img src=x>");
}

#[test]
fn it_stays_small_however_much_there_is() {
    let client = Client::new();
    let long = "x".repeat(5000);
    for _ in 0..500 {
        client.id("/v1/customers", &format!("name={long}&description={long}"));
    }
    let (_, _, page) = browse(&client, "/");
    assert!(
        row(&page, "customer").starts_with("500<td>"),
        "counts are whole"
    );
    assert!(page.len() < 40_000, "{} bytes", page.len());
}

#[test]
fn it_is_no_answer_of_the_api() {
    let client = Client::new();
    client.get("/").error(404);
    client.post("/", "").error(404);
    let (status, _, body) = browse(&client, "/v1/customers");
    assert_eq!(status, 401, "{body}");
    assert_eq!(
        browse(&client, "/_sandbox/objects/customer/cus_none").0,
        404
    );
    assert_eq!(browse(&client, "/_sandbox/objects/customer").0, 404);
    // Looking changes nothing: ids come as if nobody had looked.
    let other = Client::new();
    for _ in 0..5 {
        browse(&other, "/");
    }
    let (one, two) = (
        client.post("/v1/customers", ""),
        other.post("/v1/customers", ""),
    );
    assert_eq!(one.bytes, two.bytes);
    assert_eq!(other.stand_in.requests().len(), 1);
}

#[test]
fn each_account_has_a_page() {
    let client = Client::new().with("stripe-account", "acct_connected");
    client.id("/v1/customers", "name=Theirs");
    let (_, _, own) = browse(&client, "/");
    assert!(!own.contains("Theirs"), "{own}");
    assert!(own.contains("href=\"/?account=acct_connected\""), "{own}");
    let (_, _, theirs) = browse(&client, "/?account=acct_connected");
    assert!(row(&theirs, "customer").starts_with("1<td>") && theirs.contains("Theirs"));
}
