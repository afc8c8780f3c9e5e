//! The socket side of the sandbox: accepts connections, reads whole requests within limits of
//! size and time, and hands them to [`StandIn`]. It owns everything that protects the process from
//! a bad client; it knows nothing of Stripe beyond passing a request in and an answer out.

use super::errors::StripeError;
use super::faults::{self, Broken, Draws, Fault, Hit, Kind, Reply, Script, Spoilt};
use super::socket::{Impatient, Line, Socket};
use super::{DeliveryAttempt, RecordedRequest, SandboxOptions, StandIn, courier};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// How long [`Sandbox::shutdown`] waits for requests in flight.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// The most bytes a request's head may take.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most header lines a request may have.
const MAX_HEADERS: usize = 100;

/// A running sandbox. Dropping it closes its socket and every connection; [`Sandbox::shutdown`]
/// lets requests in flight finish first.
#[derive(Debug)]
pub struct Sandbox {
    stand_in: Arc<StandIn>,
    address: SocketAddr,
    scheme: &'static str,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    /// Delivers webhooks.
    courier: JoinHandle<()>,
}

impl Sandbox {
    /// Binds the address and starts answering in the background of the current tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound, for example because its port is taken, or the data file cannot
    /// be used.
    pub async fn start(options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let stand_in = Arc::new(StandIn::open(options.clone())?);
        let scheme = match options.tls {
            None => "http",
            Some(_) => "https",
        };
        let (stop, stopped) = watch::channel(false);
        let room = (options.max_bodies_bytes / 1024).min(Semaphore::MAX_PERMITS);
        let (refuse, refused) = watch::channel(None);
        let service = Service {
            stand_in: Arc::clone(&stand_in),
            draws: Arc::new(Draws::new(options.faults.as_ref())),
            options: Arc::new(options),
            room: Arc::new(Semaphore::new(room)),
            refuse,
        };
        let courier = tokio::spawn(courier::run(Arc::clone(&stand_in)));
        let accepting = tokio::spawn(accept(listener, address, service, stopped, refused));
        Ok(Self {
            stand_in,
            address,
            scheme,
            stop,
            accepting,
            courier,
        })
    }

    /// The address to give to a client, without a slash at its end: `http://127.0.0.1:49321`.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The address the sandbox listens on, with the port it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The latest requests, oldest first. One that never arrived whole, because it was too large
    /// or too slow, is not among them.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.stand_in.requests()
    }

    /// The latest tries to deliver webhooks, oldest first.
    pub fn deliveries(&self) -> Vec<DeliveryAttempt> {
        self.stand_in.deliveries()
    }

    /// The Stripe behind the socket, for tests that look at or prepare its state directly.
    pub fn stand_in(&self) -> &StandIn {
        &self.stand_in
    }

    /// Stops accepting, waits a few seconds for requests in flight, and closes everything.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, &mut self.accepting).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The connections belong to this task, so they end with it.
        self.accepting.abort();
        self.courier.abort();
    }
}

#[derive(Clone)]
struct Service {
    stand_in: Arc<StandIn>,
    options: Arc<SandboxOptions>,
    /// A permit for every KiB of the bodies that are being read or answered.
    room: Arc<Semaphore>,
    draws: Arc<Draws>,
    /// Until when new connections are refused.
    refuse: watch::Sender<Option<Instant>>,
}

