//! The socket side of the listener: reads one whole request within limits of
//! size and time, has it verified, and answers once its action has ended. It
//! knows nothing of signatures or of what actions do.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::action::{Action, Event};
use super::seen::{Known, Seen};
use super::{ListenOptions, Trigger};
use crate::{CallError, Case, Plugin, Webhook};

/// The most bytes a request's head may take: the signature header may have 16
/// KiB.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How long an answer may take to be read, and a connection to end.
const SPARE: Duration = Duration::from_secs(5);

/// A running endpoint. Dropping it closes its socket and every connection;
/// [`Listener::shutdown`] lets what is being worked on finish first.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    grace: Duration,
}

impl Listener {
    /// Binds the address and starts answering in the background.
    ///
    /// # Errors
    /// The address cannot be bound, for example because its port is taken.
    pub async fn start(
        options: ListenOptions,
        plugin: Plugin,
        action: impl Action,
    ) -> io::Result<Listener> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let grace = options.action_timeout + SPARE;
        let endpoint = Arc::new(Endpoint {
            plugin,
            seen: Seen::new(options.remembered, options.remembered_for),
            action: Box::new(action),
            options,
        });
        Ok(Listener {
            address,
            stop,
            accepting: tokio::spawn(accept(listener, endpoint, stopped)),
            grace,
        })
    }

    /// The address it listens on, with the port it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, and waits for what is being worked on.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = timeout(self.grace, &mut self.accepting).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The connections belong to this task, so they end with it.
        self.accepting.abort();
    }
}

struct Endpoint {
    plugin: Plugin,
    seen: Seen,
    action: Box<dyn Action>,
    options: ListenOptions,
}

