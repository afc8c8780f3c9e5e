//! Carries webhooks to their endpoints, beside the requests that are being answered and never in
//! their way. It owns the sockets; what is sent, and when again, is `deliveries`' affair.

use super::StandIn;
use super::deliveries::{Delivery, Outcome, Target};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Tries that are under way at the same time.
const MOST: usize = 16;
/// How long an endpoint may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Delivers what falls due, until it is dropped.
pub(crate) async fn run(stand_in: Arc<StandIn>) {
    let mut sending = JoinSet::new();
    loop {
        for delivery in stand_in.due_deliveries(MOST.saturating_sub(sending.len())) {
            let stand_in = Arc::clone(&stand_in);
            sending.spawn(async move {
                let outcome = match &delivery.target {
                    Ok(target) => send(&delivery, target).await,
                    Err(reason) => Outcome::Refused(reason.clone()),
                };
                stand_in.delivered(&delivery, outcome);
            });
        }
        let is_full = sending.len() >= MOST;
        let wait = stand_in.until_next_delivery().filter(|_| !is_full);
        tokio::select! {
            () = stand_in.changed() => {}
            _ = sending.join_next(), if !sending.is_empty() => {}
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

async fn send(delivery: &Delivery, target: &Target) -> Outcome {
    match tokio::time::timeout(TIMEOUT, exchange(delivery, target)).await {
        Ok(Ok(status)) => Outcome::Answered(status),
        Ok(Err(error)) => Outcome::Unanswered(error.to_string()),
        Err(_elapsed) => Outcome::Unanswered(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

async fn exchange(delivery: &Delivery, target: &Target) -> anyhow::Result<u16> {
    let stream = TcpStream::connect(target.addresses.as_slice()).await?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    let request = http::Request::post(target.path.as_str())
        .header("host", target.host.as_str())
        .header("user-agent", "stripe-harness sandbox")
        .header("accept", "*/*")
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", delivery.signature.as_str())
        .body(Full::new(delivery.body.clone()))?;
    // Only the status counts, and redirects are not followed (Stripe docs, "Webhooks").
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = answer.as_mut() => answer?,
        ended = connection.as_mut() => {
            ended?;
            answer.await?
        }
    };
    Ok(answer.status().as_u16())
}
