//! What goes over the wire in place of an answer. It owns the bytes and the waits of each fault: over
//! HTTP/1.1 they are written past the HTTP library, which would not send them; over HTTP/2 they are
//! bodies that break off. It knows nothing of which request was hit.

use super::kinds::{Fault, Kind};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, Version};
use hyper::body::{Body, Frame};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// How many pieces a dripping body comes in.
const DROPS: usize = 20;
/// What an oversize answer is made of: white space, which JSON allows at its end.
const FILLING: Bytes = Bytes::from_static(&[b' '; 64 * 1024]);
/// How long a half answer may take to be on its way before the connection ends.
const FLUSH: Duration = Duration::from_millis(20);

/// What a request under a fault is answered with.
pub(crate) enum Reply {
    /// A whole answer, if not a right one.
    Whole(Response<Bytes>),
    /// These bytes past the HTTP library, and then the connection's end.
    Script(Script),
    /// A spoilt body (HTTP/2).
    Spoilt(Response<Spoilt>),
    /// After this time the end of this request, and of no other (HTTP/2).
    Broken(Duration),
}

impl Reply {
    /// The status that is answered with; 0 where there is no answer, nor a part of one.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Whole(response) => response.status().as_u16(),
            Self::Spoilt(response) => response.status().as_u16(),
            Self::Script(_) | Self::Broken(_) => 0,
        }
    }
}

/// Bytes and waits, and how the connection then ends.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) pieces: Vec<(Duration, Bytes)>,
    /// With a reset instead of a farewell.
    pub(crate) resets: bool,
}

impl Script {
    fn reset() -> Self {
        Self {
            resets: true,
            ..Self::default()
        }
    }
}

/// What a fault makes of the answer there would have been; `answer` is one only if the fault lets the
/// request be carried out.
pub(crate) fn reply(fault: &Fault, answer: Option<Response<Bytes>>, version: Version) -> Reply {
    let is_h2 = version == Version::HTTP_2;
    match &fault.kind {
        Kind::Refuse(_) | Kind::Reset => Reply::Script(Script::reset()),
        Kind::StallHeaders(wait) if is_h2 => Reply::Broken(*wait),
        Kind::StallHeaders(wait) => Reply::Script(Script {
            pieces: vec![(*wait, Bytes::new())],
            ..Script::default()
        }),
        Kind::RstStream if is_h2 => Reply::Broken(Duration::ZERO),
        Kind::Goaway if is_h2 => Reply::Script(Script {
            pieces: vec![(Duration::ZERO, goaway(fault.commits))],
            ..Script::default()
        }),
        Kind::RstStream | Kind::Goaway => Reply::Script(Script::reset()),
        _ => {
            let answer = answer.unwrap_or_default();
            match spoil(&fault.kind, answer) {
                Made::Whole(answer) => Reply::Whole(answer),
                Made::Spoilt(spoilt) if is_h2 => Reply::Spoilt(spoilt.into_response()),
                Made::Spoilt(spoilt) => Reply::Script(spoilt.into_script()),
            }
        }
    }
}

/// HTTP/2's GOAWAY (RFC 9113, 6.8): no stream was looked at, or all may have been.
fn goaway(commits: bool) -> Bytes {
    let (last, code) = match commits {
        false => (0, 0),
        true => (i32::MAX as u32, 2),
    };
    let mut frame = BytesMut::new();
    frame.put_slice(&[0, 0, 8, 7, 0, 0, 0, 0, 0]);
    frame.put_u32(last);
    frame.put_u32(code);
    frame.freeze()
}

enum Made {
    Whole(Response<Bytes>),
    Spoilt(Answer),
}

/// An answer whose bytes are not what its head says, or not in time.
struct Answer {
    head: Response<()>,
    /// The length its head announces; none for one that is not known beforehand.
    announced: Option<u64>,
    pieces: Vec<(Duration, Bytes)>,
    /// Whether the last piece ends it, rather than the connection's end.
    is_whole: bool,
}

