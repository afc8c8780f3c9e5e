//! The component's exports, one module for each interface: each takes its input
//! apart, goes through the modules in order, and puts the result into the
//! contract's records. What every call goes through, whichever export it came
//! by, is here.

mod actions;
mod catalogue;
mod connections;
mod pages;
mod requests;
mod webhooks;

use std::cell::RefCell;

use crate::arguments::{self, Arguments, Place};
use crate::call::{self, Limits, Telemetry};
use crate::catalogue::{check, problem};
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::json::Value;
use crate::nested::Target;
use crate::operation::Operation;
use crate::options::Options;
use crate::outgoing::{self, Planned, RawRequest};
use crate::policy;
use crate::transport::{Wasi, tell, uuid};
use crate::types::{Connection, Error, Response, ValidationLevel};
use crate::webhook;

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

/// Seconds since 1970.
fn wall_clock() -> u64 {
    wasi::clocks::wall_clock::now().seconds
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
            if settings.validation != ValidationLevel::Off {
                validate(&operation, &args, settings.validation)
                    .map_err(|refusal| refusal.within(place))?;
            }
            let arguments =
                arguments::split(&operation, args).map_err(|refusal| refusal.within(place))?;
            prepare_operation(&operation, arguments, settings, place)
        }
        Target::Webhook(method) => {
            let limits = Limits::new(settings, &Options::default());
            let event = webhook::call::call(method, args, settings, wall_clock)
                .map_err(|refusal| locate(refusal, place))?;
            Ok((Planned::Local(event), limits))
        }
        Target::Raw => {
            let raw = RawRequest::split(args).map_err(|refusal| refusal.within(place))?;
            prepare_raw(raw, None, settings, place)
        }
    }
}

/// Every call of a table operation comes through here, and is judged.
fn prepare_operation<'a>(
    operation: &Operation,
    arguments: Arguments<'a>,
    settings: &Settings,
    place: &str,
) -> Result<(Planned<'a>, Limits), Refusal> {
    if let Some(rules) = &settings.rules {
        judge_operation(rules, operation, &arguments, settings, place)?;
    }
    let limits = Limits::new(settings, &arguments.options);
    let planned = outgoing::build(operation, arguments, settings, uuid)
        .map_err(|refusal| locate(refusal, place))?;
    Ok((planned, limits))
}

/// Judges a call of a table operation. Apart, so that calls without a policy do
/// not carry its frame.
#[inline(never)]
fn judge_operation(
    rules: &policy::Rules,
    operation: &Operation,
    arguments: &Arguments<'_>,
    settings: &Settings,
    place: &str,
) -> Result<(), Refusal> {
    let call = policy::Call {
        verb: operation.verb,
        path: &outgoing::path(operation, &arguments.ids),
        query: None,
        called: Some(operation),
        params: &arguments.params,
        params_place: arguments.params_place,
        own_key: arguments.options.api_key.as_ref(),
        options_place: arguments.options_place,
        key: settings.key.as_ref(),
        headers: [&settings.headers, &arguments.options.headers],
    };
    rules.judge(&call, place)
}

/// The same for every other call: `rawRequest`, and the pages of a list that
/// its answers name (`called` is the list then).
fn prepare_raw<'a>(
    raw: RawRequest<'a>,
    called: Option<&Operation>,
    settings: &Settings,
    place: &str,
) -> Result<(Planned<'a>, Limits), Refusal> {
    if let Some(rules) = &settings.rules {
        let (path, query) = raw.path();
        let call = policy::Call {
            verb: raw.verb,
            path,
            query,
            called,
            params: &raw.params,
            params_place: Place::at(2),
            own_key: raw.options.api_key.as_ref(),
            options_place: Place::at(3),
            key: settings.key.as_ref(),
            headers: [&settings.headers, &raw.options.headers],
        };
        rules.judge(&call, place)?;
    }
    let limits = Limits::new(settings, &raw.options);
    let outgoing = raw
        .build(settings, uuid)
        .map_err(|refusal| locate(refusal, place))?;
    Ok((Planned::Http(Box::new(outgoing)), limits))
}

/// Holds arguments against the schemas, where the connection asks for it. What a
/// warning says goes to standard error: the response has no room for it.
fn validate(
    operation: &Operation,
    args: &Value<'_>,
    level: ValidationLevel,
) -> Result<(), Refusal> {
    let problems = check::operation(operation, args)?;
    if level == ValidationLevel::Strict {
        return problem::refusal(&problems).map_or(Ok(()), Err);
    }
    let mut lines = String::new();
    for one in &problems {
        let what = problem::line(one);
        lines.extend([
            operation.resource,
            ".",
            operation.method,
            " ",
            what.as_str(),
            "\n",
        ]);
    }
    tell(&lines);
    Ok(())
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
    send(planned, limits, settings)
}

/// Makes a call that was prepared.
fn send(planned: Planned<'_>, limits: Limits, settings: &Settings) -> Result<Response, Error> {
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
