//! What the sandbox promises, asked of it the way a client asks. This file owns the client; each
//! of the others owns the promises of one topic.

mod billing;
mod chaos;
mod debits;
mod deliveries;
mod disk;
mod disputes;
mod events;
mod faults;
mod flows;
mod ledger;
mod limits;
mod money;
mod objects;
mod payments;
mod prorations;
mod sockets;
mod status_page;
mod thin;
mod time;
mod wire;

use super::{Clock, SandboxOptions, StandIn};
use bytes::Bytes;
use serde_json::Value;

/// 2026-01-15T12:00:00Z.
const NOW: i64 = 1_768_478_400;

/// A sandbox of one's own, with a client that speaks to it without a socket.
struct Client {
    stand_in: StandIn,
    headers: Vec<(&'static str, String)>,
}

/// Every run the same.
fn options() -> SandboxOptions {
    SandboxOptions {
        clock: Clock::Fixed(NOW),
        seed: Some(1),
        ..SandboxOptions::default()
    }
}

/// A response, read.
struct Reply {
    status: u16,
    headers: http::HeaderMap,
    bytes: Bytes,
    json: Value,
}

impl Client {
    fn new() -> Self {
        Self::at(NOW)
    }

    fn at(now: i64) -> Self {
        Self::having(SandboxOptions {
            clock: Clock::Fixed(now),
            ..options()
        })
    }

    fn having(options: SandboxOptions) -> Self {
        Self {
            stand_in: StandIn::open(options).unwrap(),
            headers: vec![("authorization", "Bearer sk_test_123".into())],
        }
    }

    /// The same sandbox with a header set on every request; an empty value takes it away.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(present, _)| *present != name);
        if !value.is_empty() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let response = self
            .stand_in
            .handle(&request.body(Bytes::copy_from_slice(body)).unwrap());
        let (head, bytes) = response.into_parts();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            bytes,
            json,
        }
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", b"")
    }

    fn post(&self, path: &str, form: &str) -> Reply {
        self.send(
            "POST",
            path,
            "application/x-www-form-urlencoded",
            form.as_bytes(),
        )
    }

    fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, "", b"")
    }

    /// Lets the sandbox's time pass.
    fn advance(&self, seconds: i64) {
        let form = format!("advance={seconds}");
        self.post("/_sandbox/clock", &form).ok();
    }

    /// Every object of a list, walking its pages as a client does.
    fn all(&self, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().and_then(|last| last["id"].as_str());
            let after = after.map_or(String::new(), |id| format!("&starting_after={id}"));
            let page = self.get(&format!("{path}?limit=100{after}")).ok();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                return all;
            }
        }
    }

    /// Creates an object and answers with its id.
    fn id(&self, path: &str, form: &str) -> String {
        let reply = self.post(path, form).ok();
        reply["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{path} {form}: {reply}"))
            .to_owned()
    }
}

impl Reply {
    /// The answer, which must be a success.
    #[track_caller]
    fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json
    }

    /// The error, which must have this status.
    #[track_caller]
    fn error(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json["error"].clone()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The ids of a list's page, and whether there is more.
    #[track_caller]
    fn page(self) -> (Vec<String>, bool) {
        let list = self.ok();
        let ids = list["data"].as_array().unwrap().iter();
        let ids = ids
            .map(|object| object["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, list["has_more"] == true)
    }
}
