//! Who is calling: which keys the sandbox takes, what a restricted key may do, and how a key is shown
//! without giving it away. It owns the reading of the `Authorization` header; it knows nothing of
//! accounts or objects.
//!
//! A restricted key (`rk_test_…`) may do everything, unless its end says otherwise: one that ends in
//! `_read_only` may read, one that ends in `_no_access` may do nothing, and one that ends in
//! `_only_customers` may read and change what is under `/v1/customers` and nothing else.

use super::errors::StripeError;
use super::routes::Route;

/// Keys that work here. `sk_org_test_` is an organization's key, `ek_test_` an ephemeral one.
const ACCEPTED: [&str; 4] = ["sk_test_", "rk_test_", "sk_org_test_", "ek_test_"];

/// Reads the key out of an `Authorization` header and decides whether the sandbox takes it.
pub(crate) fn authenticate(authorization: Option<&str>) -> Result<String, StripeError> {
    let Some(key) = authorization.and_then(key_of).filter(|key| !key.is_empty()) else {
        return Err(StripeError::unauthenticated(
            "No API key was sent. Put a test key in the Authorization header: \
             'Authorization: Bearer sk_test_...'.",
        ));
    };
    let shown = redact(&key);
    if ["sk_live_", "rk_live_", "sk_org_live_", "ek_live_"]
        .iter()
        .any(|p| key.starts_with(p))
    {
        return Err(StripeError::unauthenticated(format!(
            "This is a local sandbox, not Stripe: it refuses live keys so that a live key never \
             reaches a place that may log it. Use a test key (sk_test_...) instead of {shown}."
        )));
    }
    if key.starts_with("pk_") {
        return Err(StripeError::unauthenticated(format!(
            "{shown} is a publishable key, which may not do this. Use a secret test key \
             (sk_test_...)."
        ))
        .code("secret_key_required"));
    }
    let accepted = ACCEPTED.iter().any(|prefix| {
        key.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    });
    if !accepted {
        return Err(StripeError::unauthenticated(format!(
            "Invalid API Key provided: {shown}"
        )));
    }
    Ok(key)
}

/// Refuses what a restricted key may not do.
pub(crate) fn authorize(key: &str, route: &Route, account: &str) -> Result<(), StripeError> {
    let Some(name) = key.strip_prefix("rk_test_") else {
        return Ok(());
    };
    let reads = route.verb == "GET";
    let resource = route.template.split('/').nth(2).unwrap_or_default();
    let allowed = if name == "no_access" || name.ends_with("_no_access") {
        false
    } else if name == "read_only" || name.ends_with("_read_only") {
        reads
    } else {
        let only = name.rsplit_once("_only_").map(|(_, only)| only);
        let only = only.or_else(|| name.strip_prefix("only_"));
        only.is_none_or(|only| only == resource)
    };
    if allowed {
        return Ok(());
    }
    let kind = match route.kind() {
        "" => resource,
        kind => kind,
    };
    let permission = format!(
        "rak_{}_{}",
        kind.replace('.', "_"),
        if reads { "read" } else { "write" }
    );
    Err(StripeError::forbidden(format!(
        "The key {} lacks the permission {permission}, which this request on account {account} \
         needs.",
        redact(key)
    )))
}

/// A key's prefix and last four characters; of a short key only the prefix.
pub(crate) fn redact(key: &str) -> String {
    const MASK: &str = "***";
    let prefix_len = key.rfind('_').map_or(0, |index| index + 1);
    // A prefix longer than any of Stripe's is not a prefix but part of a secret.
    let prefix = if prefix_len <= 12 {
        key.get(..prefix_len).unwrap_or("")
    } else {
        ""
    };
    let secret = key.get(prefix.len()..).unwrap_or("");
    let last_four = secret
        .char_indices()
        .rev()
        .nth(3)
        .map_or(0, |(index, _)| index);
    match secret.get(last_four..) {
        Some(tail) if secret.chars().count() >= 12 => format!("{prefix}{MASK}{tail}"),
        _ => format!("{prefix}{MASK}"),
    }
}

/// The same for a whole `Authorization` header.
pub(crate) fn redact_authorization(header: &str) -> String {
    let scheme = header.split_whitespace().next().unwrap_or("");
    match key_of(header) {
        Some(key) => format!("{scheme} {}", redact(&key)),
        None => String::from("***"),
    }
}

/// `Bearer <key>` or `Basic base64(<key>:)`; curl's `-u sk_test_…:` sends the latter.
fn key_of(header: &str) -> Option<String> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(decode_base64(rest)?).ok()?;
    Some(pair.split(':').next().unwrap_or("").to_owned())
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0u32, 0u32);
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_test_keys_by_bearer_and_by_basic() {
        assert_eq!(
            authenticate(Some("Bearer sk_test_abc")).unwrap(),
            "sk_test_abc"
        );
        assert_eq!(
            authenticate(Some("bearer rk_test_abc")).unwrap(),
            "rk_test_abc"
        );
        // printf 'sk_test_abc:' | base64
        assert_eq!(
            authenticate(Some("Basic c2tfdGVzdF9hYmM6")).unwrap(),
            "sk_test_abc"
        );
    }

    #[test]
    fn refuses_everything_else_without_echoing_it() {
        for header in [
            "Bearer sk_live_51Habcdefghijklmnop",
            "Bearer rk_live_51Habcdefghijklmnop",
            "Bearer pk_test_51Habcdefghijklmnop",
            "Bearer 51Habcdefghijklmnop",
            "Bearer sk_test_",
            "Digest 51Habcdefghijklmnop",
            "Basic %%%",
        ] {
            let error = authenticate(Some(header)).unwrap_err();
            assert_eq!(error.status, 401, "{header}");
            assert!(!error.message.contains("51Habcdefgh"), "{}", error.message);
        }
        assert_eq!(authenticate(None).unwrap_err().status, 401);
    }

    #[test]
    fn shows_a_prefix_and_at_most_four_characters() {
        assert_eq!(redact("sk_test_51Habcdefghijklmnop"), "sk_test_***mnop");
        assert_eq!(redact("sk_test_short"), "sk_test_***");
        assert_eq!(redact("no-prefix-at-all"), "***-all");
        assert_eq!(redact(""), "***");
        assert_eq!(
            redact_authorization("Bearer sk_test_51Habcdefghijklmnop"),
            "Bearer sk_test_***mnop"
        );
    }
}