fn spoil(kind: &Kind, answer: Response<Bytes>) -> Made {
    let (mut head, body) = answer.into_parts();
    let length = body.len() as u64;
    let half = body.slice(..body.len() / 2);
    let whole = |code: u16, content_type: &'static str, body: &'static str| {
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert("content-type", content_type);
        response
    };
    let spoilt = |announced: Option<u64>, pieces: Vec<(Duration, Bytes)>, is_whole: bool| {
        Made::Spoilt(Answer {
            head: Response::from_parts(head.clone(), ()),
            announced,
            pieces,
            is_whole,
        })
    };
    let none = Duration::ZERO;
    match kind {
        Kind::StallBody(wait) => {
            let pieces = vec![(none, half), (*wait, Bytes::new())];
            spoilt(Some(length), pieces, false)
        }
        Kind::Drip(over) => spoilt(Some(length), drops(&body, *over), true),
        Kind::Truncate => {
            let pieces = vec![(none, half), (FLUSH, Bytes::new())];
            spoilt(Some(length), pieces, false)
        }
        Kind::WrongLength(by) => {
            let announced = length.saturating_add_signed(*by);
            spoilt(Some(announced), vec![(none, body)], true)
        }
        Kind::Oversize(bytes) => {
            let mut pieces = vec![(none, body)];
            let mut left = bytes.saturating_sub(length);
            while left > 0 {
                let now = left.min(FILLING.len() as u64);
                pieces.push((none, FILLING.slice(..usize::try_from(now).unwrap_or(0))));
                left -= now;
            }
            spoilt(None, pieces, true)
        }
        Kind::InvalidJson => {
            // Half of nothing would be nothing; JSON it must not be either way.
            let body = match half.is_empty() {
                true => Bytes::from_static(b"{"),
                false => half,
            };
            Made::Whole(Response::from_parts(head, body))
        }
        Kind::Empty(code) => {
            head.status = StatusCode::from_u16(*code).unwrap_or_default();
            Made::Whole(Response::from_parts(head, Bytes::new()))
        }
        Kind::Redirect(code, location) => {
            let mut response = whole(*code, "text/html", "<html>It is elsewhere.</html>");
            if let Ok(location) = HeaderValue::from_str(location) {
                response.headers_mut().insert("location", location);
            }
            Made::Whole(response)
        }
        Kind::Html(code) => Made::Whole(whole(
            *code,
            "text/html; charset=utf-8",
            "<html><body><h1>A proxy answers in Stripe's place</h1></body></html>",
        )),
        // The rest is answered before it comes to this.
        _ => Made::Whole(Response::from_parts(head, body)),
    }
}

fn drops(body: &Bytes, over: Duration) -> Vec<(Duration, Bytes)> {
    let size = body.len().div_ceil(DROPS).max(1);
    let starts = (0..body.len()).step_by(size);
    let count = u32::try_from(starts.clone().count()).unwrap_or(1).max(1);
    starts
        .map(|at| (over / count, body.slice(at..body.len().min(at + size))))
        .collect()
}

impl Answer {
    /// The answer as HTTP/1.1 writes it.
    fn into_script(self) -> Script {
        let mut head = BytesMut::new();
        let status = self.head.status();
        let reason = status.canonical_reason().unwrap_or("Fault");
        head.put_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
        for (name, value) in self.head.headers() {
            head.put_slice(name.as_str().as_bytes());
            head.put_slice(b": ");
            head.put_slice(value.as_bytes());
            head.put_slice(b"\r\n");
        }
        let length = match self.announced {
            Some(length) => format!("content-length: {length}"),
            None => "transfer-encoding: chunked".to_owned(),
        };
        head.put_slice(format!("{length}\r\nconnection: close\r\n\r\n").as_bytes());
        let mut pieces = vec![(Duration::ZERO, head.freeze())];
        let is_chunked = self.announced.is_none();
        for (wait, piece) in self.pieces {
            if is_chunked && !piece.is_empty() {
                let size = Bytes::from(format!("{:x}\r\n", piece.len()));
                pieces.push((wait, size));
                pieces.push((Duration::ZERO, piece));
                pieces.push((Duration::ZERO, Bytes::from_static(b"\r\n")));
            } else {
                pieces.push((wait, piece));
            }
        }
        if is_chunked && self.is_whole {
            pieces.push((Duration::ZERO, Bytes::from_static(b"0\r\n\r\n")));
        }
        Script {
            pieces,
            ..Script::default()
        }
    }

    /// The same for HTTP/2.
    fn into_response(self) -> Response<Spoilt> {
        let (mut head, ()) = self.head.into_parts();
        if let Some(length) = self.announced {
            head.headers.insert("content-length", length.into());
        }
        Response::from_parts(
            head,
            Spoilt {
                pieces: self.pieces.into(),
                is_whole: self.is_whole,
                wait: None,
            },
        )
    }
}

/// A body in pieces, each after a wait, that may break off.
pub(crate) struct Spoilt {
    pieces: VecDeque<(Duration, Bytes)>,
    is_whole: bool,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Spoilt {
    /// A body as it should be.
    pub(crate) fn not(body: Bytes) -> Self {
        Self {
            pieces: VecDeque::from([(Duration::ZERO, body)]),
            is_whole: true,
            wait: None,
        }
    }
}

impl Body for Spoilt {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            let Some((wait, _)) = self.pieces.front() else {
                return Poll::Ready((!self.is_whole).then_some(Err(Broken)));
            };
            let wait = *wait;
            if !wait.is_zero() {
                let sleep = self
                    .wait
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
                ready!(sleep.as_mut().poll(cx));
                self.wait = None;
            }
            match self.pieces.pop_front() {
                Some((_, piece)) if !piece.is_empty() => {
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                _ => {}
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_whole && self.pieces.iter().all(|(_, piece)| piece.is_empty())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match (self.is_whole, self.pieces.len()) {
            (true, 0 | 1) => {
                let length = self
                    .pieces
                    .iter()
                    .map(|(_, piece)| piece.len() as u64)
                    .sum();
                hyper::body::SizeHint::with_exact(length)
            }
            _ => hyper::body::SizeHint::default(),
        }
    }
}

/// An answer that is not going to come.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault of the sandbox")
    }
}

impl std::error::Error for Broken {}
