//! `catalogue`: what there is to call, and how.

use super::Plugin;
use crate::catalogue::listing::{self, Filter, Kind};
use crate::catalogue::{check, describe, labels, manifest};
use crate::contract::exports::lowcode::stripe::catalogue::{
    ApiGeneration, Guest, Operation, OperationFilter, OperationKind, PluginManifest, Problem,
};
use crate::failure::Refusal;
use crate::json::Value;
use crate::nested::{self, Target};
use crate::operation::{self, API_VERSION, CLIENT};
use crate::types::Error;

impl Guest for Plugin {
    fn manifest() -> PluginManifest {
        let interface = |name: &&str| format!("{}/{name}@{}", manifest::ID, manifest::WIT_VERSION);
        PluginManifest {
            id: manifest::ID.to_owned(),
            title: manifest::TITLE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wit_version: manifest::WIT_VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            client_version: CLIENT.to_owned(),
            hosts: manifest::HOSTS.map(|base| base.host().to_owned()).to_vec(),
            capabilities: manifest::CAPABILITIES.map(str::to_owned).to_vec(),
            interfaces: manifest::INTERFACES.iter().map(interface).collect(),
            icon: manifest::ICON.to_owned(),
            licence: env!("CARGO_PKG_LICENSE").to_owned(),
            docs_url: manifest::DOCS_URL.to_owned(),
        }
    }

    fn connection_schema() -> String {
        manifest::connection_schema().unwrap_or_default()
    }

    fn operations(filter: OperationFilter) -> Result<Vec<Operation>, Error> {
        let found = listing::find(&Filter {
            text: filter.text,
            resource: filter.resource,
            kind: filter.kind.map(|kind| match kind {
                OperationKind::Read => Kind::Read,
                OperationKind::Write => Kind::Write,
                OperationKind::Destructive => Kind::Destructive,
            }),
        })?;
        Ok(found.iter().map(record).collect())
    }

    fn describe_operation(resource: String, method: String) -> Result<String, Error> {
        Ok(match nested::find(&resource, &method)? {
            Target::Operation(operation) => describe::operation(&operation),
            Target::Raw => describe::raw_request(),
            Target::Webhook(method) => Ok(method.schema().to_owned()),
        }?)
    }

    fn validate_args(
        resource: String,
        method: String,
        args: String,
    ) -> Result<Vec<Problem>, Error> {
        let target = nested::find(&resource, &method)?;
        let args = match args.trim() {
            "" => Value::Null,
            _ => Value::parse(&args).map_err(|error| {
                Refusal::argument("args", format!("The arguments are not JSON: {error}."))
            })?,
        };
        let problems = match target {
            Target::Operation(operation) => check::operation(&operation, &args)?,
            Target::Raw => check::raw_request(&args),
            // They send nothing, so they may as well be called.
            Target::Webhook(_) => {
                return Err(Refusal::argument(
                    "method",
                    "Calls to Stripe are checked here; webhooks are not sent anywhere, and say \
                     themselves what is wrong.",
                )
                .into());
            }
        };
        Ok(problems
            .into_iter()
            .map(|problem| Problem {
                pointer: problem.pointer(),
                parameter: problem.parameter(),
                message: problem.message,
                suggestion: problem.suggestion,
            })
            .collect())
    }
}

fn record(operation: &operation::Operation) -> Operation {
    let (resource, method) = (operation.resource, operation.method);
    let flags = operation.flags;
    Operation {
        name: [resource, ".", method].concat(),
        resource: resource.to_owned(),
        method: method.to_owned(),
        title: labels::operation(resource, method),
        verb: operation.verb.as_str().to_owned(),
        path: operation.path.to_owned(),
        positional: operation.path_parameters().map(str::to_owned).collect(),
        kind: match Kind::of(operation) {
            Kind::Read => OperationKind::Read,
            Kind::Write => OperationKind::Write,
            Kind::Destructive => OperationKind::Destructive,
        },
        idempotent: listing::is_idempotent(operation),
        paginated: flags.list() || flags.search(),
        search: flags.search(),
        api: match operation.is_v2() {
            true => ApiGeneration::V2,
            false => ApiGeneration::V1,
        },
        deprecated: flags.deprecated() || flags.legacy(),
        alias: flags.alias(),
        docs_url: listing::docs_url(operation),
    }
}
