//! Whether a connection's server answers at all: the host's own question, asked
//! without a key and without the component, so that a person who looks for what
//! is wrong can tell the way to Stripe from everything else.

use std::time::{Duration, Instant, SystemTime};

use http::header::DATE;
use wasmtime_wasi_http::Error;

use super::{CallError, Case, Connection, Plugin};
use crate::transport::Lost;

/// Stripe's own origin, where a connection names no other.
const STRIPE: &str = "https://api.stripe.com";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that answered.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Its origin.
    pub origin: String,
    /// The HTTP version that was agreed on.
    pub version: http::Version,
    /// How long the answer took, a connection made anew included.
    pub took: Duration,
    /// This machine's time less the server's, in seconds, if it told its time:
    /// exact to a second or two.
    pub ahead: Option<i64>,
}

impl Plugin {
    /// Whether the server of a connection can be reached: one GET without a key,
    /// by the connection's own route and within the policy. Any answer counts.
    pub async fn reach(&self, connection: &Connection) -> Result<Reached, CallError> {
        let record = connection.record();
        let origin = record.base_url.as_deref().unwrap_or(STRIPE);
        let origin = origin.trim_end_matches('/').to_owned();
        let url = format!("{origin}/healthcheck").parse().map_err(|_| {
            CallError::refused(
                "configuration_error",
                Some("baseUrl".to_owned()),
                format!("{origin:?} is not a URL"),
            )
        })?;
        let route = connection.via().route.clone();
        let begun = Instant::now();
        let answer = self
            .inner
            .transport
            .reach(url, route, PATIENCE)
            .await
            .map_err(|lost| unreached(&origin, &lost))?;
        let took = begun.elapsed();
        let told = answer.headers().get(DATE).and_then(|date| {
            let date = httpdate::parse_http_date(date.to_str().ok()?).ok()?;
            // It was said somewhere within the time it took.
            Some(ahead_of(date, SystemTime::now() - took / 2))
        });
        Ok(Reached {
            origin,
            version: answer.version(),
            took,
            ahead: told,
        })
    }
}

/// The seconds by which `now` is later than what a server said; a date has no
/// fraction, so on average it is half a second old.
fn ahead_of(said: SystemTime, now: SystemTime) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match now.duration_since(said) {
        Ok(ahead) => seconds(ahead),
        Err(error) => -seconds(error.duration()),
    }
}

fn unreached(origin: &str, lost: &Lost) -> CallError {
    let why = match &lost.code {
        Error::HttpRequestDenied => {
            return CallError::refused(
                "configuration_error",
                Some("baseUrl".to_owned()),
                format!(
                    "The policy of this host does not allow {origin}; allow it with \
                     --allow-origin, or HostOptions::policy."
                ),
            );
        }
        Error::DnsError { .. } | Error::DnsTimeout => "its name cannot be resolved",
        Error::ConnectionRefused => "it refuses the connection",
        Error::ConnectionTimeout | Error::HttpResponseTimeout => "it does not answer in time",
        Error::ConnectionTerminated | Error::HttpResponseIncomplete => "the connection was cut",
        Error::TlsCertificateError => "its certificate is not trusted",
        Error::TlsProtocolError | Error::TlsAlertReceived { .. } => "TLS could not be agreed on",
        Error::DestinationUnavailable | Error::DestinationIpUnroutable => "no way leads there",
        _ => "the request failed",
    };
    let detail = match &lost.detail {
        Some(detail) => format!(" ({detail})"),
        None => String::new(),
    };
    CallError {
        case: Case::Transient,
        ..CallError::refused(
            "connection_error",
            None,
            format!("{origin} cannot be reached: {why}{detail}."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_ahead_or_behind() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(ahead_of(at(10_000), at(10_400)), 0);
        assert_eq!(ahead_of(at(10_000), at(130_000)), 120);
        assert_eq!(ahead_of(at(130_000), at(10_000)), -120);
    }
}
