//! Accounts as rooms of their own: which one a request acts for, and what belongs to each. It owns the
//! reading of `Stripe-Account` and `Stripe-Context`; accounts as objects are a family.

use super::agenda::Agenda;
use super::answer::header;
use super::auth;
use super::errors::StripeError;
use super::store::Store;
use http::HeaderMap;
use std::collections::HashMap;

/// What belongs to one account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) store: Store,
    pub(crate) agenda: Agenda,
}

/// The account a request acts for: the one it names, or else the key's own.
pub(crate) fn acting(
    headers: &HeaderMap,
    key: &str,
    tokens: &HashMap<String, String>,
    own_account: &str,
) -> Result<String, StripeError> {
    // A context is a path of accounts, of which the last one is acted for.
    let context = header(headers, "stripe-context").and_then(|path| path.rsplit('/').next());
    let named = header(headers, "stripe-account")
        .or(context)
        .filter(|named| !named.is_empty());
    let Some(named) = named else {
        let account = tokens.get(key).map_or(own_account, String::as_str);
        return Ok(account.to_owned());
    };
    let plausible = named.strip_prefix("acct_").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if plausible && named.len() <= 64 {
        return Ok(named.to_owned());
    }
    Err(StripeError::forbidden(format!(
        "The provided key '{}' does not have access to account '{named}' (or that account does \
         not exist).",
        auth::redact(key)
    ))
    .code("account_invalid"))
}
