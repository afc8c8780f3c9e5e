//! An answer's body without the key that its request was sent with: a server
//! that repeats the key must not tell the component what the host keeps from it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::secret::Secret;

/// Stands for each byte of the key, so that lengths stay what they were.
const HIDDEN: u8 = b'*';

pub(super) struct Scrubbed {
    incoming: WasiBody,
    key: Secret,
    /// The end of what has come, if the key may begin there.
    held: Vec<u8>,
    /// What comes after `held` and is no data.
    next: Option<Frame<Bytes>>,
    ended: bool,
}

impl Scrubbed {
    pub(super) fn new(incoming: WasiBody, key: Secret) -> Self {
        Scrubbed {
            incoming,
            key,
            held: Vec::new(),
            next: None,
            ended: false,
        }
    }

    /// What may be passed on of a new part.
    fn pass_on(&mut self, part: &[u8]) -> Bytes {
        let key = self.key.reveal().as_bytes();
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(part);
        let mut from = 0;
        while let Some(rest) = bytes.get_mut(from..) {
            let Some(at) = find(rest, key) else { break };
            if let Some(found) = rest.get_mut(at..at + key.len()) {
                found.fill(HIDDEN);
            }
            from += at + key.len();
        }
        let longest = bytes.len().min(key.len().saturating_sub(1));
        let held = (1..=longest).rev().find(|length| {
            let end = bytes.get(bytes.len() - length..);
            end.is_some_and(|end| key.starts_with(end))
        });
        self.held = bytes.split_off(bytes.len() - held.unwrap_or_default());
        bytes.into()
    }
}

/// The same of the answer's headers.
pub(super) fn hide_in_headers(headers: &mut HeaderMap, key: &Secret) {
    let key = key.reveal().as_bytes();
    for value in headers.values_mut() {
        let mut bytes = value.as_bytes().to_vec();
        let mut found = false;
        while let Some(at) = find(&bytes, key) {
            if let Some(part) = bytes.get_mut(at..at + key.len()) {
                part.fill(HIDDEN);
            }
            found = true;
        }
        if found && let Ok(hidden) = HeaderValue::from_bytes(&bytes) {
            *value = hidden;
        }
    }
}

fn find(bytes: &[u8], key: &[u8]) -> Option<usize> {
    let first = key.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if bytes.get(at..)?.starts_with(key) {
            return Some(at);
        }
        from = at + 1;
    }
}

impl Body for Scrubbed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            if let Some(frame) = this.next.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let passed = match ready!(Pin::new(&mut this.incoming).poll_frame(cx)) {
                None => {
                    this.ended = true;
                    std::mem::take(&mut this.held).into()
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(part) => this.pass_on(&part),
                    Err(other) => {
                        this.next = Some(other);
                        std::mem::take(&mut this.held).into()
                    }
                },
            };
            if !passed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passed))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Empty};

    use super::*;

    #[test]
    fn the_key_is_hidden_however_it_is_cut() {
        for (text, passed) in [
            ("aab", "***"),
            ("xaabx", "x***x"),
            ("aaab", "a***"),
            ("aabaabaa", "******aa"),
            ("aa", "aa"),
            ("", ""),
            ("baabb", "b***b"),
        ] {
            for cut in 0..=text.len() {
                let empty = Empty::new().map_err(|never| match never {});
                let key = "aab".to_owned().into();
                let mut body = Scrubbed::new(empty.boxed_unsync(), key);
                let (first, second) = text.as_bytes().split_at(cut);
                let mut all = body.pass_on(first).to_vec();
                all.extend(body.pass_on(second));
                all.extend_from_slice(&body.held);
                assert_eq!(all, passed.as_bytes(), "{text} at {cut}");
            }
        }
    }
}
