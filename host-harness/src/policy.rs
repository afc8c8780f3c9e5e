//! Where the component may connect. Everything is denied but Stripe's hosts and
//! the origins the operator names.
//!
//! | origin | allowed |
//! |---|---|
//! | `https://api.stripe.com`, `files.`, `connect.`, `meter-events.`, port 443 | always |
//! | an origin given to [`Policy::allow`] | scheme, host and port exactly |
//! | plain `http`, an address for a name | for an allowed origin on a loopback address alone |
//! | everything else | never |

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

/// Stripe's hosts.
pub const STRIPE_HOSTS: [&str; 4] = [
    "api.stripe.com",
    "files.stripe.com",
    "connect.stripe.com",
    "meter-events.stripe.com",
];

/// The origins a component may reach. The default is Stripe's hosts.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allowed: BTreeSet<Origin>,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

/// An origin that cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOrigin(String);

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOrigin {}

impl Policy {
    /// Allows one more origin, such as `https://stripe-proxy.example:8443`.
    /// A path behind it is of no account. Plain `http` is for loopback
    /// addresses, and so are addresses in place of names.
    pub fn allow(&mut self, url: &str) -> Result<(), BadOrigin> {
        let shown = without_user(url);
        let bad = |problem: &str| BadOrigin(format!("{shown:?} cannot be allowed: {problem}"));
        let uri: Uri = url.parse().map_err(|_| bad("it is not a URL"))?;
        let origin = Origin::of(&uri).ok_or_else(|| {
            bad("write scheme, host and port, such as https://host:8443, without a user")
        })?;
        if origin.is_address() && !origin.is_loopback() {
            return Err(bad(
                "an address of another machine cannot be told from anybody's; name its host",
            ));
        }
        if !origin.https && !origin.is_loopback() {
            return Err(bad(
                "plain http is for loopback addresses (127.0.0.1, [::1], localhost) alone",
            ));
        }
        self.allowed.insert(origin);
        Ok(())
    }

    /// Whether a request may be sent there.
    pub fn permits(&self, uri: &Uri) -> bool {
        let Some(origin) = Origin::of(uri) else {
            return false;
        };
        let is_stripe =
            origin.https && origin.port == 443 && STRIPE_HOSTS.contains(&origin.host.as_str());
        is_stripe || self.allowed.contains(&origin)
    }
}

/// A URL as it may be shown: a user in it may have a password.
pub fn without_user(url: &str) -> Cow<'_, str> {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}").into(),
        None => url.into(),
    }
}

/// Whether a URL's host is this machine: an address of the loopback network, or
/// `localhost`.
pub fn is_loopback(url: &str) -> bool {
    url.parse().is_ok_and(|uri| is_local(&uri))
}

pub(crate) fn is_local(uri: &Uri) -> bool {
    Origin::of(uri).is_some_and(|origin| origin.is_loopback())
}

impl Origin {
    fn of(uri: &Uri) -> Option<Origin> {
        let https = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        // A port that is not a number is no port, and no reason to take 443.
        let port = match (authority.port(), authority.port_u16()) {
            (None, _) if authority.as_str().ends_with(':') => return None,
            (None, _) if https => 443,
            (None, _) => 80,
            (Some(_), port) => port?,
        };
        (!host.is_empty()).then_some(Origin { https, host, port })
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether the host is an address, in whatever form: those that are not IPv4
    /// as one writes it (`2130706433`, `0x7f.1`) are addresses to the system all
    /// the same.
    fn is_address(&self) -> bool {
        let last = self.host.rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with("0x")
            || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
        is_number || self.host.starts_with('[') || self.address().is_some()
    }

    fn address(&self) -> Option<IpAddr> {
        let literal = self.host.trim_start_matches('[').trim_end_matches(']');
        literal.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(policy: &Policy, url: &str) -> bool {
        url.parse().is_ok_and(|uri| policy.permits(&uri))
    }

    #[test]
    fn stripe_and_nothing_else() {
        let policy = Policy::default();
        for host in STRIPE_HOSTS {
            assert!(
                permits(&policy, &format!("https://{host}/v1/x?y")),
                "{host}"
            );
        }
        assert!(permits(&policy, "https://API.stripe.com:443/"));
        for url in [
            "http://api.stripe.com/",
            "https://api.stripe.com:8443/",
            "https://api.stripe.com:/",
            "https://api.stripe.com.evil.example/",
            "https://evil-api.stripe.com/",
            "https://stripe.com/",
            "https://api.stripe.com@evil.example/",
            "https://user@api.stripe.com/",
            "https://127.0.0.1/",
            "http://127.0.0.1:1234/",
            "http://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "ftp://api.stripe.com/",
            "/v1/x",
        ] {
            assert!(!permits(&policy, url), "{url}");
        }
    }

    #[test]
    fn an_allowed_origin_is_matched_exactly() {
        let mut policy = Policy::default();
        policy.allow("http://127.0.0.1:12111/prefix").unwrap();
        policy.allow("https://Proxy.example:8443").unwrap();
        assert!(permits(&policy, "http://127.0.0.1:12111/v1/customers"));
        assert!(permits(&policy, "https://proxy.example:8443/v1"));
        for url in [
            "http://127.0.0.1:12112/",
            "https://127.0.0.1:12111/",
            "http://localhost:12111/",
            "https://proxy.example/",
            "https://x.proxy.example:8443/",
            "http://proxy.example:8443/",
        ] {
            assert!(!permits(&policy, url), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_allowed_is_said() {
        for (url, said) in [
            ("http://stripe.example:80", "loopback"),
            ("http://10.0.0.1:80", "another machine"),
            ("https://10.0.0.1:8443", "another machine"),
            ("https://[2001:db8::1]:8443", "another machine"),
            ("https://2130706433/", "another machine"),
            ("https://0x7f.1/", "another machine"),
            ("stripe.example", "scheme"),
            ("ftp://127.0.0.1:1", "scheme"),
            ("https://u:p@h.example", "without a user"),
            ("https://", "not a URL"),
        ] {
            let error = Policy::default().allow(url).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
