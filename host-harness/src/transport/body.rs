//! An answer's body that fails if its next part does not come in time, or if
//! it grows larger than the host passes on.

use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::Note;

pub(super) struct Bounded {
    incoming: WasiBody,
    between: Duration,
    /// Runs only while the next part is waited for.
    timer: Option<Pin<Box<Sleep>>>,
    limit: u64,
    /// Bytes that may still come.
    left: u64,
    note: Note,
}

impl Bounded {
    /// Bounds a body: so long between two parts, so many bytes altogether.
    pub(super) fn new(incoming: WasiBody, between: Duration, limit: u64, note: Note) -> Self {
        Bounded {
            incoming,
            between,
            timer: None,
            limit,
            left: limit,
            note,
        }
    }

    fn fail(&self, code: Error, why: String) -> Option<Result<Frame<Bytes>, Error>> {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        Some(Err(code))
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let timer = this
                    .timer
                    .get_or_insert_with(|| Box::pin(sleep(this.between)));
                ready!(timer.as_mut().poll(cx));
                let why = format!("nothing came for {} s", this.between.as_secs_f64());
                return Poll::Ready(this.fail(Error::ConnectionReadTimeout, why));
            }
        };
        this.timer = None;
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        match this.left.checked_sub(length as u64) {
            Some(left) => {
                this.left = left;
                Poll::Ready(frame)
            }
            None => {
                let why = too_large(this.limit);
                Poll::Ready(this.fail(Error::HttpResponseBodySize(Some(this.limit)), why))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.incoming.size_hint()
    }
}

/// For a person: what an answer's size exceeds.
pub(super) fn too_large(limit: u64) -> String {
    format!(
        "this host passes on answers of up to {limit} bytes (max_response_bytes, and a quarter of \
         max_memory)"
    )
}
