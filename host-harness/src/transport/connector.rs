//! One connection: TCP, through a proxy's tunnel where there is one, with TLS
//! where the URL wants it. All of it within the request's connect timeout.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::DEFAULT_TIMEOUT;
use super::TransportOptions;
use super::client::{CONNECT_TIMEOUT, tls_error};
use super::proxy::Proxies;
use super::route::{Refusal, Settings};
use super::tls::Tls;

/// How often TCP asks whether the other side still lives.
const KEEPALIVE: Duration = Duration::from_secs(60);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector(Arc<Shared>);

struct Shared {
    tcp: HttpConnector,
    tls: Tls,
    proxies: Proxies,
    /// TLS towards a proxy: its certificate is its own matter, not that of a
    /// connection's settings.
    proxy_tls: Tls,
}

/// What went wrong before a request could be sent.
#[derive(Debug)]
pub(super) enum Fault {
    /// No name, no route, no connection.
    Tcp(BoxError),
    /// No TLS.
    Tls(io::Error),
    /// The connect timeout has passed.
    Timeout,
    /// The TLS handshake took longer than the connection's settings allow.
    Handshake,
    /// The server's name cannot be one in TLS.
    Name,
    /// A proxy answered 407.
    ProxyWantsUser,
    /// A proxy did not open the tunnel.
    Tunnel(BoxError),
}

/// No connection came about.
#[derive(Debug)]
pub(super) struct ConnectError {
    pub(super) fault: Fault,
    /// The proxy on the way, where that is what failed.
    pub(super) proxy: Option<String>,
}

impl ConnectError {
    fn direct(fault: Fault) -> Self {
        ConnectError { fault, proxy: None }
    }

    /// For a person: what WASI's error codes leave out.
    pub(super) fn detail(&self) -> Option<String> {
        let what = match &self.fault {
            // The timeout's own message says it all.
            Fault::Timeout if self.proxy.is_none() => return None,
            Fault::Timeout => "no tunnel in time".to_owned(),
            Fault::Handshake => "the TLS handshake took longer than handshakeTimeout".to_owned(),
            Fault::Tcp(error) => innermost(&**error),
            Fault::Tls(error) => match tls_error(error) {
                Some(tls @ rustls::Error::AlertReceived(alert)) if is_about_clients(*alert) => {
                    format!("{tls}; does it want a client certificate?")
                }
                Some(tls) => tls.to_string(),
                None => error.to_string(),
            },
            Fault::Name => "the server's name is not a DNS name or an address".to_owned(),
            Fault::ProxyWantsUser => "it wants a user name and password (407)".to_owned(),
            Fault::Tunnel(error) => innermost(&**error),
        };
        Some(match &self.proxy {
            Some(proxy) => format!("the proxy {proxy}: {what}"),
            None => what,
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection")?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Whether a server ends a handshake so that misses a client certificate, or
/// does not like the one it was given.
fn is_about_clients(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
    )
}

/// The last of an error's causes.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

impl Connector {
    pub(super) fn new(
        options: &TransportOptions,
        settings: Option<&Settings<'_>>,
    ) -> Result<Connector, Refusal> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        let proxies = match settings.and_then(|settings| settings.proxy) {
            Some(proxy) => Proxies::of_connection(proxy)?,
            None => options.proxies.clone(),
        };
        Ok(Connector(Arc::new(Shared {
            tcp,
            tls: Tls::new(options.roots, settings)?,
            proxies,
            proxy_tls: Tls::new(options.roots, None)?.http1(),
        })))
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        // A `HttpConnector` always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let within = CONNECT_TIMEOUT
            .try_with(|within| *within)
            .unwrap_or(DEFAULT_TIMEOUT);
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let proxy = shared.proxies.for_url(&uri);
            let connecting = shared.connect(&uri, proxy.as_ref(), within);
            match timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_elapsed) => Err(ConnectError {
                    fault: Fault::Timeout,
                    proxy: proxy.as_ref().map(name_of),
                }),
            }
        })
    }
}

