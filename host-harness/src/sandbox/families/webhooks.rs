//! Webhook endpoints, and how events are asked for. It owns an endpoint's secret, which is told once;
//! making events is `events.rs`'s affair, sending them that of `deliveries.rs`.

use super::super::audience::CONNECT;
use super::super::errors::StripeError;
use super::super::events;
use super::super::shapes::Object;
use super::super::store::{flag, set, text};
use super::super::world::{Call, World};
use super::Family;
use serde_json::{Value, json};

pub(crate) struct Webhooks;

impl Family for Webhooks {
    fn kinds(&self) -> &'static [&'static str] {
        &["event", "webhook_endpoint"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        check(&call.params)?;
        set(object, "status", "enabled");
        if flag(&call.params, "connect") {
            set(object, CONNECT, true);
        }
        // `operations::create` takes it away again before the endpoint is stored.
        set(object, "secret", format!("whsec_{}", world.ids.text(32)));
        Ok(())
    }

    fn updated(
        &self,
        _world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        check(&call.params)?;
        if call.params.contains_key("disabled") {
            let disabled = flag(&call.params, "disabled");
            set(
                object,
                "status",
                if disabled { "disabled" } else { "enabled" },
            );
        }
        Ok(())
    }

    fn own_filters(&self) -> &'static [&'static str] {
        &["type", "types", "delivery_success"]
    }

    fn selects(&self, params: &Object, object: &Object) -> bool {
        let name = text(object, "type");
        let wanted = text(params, "type");
        let any = params.get("types").and_then(Value::as_array);
        (wanted.is_empty() || events::is_of_type(name, wanted))
            && any.is_none_or(|any| {
                let mut any = any.iter().filter_map(Value::as_str);
                any.any(|wanted| events::is_of_type(name, wanted))
            })
    }
}

fn check(params: &Object) -> Result<(), StripeError> {
    if let Some(url) = params.get("url") {
        check_url(url, "url")?;
    }
    let events = params.get("enabled_events");
    if events.is_some_and(|events| !events.is_array() || *events == json!([])) {
        let message = "Invalid array: enabled_events takes enabled_events[]=name.";
        return Err(StripeError::invalid(message).param("enabled_events"));
    }
    Ok(())
}

/// Refuses what is no URL that a webhook could be sent to.
pub(crate) fn check_url(url: &Value, param: &str) -> Result<(), StripeError> {
    let url = url.as_str().unwrap_or_default();
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
        let message = "Invalid URL: a webhook endpoint is an http or https URL.";
        return Err(StripeError::invalid(message)
            .code("url_invalid")
            .param(param));
    }
    Ok(())
}
