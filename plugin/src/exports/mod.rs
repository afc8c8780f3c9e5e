//! The component's exports, one module for each interface: each takes its input
//! apart, goes through the modules in order, and puts the result into the
//! contract's records. What every call goes through, whichever export it came
//! by, is here.

mod actions;
mod connections;
mod requests;

use std::cell::RefCell;

use crate::arguments;
use crate::call::{self, Limits, Telemetry};
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::json::Value;
use crate::nested::Target;
use crate::outgoing::{self, Planned, RawRequest};
use crate::transport::{Wasi, uuid};
use crate::types::{Connection, Error, Response};

/// The component; `contract` exports it.
pub(crate) struct Plugin;

thread_local! {
    /// What this instance has to report with its next call.
    static TELEMETRY: RefCell<Telemetry> = RefCell::default();
}

/// The key hosts put into the environment, often as a placeholder they replace
/// on the way out.
fn fallback_key() -> Option<String> {
    std::env::var("STRIPE_SECRET_KEY")
        .ok()
        .filter(|key| !key.is_empty())
}

fn settings(connection: Connection) -> Result<Settings, Refusal> {
    Settings::new(connection, fallback_key).map_err(|refusal| refusal.within("connection"))
}

/// The arguments of a call; no text at all is no argument.
fn read_args<'a>(args: &'a str, settings: &Settings) -> Result<Value<'a>, Refusal> {
    check_length("args", args, settings)?;
    if args.trim().is_empty() {
        return Ok(Value::Null);
    }
    Value::parse(args)
        .map_err(|error| Refusal::argument("args", format!("The arguments are not JSON: {error}.")))
}

/// Refuses what could only become a body that is too large; base64 is a third
/// longer than what it stands for.
fn check_length(place: &str, text: &str, settings: &Settings) -> Result<(), Refusal> {
    let most = u64::from(settings.max_request_bytes) * 3 / 2;
    if text.len() as u64 <= most.max(1 << 20) {
        return Ok(());
    }
    Err(Refusal::argument(
        place,
        format!(
            "The arguments have {} bytes: their body would be larger than the {} bytes that \
             \"maxRequestBytes\" allows.",
            text.len(),
            settings.max_request_bytes
        ),
    ))
}

fn prepare<'a>(
    target: Target,
    args: Value<'a>,
    settings: &Settings,
    place: &str,
) -> Result<(Planned<'a>, Limits), Refusal> {
    match target {
        Target::Operation(operation) => {
            let arguments =
                arguments::split(&operation, args).map_err(|refusal| refusal.within(place))?;
            let limits = Limits::new(settings, &arguments.options);
            let planned = outgoing::build(&operation, arguments, settings, uuid)
                .map_err(|refusal| locate(refusal, place))?;
            Ok((planned, limits))
        }
        Target::Raw => {
            let raw = RawRequest::split(args).map_err(|refusal| refusal.within(place))?;
            let limits = Limits::new(settings, &raw.options);
            let outgoing = raw
                .build(settings, uuid)
                .map_err(|refusal| locate(refusal, place))?;
            Ok((Planned::Http(Box::new(outgoing)), limits))
        }
    }
}

/// A refusal of the connection stays there; one of the call is in its
/// arguments.
fn locate(refusal: Refusal, place: &str) -> Refusal {
    match refusal.kind {
        crate::failure::Kind::Configuration => refusal.within("connection"),
        _ => refusal.within(place),
    }
}

fn run(
    target: Target,
    args: Value<'_>,
    settings: &Settings,
    place: &str,
) -> Result<Response, Error> {
    let (planned, limits) = prepare(target, args, settings, place)?;
    match planned {
        Planned::Local(body) => Ok(Response {
            body,
            status: None,
            request_id: None,
            idempotency_key: None,
            attempts: 0,
            api_version: None,
            account: None,
        }),
        Planned::Http(outgoing) => {
            // Taken out while the call runs: a host may let calls overlap.
            let mut telemetry = TELEMETRY.take();
            let result = call::execute(&mut Wasi, &outgoing, limits, settings, &mut telemetry);
            TELEMETRY.set(telemetry);
            result
        }
    }
}
