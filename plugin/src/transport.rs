//! One attempt over WASI HTTP. Everything is non-blocking underneath and waits
//! in one place, on the operation and on the attempt's deadline together.
//!
//! The HTTP crate's own client is not used: it has only a connect timeout,
//! sends empty bodies chunked, and its `Response` reads the body without a
//! deadline. Its bindings are.

use std::cell::OnceCell;

use waki::bindings::wasi::clocks::monotonic_clock;
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme, http_error_code,
};
use waki::bindings::wasi::io::poll::{Pollable, poll};
use waki::bindings::wasi::io::streams::{OutputStream, StreamError};

use crate::answer::Answer;
use crate::body::Body;
use crate::call::{Attempt, Lost, Wire};
use crate::contract::wasi::cli::stderr;
use crate::failure::Kind;
use crate::headers::{self, Headers};
use crate::operation::Verb;
use crate::outgoing::Outgoing;

const NANOSECONDS: u64 = 1_000_000;

/// Bytes asked of an answer's stream at a time.
const CHUNK: u64 = 64 * 1024;

/// Longest time a connection may take to come about, in milliseconds.
const MAX_CONNECT: u64 = 30_000;

/// WASI's HTTP, clock and random numbers.
pub(crate) struct Wasi;

impl Wire for Wasi {
    fn now(&mut self) -> u64 {
        wasi::clocks::monotonic_clock::now() / NANOSECONDS
    }

    fn sleep(&mut self, milliseconds: u64) {
        monotonic_clock::subscribe_duration(milliseconds.saturating_mul(NANOSECONDS)).block();
    }

    fn dice(&mut self) -> f64 {
        // The 53 bits that a float between 0 and 1 can tell apart.
        let bits = wasi::random::random::get_random_u64() >> 11;
        bits as f64 / (1u64 << 53) as f64
    }

    fn send(&mut self, outgoing: &Outgoing<'_>, attempt: Attempt<'_>) -> Result<Answer, Lost> {
        let deadline = Deadline::new(attempt);
        let request = request(outgoing, attempt)?;
        // Asking for a body announces one: hosts then send even an empty one
        // chunked.
        let body = match &outgoing.body {
            Some(content) => {
                let body = request.body().map_err(|()| refused("a request body"))?;
                Some((body, content))
            }
            None => None,
        };
        let options = timeouts(attempt);
        let pending =
            outgoing_handler::handle(request, Some(options)).map_err(|e| lost(&e, outgoing))?;
        let ready = pending.subscribe();
        // A server may answer, or hang up, before it has read the whole body:
        // then its answer says more than the failed write. What is left of the
        // body is held until the answer is read, so that it is not cut off.
        let unfinished = match body {
            None => None,
            Some((body, content)) => match write(body, content, &ready, &deadline) {
                Ok(unfinished) => unfinished,
                Err(lost) if lost.kind == Kind::Timeout => return Err(lost),
                Err(_) => None,
            },
        };
        let response = loop {
            deadline.wait(&ready)?;
            match pending.get() {
                Some(Ok(Ok(response))) => break response,
                Some(Ok(Err(error))) => return Err(lost(&error, outgoing)),
                Some(Err(())) => return Err(broken("the host gave no answer")),
                None => {}
            }
        };
        drop(ready);
        drop(pending);
        let answer = read(&response, attempt, &deadline, outgoing);
        drop(unfinished);
        answer
    }
}

/// Writes text to standard error, through a stream that ends with it: one that
/// the standard library kept would outlive the call, and a host may close what a
/// call left open. Who takes no standard error is no reason to stop.
pub(crate) fn tell(text: &str) {
    let stream = stderr::get_stderr();
    // The most that one such write takes.
    for part in text.as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(part).is_err() {
            return;
        }
    }
}

