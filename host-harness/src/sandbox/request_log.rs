//! One line for each request that arrived. It owns the line's form; where lines go is said by whoever
//! starts the sandbox.

use super::calendar::iso_8601;
use bytes::Bytes;
use http::Request;
use std::fmt;
use std::sync::Arc;

/// Where the sandbox reports what arrives: time, method, path, status, request id and idempotency
/// key, one line each. Of queries, bodies and API keys it says nothing.
#[derive(Clone)]
pub struct RequestLog(Arc<dyn Fn(&str) + Send + Sync>);

impl RequestLog {
    /// Calls this with every line. It is called before the answer is sent, so it should be quick.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(crate) fn request(
        &self,
        request: &Request<Bytes>,
        status: u16,
        request_id: &str,
        now: i64,
    ) {
        let key = request.headers().get("idempotency-key");
        let key = key.map_or(String::from("-"), |key| {
            // A key is the caller's text: nothing in it may look like another line.
            String::from_utf8_lossy(key.as_bytes())
                .chars()
                .take(255)
                .flat_map(char::escape_default)
                .collect()
        });
        let line = format!(
            "{} {} {} {status} {request_id} {key}",
            iso_8601(now),
            request.method(),
            request.uri().path()
        );
        (self.0)(&line);
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}
