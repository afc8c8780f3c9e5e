//! The request of a table operation: its path with the ids in place, and the
//! few operations that need more than a row can say.

use std::borrow::Cow;

use super::{Encoding, Planned, Request, assemble, origin, payload};
use crate::arguments::{Arguments, Place};
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::form;
use crate::json::{self, Object, Value};
use crate::operation::Operation;
use crate::options::Options;

/// Builds the request of a table operation. `uuid` is asked for a random
/// version 4 UUID where one is needed.
pub fn build<'a>(
    operation: &Operation,
    arguments: Arguments<'a>,
    settings: &Settings,
    mut uuid: impl FnMut() -> String,
) -> Result<Planned<'a>, Refusal> {
    let Arguments {
        ids,
        mut params,
        params_place,
        options,
        options_place,
    } = arguments;
    if operation.flags.own_version() && !names_version(&options) {
        return Err(Refusal::argument(
            params_place,
            format!(
                "{}.{} needs the API version its answer is for, in the call's own options: add \
                 {{\"apiVersion\": …}} as the last argument.",
                operation.resource, operation.method
            ),
        ));
    }
    if operation.flags.local() {
        fill(&mut params, "response_type", "code");
    }
    if operation.flags.client_id() {
        add_client_id(&mut params, settings, params_place)?;
    }
    if operation.flags.local() {
        fill(&mut params, "scope", "read_write");
        return Ok(Planned::Local(authorize_url(
            operation, &params, &options, settings,
        )));
    }
    let path = path(operation, &ids);
    let request = Request {
        verb: operation.verb,
        path: &path,
        options_place,
        encoding: if operation.flags.multipart() {
            Encoding::Multipart
        } else if operation.is_v2() {
            Encoding::Json
        } else {
            Encoding::Form
        },
        base: options.api_base.unwrap_or(operation.base),
        v2: operation.is_v2(),
        binary: operation.flags.binary(),
    };
    let payload = payload(&request, params, settings, &mut uuid)
        .map_err(|r| r.within(&String::from(params_place)))?;
    assemble(&request, payload, &options, settings, uuid).map(|o| Planned::Http(Box::new(o)))
}

/// Whether a call's options name an API version.
pub(crate) fn names_version(options: &Options) -> bool {
    options.api_version.is_some()
        || options
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("stripe-version"))
}

/// The path with its ids in place.
pub fn path(operation: &Operation, ids: &[Option<Cow<'_, str>>]) -> String {
    if let (Some(path), Some(None)) = (operation.null_path, ids.first()) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(operation.path.len() + 32);
    let mut ids = ids.iter();
    let mut rest = operation.path;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(Some(id)) = ids.next() {
            form::encode_segment(id, &mut out);
        }
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// Gives a param a value where it has none: null and `""` are none, and are
/// replaced where they stand.
fn fill(params: &mut Object<'_>, name: &'static str, default: &str) {
    let value = Value::String(default.to_owned().into());
    match params.iter_mut().find(|(key, _)| key == name) {
        None => params.push((name.into(), value)),
        Some((_, old)) if is_blank(old) => *old = value,
        Some(_) => {}
    }
}

fn is_blank(value: &Value<'_>) -> bool {
    matches!(value, Value::Null) || value.as_str() == Some("")
}

fn add_client_id(
    params: &mut Object<'_>,
    settings: &Settings,
    params_place: Place,
) -> Result<(), Refusal> {
    let given = params
        .iter()
        .any(|(name, value)| name == "client_id" && !is_blank(value));
    match (given, settings.client_id.as_deref()) {
        (true, _) => Ok(()),
        (false, Some(client_id)) => {
            fill(params, "client_id", client_id);
            Ok(())
        }
        (false, None) => Err(Refusal::argument(
            params_place,
            "This call needs \"client_id\" in its params, or \"clientId\" in the connection.",
        )),
    }
}

/// `oauth.authorizeUrl`: the page a person is sent to; nothing is sent.
fn authorize_url(
    operation: &Operation,
    params: &Object<'_>,
    options: &Options,
    settings: &Settings,
) -> String {
    let (https, authority, prefix) = origin(operation.base, settings);
    let mut url = format!(
        "{}://{authority}{prefix}{}{}?",
        if https { "https" } else { "http" },
        if options.express { "/express" } else { "" },
        operation.path,
    );
    let mut query = String::new();
    form::encode(params, usize::MAX, &mut query);
    url.push_str(&query);
    let mut json = String::with_capacity(url.len() + 2);
    json::write_string(&url, &mut json);
    json
}