/// A random version 4 UUID (RFC 9562, 5.4).
pub(crate) fn uuid() -> String {
    let (high, low) = (
        wasi::random::random::get_random_u64(),
        wasi::random::random::get_random_u64(),
    );
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let mut out = String::with_capacity(36);
    for digit in 0..32 {
        if matches!(digit, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        let half = if digit < 16 { high } else { low };
        let nibble = (half >> (60 - 4 * (digit % 16))) & 0xf;
        out.push(char::from_digit(nibble as u32, 16).unwrap_or('0'));
    }
    out
}

/// Which of two things is ready.
enum Ready {
    First,
    Second,
}

/// The end of an attempt.
struct Deadline {
    /// On the monotonic clock, in nanoseconds.
    at: u64,
    pollable: Pollable,
    timeout: u64,
}

impl Deadline {
    fn new(attempt: Attempt<'_>) -> Self {
        let at = attempt.deadline.saturating_mul(NANOSECONDS);
        Deadline {
            at,
            pollable: monotonic_clock::subscribe_instant(at),
            timeout: attempt.timeout,
        }
    }

    fn has_passed(&self) -> bool {
        monotonic_clock::now() >= self.at
    }

    /// Waits until something is ready; an error if the time is up first.
    fn wait(&self, ready: &Pollable) -> Result<(), Lost> {
        let awake = poll(&[ready, &self.pollable]);
        if awake.contains(&0) {
            return Ok(());
        }
        Err(self.lost())
    }

    /// Waits until one of two things is ready.
    fn wait_for_either(&self, first: &Pollable, second: &Pollable) -> Result<Ready, Lost> {
        let awake = poll(&[first, second, &self.pollable]);
        if awake.contains(&1) {
            Ok(Ready::Second)
        } else if awake.contains(&0) {
            Ok(Ready::First)
        } else {
            Err(self.lost())
        }
    }

    fn lost(&self) -> Lost {
        Lost {
            kind: Kind::Timeout,
            message: format!(
                "Stripe did not answer within {} ms; the request may have arrived.",
                self.timeout
            ),
            sent: true,
            passing: true,
        }
    }
}

fn request(outgoing: &Outgoing<'_>, attempt: Attempt<'_>) -> Result<OutgoingRequest, Lost> {
    // All at once: each call of the host's costs more than a header does.
    let mut all = Vec::with_capacity(12);
    let mut append = |name: &str, value: &str| {
        all.push((name.to_owned(), value.as_bytes().to_vec()));
    };
    append("authorization", &headers::authorization(&outgoing.key));
    for (name, value) in outgoing.headers.iter() {
        append(name, value);
    }
    if let Some(telemetry) = attempt.telemetry {
        append("x-stripe-client-telemetry", telemetry);
    }
    let fields = Fields::from_list(&all).map_err(|_| refused("a header"))?;
    let request = OutgoingRequest::new(fields);
    let method = match outgoing.verb {
        Verb::Get => Method::Get,
        Verb::Post => Method::Post,
        Verb::Delete => Method::Delete,
    };
    let scheme = if outgoing.https {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_method(&method)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(&outgoing.authority)))
        .and_then(|()| set_target(&request, &outgoing.target))
        .map_err(|()| refused("the request's URL"))?;
    Ok(request)
}

/// Sets path and query. The official client writes the brackets of `expand[0]`
/// as they are; a host that holds on to RFC 3986, where a query has none, is given
/// their percent-encoding, which means the same to Stripe.
fn set_target(request: &OutgoingRequest, target: &str) -> Result<(), ()> {
    request.set_path_with_query(Some(target)).or_else(|()| {
        let encoded = target.replace('[', "%5B").replace(']', "%5D");
        request.set_path_with_query(Some(&encoded))
    })
}

/// All three timeouts of WASI HTTP; the deadline of the attempt bounds their
/// sum.
fn timeouts(attempt: Attempt<'_>) -> RequestOptions {
    let options = RequestOptions::new();
    let timeout = Some(attempt.timeout.max(1).saturating_mul(NANOSECONDS));
    // Shorter than the attempt, so that a connection that never comes about is
    // known as such: then nothing was sent.
    let connect = (attempt.timeout / 4 * 3).clamp(1, MAX_CONNECT);
    // A host may not support one of them; the deadline holds all the same.
    let _ = options.set_connect_timeout(Some(connect.saturating_mul(NANOSECONDS)));
    let _ = options.set_first_byte_timeout(timeout);
    let _ = options.set_between_bytes_timeout(timeout);
    options
}

