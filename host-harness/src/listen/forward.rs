//! Passing an event on to another program, with the body and the signature
//! header that came, so that it can verify them again.

use http::Uri;
use http_body_util::{BodyExt as _, Full};

use super::action::{Acting, Action, ActionError, Event};
use crate::policy::{is_local, without_user};
use crate::transport::{CONNECT_TIMEOUT, Lost, Pool, TransportOptions, pool};

/// How long a connection may take to come about.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(10);

/// Forwards events to a URL.
pub struct Forward {
    url: Uri,
    pool: Pool,
}

impl Forward {
    /// Forwards to this URL: https, or anything on this machine.
    pub fn new(url: &str, transport: &TransportOptions) -> anyhow::Result<Forward> {
        let shown = without_user(url);
        let uri: Uri = url
            .parse()
            .map_err(|_| anyhow::anyhow!("{shown:?} is not a URL"))?;
        if uri.authority().is_none_or(|it| it.as_str().contains('@')) {
            anyhow::bail!(
                "{shown:?} should be a whole URL without a user, such as http://127.0.0.1:3000/hook"
            );
        }
        let is_safe = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => is_local(&uri),
            _ => false,
        };
        if !is_safe {
            anyhow::bail!(
                "{shown:?} cannot be forwarded to: events travel over https, or over http on this \
                 machine (127.0.0.1, [::1], localhost)"
            );
        }
        Ok(Forward {
            url: uri,
            pool: pool(transport)?,
        })
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forward").finish_non_exhaustive()
    }
}

impl Action for Forward {
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a> {
        Box::pin(async move {
            let body = Full::new(event.body())
                .map_err(|never| match never {})
                .boxed_unsync();
            let request = http::Request::post(self.url.clone())
                .header("content-type", "application/json; charset=utf-8")
                .header("stripe-signature", event.signature.as_str())
                .body(body)
                .map_err(|error| ActionError::new(error.to_string()))?;
            let answer = CONNECT_TIMEOUT
                .scope(CONNECT, self.pool.send(request))
                .await
                .map_err(|Lost { code, detail }| {
                    let detail = detail.map(|detail| format!(" ({detail})"));
                    let detail = detail.unwrap_or_default();
                    ActionError::new(format!("could not be forwarded: {code:?}{detail}"))
                })?;
            let status = answer.status().as_u16();
            // Redirects are not followed: Stripe does not either.
            match answer.status().is_success() {
                true => Ok(format!("forwarded, {status}")),
                false => Err(ActionError::new(format!(
                    "forwarded, answered with {status}"
                ))),
            }
        })
    }
}
