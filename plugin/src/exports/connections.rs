//! `connections`: from what a person wrote to a connection, and what it turns
//! out to be.

use super::{Plugin, fallback_key, run, settings};
use crate::call::Wire as _;
use crate::check::{self, Kind};
use crate::connection;
use crate::connection::Settings;
use crate::contract::exports::lowcode::stripe::connections::{
    CheckedConnection, Guest, KeyKind, Lacking,
};
use crate::failure::Refusal;
use crate::json::Value;
use crate::nested;
use crate::policy;
use crate::transport::Wasi;
use crate::types::{Connection, Error, Failure, Mode, Response};

impl Guest for Plugin {
    fn parse_connection(properties: String) -> Result<Connection, Error> {
        let parse = || {
            connection::parse(&properties, fallback_key().is_some())
                .map_err(|refusal| refusal.within("properties"))
        };
        // What every call would refuse is refused here. (Parsed twice, since the
        // code that clones the whole record would be larger than that of most
        // other steps.)
        Settings::check(parse()?, fallback_key).map_err(|refusal| refusal.within("properties"))?;
        Ok(parse()?)
    }

    fn check_connection(connection: Connection) -> Result<CheckedConnection, Error> {
        let settings = settings(connection)?;
        let Some(key) = &settings.key else {
            return Err(Refusal::configuration("connection.secretKey", connection::NO_KEY).into());
        };
        let kind = check::kind(key);
        let mut checked = CheckedConnection {
            account: None,
            mode: policy::mode_of(key),
            key_kind: match kind {
                Kind::Secret => KeyKind::Secret,
                Kind::Restricted => KeyKind::Restricted,
                Kind::Organization => KeyKind::Organization,
                Kind::Other => KeyKind::Other,
            },
            latency: 0,
            api_version: None,
            lacking: Vec::new(),
            refused_by_policy: Vec::new(),
        };
        let begun = Wasi.now();
        let (mut answered, mut read) = (false, false);
        let probes = check::PROBES.iter().copied();
        for (resource, method) in std::iter::once(check::ACCOUNT).chain(probes) {
            let is_account = (resource, method) == check::ACCOUNT;
            // A secret key may do everything; one read is still owed where the
            // account could not be read.
            if read && !is_account && kind == Kind::Secret {
                break;
            }
            let args = match method {
                "list" => Value::parse(r#"{"limit":1}"#).unwrap_or(Value::Null),
                _ => Value::Null,
            };
            let target = nested::find(resource, method)?;
            match run(target, args, &settings, "") {
                Ok(response) => {
                    learn(&mut checked, &response, is_account);
                    read = true;
                }
                Err(Error::Permanent(failure)) if failure.type_ == "policy_error" => {
                    let operation = [resource, ".", method].concat();
                    checked.refused_by_policy.push(operation);
                    continue;
                }
                Err(Error::Permanent(failure)) if failure.status == Some(403) => {
                    if checked.account.is_none() {
                        checked.account = check::word(&failure.message, "acct_");
                    }
                    checked.lacking.push(lacking(resource, method, failure));
                }
                Err(error) => return Err(error),
            }
            if !answered {
                answered = true;
                let took = Wasi.now().saturating_sub(begun);
                checked.latency = u32::try_from(took).unwrap_or(u32::MAX);
            }
        }
        if !answered {
            return Err(Refusal::policy(
                "connection.allow",
                "The connection's policy allows none of the reads that would check it.",
            )
            .into());
        }
        Ok(checked)
    }
}

/// Takes over what an answer tells.
fn learn(checked: &mut CheckedConnection, response: &Response, is_account: bool) {
    let told = check::told(&response.body);
    if is_account {
        checked.account = told.id.map(|id| id.into_owned());
    }
    if let (None, Some(live)) = (checked.mode, told.livemode) {
        checked.mode = Some(if live { Mode::Live } else { Mode::Test });
    }
    if checked.api_version.is_none() {
        checked.api_version.clone_from(&response.api_version);
    }
}

fn lacking(resource: &str, method: &str, failure: Failure) -> Lacking {
    Lacking {
        operation: [resource, ".", method].concat(),
        permission: check::word(&failure.message, "rak_"),
        message: failure.message,
    }
}
