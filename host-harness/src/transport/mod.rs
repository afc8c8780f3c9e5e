//! HTTP on the component's behalf: the policy is asked before every request,
//! limits and the three timeouts of WASI HTTP are applied, since nobody else
//! does, and keys are swapped in on the way out.
//!
//! | file | owns |
//! |---|---|
//! | `client` | the pool of connections, and the way an error is told |
//! | `connector` | one connection: TCP, a proxy's tunnel, TLS |
//! | `proxy` | which proxy serves which URL |
//! | `tls`, `stores` | TLS settings; the files with certificates and keys |
//! | `route` | a connection's own way, applied whole or refused |
//! | `body` | an answer's body, bounded in time and size |
//! | `scrub` | an answer without the key that the component must not see |

mod body;
mod client;
mod connector;
mod proxy;
mod route;
mod scrub;
mod stores;
mod tls;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::body::{Bounded, too_large};
use self::scrub::Scrubbed;
use crate::HostOptions;
use crate::policy::{Policy, is_local};
use crate::secret::Injected;

pub(crate) use self::client::{CONNECT_TIMEOUT, Lost, Pool};
pub use self::proxy::{BadProxy, Proxies};
pub(crate) use self::route::{Refusal, Route};
pub use self::tls::Roots;

/// Used where the component sets no timeout of its own; it always does.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// A pool of connections for requests of the host's own.
pub(crate) fn pool(options: &TransportOptions) -> anyhow::Result<Pool> {
    Ok(Pool::new(options, None)?)
}

/// How connections are made, as far as that is the host's to decide.
#[derive(Debug, Clone)]
pub struct TransportOptions {
    /// Which certificate authorities are trusted where a connection names none
    /// of its own. Default: those bundled with this crate (Mozilla's).
    pub roots: Roots,
    /// Proxies on the way. Default: none; [`Proxies::from_env`] reads the
    /// environment.
    pub proxies: Proxies,
    /// Whether a connection's own transport properties (`httpVersion`, `proxy`,
    /// `secureSocket`) are applied. They name files of this machine and hosts
    /// of its network, so they are for hosts that trust who writes
    /// connections. Default false: such a connection is refused.
    pub from_connections: bool,
    /// How long an idle connection is kept open. Default 50 s: Stripe's load
    /// balancers keep theirs for a minute or more.
    pub idle_timeout: Duration,
    /// Most idle connections kept open for one origin. Default 256.
    pub max_idle_per_host: usize,
}

impl Default for TransportOptions {
    fn default() -> Self {
        TransportOptions {
            roots: Roots::Bundled,
            proxies: Proxies::default(),
            from_connections: false,
            idle_timeout: Duration::from_secs(50),
            max_idle_per_host: 256,
        }
    }
}

/// Something that answers requests in place of the network: a test's script, or
/// a host's own HTTP client. The policy has permitted the request; timeouts are
/// applied around it.
pub trait Exchange: Send + Sync {
    /// Answers one request.
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged;
}

/// The answer of an [`Exchange`], to come.
pub type Exchanged = Pin<Box<dyn Future<Output = Result<http::Response<WasiBody>, Error>> + Send>>;

/// What answers requests.
enum Way {
    Network(Box<Pool>),
    Other(Arc<dyn Exchange>),
}

/// The way requests go out, for all instances of a plugin.
pub(crate) struct Transport {
    way: Way,
    policy: Policy,
    fallback: Option<Injected>,
    max_response_bytes: u64,
    max_requests: usize,
}

impl Transport {
    pub(crate) fn new(options: &HostOptions, fallback: Option<Injected>) -> anyhow::Result<Self> {
        Ok(Transport {
            way: match &options.exchange {
                Some(exchange) => Way::Other(Arc::clone(exchange)),
                None => Way::Network(Box::new(Pool::new(&options.transport, None)?)),
            },
            policy: options.policy.clone(),
            fallback,
            max_response_bytes: options.response_limit(),
            max_requests: options.max_concurrent_requests,
        })
    }

    /// Whether a server answers at all: one GET of the host's own, without a
    /// key, in the policy's bounds and on a connection's route.
    pub(crate) async fn reach(
        &self,
        url: http::Uri,
        route: Option<Arc<Route>>,
        patience: Duration,
    ) -> Result<http::Response<WasiBody>, Lost> {
        let call = Call {
            route,
            ..Call::default()
        };
        let options = RequestOptions {
            connect_timeout: Some(patience),
            first_byte_timeout: Some(patience),
            between_bytes_timeout: Some(patience),
        };
        let nothing = http_body_util::Empty::new()
            .map_err(|never| match never {})
            .boxed_unsync();
        let request = http::Request::get(url)
            .body(nothing)
            .map_err(|_| Lost::from(Error::HttpRequestUriInvalid))?;
        self.send(request, options, &call)
            .await
            .map_err(|code| Lost {
                code,
                detail: call
                    .note
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            })
    }

