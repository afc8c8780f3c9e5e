//! The answers for a person with a browser: the status page, and objects as it links to them. It owns
//! which requests are such, none of which is one of Stripe's; what the page looks like is
//! `status_page.rs`'s affair. They are no requests of an API, so they take no key, draw no id, and
//! appear in no log.

use super::super::shapes::Object;
use super::super::status_page::{self, Status};
use super::super::{Clock, families, form};
use super::{StandIn, State, world};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::Value;

const OBJECTS: &str = "/_sandbox/objects/";

impl StandIn {
    /// The answer to a request that a browser made, if this is one. A client of the API sends a key,
    /// even to `/`.
    pub(super) fn page(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let path = request.uri().path();
        let object = path.strip_prefix(OBJECTS);
        let is_page = path == "/" && !request.headers().contains_key("authorization");
        if request.method() != "GET" || (object.is_none() && !is_page) {
            return None;
        }
        let mut state = self.lock();
        let account = self.named(&state, request.uri().query());
        self.let_time_pass(&mut state, &account);
        Some(match object {
            None => {
                let html = status_page::page(&self.status(&mut state, account));
                shown(StatusCode::OK, "text/html; charset=utf-8", html)
            }
            Some(object) => {
                let store = state.store(&account);
                let found = object.split_once('/').and_then(|(kind, id)| {
                    let kind = form::decode_path_segment(kind)?;
                    let id = form::decode_path_segment(id)?;
                    let object = store.get(&kind, &id)?;
                    Some(Value::Object(families::present(store, object)))
                });
                match found {
                    Some(object) => {
                        let json = format!("{object:#}\n");
                        shown(StatusCode::OK, "application/json", json)
                    }
                    None => {
                        let text = "There is no such object (any more).\n".to_owned();
                        shown(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
                    }
                }
            }
        })
    }

    /// The account that a query names, if there is such a one, or else the key's own.
    fn named(&self, state: &State, query: Option<&str>) -> String {
        let parts = query.unwrap_or_default().split('&');
        let named = parts
            .filter_map(|part| part.strip_prefix("account="))
            .find(|account| state.accounts.contains_key(*account));
        named.unwrap_or(&state.own_account).to_owned()
    }

    fn status(&self, state: &mut State, account: String) -> Status {
        let now = self.time(state);
        let mut others: Vec<_> = state.accounts.keys().chain([&state.own_account]).collect();
        others.retain(|other| **other != account);
        others.sort_unstable();
        others.dedup();
        others.truncate(status_page::ACCOUNTS);
        let others = others.into_iter().cloned().collect();
        let requests = state.recording.latest();
        let world = world(state, &account, now);
        let store = &*world.store;
        let latest = |kind: &str| -> Vec<Object> {
            let latest = store.oldest_first(kind).rev().take(status_page::SHOWN);
            latest
                .map(|record| families::present(store, &record.object))
                .collect()
        };
        let kinds = store.kinds().into_iter();
        let kinds = kinds
            .map(|kind| (kind.to_owned(), store.count(kind), latest(kind)))
            .collect();
        let balance = families::balance_now(&world);
        Status {
            now,
            is_fixed: matches!(self.options.clock, Clock::Fixed(_)),
            account,
            others,
            balance,
            kinds,
            requests,
        }
    }
}

fn shown(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", content_type),
        (
            "content-security-policy",
            status_page::CONTENT_SECURITY_POLICY,
        ),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
