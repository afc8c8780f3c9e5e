//! HTTP on the component's behalf: connections are pooled and shared by all
//! instances, the policy is asked before every request, and the three timeouts
//! of WASI HTTP are applied here, since nobody else does.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::policy::Policy;

/// Used where the component sets no timeout of its own; it always does.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long an idle connection is kept. Stripe's load balancers keep theirs for
/// a minute or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

tokio::task_local! {
    /// How long a connection for the request under way may take to come about,
    /// TLS handshake included. The pool has no other way to be told.
    static CONNECT_TIMEOUT: Duration;
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

type HttpClient = Client<InTime<HttpsConnector<HttpConnector>>, WasiBody>;

/// Something that answers requests in place of the network: a test's script, or
/// a host's own HTTP client. The policy has permitted the request; timeouts are
/// applied around it.
pub trait Exchange: Send + Sync {
    /// Answers one request.
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged;
}

/// The answer of an [`Exchange`], to come.
pub type Exchanged = Pin<Box<dyn Future<Output = Result<http::Response<WasiBody>, Error>> + Send>>;

/// A pool of connections, and where they may go.
#[derive(Clone)]
pub(crate) struct Transport {
    exchange: Arc<dyn Exchange>,
    policy: Policy,
}

impl Transport {
    /// Sends through something else than the network.
    pub(crate) fn through(exchange: Arc<dyn Exchange>, policy: Policy) -> Transport {
        Transport { exchange, policy }
    }

    /// A pool with bundled root certificates.
    pub(crate) fn new(policy: Policy) -> anyhow::Result<Transport> {
        // Chosen explicitly: a process-wide default may be another's, or none.
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_webpki_roots()
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(InTime(connector));
        Ok(Transport::through(Arc::new(Pool(client)), policy))
    }

    async fn send(
        self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<http::Response<WasiBody>, Error> {
        if !self.policy.permits(request.uri()) {
            return Err(Error::HttpRequestDenied);
        }
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let between = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let answering = CONNECT_TIMEOUT.scope(connect, self.exchange.exchange(request));
        let response = timeout(first_byte, answering)
            .await
            .map_err(|_elapsed| Error::HttpResponseTimeout)??;
        Ok(response.map(|incoming| {
            TimedBody {
                incoming,
                between,
                timer: Box::pin(sleep(between)),
            }
            .boxed_unsync()
        }))
    }
}

/// The pooled client.
struct Pool(HttpClient);

impl Exchange for Pool {
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged {
        let answering = self.0.request(request);
        Box::pin(async move {
            match answering.await {
                Ok(response) => Ok(response.map(|body| body.map_err(body_error).boxed_unsync())),
                Err(error) => Err(wasi_error(&error)),
            }
        })
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

/// A connector that gives up after the request's connect timeout.
#[derive(Clone)]
struct InTime<C>(C);

impl<C> Service<http::Uri> for InTime<C>
where
    C: Service<http::Uri, Error = BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let within = CONNECT_TIMEOUT.try_with(|within| *within);
        let connecting = timeout(within.unwrap_or(DEFAULT_TIMEOUT), self.0.call(uri));
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected,
                Err(_elapsed) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

/// Tells the component apart what happened: whether the request was sent, and
/// whether the reason may pass, depends on it.
fn wasi_error(error: &ClientError) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    let connecting = error.is_connect();
    while let Some(inner) = cause {
        // Once connected, a TLS fault says nothing about what was received.
        if let (true, Some(tls)) = (connecting, inner.downcast_ref::<rustls::Error>()) {
            return tls_error(tls);
        }
        if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
            if hyper.is_timeout() {
                return Error::HttpResponseTimeout;
            }
            if hyper.is_parse() {
                return Error::HttpProtocolError;
            }
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            match io.get_ref() {
                // Its own `source` would skip the error it wraps.
                Some(wrapped) => {
                    cause = Some(wrapped);
                    continue;
                }
                None if connecting => return connect_error(io),
                None => {}
            }
        }
        // hyper-util does not name its DNS error type.
        if connecting && inner.to_string().starts_with("dns error") {
            return Error::DnsError {
                rcode: None,
                info_code: None,
            };
        }
        cause = inner.source();
    }
    if connecting {
        Error::DestinationUnavailable
    } else {
        Error::ConnectionTerminated
    }
}

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::DestinationUnavailable,
    }
}

fn tls_error(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        _ => Error::TlsProtocolError,
    }
}

/// An answer's body that fails if its next part does not come in time.
struct TimedBody {
    incoming: WasiBody,
    between: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(cx);
        if frame.is_pending() {
            ready!(self.timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        }
        let next = tokio::time::Instant::now() + self.between;
        self.timer.as_mut().reset(next);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.incoming.size_hint()
    }
}

/// What wasmtime asks when an instance sends a request.
pub(crate) struct Hooks {
    transport: Transport,
}

impl Hooks {
    pub(crate) fn new(transport: Transport) -> Hooks {
        Hooks { transport }
    }
}

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    /// The client writes `host`, or HTTP/2's `:authority`, itself.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Worker,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Worker), Error>> + Send> {
        let transport = self.transport.clone();
        Box::new(async move {
            let response = transport.send(request, options.unwrap_or_default()).await?;
            let worker: Worker = Box::new(async { Ok(()) });
            Ok((response, worker))
        })
    }
}