impl Shared {
    async fn connect(
        &self,
        uri: &Uri,
        proxy: Option<&Intercept>,
        within: Duration,
    ) -> Result<Link, ConnectError> {
        let stream = match proxy {
            Some(proxy) => self.tunnel(uri, proxy, within).await?,
            None => self.tcp(uri, within).await?,
        };
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(Link::new(stream, false));
        }
        self.tls
            .secure(stream, uri)
            .await
            .map_err(ConnectError::direct)
    }

    async fn tcp(&self, uri: &Uri, within: Duration) -> Result<Stream, ConnectError> {
        let mut tcp = self.tcp.clone();
        // Shared out among a name's addresses: one that is silent must not use
        // up the time of the others.
        tcp.set_connect_timeout(Some(within));
        let connected = tcp.call(uri.clone()).await;
        match connected {
            Ok(stream) => Ok(Box::new(stream.into_inner())),
            Err(error) => Err(ConnectError::direct(Fault::Tcp(error.into()))),
        }
    }

    async fn tunnel(
        &self,
        uri: &Uri,
        proxy: &Intercept,
        within: Duration,
    ) -> Result<Stream, ConnectError> {
        let at_proxy = |fault: Fault| ConnectError {
            fault,
            proxy: Some(name_of(proxy)),
        };
        let stream = self
            .tcp(proxy.uri(), within)
            .await
            .map_err(|error| at_proxy(error.fault))?;
        let link = match proxy.uri().scheme() == Some(&Scheme::HTTPS) {
            false => Link::new(stream, false),
            true => self
                .proxy_tls
                .secure(stream, proxy.uri())
                .await
                .map_err(at_proxy)?,
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), Once(Some(link)));
        if let Some(user) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(user.clone());
        }
        match tunnel.call(with_port(uri)).await {
            Ok(link) => Ok(link.0.into_inner()),
            // The error has no case to match on outside of its crate.
            Err(error) if error.to_string().contains("authorization required") => {
                Err(at_proxy(Fault::ProxyWantsUser))
            }
            Err(error) => Err(at_proxy(Fault::Tunnel(error.into()))),
        }
    }
}

/// A URL with its port, which a tunnel would take to be 443 where none is given.
fn with_port(uri: &Uri) -> Uri {
    let plain = uri.scheme() == Some(&Scheme::HTTP) && uri.port().is_none();
    let named = match (plain, uri.host()) {
        (true, Some(host)) => format!("http://{host}:80/").parse().ok(),
        _ => None,
    };
    named.unwrap_or_else(|| uri.clone())
}

fn name_of(proxy: &Intercept) -> String {
    match proxy.uri().authority() {
        Some(authority) => authority.to_string(),
        None => String::new(),
    }
}

impl Tls {
    /// TLS over a stream, for a URL's host.
    async fn secure(&self, stream: Stream, uri: &Uri) -> Result<Link, Fault> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => {
                let host = uri.host().unwrap_or_default();
                let host = host.trim_start_matches('[').trim_end_matches(']');
                ServerName::try_from(host.to_owned()).map_err(|_| Fault::Name)?
            }
        };
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let shaking = connector.connect(name, stream);
        let shaken = match self.handshake_timeout {
            None => shaking.await,
            Some(within) => match timeout(within, shaking).await {
                Ok(shaken) => shaken,
                Err(_elapsed) => return Err(Fault::Handshake),
            },
        };
        let stream = shaken.map_err(Fault::Tls)?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Link::new(Box::new(stream), is_h2))
    }
}

/// A connection that exists, for the tunnel that wants to make one.
struct Once(Option<Link>);

impl Service<Uri> for Once {
    type Response = Link;
    type Error = io::Error;
    type Future = std::future::Ready<Result<Link, io::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _proxy: Uri) -> Self::Future {
        let link = self.0.take();
        std::future::ready(link.ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// Bytes in both directions: TCP, TLS over TCP, TLS over a proxy's tunnel.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Stream = Box<dyn Duplex>;

/// A connection ready for HTTP.
pub(super) struct Link(TokioIo<Stream>, bool);

impl Link {
    fn new(stream: Stream, is_h2: bool) -> Self {
        Link(TokioIo::new(stream), is_h2)
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        match self.1 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }
}