async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    service: Service,
    mut stopped: watch::Receiver<bool>,
    mut refused: watch::Receiver<Option<Instant>>,
) {
    let slots = Arc::new(Semaphore::new(service.options.max_connections.max(1)));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => break,
            accepted = accept_one(&listener, &slots) => accepted,
            Ok(()) = refused.changed() => {
                // The system refuses what nobody listens for.
                drop(listener);
                tokio::select! {
                    _ = stopped.changed() => return,
                    again = listen_again(address, &mut refused) => listener = again,
                }
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Some((stream, slot)) => {
                let (service, stopped) = (service.clone(), stopped.clone());
                connections.spawn(async move {
                    serve(stream, service, stopped).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, most likely: a pause lets some be given back.
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Listens where it did, once connections are no longer to be refused.
async fn listen_again(
    address: SocketAddr,
    refused: &mut watch::Receiver<Option<Instant>>,
) -> TcpListener {
    loop {
        loop {
            let until = *refused.borrow_and_update();
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => break,
            }
        }
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            // Someone else has the port meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn accept_one(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, slot))
}

async fn serve(stream: TcpStream, service: Service, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let timeout = service.options.client_timeout;
    let socket = match &service.options.tls {
        None => Socket::Plain(stream),
        Some(identity) => match identity.accept(stream, timeout).await {
            Some(socket) => socket,
            None => return,
        },
    };
    let line = Line::new(socket);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    let (scripts, mut script) = mpsc::channel(1);
    let answer = service_fn(move |request| {
        let (service, scripts) = (service.clone(), scripts.clone());
        async move { service.answer(request, scripts).await }
    });
    let stream = Impatient::new(line.clone(), timeout);
    let script = {
        let connection = builder.serve_connection(TokioIo::new(stream), answer);
        let mut connection = std::pin::pin!(connection);
        loop {
            // A connection ends in an error when its client misbehaves or goes away. Neither
            // concerns anyone but that client.
            tokio::select! {
                biased;
                Some(script) = script.recv() => break script,
                _ = connection.as_mut() => return,
                Ok(()) = stopped.changed() => connection.as_mut().graceful_shutdown(),
            }
        }
    };
    line.play(script, timeout).await;
}

/// Why a body is not read to its end.
enum Unread {
    TooLarge,
    TooBusy,
    Broken,
}

/// Where a connection takes the script that ends it.
type Scripts = mpsc::Sender<Script>;

impl Service {
    async fn answer(
        &self,
        request: http::Request<Incoming>,
        scripts: Scripts,
    ) -> Result<http::Response<Spoilt>, Broken> {
        let (head, body) = request.into_parts();
        let limit = self.options.max_body_bytes;
        let read = tokio::time::timeout(self.options.client_timeout, self.read(body));
        let response = match read.await.unwrap_or(Err(Unread::Broken)) {
            Ok((body, _room)) => {
                let request = http::Request::from_parts(head, body);
                match self.draws.draw(&request) {
                    Ok(None) => self.stand_in.answer(&request).await,
                    Ok(Some(fault)) => return self.fail(request, &fault, scripts).await,
                    Err(message) => {
                        let error = StripeError::malformed(message);
                        self.stand_in.turn_away(&request, &error)
                    }
                }
            }
            Err(Unread::TooLarge) => self.stand_in.refuse_too_large(limit),
            Err(Unread::TooBusy) => self.stand_in.refuse_too_busy(),
            Err(Unread::Broken) => self.stand_in.refuse_too_slow(),
        };
        Ok(response.map(Spoilt::not))
    }

    /// Lets a fault happen to a request.
    async fn fail(
        &self,
        mut request: http::Request<Bytes>,
        fault: &Fault,
        scripts: Scripts,
    ) -> Result<http::Response<Spoilt>, Broken> {
        request.extensions_mut().insert(Hit(fault.name));
        let answer = match fault.commits {
            true => Some(self.stand_in.answer(&request).await),
            false => None,
        };
        if let Some(response) = self.stand_in.fault_status(&request, fault) {
            return Ok(response.map(Spoilt::not));
        }
        let reply = faults::reply(fault, answer, request.version());
        if !fault.commits {
            self.stand_in.note(&request, reply.status());
        }
        match reply {
            Reply::Whole(response) => Ok(response.map(Spoilt::not)),
            Reply::Spoilt(response) => Ok(response),
            Reply::Broken(wait) => {
                tokio::time::sleep(wait).await;
                Err(Broken)
            }
            Reply::Script(script) => {
                if let Kind::Refuse(time) = fault.kind {
                    self.refuse.send_replace(Some(Instant::now() + time));
                }
                let _ = scripts.send(script).await;
                // The connection is not the HTTP library's any more.
                scripts.closed().await;
                Err(Broken)
            }
        }
    }

    /// Reads a body, as long as there is room for it.
    async fn read(&self, mut body: Incoming) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Unread> {
        let limit = self.options.max_body_bytes;
        // What a body says of its own length saves reading one that is too large.
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(Unread::TooLarge);
        }
        let (mut bytes, mut room, mut kib) = (BytesMut::new(), Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Unread::Broken)?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let length = bytes.len().saturating_add(data.len());
            if length > limit {
                return Err(Unread::TooLarge);
            }
            let more = length.div_ceil(1024).saturating_sub(kib);
            if more > 0 {
                let permits = u32::try_from(more).map_err(|_| Unread::TooLarge)?;
                let permit = Arc::clone(&self.room).try_acquire_many_owned(permits);
                room.push(permit.map_err(|_| Unread::TooBusy)?);
                kib += more;
            }
            bytes.extend_from_slice(data);
        }
        Ok((bytes.freeze(), room))
    }
}
