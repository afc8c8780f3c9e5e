//! A connection's own way to Stripe: what its transport properties ask for,
//! applied whole or refused.

use std::fmt;

use super::TransportOptions;
use super::client::Pool;
use crate::HostOptions;
use crate::bindings::types::{self, HttpVersion, SecureSocket};

/// A transport property that cannot be applied: where it is, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The property, such as `secureSocket.cert`.
    pub(crate) place: &'static str,
    /// A sentence or two.
    pub(crate) message: String,
}

impl Refusal {
    pub(super) fn new(place: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.push('.');
        Refusal { place, message }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Refusal {}

/// A connection's transport properties, by what applies them.
pub(super) struct Settings<'s> {
    pub(super) http_version: Option<HttpVersion>,
    pub(super) proxy: Option<&'s types::Proxy>,
    pub(super) secure_socket: Option<&'s SecureSocket>,
}

/// A pool of connections made as a connection's properties ask.
pub(crate) struct Route {
    pool: Pool,
    /// The property that leaves the server unverified, if one does.
    unverified: Option<&'static str>,
}

impl Route {
    pub(crate) fn new(transport: &types::Transport, host: &HostOptions) -> Result<Route, Refusal> {
        let options: &TransportOptions = &host.transport;
        let place = match (&transport.proxy, &transport.secure_socket) {
            (Some(_), _) => "proxy",
            (None, Some(_)) => "secureSocket",
            (None, None) => "httpVersion",
        };
        if !options.from_connections {
            return Err(Refusal::new(
                place,
                format!(
                    "This host does not take \"{place}\" from connections (TransportOptions::\
                     from_connections); leave it out, or ask its operator"
                ),
            ));
        }
        if host.exchange.is_some() {
            return Err(Refusal::new(
                place,
                format!("This host has an HTTP client of its own, which does not take \"{place}\""),
            ));
        }
        let settings = Settings {
            http_version: transport.http_version,
            proxy: transport.proxy.as_ref(),
            secure_socket: transport.secure_socket.as_ref(),
        };
        let unverified = settings.secure_socket.and_then(|socket| {
            match (socket.enable, socket.verify_host_name) {
                (Some(false), _) => Some("secureSocket.enable"),
                (_, Some(false)) => Some("secureSocket.verifyHostName"),
                _ => None,
            }
        });
        Ok(Route {
            pool: Pool::new(options, Some(&settings))?,
            unverified,
        })
    }

    /// Whether it leaves the server unverified, which is for this machine alone.
    pub(crate) fn is_for_loopback(&self) -> bool {
        self.unverified.is_some()
    }

    /// The refusal of a connection to another machine.
    pub(crate) fn unverified(&self) -> Refusal {
        let place = self.unverified.unwrap_or("secureSocket");
        Refusal::new(
            place,
            format!(
                "\"{place}: false\" would send the key to whoever answers, so it is for a \
                 \"baseUrl\" on this machine (127.0.0.1, [::1], localhost) alone; to trust a \
                 certificate of your own, name its file in \"secureSocket.cert\""
            ),
        )
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }
}
