//! The endpoint for webhooks: 2xx when the work is done, and only then; each
//! event once; and nothing a client does keeps it from the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stripe_harness::TransportOptions;
use stripe_harness::listen::{
    Acting, Action, ActionError, Event, Forward, ListenOptions, Listener, Trigger,
};
use tokio::sync::Notify;

use crate::support::hook::{deliver, event, exchange, post, signed};
use crate::support::{Answer, Server, plugin};

const SECRET: &str = "whsec_listen_secret";

fn options() -> ListenOptions {
    ListenOptions {
        secrets: vec![SECRET.to_owned()],
        ..ListenOptions::default()
    }
}

async fn listening(options: ListenOptions, action: impl Action) -> Listener {
    Listener::start(options, plugin(&[]), action).await.unwrap()
}

/// Fails so many times, then succeeds; counts.
#[derive(Clone, Default)]
struct Counted {
    failures: usize,
    acted: Arc<AtomicUsize>,
}

impl Action for Counted {
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a> {
        Box::pin(async move {
            assert!(event.id.starts_with("evt_") && event.payload.contains(&event.id));
            match self.acted.fetch_add(1, Ordering::SeqCst) < self.failures {
                true => Err(ActionError::new("out of order".to_owned())),
                false => Ok("counted".to_owned()),
            }
        })
    }
}

#[tokio::test]
async fn every_request_has_its_answer() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let counted = Counted::default();
    let trigger = Trigger::new(vec!["invoice.*".into(), "charge.refunded".into()]).unwrap();
    let listener = listening(
        ListenOptions {
            trigger,
            log: Some(Arc::new(move |line: &str| {
                log.lock().unwrap().push(line.to_owned());
            })),
            ..options()
        },
        counted.clone(),
    )
    .await;
    let (plugin, at) = (plugin(&[]), listener.address());
    let paid = event("evt_1", "invoice.paid");
    let header = signed(&plugin, SECRET, &paid).await;
    let line = format!("stripe-signature: {header}\r\n");
    let other = event("evt_2", "customer.created");
    let thin = r#"{"id": "evt_3", "object": "v2.core.event", "type": "invoice.thin"}"#;
    let cases = [
        (
            exchange(at, b"GET /hook HTTP/1.1\r\nhost: x\r\n\r\n").await,
            405,
            "POST",
        ),
        (post(at, "", &paid).await, 400, "header_missing"),
        (post(at, &line, "").await, 400, "payload_missing"),
        (
            post(at, &line, &paid.replace("é", "e")).await,
            400,
            "signature_mismatch",
        ),
        (
            post(at, &format!("{line}{line}"), &paid).await,
            400,
            "more than one",
        ),
        (
            post(at, "stripe-signature: t=1,v1=00\r\n", &paid).await,
            400,
            "signature_mismatch",
        ),
        (
            deliver(&plugin, at, "whsec_other", &paid).await,
            400,
            "signature_mismatch",
        ),
        (deliver(&plugin, at, SECRET, "{}").await, 400, "no id"),
        (
            exchange(
                at,
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n",
            )
            .await,
            413,
            "larger",
        ),
        (deliver(&plugin, at, SECRET, &other).await, 200, "ignored"),
        (post(at, &line, &paid).await, 200, "counted"),
        (post(at, &line, &paid).await, 200, "dropped"),
        (deliver(&plugin, at, SECRET, &paid).await, 200, "dropped"),
        (deliver(&plugin, at, SECRET, thin).await, 200, "counted"),
    ];
    let lines = lines.lock().unwrap().clone();
    for (at, ((status, text), expected, said)) in cases.iter().enumerate() {
        assert!(
            status == expected && text.contains(said),
            "{at}: {status} {text}"
        );
        assert!(
            lines[at].starts_with(&format!("{expected} ")),
            "{}",
            lines[at]
        );
    }
    assert_eq!(counted.acted.load(Ordering::SeqCst), 2);
    assert_eq!(lines[10], "200 invoice.paid evt_1 counted");
    assert!(!lines.concat().contains("listen_secret"));
    listener.shutdown().await;
}

#[tokio::test]
async fn what_failed_is_done_when_it_is_delivered_again() {
    let counted = Counted {
        failures: 2,
        ..Counted::default()
    };
    let listener = listening(options(), counted.clone()).await;
    let (plugin, at) = (plugin(&[]), listener.address());
    let paid = event("evt_1", "invoice.paid");
    for (expected, said) in [
        (502, "out of order"),
        (502, "out of order"),
        (200, "counted"),
        (200, "dropped"),
    ] {
        let (status, text) = deliver(&plugin, at, SECRET, &paid).await;
        assert!(status == expected && text.contains(said), "{status} {text}");
    }
    assert_eq!(counted.acted.load(Ordering::SeqCst), 3);
}