/// A body whose end the server did not wait for. The stream goes first.
struct Unfinished {
    _stream: OutputStream,
    _body: OutgoingBody,
}

/// Writes a body, unless the answer comes first.
fn write(
    body: OutgoingBody,
    content: &Body<'_>,
    answered: &Pollable,
    deadline: &Deadline,
) -> Result<Option<Unfinished>, Lost> {
    let failed = |_: StreamError| broken("the connection was closed while the request was sent");
    if !content.is_empty() {
        let stream = body.write().map_err(|()| refused("a request body"))?;
        let written = {
            // Mostly there is room at once, and nothing to wait for.
            let ready = OnceCell::new();
            // Until there is room; an error of `None` once the answer is there.
            let room = || loop {
                match stream.check_write().map_err(|e| Some(failed(e)))? {
                    0 => {
                        let ready = ready.get_or_init(|| stream.subscribe());
                        match deadline.wait_for_either(ready, answered).map_err(Some)? {
                            Ready::First => {}
                            Ready::Second => return Err(None),
                        }
                    }
                    room => return Ok(usize::try_from(room).unwrap_or(usize::MAX)),
                }
            };
            content
                .write(|mut rest| {
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at(room()?.min(rest.len()));
                        stream.write(now).map_err(|e| Some(failed(e)))?;
                        rest = later;
                        if !rest.is_empty() && deadline.has_passed() {
                            return Err(Some(deadline.lost()));
                        }
                    }
                    Ok(())
                })
                .and_then(|()| stream.flush().map_err(|e| Some(failed(e))))
                .and_then(|()| room().map(drop))
        };
        match written {
            Ok(()) => drop(stream),
            Err(Some(lost)) => return Err(lost),
            Err(None) => {
                return Ok(Some(Unfinished {
                    _stream: stream,
                    _body: body,
                }));
            }
        }
    }
    OutgoingBody::finish(body, None)
        .map_err(|_| broken("the connection was closed while the request was sent"))?;
    Ok(None)
}

fn read(
    response: &IncomingResponse,
    attempt: Attempt<'_>,
    deadline: &Deadline,
    outgoing: &Outgoing<'_>,
) -> Result<Answer, Lost> {
    let mut answer = Answer {
        status: response.status(),
        headers: Headers::default(),
        body: Vec::new(),
    };
    for (name, value) in response.headers().entries() {
        answer
            .headers
            .set(name, String::from_utf8_lossy(&value).into_owned());
    }
    let too_large = || Lost {
        kind: Kind::Response,
        message: format!(
            "Stripe's answer is larger than the {} bytes that \"maxResponseBytes\" allows; ask for \
             less at a time, or raise it.",
            attempt.max_response_bytes
        ),
        sent: true,
        passing: false,
    };
    // Where a host has decoded the body, the length is still the encoded one's.
    let announced = match answer.headers.get("content-encoding") {
        Some(_) => None,
        // A 204 has no body, whatever it announces (RFC 9110, 15.3.5).
        None if answer.status == 204 => None,
        None => answer
            .headers
            .get("content-length")
            .and_then(|text| text.parse::<u64>().ok()),
    };
    let limit = u64::from(attempt.max_response_bytes);
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let body = response
        .consume()
        .map_err(|()| broken("the host gave no answer body"))?;
    let stream = body
        .stream()
        .map_err(|()| broken("the host gave no answer body"))?;
    let ready = stream.subscribe();
    loop {
        deadline.wait(&ready)?;
        match stream.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => {
                if (answer.body.len() + bytes.len()) as u64 > limit {
                    return Err(too_large());
                }
                answer.body.extend_from_slice(&bytes);
                if announced == Some(answer.body.len() as u64) {
                    break;
                }
                // A stream that is always ready would never be waited for.
                if deadline.has_passed() {
                    return Err(deadline.lost());
                }
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => lost_answer(&code, outgoing),
                    // Some hosts do not say what ended a body; their own timeout
                    // may have run out together with ours.
                    None if deadline.has_passed() => deadline.lost(),
                    None => broken("the connection was lost before the whole answer had arrived"),
                });
            }
        }
    }
    drop(ready);
    drop(stream);
    // Not finished: that would ask for trailers.
    drop(body);
    if announced.is_some_and(|length| length != answer.body.len() as u64) {
        return Err(broken(
            "the connection was lost before the whole answer had arrived",
        ));
    }
    Ok(answer)
}

