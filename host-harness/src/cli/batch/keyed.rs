//! A call's own idempotency key. Where the key goes among the arguments depends
//! on what the method takes, which the component knows: each place it could be
//! is tried with a plan, and the plan that carries the key is what is sent.

use std::borrow::Cow;

use serde_json::value::RawValue;
use stripe_harness::types::{HttpRequest, Planned};
use stripe_harness::{CallError, Connection, Plugin};

use super::limit::Kind;

const HEADER: &str = "idempotency-key";

/// What is called, and how it is planned.
pub(super) struct Target<'t> {
    pub(super) plugin: &'t Plugin,
    pub(super) connection: &'t Connection,
    pub(super) resource: &'t str,
    pub(super) method: &'t str,
}

/// A call with the key it carries.
#[derive(Debug)]
pub(super) struct Keyed<'a> {
    pub(super) kind: Kind,
    /// The arguments to send.
    pub(super) args: Cow<'a, str>,
    /// The key: the caller's own where there is one. None where Stripe takes
    /// none, since repeating cannot act twice.
    pub(super) key: Option<String>,
}

impl Target<'_> {
    /// What these arguments would send.
    pub(super) async fn plan(&self, args: &str) -> Result<Planned, CallError> {
        self.plugin
            .plan(self.connection, self.resource, self.method, args)
            .await
    }

    /// Puts a key into a call that needs one and has none.
    pub(super) async fn keyed<'a>(&self, args: &'a str, key: &str) -> Result<Keyed<'a>, CallError> {
        let first = match self.plan(args).await? {
            Planned::Http(request) => request,
            Planned::Local(_) => {
                return Ok(Keyed {
                    kind: Kind::Local,
                    args: args.into(),
                    key: None,
                });
            }
        };
        let kind = Kind::of(&first.method);
        let own = |key| Keyed {
            kind,
            args: args.into(),
            key,
        };
        let Some(planned_key) = key_of(&first).filter(|_| kind == Kind::Write) else {
            return Ok(own(None));
        };
        let places = Places::of(args);
        if let Some(merged) = places.merged(key) {
            if let Ok(Planned::Http(request)) = self.plan(&merged).await
                && carries(&request, key, &first)
            {
                return Ok(Keyed {
                    kind,
                    args: merged.into(),
                    key: Some(key.to_owned()),
                });
            }
            // A key the component makes is fresh in every plan, so one that
            // stays is the caller's.
            if let Planned::Http(again) = self.plan(args).await?
                && key_of(&again) == Some(planned_key)
            {
                return Ok(own(Some(planned_key.to_owned())));
            }
        }
        for appended in places.appended(key) {
            if let Ok(Planned::Http(request)) = self.plan(&appended).await
                && carries(&request, key, &first)
            {
                return Ok(Keyed {
                    kind,
                    args: appended.into(),
                    key: Some(key.to_owned()),
                });
            }
        }
        Err(CallError::refused(
            "argument_error",
            Some("args".to_owned()),
            "No place was found for an idempotency key among these arguments: give \
             {\"idempotencyKey\": …} as the last of them."
                .to_owned(),
        ))
    }
}

fn key_of(request: &HttpRequest) -> Option<&str> {
    request
        .headers
        .iter()
        .find(|(name, _)| name == HEADER)
        .map(|(_, value)| value.as_str())
}

/// Whether a request has this key and is otherwise the first one.
fn carries(request: &HttpRequest, key: &str, first: &HttpRequest) -> bool {
    // Every plan of an upload has a boundary of its own, of the same length.
    let multipart = |value: &str| value.starts_with("multipart/form-data; boundary=");
    let others = |request: &HttpRequest| -> Vec<(String, String)> {
        let headers = request.headers.iter();
        headers
            .filter(|(name, _)| name != HEADER)
            .map(|(name, value)| match multipart(value) {
                true => (name.clone(), String::new()),
                false => (name.clone(), value.clone()),
            })
            .collect()
    };
    let is_upload = first.headers.iter().any(|(_, value)| multipart(value));
    let same_body = match is_upload {
        true => request.body.as_ref().map(Vec::len) == first.body.as_ref().map(Vec::len),
        false => request.body == first.body,
    };
    key_of(request) == Some(key)
        && request.method == first.method
        && request.url == first.url
        && others(request) == others(first)
        && same_body
}

/// The arguments as they are written, one by one: nothing of them is spelled
/// anew.
struct Places<'a>(Vec<&'a str>);

impl<'a> Places<'a> {
    fn of(args: &'a str) -> Places<'a> {
        let args = args.trim();
        Places(match serde_json::from_str::<Vec<&RawValue>>(args) {
            Ok(list) => list.into_iter().map(RawValue::get).collect(),
            Err(_) if args.is_empty() || args == "null" => Vec::new(),
            Err(_) => vec![args],
        })
    }

    /// The arguments but the nulls at the end, which stand for none.
    fn given(&self) -> &[&'a str] {
        let nulls = self.0.iter().rev().take_while(|arg| **arg == "null");
        let given = self.0.len() - nulls.count();
        self.0.get(..given).unwrap_or_default()
    }

    /// With the key in the last argument, if that is an object: options, or
    /// nothing yet.
    fn merged(&self, key: &str) -> Option<String> {
        let (last, before) = self.given().split_last()?;
        let inner = last.strip_prefix('{')?.strip_suffix('}')?;
        let comma = if inner.trim().is_empty() { "" } else { "," };
        let merged = format!("{{{inner}{comma}\"idempotencyKey\":\"{key}\"}}");
        Some(list(before, &[&merged]))
    }

    /// With options added: after the last argument, after the nulls, and after
    /// a null where params would stand.
    fn appended(&self, key: &str) -> [String; 3] {
        let options = format!("{{\"idempotencyKey\":\"{key}\"}}");
        [
            list(self.given(), &[&options]),
            list(&self.0, &[&options]),
            list(self.given(), &["null", &options]),
        ]
    }
}

fn list(args: &[&str], more: &[&str]) -> String {
    let all: Vec<&str> = args.iter().chain(more).copied().collect();
    format!("[{}]", all.join(","))
}
