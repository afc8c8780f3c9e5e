//! The headers of a request: the plugin's own, and what a caller may add or
//! replace. `authorization`, `host`, `content-length` and the headers that
//! belong to a connection between two machines are never the caller's.

use std::borrow::Cow;

use crate::json;
use crate::secret::Secret;
use crate::types::AppInfo;

/// The version of the plugin.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Most bytes all headers of a request may have together. wasmtime traps an
/// instance at 128 KiB; Stripe's own servers refuse far less.
pub const MAX_BYTES: usize = 64 * 1024;

/// Headers a caller may not set: the key, the framing and encoding of bodies,
/// and those WASI HTTP hosts forbid.
const FORBIDDEN: [&str; 17] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-stripe-client-telemetry",
];

/// Checks a header a caller gave; the error is a sentence.
pub fn check(name: &str, value: &str) -> Result<(), String> {
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token {
        return Err(format!("{name:?} is not a header name."));
    }
    if FORBIDDEN
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
    {
        return Err(format!("The header {name:?} cannot be set; remove it."));
    }
    check_value(name, value)
}

/// Checks a value that travels in a header; the error is a sentence that does
/// not repeat the value.
pub fn check_value(name: &str, value: &str) -> Result<(), String> {
    // Visible ASCII with single spaces inside: what every host and every
    // HTTP version carries unchanged (RFC 9110, 5.5).
    let fits = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && !value.starts_with(' ')
        && !value.ends_with(' ');
    if fits {
        Ok(())
    } else {
        Err(format!(
            "The value of {name:?} cannot travel in a header: it has a line break, a tab, a space at \
             an end, or a character outside ASCII."
        ))
    }
}

/// Headers in the order they are sent, names in lower case, each once.
#[derive(Debug, Default)]
pub struct Headers(Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl Headers {
    /// No headers, with room for as many as a request usually has.
    pub fn with_room() -> Self {
        Headers(Vec::with_capacity(16))
    }

    /// Sets a header, replacing an earlier one of the same name, whatever its
    /// case.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        let mut name = name.into();
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// A header's value, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// All of them, to keep.
    pub fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// Bytes of all names and values, with HTTP/2's 32 for each entry (RFC
    /// 9113, 6.5.2), which is how hosts count.
    pub fn size(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len() + 32)
            .sum()
    }
}

macro_rules! user_agent {
    ($api:literal) => {
        concat!(
            "Stripe/",
            $api,
            " LowcodeStripe/",
            env!("CARGO_PKG_VERSION")
        )
    };
}

/// `user-agent`: this plugin, by its name, then the application.
pub fn user_agent(v2: bool, app: Option<&AppInfo>) -> Cow<'static, str> {
    let own = if v2 {
        user_agent!("v2")
    } else {
        user_agent!("v1")
    };
    let Some(app) = app else {
        return Cow::Borrowed(own);
    };
    let mut out = format!("{own} {}", app.name);
    if let Some(version) = &app.version {
        out.push('/');
        out.push_str(version);
    }
    if let Some(url) = &app.url {
        out.push_str(" (");
        out.push_str(url);
        out.push(')');
    }
    Cow::Owned(out)
}

macro_rules! client_user_agent {
    ($end:literal) => {
        concat!(
            "{\"bindings_version\":\"",
            env!("CARGO_PKG_VERSION"),
            "\",\"lang\":\"rust\",\"publisher\":\"lowcode\",\"httplib\":\"wasi-http\",",
            "\"platform\":\"wasm32-wasip2\"",
            $end
        )
    };
}

/// `x-stripe-client-user-agent`: the same for Stripe's statistics, as JSON.
pub fn client_user_agent(app: Option<&AppInfo>) -> Cow<'static, str> {
    let Some(app) = app else {
        return Cow::Borrowed(client_user_agent!("}"));
    };
    let mut out = String::from(client_user_agent!(",\"application\":{"));
    let fields = [
        ("name", Some(&app.name)),
        ("version", app.version.as_ref()),
        ("url", app.url.as_ref()),
        ("partner_id", app.partner_id.as_ref()),
    ];
    let mut first = true;
    for (name, value) in fields {
        let Some(value) = value else { continue };
        if !first {
            out.push(',');
        }
        first = false;
        json::write_string(name, &mut out);
        out.push(':');
        json::write_string(value, &mut out);
    }
    out.push_str("}}");
    Cow::Owned(out)
}

/// Bytes that `authorization` and a telemetry header add to a request.
pub fn authorization_size(key: &Secret) -> usize {
    "authorization".len() + "Bearer ".len() + key.expose().len() + 32 + 320
}

/// The `authorization` header of a key.
pub fn authorization(key: &Secret) -> String {
    let mut out = String::with_capacity(7 + key.expose().len());
    out.push_str("Bearer ");
    out.push_str(key.expose());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_may_add_but_not_take_over() {
        assert_eq!(check("X-Shop", "1 2"), Ok(()));
        assert_eq!(check("Stripe-Version", "2020-08-27"), Ok(()));
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a:", "x"),
            ("é", "x"),
            ("AUTHORIZATION", "Bearer x"),
            ("Host", "evil.example"),
            ("Content-Length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("x", "a\r\nb: c"),
            ("x", "a\0"),
            ("x", "é"),
            ("x", " a"),
        ] {
            assert!(check(name, value).is_err(), "{name:?}: {value:?}");
        }
    }

    #[test]
    fn a_header_is_replaced_whatever_its_case() {
        let mut headers = Headers::default();
        headers.set("accept", "application/json");
        headers.set("Accept", "text/plain");
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("accept", "text/plain")]
        );
        assert_eq!(headers.size(), 6 + 10 + 32);
    }

    #[test]
    fn names_the_plugin_and_the_application() {
        let app = AppInfo {
            name: "Shop \"1\"".into(),
            version: Some("2.0".into()),
            url: Some("https://shop.example".into()),
            partner_id: None,
        };
        assert_eq!(
            user_agent(false, Some(&app)),
            format!("Stripe/v1 LowcodeStripe/{VERSION} Shop \"1\"/2.0 (https://shop.example)")
        );
        let json: serde_json::Value = serde_json::from_str(&client_user_agent(Some(&app))).unwrap();
        assert_eq!(json["application"]["name"], "Shop \"1\"");
        assert_eq!(json["lang"], "rust");
        let plain: serde_json::Value = serde_json::from_str(&client_user_agent(None)).unwrap();
        assert!(plain.get("application").is_none());
    }
}