/// An error while the answer was arriving: the request was received.
fn lost_answer(code: &ErrorCode, outgoing: &Outgoing<'_>) -> Lost {
    Lost {
        sent: true,
        ..lost(code, outgoing)
    }
}

/// The host would not take a part of the request; it would not take it again.
fn refused(what: &str) -> Lost {
    Lost {
        kind: Kind::Configuration,
        message: format!("The host refused {what}; nothing was sent."),
        sent: false,
        passing: false,
    }
}

/// The request may have arrived; no whole answer did.
fn broken(what: &str) -> Lost {
    Lost {
        kind: Kind::Connection,
        message: format!("No answer from Stripe: {what}."),
        sent: true,
        passing: true,
    }
}

/// What WASI HTTP's error says: was the request sent, and may the reason pass?
fn lost(code: &ErrorCode, outgoing: &Outgoing<'_>) -> Lost {
    use ErrorCode as E;
    let server = &outgoing.authority;
    let not_sent = |kind: Kind, passing: bool, message: String| Lost {
        kind,
        message,
        sent: false,
        passing,
    };
    match code {
        E::DnsTimeout | E::DnsError(_) | E::DestinationNotFound => not_sent(
            Kind::Connection,
            true,
            format!("The name of {server} could not be resolved: check the network and DNS."),
        ),
        E::ConnectionRefused => not_sent(
            Kind::Connection,
            true,
            format!("{server} refused the connection: is the server running, and the port right?"),
        ),
        E::ConnectionTimeout => not_sent(
            Kind::Timeout,
            true,
            format!(
                "{server} could not be reached in time: check the network, firewall and proxy."
            ),
        ),
        E::DestinationUnavailable | E::DestinationIpUnroutable | E::ConnectionLimitReached => {
            not_sent(
                Kind::Connection,
                true,
                format!("{server} cannot be reached from here: check the network and proxy."),
            )
        }
        E::TlsCertificateError => not_sent(
            Kind::Connection,
            false,
            format!("The certificate of {server} was not accepted: is a proxy intercepting TLS?"),
        ),
        // In TLS 1.3 an alert may come after the request.
        E::TlsAlertReceived(_) => Lost {
            kind: Kind::Connection,
            message: format!(
                "{server} ended the TLS connection: does it want a client certificate?"
            ),
            sent: true,
            passing: false,
        },
        E::TlsProtocolError => not_sent(
            Kind::Connection,
            false,
            format!("No TLS connection to {server} came about: does it speak TLS on this port?"),
        ),
        E::HttpRequestDenied | E::DestinationIpProhibited => not_sent(
            Kind::Configuration,
            false,
            format!("The host does not allow requests to {server}; it must be told to."),
        ),
        E::HttpRequestUriInvalid
        | E::HttpRequestUriTooLong
        | E::HttpRequestMethodInvalid
        | E::HttpRequestLengthRequired
        | E::HttpRequestBodySize(_)
        | E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestHeaderSize(_)
        | E::ConfigurationError => refused(&format!("the request to {server}")),
        E::HttpResponseBodySize(_)
        | E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_) => Lost {
            kind: Kind::Response,
            message: format!("The answer of {server} is larger than the host allows."),
            sent: true,
            passing: false,
        },
        E::ConnectionReadTimeout | E::ConnectionWriteTimeout | E::HttpResponseTimeout => Lost {
            kind: Kind::Timeout,
            message: format!("{server} did not answer in time; the request may have arrived."),
            sent: true,
            passing: true,
        },
        E::HttpResponseIncomplete | E::ConnectionTerminated => {
            broken("the connection was closed before the whole answer had arrived")
        }
        E::HttpProtocolError => broken("the server did not speak HTTP as it should"),
        _ => broken("the connection failed"),
    }
}
