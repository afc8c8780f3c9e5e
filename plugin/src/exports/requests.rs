//! `requests`: calls to Stripe, and their dry runs.

use super::{Plugin, check_length, prepare, read_args, run, settings};
use crate::body::Body;
use crate::contract::exports::lowcode::stripe::requests::Guest;
use crate::failure::Refusal;
use crate::hiding::Hidden;
use crate::json::Value;
use crate::nested;
use crate::outgoing::{Outgoing, Planned};
use crate::types::{self, Connection, Error, Response};

impl Guest for Plugin {
    fn request(
        connection: Connection,
        resource: String,
        method: String,
        args: String,
    ) -> Result<Response, Error> {
        let target = nested::find(&resource, &method)?;
        let settings = settings(connection)?;
        let args = read_args(&args, &settings)?;
        run(target, args, &settings, "args")
    }

    fn stripe_request(connection: Connection, properties: String) -> Result<Response, Error> {
        let settings = settings(connection)?;
        check_length("properties", &properties, &settings)?;
        let properties = Value::parse(&properties).map_err(|error| {
            Refusal::argument(
                "properties",
                format!("The request's properties are not JSON: {error}."),
            )
        })?;
        let found = nested::resolve(properties).map_err(|refusal| refusal.within("properties"))?;
        let target = nested::find(&found.resource, &found.method)?;
        let place = format!("properties.{}", found.path);
        run(target, found.args, &settings, &place)
    }

    fn plan(
        connection: Connection,
        resource: String,
        method: String,
        args: String,
    ) -> Result<types::Planned, Error> {
        let target = nested::find(&resource, &method)?;
        let settings = settings(connection)?;
        let args = read_args(&args, &settings)?;
        let hidden = Hidden::of(&args, &settings);
        let (planned, _) = prepare(target, args, &settings, "args")?;
        Ok(match planned {
            Planned::Local(mut json) => {
                if let Some(hidden) = hidden {
                    hidden.hide_in_local(&mut json);
                }
                types::Planned::Local(json)
            }
            Planned::Http(outgoing) => types::Planned::Http(shown(*outgoing, hidden)),
        })
    }
}

/// A request as `plan` shows it: what would be sent, but for what is hidden.
fn shown(outgoing: Outgoing<'_>, hidden: Option<Hidden>) -> types::HttpRequest {
    let url = outgoing.url();
    let [prefix, between, tail] = outgoing.key.redacted_parts();
    let authorization = ["Bearer ", prefix, between, tail].concat();
    let mut headers = Vec::with_capacity(16);
    headers.push(("authorization".to_owned(), authorization));
    headers.extend(outgoing.headers.into_pairs());
    let mut shown = types::HttpRequest {
        method: outgoing.verb.as_str().to_owned(),
        url,
        headers,
        body: outgoing.body.as_ref().map(Body::to_bytes),
    };
    if let Some(hidden) = hidden {
        hidden.hide(&outgoing.key, &mut shown);
    }
    shown
}
