//! A request's parameters, from its query and its body. It owns the choice of decoder by API and by
//! content type, and the complaint when a body is of the wrong type; the decoders themselves are
//! `form.rs` and `multipart.rs`.

use super::errors::StripeError;
use super::form;
use super::multipart::{self, Part};
use super::routes::Route;
use super::shapes::Object;
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a request carries.
pub(crate) struct Decoded<'a> {
    pub(crate) params: Object,
    /// The file of a multipart request.
    pub(crate) upload: Option<Part<'a>>,
}

impl Decoded<'_> {
    /// A text that differs when the parameters differ.
    pub(crate) fn fingerprint(&self) -> String {
        let mut names: Vec<_> = self.params.iter().collect();
        names.sort_by_key(|(name, _)| name.as_str());
        let mut text = serde_json::to_string(&names).unwrap_or_default();
        if let Some(upload) = &self.upload {
            let mut hasher = DefaultHasher::new();
            upload.content.hash(&mut hasher);
            let name = upload.filename.as_deref().unwrap_or_default();
            text.push_str(&format!("{name} {:x}", hasher.finish()));
        }
        text
    }
}

/// Reads the parameters of a request.
pub(crate) fn decode<'a>(
    request: &'a Request<Bytes>,
    route: &Route,
) -> Result<Decoded<'a>, StripeError> {
    let mut params = form::decode(request.uri().query().unwrap_or_default().as_bytes())?;
    let body: &[u8] = request.body();
    let content_type = request
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut upload = None;
    if route.is_v2() {
        params.extend(decode_json(&essence, body)?);
    } else if essence == "multipart/form-data" {
        let mut pairs = Vec::new();
        for part in multipart::parse(content_type, body)? {
            if part.name == "file" {
                upload = Some(part);
                continue;
            }
            let value = String::from_utf8(part.content.to_vec()).map_err(|_| {
                StripeError::malformed("A part of the request is not UTF-8.").param(&part.name)
            })?;
            pairs.push((part.name, value));
        }
        params.extend(form::build(pairs)?);
    } else if !body.is_empty() {
        if !matches!(essence.as_str(), "" | "application/x-www-form-urlencoded") {
            return Err(StripeError::malformed(format!(
                "API v1 takes bodies of type application/x-www-form-urlencoded, not {essence}."
            )));
        }
        params.extend(form::decode(body)?);
    }
    Ok(Decoded { params, upload })
}

fn decode_json(essence: &str, body: &[u8]) -> Result<Object, StripeError> {
    if body.is_empty() {
        return Ok(Object::new());
    }
    if essence != "application/json" {
        return Err(StripeError::malformed(
            "API v2 takes bodies of type application/json.",
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(StripeError::malformed("The body must be a JSON object.")),
        Err(error) => Err(StripeError::malformed(format!(
            "The body is no valid JSON: {error}."
        ))),
    }
}

/// The `client_secret` parameter, which OAuth takes in place of the header, as that header.
pub(crate) fn client_secret(request: &Request<Bytes>) -> Option<String> {
    let params = form::decode(request.body()).ok()?;
    Some(format!("Bearer {}", params.get("client_secret")?.as_str()?))
}
