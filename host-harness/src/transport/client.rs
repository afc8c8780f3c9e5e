//! The pool of connections, and what its errors mean in WASI's terms: whether
//! the request was sent, and whether the reason may pass, depends on them.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use wasmtime_wasi_http::{Error, WasiBody};

use super::TransportOptions;
use super::connector::{ConnectError, Connector, Fault};
use super::route::{Refusal, Settings};

tokio::task_local! {
    /// How long a connection for the request under way may take to come about,
    /// TLS handshake included. The pool has no other way to be told.
    pub(crate) static CONNECT_TIMEOUT: Duration;
}

/// How often an HTTP/2 connection with requests under way is asked whether the
/// other side still lives, and how long that may take to answer.
const H2_PING: Duration = Duration::from_secs(15);
const H2_PONG: Duration = Duration::from_secs(10);

/// Why there is no answer.
pub(crate) struct Lost {
    /// WASI's word for it.
    pub(crate) code: Error,
    /// What WASI has no word for.
    pub(crate) detail: Option<String>,
}

impl From<Error> for Lost {
    fn from(code: Error) -> Lost {
        Lost { code, detail: None }
    }
}

/// Connections that are kept open, HTTP/1.1 or HTTP/2 as the server chose.
pub(crate) struct Pool(Client<Connector, WasiBody>);

impl Pool {
    /// A pool under the host's options, and a connection's settings if it has
    /// any.
    pub(super) fn new(
        options: &TransportOptions,
        settings: Option<&Settings<'_>>,
    ) -> Result<Pool, Refusal> {
        let connector = Connector::new(options, settings)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.max_idle_per_host)
            // One connection serves all calls there, and would go on doing so
            // after it was silently cut.
            .http2_keep_alive_interval(H2_PING)
            .http2_keep_alive_timeout(H2_PONG)
            .build(connector);
        Ok(Pool(client))
    }

    pub(crate) async fn send(
        &self,
        request: http::Request<WasiBody>,
    ) -> Result<http::Response<WasiBody>, Lost> {
        match self.0.request(request).await {
            Ok(response) => Ok(response.map(|body| body.map_err(body_error).boxed_unsync())),
            Err(error) => Err(lost(&error)),
        }
    }
}

/// An error while an answer's body arrives.
#[allow(clippy::needless_pass_by_value)] // as `map_err` wants it
fn body_error(error: hyper::Error) -> Error {
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else {
        Error::HttpResponseIncomplete
    }
}

fn lost(error: &ClientError) -> Lost {
    let mut cause = error.source();
    // hyper gives the request back with such an error: it was not begun.
    let mut unsent = error.is_connect();
    while let Some(inner) = cause {
        if let Some(connect) = inner.downcast_ref::<ConnectError>() {
            return Lost {
                code: connect_code(connect),
                detail: connect.detail(),
            };
        }
        if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
            let code = if hyper.is_timeout() {
                Some(Error::HttpResponseTimeout)
            } else if hyper.is_parse() {
                Some(Error::HttpProtocolError)
            } else {
                None
            };
            if let Some(code) = code {
                return Lost { code, detail: None };
            }
            unsent |= hyper.is_canceled();
        }
        // A server that wants a client certificate says so only once it has
        // the client's first bytes (TLS 1.3); the alert is worth telling.
        if let Some(tls) = tls_error(inner) {
            let code = match tls {
                rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
                    alert_id: Some(u8::from(*alert)),
                    alert_message: None,
                },
                _ => Error::ConnectionTerminated,
            };
            return Lost {
                code,
                detail: Some(tls.to_string()),
            };
        }
        // HTTP/2's library keeps the text of such an error, and nothing else.
        if let Some(io) = inner.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::InvalidData
            && io.to_string().starts_with("received fatal alert")
        {
            return Lost {
                code: Error::TlsAlertReceived {
                    alert_id: None,
                    alert_message: None,
                },
                detail: Some(io.to_string()),
            };
        }
        cause = source(inner);
    }
    let code = if unsent {
        Error::DestinationUnavailable
    } else {
        Error::ConnectionTerminated
    };
    Lost { code, detail: None }
}

fn connect_code(error: &ConnectError) -> Error {
    // What a proxy did is not the destination's doing.
    if error.proxy.is_some() {
        return match &error.fault {
            Fault::Timeout | Fault::Handshake => Error::ConnectionTimeout,
            Fault::ProxyWantsUser | Fault::Name => Error::ConfigurationError,
            Fault::Tls(error) => tls_code(error),
            _ => Error::DestinationUnavailable,
        };
    }
    match &error.fault {
        Fault::Timeout | Fault::Handshake => Error::ConnectionTimeout,
        Fault::Tcp(error) => tcp_code(&**error),
        Fault::Tls(error) => tls_code(error),
        Fault::Name | Fault::ProxyWantsUser => Error::ConfigurationError,
        Fault::Tunnel(_) => Error::DestinationUnavailable,
    }
}

fn tcp_code(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(inner) = cause {
        // hyper-util does not name its DNS error type.
        if inner.to_string().starts_with("dns error") {
            return Error::DnsError {
                rcode: None,
                info_code: None,
            };
        }
        if let Some(io) = inner.downcast_ref::<io::Error>()
            && io.get_ref().is_none()
        {
            return match io.kind() {
                io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
                io::ErrorKind::TimedOut => Error::ConnectionTimeout,
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                    Error::DestinationIpUnroutable
                }
                _ => Error::DestinationUnavailable,
            };
        }
        cause = source(inner);
    }
    Error::DestinationUnavailable
}

fn tls_code(error: &io::Error) -> Error {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        // An alert too: within the handshake, nothing was sent by then.
        Some(_) => Error::TlsProtocolError,
        // A server that hung up in the middle may have been restarted.
        None => Error::DestinationUnavailable,
    }
}

/// The TLS error that an I/O error wraps.
pub(super) fn tls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref()?.downcast_ref(),
        None => error.downcast_ref(),
    }
}

/// The cause of an error; an I/O error's own `source` would skip what it wraps.
fn source<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => match io.get_ref() {
            Some(wrapped) => Some(wrapped),
            None => None,
        },
        None => error.source(),
    }
}
