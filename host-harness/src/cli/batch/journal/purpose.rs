//! What a batch is for: what decides, besides a line itself, where its call
//! arrives and on whose behalf. It is taken from what is sent, whichever
//! property says it, and knows nothing of journals.

use serde::{Deserialize, Serialize};
use stripe_harness::Connection;
use stripe_harness::types;

/// What the calls of a batch are made with, as far as it may be told: the key is
/// not in it, nor anything made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Purpose {
    /// None where nothing tells it.
    pub(super) mode: Option<Mode>,
    pub(super) base_url: Option<String>,
    pub(super) stripe_account: Option<String>,
    pub(super) stripe_context: Option<String>,
    pub(super) api_version: Option<String>,
}

/// Whether a key moves money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Mode {
    Test,
    Live,
}

impl Purpose {
    pub(in super::super) fn of(connection: &Connection) -> Purpose {
        let record = connection.record();
        // The component refuses a connection that says two different things.
        let sent = |header: &str, property: &Option<String>| {
            let given = record.headers.iter().flatten();
            let mut given = given.filter(|(name, _)| name.eq_ignore_ascii_case(header));
            let in_headers = given.next().map(|(_, value)| value.clone());
            property.clone().or(in_headers)
        };
        Purpose {
            mode: mode_of(record),
            base_url: record.base_url.clone(),
            stripe_account: sent("stripe-account", &record.stripe_account),
            stripe_context: sent("stripe-context", &record.stripe_context),
            api_version: sent("stripe-version", &record.api_version),
        }
    }

    pub(in super::super) fn is_live(&self) -> bool {
        self.mode == Some(Mode::Live)
    }

    /// What of it is another one, as half a sentence.
    pub(super) fn differs(&self, now: &Purpose) -> Option<String> {
        if self.mode != now.mode {
            return Some(format!(
                "is of {}, the secret key of {}",
                shown_mode(self.mode),
                shown_mode(now.mode)
            ));
        }
        let fields = [
            ("baseUrl", &self.base_url, &now.base_url),
            ("stripeAccount", &self.stripe_account, &now.stripe_account),
            ("stripeContext", &self.stripe_context, &now.stripe_context),
            ("apiVersion", &self.api_version, &now.api_version),
        ];
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let (name, before, now) = fields.into_iter().find(|(_, before, now)| before != now)?;
        Some(format!(
            "was made with the {name} {}, the connection has {}",
            shown(before),
            shown(now)
        ))
    }
}

fn shown_mode(mode: Option<Mode>) -> &'static str {
    match mode {
        Some(Mode::Test) => "test mode",
        Some(Mode::Live) => "live mode",
        None => "a mode it does not tell (\"keyMode\" does)",
    }
}

/// The mode of a connection's key: as the key tells, else as `keyMode` does.
fn mode_of(record: &types::Connection) -> Option<Mode> {
    let stated = || {
        #[derive(Deserialize)]
        struct Extensions {
            #[serde(rename = "keyMode")]
            key_mode: Option<Mode>,
        }
        let extensions: Extensions = serde_json::from_str(record.extensions.as_deref()?).ok()?;
        extensions.key_mode
    };
    record.secret_key.as_deref().and_then(told).or_else(stated)
}

/// What a key tells: `sk_test_…`, `rk_live_…`, and with the organization's
/// `org` between, `sk_org_live_…`.
fn told(key: &str) -> Option<Mode> {
    let (kind, rest) = key.split_once('_')?;
    let is_kind = matches!(kind.as_bytes(), [b'a'..=b'z', b'k']);
    let rest = rest.strip_prefix("org_").unwrap_or(rest);
    match rest.split_once('_') {
        Some(("test", _)) if is_kind => Some(Mode::Test),
        Some(("live", _)) if is_kind => Some(Mode::Live),
        _ => None,
    }
}