async fn accept(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    mut stopped: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(endpoint.options.max_connections.max(1)));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => break,
            accepted = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok();
                (listener.accept().await, slot)
            } => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            (Ok((stream, _)), slot) => {
                let (endpoint, stopped) = (Arc::clone(&endpoint), stopped.clone());
                connections.spawn(async move {
                    serve(stream, endpoint, stopped).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, most likely: a pause lets some be given back.
            (Err(_), _) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One request, one connection: what a client keeps open it takes from others.
async fn serve(stream: TcpStream, endpoint: Arc<Endpoint>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let patience = endpoint.options.client_timeout;
    let whole = patience * 2 + endpoint.options.action_timeout + SPARE;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD_BYTES)
        // Who hangs up while an event is worked on takes nothing with it: the work
        // is finished, and the next delivery is told so.
        .keep_alive(false)
        .half_close(true);
    let answer = service_fn(move |request| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    let connection = async {
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    };
    // Ends a client that never reads its answer, too.
    let _ = timeout(whole, connection).await;
}

/// What a request is answered with, and what the log says.
struct Answer {
    status: StatusCode,
    /// Told to the client; names no secret and nothing of the payload.
    text: String,
    /// What the log is told in its place, where that may name more.
    detail: Option<String>,
    /// The event, where one was verified.
    about: Option<(String, String)>,
}

impl Answer {
    fn new(status: StatusCode, text: impl Into<String>) -> Answer {
        Answer {
            status,
            text: text.into(),
            detail: None,
            about: None,
        }
    }
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let answer = self.handle(request).await;
        if let Some(log) = &self.options.log {
            let (id, kind) = match &answer.about {
                Some((id, kind)) => (id.as_str(), kind.as_str()),
                None => ("-", "-"),
            };
            log(&format!(
                "{} {kind} {id} {}",
                answer.status.as_u16(),
                answer.detail.as_ref().unwrap_or(&answer.text)
            ));
        }
        let mut response = Response::new(Full::new(Bytes::from(format!("{}\n", answer.text))));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(
            "content-type",
            http::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert("allow", http::HeaderValue::from_static("POST"));
        }
        response
    }

    async fn handle(&self, request: Request<Incoming>) -> Answer {
        if request.method() != Method::POST {
            return Answer::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "webhooks are delivered with POST",
            );
        }
        let (head, body) = request.into_parts();
        let body = match timeout(self.options.client_timeout, self.read(body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(answer)) => return answer,
            Err(_elapsed) => {
                return Answer::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "the body did not arrive in time",
                );
            }
        };
        let event = match self.verify(&head.headers, &body).await {
            Ok(event) => event,
            Err(answer) => return answer,
        };
        let about = Some((event.id.clone(), event.kind.clone()));
        Answer {
            about,
            ..self.deal_with(&event).await
        }
    }

    /// Reads a body, if it is not too large.
    async fn read(&self, mut body: Incoming) -> Result<Bytes, Answer> {
        let limit = self.options.max_body_bytes;
        let too_large = || {
            Answer::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
            )
        };
        // What a body says of its own length saves reading one that is too large.
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let broken = |_| Answer::new(StatusCode::BAD_REQUEST, "the body was cut off");
            let frame = frame.map_err(broken)?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if bytes.len().saturating_add(data.len()) > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes.freeze())
    }

    /// Has the component verify a delivery.
    async fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Answer> {
        let bad = |text: String| Answer::new(StatusCode::BAD_REQUEST, text);
        let payload = std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8".into()))?;
        let mut given = headers.get_all("stripe-signature").iter();
        let signature = match (given.next(), given.next()) {
            (None, _) => "",
            (Some(value), None) => value
                .to_str()
                .map_err(|_| bad("the stripe-signature header is not text".into()))?,
            (Some(_), Some(_)) => {
                return Err(bad("there is more than one stripe-signature header".into()));
            }
        };
        let webhook = Webhook {
            payload,
            signature_header: signature,
            tolerance: self.options.tolerance,
            received_at: None,
        };
        // Which of the two functions is to judge: nothing is believed of this
        // before it has.
        let outline: Value = serde_json::from_str(payload).unwrap_or_default();
        let member = |name: &str| outline.get(name).and_then(Value::as_str);
        let secrets = &self.options.secrets;
        let verified = match member("object") {
            Some("v2.core.event") => self.plugin.parse_event_notification(webhook, secrets).await,
            _ => self.plugin.construct_event(webhook, secrets).await,
        };
        let payload = verified.map_err(|error| refused(&error))?;
        let (Some(id), Some(kind)) = (member("id"), member("type")) else {
            return Err(bad("the event has no id or no type".into()));
        };
        // Stripe docs, "Migrate from snapshot events to thin events": one change may
        // be told both ways, and this says that it is the same.
        let known_by = member("snapshot_event").unwrap_or(id);
        Ok(Event {
            known_by: known_by.to_owned(),
            id: id.to_owned(),
            kind: kind.to_owned(),
            payload,
            signature: signature.to_owned(),
        })
    }

    /// Acts on an event, unless that is done or none of its business.
    async fn deal_with(&self, event: &Event) -> Answer {
        let trigger: &Trigger = &self.options.trigger;
        if !trigger.wants(&event.kind) {
            let snapshot = event.kind.strip_prefix("v1.");
            return Answer::new(
                StatusCode::OK,
                match snapshot.is_some_and(|name| trigger.wants(name)) {
                    // Who writes one of the names mostly means the other one too.
                    true => format!("ignored: thin events need {} in the trigger", event.kind),
                    false => "ignored: the trigger does not name it".to_owned(),
                },
            );
        }
        let claim = match self.seen.claim(&event.known_by) {
            (_, Some(claim)) => claim,
            (Known::UnderWay, None) => {
                return Answer::new(StatusCode::CONFLICT, "the same event is being worked on");
            }
            (_, None) => return Answer::new(StatusCode::OK, "dropped: it was dealt with before"),
        };
        let limit = self.options.action_timeout;
        match timeout(limit, self.action.act(event)).await {
            Ok(Ok(done)) => {
                claim.done();
                Answer::new(StatusCode::OK, done)
            }
            Ok(Err(error)) => {
                let (message, detail) = error.into_parts();
                Answer {
                    detail,
                    ..Answer::new(StatusCode::BAD_GATEWAY, message)
                }
            }
            Err(_elapsed) => Answer::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!("not done within {} s", limit.as_secs_f64()),
            ),
        }
    }
}

/// The answer to what is not verified.
fn refused(error: &CallError) -> Answer {
    match error.case {
        Case::ExecutionFailed => Answer::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error.failure.message.clone(),
        ),
        _ => {
            let code = error.failure.code.as_deref();
            let code = code.unwrap_or(&error.failure.type_);
            let text = format!("{code}: {}", error.failure.message);
            Answer::new(StatusCode::BAD_REQUEST, text)
        }
    }
}