/// Waits until it is let go on.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Action for Slow {
    fn act<'a>(&'a self, _: &'a Event) -> Acting<'a> {
        Box::pin(async move {
            self.begun.notify_one();
            self.go_on.notified().await;
            Ok("done at last".to_owned())
        })
    }
}

#[tokio::test]
async fn no_event_is_worked_on_twice_at_a_time_and_a_stop_waits_for_it() {
    let slow = Slow::default();
    let listener = listening(options(), slow.clone()).await;
    let (plugin, at) = (plugin(&[]), listener.address());
    let paid = event("evt_1", "invoice.paid");
    let first = {
        let (plugin, paid) = (plugin.clone(), paid.clone());
        tokio::spawn(async move { deliver(&plugin, at, SECRET, &paid).await })
    };
    slow.begun.notified().await;
    let (status, text) = deliver(&plugin, at, SECRET, &paid).await;
    assert_eq!((status, text.contains("being worked on")), (409, true));
    let stopping = tokio::spawn(listener.shutdown());
    // New ones are not accepted any more, however long that takes.
    while tokio::net::TcpStream::connect(at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished());
    slow.go_on.notify_one();
    assert_eq!(first.await.unwrap(), (200, "done at last".to_owned()));
    stopping.await.unwrap();
}

#[tokio::test]
async fn an_action_that_takes_too_long_is_a_failure() {
    let slow = Slow::default();
    let listener = listening(
        ListenOptions {
            action_timeout: Duration::from_millis(20),
            ..options()
        },
        slow.clone(),
    )
    .await;
    let paid = event("evt_1", "invoice.paid");
    let (status, _) = deliver(&plugin(&[]), listener.address(), SECRET, &paid).await;
    assert_eq!(status, 504);
    slow.go_on.notify_one();
    let (status, _) = deliver(&plugin(&[]), listener.address(), SECRET, &paid).await;
    assert_eq!(status, 200, "it may be delivered again");
}

#[tokio::test]
async fn slow_and_silent_clients_are_let_go() {
    let listener = listening(
        ListenOptions {
            client_timeout: Duration::from_secs(1),
            max_connections: 1,
            ..options()
        },
        Counted::default(),
    )
    .await;
    let at = listener.address();
    for bytes in [
        "",
        "POST /hook HTTP/1.1\r\nho",
        "POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n{",
        "\0\u{1}\u{2}\r\n\r\n",
    ] {
        exchange(at, bytes.as_bytes()).await;
    }
    let huge = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(10 << 20));
    exchange(at, huge.as_bytes()).await;
    let paid = event("evt_1", "invoice.paid");
    let (status, text) = deliver(&plugin(&[]), at, SECRET, &paid).await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn a_forwarded_event_is_byte_for_byte_what_came() {
    let server = Server::start(vec![
        Answer::json(500, "{}"),
        Answer::json(302, "{}").with("location", "https://example.com/"),
        Answer::json(204, ""),
    ])
    .await;
    let transport = TransportOptions::default();
    let forward = Forward::new(&format!("{}/in?x=1", server.url()), &transport).unwrap();
    let listener = listening(options(), forward).await;
    let (plugin, at) = (plugin(&[]), listener.address());
    let paid = event("evt_1", "invoice.paid");
    let header = signed(&plugin, SECRET, &paid).await;
    let line = format!("stripe-signature: {header}\r\n");
    for (expected, said) in [(502, "500"), (502, "302"), (200, "204"), (200, "dropped")] {
        let (status, text) = post(at, &line, &paid).await;
        assert!(status == expected && text.contains(said), "{status} {text}");
    }
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 3);
    for request in arrived {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/in?x=1")
        );
        assert_eq!(request.body(), paid);
        assert_eq!(request.header("stripe-signature"), Some(header.as_str()));
    }
}

#[tokio::test]
async fn events_are_forwarded_to_nobody_in_the_clear() {
    let transport = TransportOptions::default();
    for url in [
        "http://example.com/hook",
        "http://10.0.0.1/hook",
        "ftp://127.0.0.1/hook",
        "/hook",
        "https://user@example.com/",
        "http://127.0.0.1.example.com/",
    ] {
        assert!(Forward::new(url, &transport).is_err(), "{url}");
    }
    // Nobody is there: Stripe is to deliver it again.
    let gone = Forward::new("http://127.0.0.1:1/hook", &transport).unwrap();
    let listener = listening(options(), gone).await;
    let paid = event("evt_1", "invoice.paid");
    let (status, text) = deliver(&plugin(&[]), listener.address(), SECRET, &paid).await;
    assert!(
        status == 502 && text.contains("could not be forwarded"),
        "{status} {text}"
    );
}
