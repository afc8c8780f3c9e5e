//! What arrived at the sandbox, for tests to look at. It owns the bounded memory of requests and
//! the removal of secrets from it; it knows nothing of what the requests meant.

use super::auth;
use super::faults::Hit;
use super::request_log::Arrived;
use bytes::Bytes;
use std::collections::VecDeque;

/// Bodies are remembered up to this many bytes altogether.
const MAX_BODY_BYTES: usize = 128 * 1024 * 1024;
/// How many of the latest requests the status page shows.
const SHOWN: usize = 50;

/// One request as it arrived, without the key that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The verb, in capitals.
    pub method: String,
    /// The path and, after a question mark, the query, as they were on the wire.
    pub path_and_query: String,
    /// The headers in the order of arrival, names in lower case. Of a key only the prefix and the
    /// last four characters are left.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The status of the answer; 0 where a fault meant that there was none.
    pub status: u16,
    /// The fault that hit it.
    pub fault: Option<&'static str>,
}

impl RecordedRequest {
    /// The first header of this name (written in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The latest requests, up to a number of them and up to a number of body bytes.
#[derive(Debug)]
pub(crate) struct Recording {
    requests: VecDeque<RecordedRequest>,
    capacity: usize,
    body_bytes: usize,
    latest: VecDeque<Arrived>,
    count: u64,
}

impl Recording {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            requests: VecDeque::new(),
            capacity,
            body_bytes: 0,
            latest: VecDeque::new(),
            count: 0,
        }
    }

    /// Remembers a request as a person is told of it.
    pub(crate) fn note(&mut self, arrived: Arrived) {
        self.count = self.count.saturating_add(1);
        self.latest.push_front(arrived);
        self.latest.truncate(SHOWN);
    }

    /// The latest requests, newest first, and how many there were in all.
    pub(crate) fn latest(&self) -> (Vec<Arrived>, u64) {
        (self.latest.iter().cloned().collect(), self.count)
    }

    pub(crate) fn push(&mut self, request: &http::Request<Bytes>, status: u16) {
        let headers = request.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = match name.as_str() {
                "authorization" => auth::redact_authorization(&value),
                _ => value.into_owned(),
            };
            (name.as_str().to_owned(), value)
        });
        let path_and_query = request.uri().path_and_query();
        self.body_bytes += request.body().len();
        self.requests.push_back(RecordedRequest {
            method: request.method().as_str().to_owned(),
            path_and_query: path_and_query.map_or_else(String::new, ToString::to_string),
            headers: headers.collect(),
            body: request.body().clone(),
            status,
            fault: request.extensions().get::<Hit>().map(|hit| hit.0),
        });
        while self.requests.len() > self.capacity || self.body_bytes > MAX_BODY_BYTES {
            let Some(oldest) = self.requests.pop_front() else {
                break;
            };
            self.body_bytes -= oldest.body.len();
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<RecordedRequest> {
        self.requests.iter().cloned().collect()
    }
}