    async fn send(
        &self,
        mut request: http::Request<WasiBody>,
        options: RequestOptions,
        call: &Call,
    ) -> Result<http::Response<WasiBody>, Error> {
        if !self.policy.permits(request.uri()) {
            return Err(Error::HttpRequestDenied);
        }
        if let Some(route) = &call.route
            && route.is_for_loopback()
            && !is_local(request.uri())
        {
            return Err(Error::HttpRequestDenied);
        }
        let mut hidden = None;
        if let Some(authorization) = request.headers_mut().get_mut(AUTHORIZATION) {
            let known = [call.injected.as_ref(), self.fallback.as_ref()];
            let swapped = known
                .into_iter()
                .flatten()
                .find_map(|injected| Some((injected.swapped(authorization)?, injected.key())));
            if let Some((swapped, key)) = swapped {
                *authorization = swapped;
                hidden = Some(key.clone());
            }
            // Not for the logs of the HTTP client, nor for HTTP/2's tables.
            authorization.set_sensitive(true);
        }
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let between = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let answering = async {
            let pool = match (&call.route, &self.way) {
                (Some(route), _) => route.pool(),
                (None, Way::Network(pool)) => &**pool,
                (None, Way::Other(exchange)) => return exchange.exchange(request).await,
            };
            CONNECT_TIMEOUT
                .scope(connect, pool.send(request))
                .await
                .map_err(|Lost { code, detail }| {
                    call.note(detail);
                    code
                })
        };
        let response = timeout(first_byte, answering)
            .await
            .map_err(|_elapsed| Error::HttpResponseTimeout)??;
        let (mut head, incoming) = response.into_parts();
        if let Some(key) = &hidden {
            scrub::hide_in_headers(&mut head.headers, key);
        }
        let limit = self.max_response_bytes;
        if incoming.size_hint().lower() > limit {
            call.note(Some(too_large(limit)));
            return Err(Error::HttpResponseBodySize(Some(limit)));
        }
        let body = Bounded::new(incoming, between, limit, call.note.clone());
        let body = match hidden {
            Some(key) => Scrubbed::new(body.boxed_unsync(), key).boxed_unsync(),
            None => body.boxed_unsync(),
        };
        Ok(http::Response::from_parts(head, body))
    }
}

/// What the host knows of a failed request and WASI has no code for.
type Note = Arc<Mutex<Option<String>>>;

/// What is particular to the call an instance serves.
#[derive(Clone, Default)]
struct Call {
    route: Option<Arc<Route>>,
    injected: Option<Injected>,
    note: Note,
    under_way: Arc<AtomicUsize>,
    has_sent: Arc<AtomicBool>,
}

impl Call {
    fn note(&self, detail: Option<String>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = detail;
    }
}

/// Counts a request as long as it is under way.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What wasmtime asks when an instance sends a request.
pub(crate) struct Hooks {
    transport: Arc<Transport>,
    call: Call,
}

impl Hooks {
    pub(crate) fn new(transport: Arc<Transport>) -> Hooks {
        Hooks {
            transport,
            call: Call::default(),
        }
    }

    /// A new call begins.
    pub(crate) fn begin(&mut self, route: Option<Arc<Route>>, injected: Option<Injected>) {
        // Anew: what the last call left behind may still be ending.
        self.call = Call {
            route,
            injected,
            ..Call::default()
        };
    }

    /// Whether the call has asked for a request.
    pub(crate) fn has_sent(&self) -> bool {
        self.call.has_sent.load(Ordering::Relaxed)
    }

    /// The keys that the host puts into this call's requests.
    pub(crate) fn injected(&self) -> impl Iterator<Item = &Injected> {
        let fallback = self.transport.fallback.as_ref();
        self.call.injected.as_ref().into_iter().chain(fallback)
    }

    /// What the host knows of the request that failed last.
    pub(crate) fn detail(&self) -> Option<String> {
        let note = &self.call.note;
        note.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let (transport, call) = (Arc::clone(&self.transport), self.call.clone());
        let under_way = UnderWay(Arc::clone(&call.under_way));
        let before = call.under_way.fetch_add(1, Ordering::Relaxed);
        call.has_sent.store(true, Ordering::Relaxed);
        Box::new(async move {
            let _under_way = under_way;
            if before >= transport.max_requests {
                call.note(Some(format!(
                    "this host grants a call {} requests at the same time \
                     (max_concurrent_requests)",
                    transport.max_requests
                )));
                return Err(Error::ConnectionLimitReached);
            }
            call.note(None);
            let response = transport
                .send(request, options.unwrap_or_default(), &call)
                .await?;
            let worker: Worker = Box::new(async { Ok(()) });
            Ok((response, worker))
        })
    }
}
