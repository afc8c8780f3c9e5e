//! Which proxy serves which URL: one of a connection's settings serves all, one
//! that the host names has exceptions in curl's `NO_PROXY` form. Every request
//! goes through it as a tunnel (CONNECT), so that a proxy sees a server's name
//! and nothing else.

use std::fmt;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::{Builder, Intercept, Matcher};

use super::route::Refusal;
use crate::bindings::types;
use crate::policy::is_local;

/// The proxies on the way. The default is none.
#[derive(Clone, Default)]
pub struct Proxies {
    matcher: Option<Arc<Matcher>>,
    /// Whether this machine's own addresses are reached directly.
    spares_loopback: bool,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("matcher", &self.matcher)
            .finish_non_exhaustive()
    }
}

/// A proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadProxy(String);

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadProxy {}

impl Proxies {
    /// One proxy, such as `http://user:password@proxy.example:3128` or
    /// `https://proxy.example`, but for the hosts of a `NO_PROXY` list: names
    /// with their subdomains, addresses, networks (`10.0.0.0/8`), `*`. This
    /// machine's own addresses are reached through a proxy on it alone.
    pub fn new(url: &str, no_proxy: &str) -> Result<Proxies, BadProxy> {
        check(url).map_err(|problem| {
            // The URL may hold a password.
            BadProxy(format!("the proxy's URL {problem}"))
        })?;
        Ok(Proxies {
            matcher: matcher(Matcher::builder().all(url), no_proxy),
            spares_loopback: false,
        })
    }

    /// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`
    /// and `NO_PROXY`, in either case. This machine's own addresses, the only
    /// ones plain http is for, are reached directly.
    pub fn from_env() -> Result<Proxies, BadProxy> {
        let url = |name: &str| match variable(name) {
            None => Ok(String::new()),
            Some((name, url)) => match check(&url) {
                Ok(()) => Ok(url),
                Err(problem) => Err(BadProxy(format!(
                    "the environment variable {name} {problem}"
                ))),
            },
        };
        let builder = Matcher::builder()
            .https(url("https_proxy")?)
            .http(url("http_proxy")?)
            .all(url("all_proxy")?);
        let (_, no_proxy) = variable("no_proxy").unwrap_or_default();
        Ok(Proxies {
            matcher: matcher(builder, &no_proxy),
            spares_loopback: true,
        })
    }

    /// The proxy of a connection's settings.
    pub(super) fn of_connection(proxy: &types::Proxy) -> Result<Proxies, Refusal> {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

        let host = match proxy.host.contains(':') {
            true => format!("[{}]", proxy.host.trim_matches(['[', ']'])),
            false => proxy.host.clone(),
        };
        if proxy.host.contains(['/', '@', '?', '#']) {
            return Err(Refusal::new(
                "proxy.host",
                "\"proxy.host\" should be a host name or an address; the port is \"proxy.port\"",
            ));
        }
        let user = match (&proxy.user_name, &proxy.password) {
            (None, None) => String::new(),
            (None, Some(_)) => {
                return Err(Refusal::new(
                    "proxy.userName",
                    "\"proxy.password\" is given without \"proxy.userName\"",
                ));
            }
            (Some(user), password) => {
                let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                let password = password.as_deref().unwrap_or_default();
                format!("{}:{}@", encode(user), encode(password))
            }
        };
        let url = format!("http://{user}{host}:{}", proxy.port);
        Proxies::new(&url, "").map_err(|error| Refusal::new("proxy", error.to_string()))
    }

    pub(super) fn for_url(&self, uri: &Uri) -> Option<Intercept> {
        let proxy = self.matcher.as_ref()?.intercept(uri)?;
        // To a proxy elsewhere, this machine's addresses mean its own machine:
        // what may go to this one in the clear or unverified may not go there.
        if is_local(uri) && (self.spares_loopback || !is_local(proxy.uri())) {
            return None;
        }
        Some(proxy)
    }
}

/// The rules of proxies with their exceptions; none if all is excepted, which
/// the matcher would say of names alone.
fn matcher(builder: Builder, no_proxy: &str) -> Option<Arc<Matcher>> {
    if no_proxy.split(',').any(|exception| exception.trim() == "*") {
        return None;
    }
    Some(Arc::new(builder.no(no_proxy).build()))
}

/// A variable of the environment with its name, which may be in lower or upper
/// case. An empty one counts as none.
fn variable(name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_uppercase()]
        .into_iter()
        .find_map(|name| {
            let value = std::env::var(&name).ok()?;
            (!value.is_empty()).then_some((name, value))
        })
}

/// Whether a URL names a proxy that can be used; the error completes a sentence.
fn check(url: &str) -> Result<(), String> {
    let uri: Uri = url
        .parse()
        .map_err(|_| "is not a URL; write http://host:port".to_owned())?;
    match uri.scheme_str() {
        None | Some("http" | "https") => {}
        Some(scheme) => {
            return Err(format!(
                "has the scheme {scheme}, which is not supported; write http:// or https://"
            ));
        }
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(()),
        _ => Err("names no host; write http://host:port".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.for_url(&url.parse().unwrap())?;
        Some(proxy.uri().authority().unwrap().to_string())
    }

    #[test]
    fn a_proxy_serves_all_but_its_exceptions() {
        let proxies = Proxies::new(
            "http://proxy.example:3128",
            "files.stripe.com, .internal, 10.0.0.0/8",
        )
        .unwrap();
        for (url, proxied) in [
            ("https://api.stripe.com/v1", true),
            ("https://files.stripe.com/v1", false),
            ("https://stripe.internal:8443/v1", false),
            ("https://10.1.2.3:8443/", false),
            ("https://11.1.2.3:8443/", true),
            ("http://127.0.0.1:1/", false),
            ("https://localhost/", false),
        ] {
            let expected = proxied.then(|| "proxy.example:3128".to_owned());
            assert_eq!(served(&proxies, url), expected, "{url}");
        }
        assert_eq!(served(&Proxies::default(), "https://api.stripe.com/"), None);
        // One on this machine sees nothing that leaves it.
        let local = Proxies::new("http://127.0.0.1:3128", "").unwrap();
        assert!(served(&local, "http://127.0.0.1:1/").is_some());
    }

    #[test]
    fn a_connections_proxy_keeps_its_user_to_itself() {
        let proxy = types::Proxy {
            host: "2001:db8::1".to_owned(),
            port: 8080,
            user_name: Some("us:er".to_owned()),
            password: Some("p@ss/word".to_owned()),
        };
        let proxies = Proxies::of_connection(&proxy).unwrap_or_else(|_| panic!("refused"));
        let chosen = proxies
            .for_url(&"https://api.stripe.com/".parse().unwrap())
            .unwrap();
        assert_eq!(chosen.uri().authority().unwrap(), "[2001:db8::1]:8080");
        // Base64 of `us:er:p@ss/word`, as coreutils' base64 writes it.
        assert_eq!(chosen.basic_auth().unwrap(), "Basic dXM6ZXI6cEBzcy93b3Jk");
        assert!(!format!("{proxies:?}").contains("dXM6ZXI6"), "{proxies:?}");
    }

    #[test]
    fn what_is_no_proxy_is_said_without_its_password() {
        for (url, said) in [
            ("socks5://u:secret@h:1", "socks5"),
            ("http://", "not a URL"),
            ("http://u:secret@ h", "not a URL"),
            ("/path", "names no host"),
        ] {
            let error = Proxies::new(url, "").unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
