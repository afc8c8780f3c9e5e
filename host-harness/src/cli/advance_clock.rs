//! `stripe-harness advance-clock`: lets time pass in a sandbox that runs, or in one that lies in a
//! file. It speaks to either over the sandbox's own path, so it knows nothing of what time brings.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use stripe_harness::policy::without_user;
use stripe_harness::sandbox::Sandbox;
use tokio::net::TcpStream;

use super::connection::THROW_AWAY_KEY;
use super::outcome::unwritable;
use super::sandbox::State;
use super::{Ended, Wrong, render, terminal};

/// Where `stripe-harness sandbox` listens unless told otherwise.
const USUAL: &str = "http://127.0.0.1:12111";
/// A clock answers at once; ten years of renewals take a while.
const PATIENCE: Duration = Duration::from_secs(120);
/// No answer about a clock is longer.
const MAX_ANSWER: usize = 64 * 1024;

/// Arguments of `advance-clock`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How far: seconds, or a number with s, m, h, d or w behind it, such as 30d.
    /// Without it the clock is only read.
    #[arg(value_name = "TIME", value_parser = seconds)]
    by: Option<i64>,

    /// Where the sandbox listens [default: http://127.0.0.1:12111].
    #[arg(long, value_name = "URL", conflicts_with_all = ["seed", "clock", "data"])]
    base_url: Option<String>,

    // With --data, the sandbox is the one in that file, and none runs.
    #[command(flatten)]
    state: State,
}

/// Reads `90`, `90s`, `15m`, `36h`, `30d` or `2w`.
fn seconds(text: &str) -> Result<i64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        Some((at, 'w')) => (text.get(..at), 7 * 86_400),
        _ => (Some(text), 1),
    };
    let digits = number
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse::<i64>().ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "write seconds, or a number with s, m, h, d or w, such as 30d".to_owned())
}

pub(super) async fn run(arguments: Arguments) -> Result<Ended, Wrong> {
    let answer = match (&arguments.state.data, &arguments.base_url) {
        (Some(file), _) => {
            if !file.exists() {
                return Err(Wrong(format!(
                    "there is no file {} (--data)",
                    file.display()
                )));
            }
            let sandbox = Sandbox::start(arguments.state.options())
                .await
                .map_err(|error| Wrong(format!("the sandbox cannot be started: {error}")))?;
            let answer = ask(&sandbox.base_url(), arguments.by).await;
            sandbox.shutdown().await;
            answer?
        }
        (None, url) => {
            if let Some(flag) = arguments.state.given() {
                return Err(Wrong(format!(
                    "{flag} goes with --data; a sandbox that runs has its own"
                )));
            }
            ask(url.as_deref().unwrap_or(USUAL), arguments.by).await?
        }
    };
    let time = answer.get("time").and_then(Value::as_str);
    let now = answer.get("now").and_then(Value::as_i64);
    let (Some(time), Some(now)) = (time, now) else {
        return Err(Wrong(
            "this is not a sandbox of this version: its clock does not say the time".to_owned(),
        ));
    };
    let time = format!("{} ({now})", terminal::line(time));
    if let Err(error) = render::line(&time) {
        let unwritten = unwritable("stdout", &error);
        render::error_line(&format!("error: {unwritten}; the clock says {time}"));
        return Ok(Ended::RequestFailed);
    }
    Ok(Ended::Succeeded)
}

/// Asks a sandbox for its clock, or to advance it; the clock as it is then.
async fn ask(url: &str, by: Option<i64>) -> Result<Value, Wrong> {
    let asking = tokio::time::timeout(PATIENCE, exchange(url, by));
    let (status, body) = match asking.await {
        Ok(answered) => answered?,
        Err(_) => {
            return Err(Wrong(format!(
                "{} did not answer in {} s",
                without_user(url),
                PATIENCE.as_secs()
            )));
        }
    };
    let answer: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let shown = without_user(url);
    let said = answer.pointer("/error/message").and_then(Value::as_str);
    Err(Wrong(match said {
        Some(message) => format!(
            "the sandbox at {shown} answered {status}: {}",
            terminal::line(message)
        ),
        None => format!("{shown} answered {status}, which no sandbox does: is it one?"),
    }))
}

async fn exchange(url: &str, by: Option<i64>) -> Result<(StatusCode, Bytes), Wrong> {
    let shown = without_user(url);
    let uri: Uri = url
        .parse()
        .map_err(|_| Wrong(format!("{shown:?} is no URL: write {USUAL}")))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Wrong(format!(
            "{shown:?} is no sandbox's address: they speak plain http, as {USUAL} does"
        )));
    };
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host().trim_matches(['[', ']']);
    let no_answer = |error: &dyn std::fmt::Display| {
        Wrong(format!(
            "no sandbox answers at {shown} ({error}): start one with stripe-harness sandbox, or \
             name its address with --base-url"
        ))
    };
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| no_answer(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| no_answer(&error))?;
    let connection = tokio::spawn(connection);
    let (method, body) = match by {
        Some(seconds) => ("POST", format!("advance={seconds}")),
        None => ("GET", String::new()),
    };
    let request = Request::builder()
        .method(method)
        .uri("/_sandbox/clock")
        .header("host", authority.as_str())
        .header("authorization", format!("Bearer {THROW_AWAY_KEY}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Wrong(error.to_string()))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| no_answer(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER);
    let body = body.collect().await.map_err(|error| no_answer(&error))?;
    connection.abort();
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (text, expected) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("36h", 129_600),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "d",
            "-1",
            "-1d",
            "1.5h",
            "1y",
            "+3",
            "99999999999999999w",
            "1 d",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
