//! Keys that the host injects: a server gets the real one, the component never
//! does.

use serde_json::{Value, json};
use stripe_harness::{CallError, Connection, HostOptions, Plugin};

use crate::support::{Answer, Server, allowing, failed, list, plugin};

/// A key nobody else has, put together here, so that no other memory of this
/// process holds it. Its random part has no digit and no letter of a
/// placeholder's.
fn unique(prefix: &str) -> String {
    let mut random = [0; 24];
    getrandom::fill(&mut random).unwrap();
    let letters = random.map(|byte| char::from(b'G' + byte % 20));
    format!("{prefix}{}", letters.iter().collect::<String>())
}

/// Whether a text holds a part of a key, its prefix aside.
fn holds_part(text: &str, key: &str) -> bool {
    let secret = &key[8..];
    (0..=secret.len() - 4).any(|at| text.contains(&secret[at..at + 4]))
}

fn injecting(server: &Server) -> HostOptions {
    HostOptions {
        policy: allowing(&[server.url()]),
        inject_key: true,
        ..HostOptions::default()
    }
}

async fn connected(server: &Server, key: &str, more: Value) -> (Plugin, Connection) {
    let plugin = plugin(&[]).with_options(injecting(server)).unwrap();
    let mut properties = json!({"secretKey": key, "baseUrl": server.url()});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    (plugin, connection)
}

fn placeholder(connection: &Connection) -> &str {
    connection.record().secret_key.as_deref().unwrap()
}

#[tokio::test]
async fn the_server_gets_the_key_and_the_component_something_like_it() {
    let server = Server::start(Vec::new()).await;
    let plugin = plugin(&[]).with_options(injecting(&server)).unwrap();
    for prefix in ["sk_test_", "sk_live_", "rk_test_", "rk_live_"] {
        let key = unique(prefix);
        for named in [json!({"secretKey": key}), json!({"auth": {"token": key}})] {
            let mut properties = named;
            properties["baseUrl"] = json!(server.url());
            let connection = plugin
                .parse_connection(&properties.to_string())
                .await
                .unwrap();
            list(&plugin, &connection).await.unwrap();
            let last = server.arrived().pop().unwrap();
            assert_eq!(
                last.header("authorization"),
                Some(format!("Bearer {key}").as_str())
            );
            assert!(placeholder(&connection).starts_with(prefix));
            let planned = plugin
                .plan(&connection, "customers", "list", "null")
                .await
                .unwrap();
            for shown in [
                format!("{:?}", connection.record()),
                format!("{planned:?}"),
                format!("{connection:?} {plugin:?}"),
            ] {
                assert!(!holds_part(&shown, &key), "{shown}");
            }
        }
    }
    let key = unique("sk_test_");
    assert!(
        holds_part(&format!("…{}", &key[28..]), &key),
        "the test itself sees four letters"
    );
}

#[tokio::test]
async fn a_record_made_elsewhere_gets_a_placeholder_too() {
    let server = Server::start(Vec::new()).await;
    let key = unique("sk_test_");
    let (plugin, mut connection) = connected(&server, &key, json!({})).await;
    let mut record = connection.record().clone();
    record.secret_key = Some(key.clone());
    connection = plugin.connection(record).unwrap();
    assert!(!holds_part(placeholder(&connection), &key));
    list(&plugin, &connection).await.unwrap();
    let expected = format!("Bearer {key}");
    assert_eq!(
        server.only().header("authorization"),
        Some(expected.as_str())
    );
}

#[tokio::test]
async fn the_fallback_key_is_injected_as_well() {
    let server = Server::start(Vec::new()).await;
    let (key, own) = (unique("sk_test_"), unique("sk_test_"));
    let options = HostOptions {
        fallback_key: Some(key.clone().into()),
        ..injecting(&server)
    };
    let plugin = plugin(&[]).with_options(options).unwrap();
    let base = json!({"baseUrl": server.url()});
    let without = plugin.parse_connection(&base.to_string()).await.unwrap();
    assert_eq!(without.record().secret_key, None);
    let with = json!({"baseUrl": server.url(), "secretKey": own}).to_string();
    let with = plugin.parse_connection(&with).await.unwrap();
    for (connection, key) in [(&without, &key), (&with, &own)] {
        list(&plugin, connection).await.unwrap();
        let last = server.arrived().pop().unwrap();
        assert_eq!(
            last.header("authorization"),
            Some(format!("Bearer {key}").as_str())
        );
        let planned = plugin
            .plan(connection, "customers", "list", "null")
            .await
            .unwrap();
        assert!(!holds_part(&format!("{planned:?}"), key), "{planned:?}");
    }
}

#[tokio::test]
async fn the_key_takes_its_place_in_the_authorization_alone() {
    let server = Server::start(Vec::new()).await;
    let key = unique("sk_test_");
    let more = json!({"headers": {"X-Mine": format!("key={key}")}});
    let (plugin, connection) = connected(&server, &key, more).await;
    let stands_in = placeholder(&connection).to_owned();
    let args = json!([
        {"description": stands_in, "metadata": {"a": format!("Bearer {stands_in}")}},
        {"headers": {"X-Other": format!("Bearer {stands_in}")}},
    ])
    .to_string();
    let created = plugin.request(&connection, "customers", "create", &args);
    created.await.unwrap();
    let sent = server.only();
    assert_eq!(
        sent.header("authorization"),
        Some(format!("Bearer {key}").as_str())
    );
    assert_eq!(
        sent.header("x-mine"),
        Some(format!("key={stands_in}").as_str())
    );
    assert_eq!(
        sent.header("x-other"),
        Some(format!("Bearer {stands_in}").as_str())
    );
    assert_eq!(
        sent.body().matches(&stands_in).count(),
        2,
        "{}",
        sent.body()
    );
    assert!(!holds_part(sent.body(), &key));
}

/// A placeholder is worth nothing under another connection.
#[tokio::test]
async fn a_placeholder_of_another_connection_is_not_swapped() {
    let server = Server::start(Vec::new()).await;
    let (key, others) = (unique("sk_test_"), unique("sk_test_"));
    let (plugin, connection) = connected(&server, &key, json!({})).await;
    let properties = json!({"secretKey": others, "baseUrl": server.url()}).to_string();
    let other = plugin.parse_connection(&properties).await.unwrap();
    let args = json!([null, {"apiKey": placeholder(&other)}]).to_string();
    plugin
        .request(&connection, "customers", "list", &args)
        .await
        .unwrap();
    let expected = format!("Bearer {}", placeholder(&other));
    assert_eq!(
        server.only().header("authorization"),
        Some(expected.as_str())
    );
}

#[tokio::test]
async fn failures_show_no_part_of_the_key() {
    let shows_none = |error: &CallError, key: &str| {
        let shown = format!("{error:?} {error}");
        assert!(!holds_part(&shown, key), "{shown}");
    };
    let refused = r#"{"error":{"message":"No such customer","type":"invalid_request_error"}}"#;
    let answers = vec![
        Answer::json(404, refused),
        Answer::Close,
        Answer::Raw(b"SSH\r\n"),
    ];
    let server = Server::start(answers).await;
    let key = unique("sk_test_");
    let (plugin, connection) = connected(&server, &key, json!({"maxNetworkRetries": 0})).await;
    for _ in 0..3 {
        shows_none(&failed(list(&plugin, &connection).await), &key);
    }
    // Properties that are refused, at various depths.
    for properties in [
        json!({"secretKey": key, "nonsense": key}),
        json!({"secretKey": format!("{key}\n")}),
        json!({"secretKey": format!("{key}é")}),
        json!({"secretKey": format!("{key} ")}),
        json!({"auth": {"token": key.repeat(1000)}}),
        json!({"secretKey": key, "auth": {"token": key}}),
        json!({"secretKey": key, "headers": {"Authorization": key}}),
        json!([key]),
        json!(key),
    ] {
        let parsed = plugin.parse_connection(&properties.to_string()).await;
        assert!(parsed.is_err(), "{properties}");
        shows_none(&failed(parsed), &key);
    }
    // What is not JSON may hold the key anywhere.
    let parsed = plugin.parse_connection(&format!("secretKey: {key}")).await;
    shows_none(&failed(parsed), &key);
}

/// What a server repeats, the component would learn: in one piece, or cut.
#[tokio::test]
async fn a_server_that_repeats_the_key_does_not_tell_the_component() {
    for status in ["200 OK", "401 Unauthorized"] {
        for cut in [0, 1, 40, 60, 70] {
            let key = unique("sk_test_");
            let error = format!(r#""error":{{"message":"Invalid API Key provided: {key}"}}"#);
            let body = format!(r#"{{"id":"x",{error}}}"#);
            let (first, second) = body.split_at(cut);
            let mut answer = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n");
            for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
                answer.push_str(&format!("{:x}\r\n{part}\r\n", part.len()));
            }
            answer.push_str("0\r\n\r\n");
            let answer = Answer::Raw(Box::leak(answer.into_bytes().into_boxed_slice()));
            let server = Server::start(vec![answer]).await;
            let (plugin, connection) = connected(&server, &key, json!({})).await;
            let answered = list(&plugin, &connection).await;
            let shown = format!("{answered:?}");
            assert!(!holds_part(&shown, &key), "{shown}");
            assert!(shown.contains("Invalid API Key provided: ****"), "{shown}");
        }
    }
}

/// Guest memory, read as the process's own from outside.
#[cfg(target_os = "linux")]
mod memory {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use serde_json::json;
    use stripe_harness::{Exchange, Exchanged, HostOptions, Instances, Plugin, WasiBody, types};

    use super::unique;
    use crate::support::{list, plugin};

    /// Address space that is reserved behind a guest's memory, so that it can
    /// grow, and that nothing else in a process has behind it.
    const RESERVED: u64 = 1 << 30;

    /// Which of these texts lie in a guest's linear memory.
    ///
    /// wasmtime's pool gives each memory a slot of 4 GiB and more, of which
    /// just the part in use can be read; stacks, tables and heaps are not
    /// followed by so much that cannot.
    fn in_guests(texts: &[&str]) -> Vec<bool> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let ranges: Vec<(u64, u64, &str)> = maps
            .lines()
            .map(|line| {
                let mut fields = line.split(' ');
                let (from, to) = fields.next().unwrap().split_once('-').unwrap();
                let number = |text| u64::from_str_radix(text, 16).unwrap();
                (number(from), number(to), fields.next().unwrap())
            })
            .collect();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut found = vec![false; texts.len()];
        let mut guests = 0;
        for (at, (from, to, access)) in ranges.iter().enumerate() {
            // The part that the component's data was mapped into comes first.
            let mut end = *from;
            let mut behind = ranges[at..].iter().skip_while(|(from, to, access)| {
                let goes_on = *from == end && access.starts_with("rw-p");
                end = if goes_on { *to } else { end };
                goes_on
            });
            let is_guest = access.starts_with("rw-p")
                && behind.next().is_some_and(|(from, to, access)| {
                    *from == end && access.starts_with("---p") && to - from >= RESERVED
                });
            if !is_guest {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // Another test's may be gone by now.
            if memory.read_exact_at(&mut bytes, *from).is_err() {
                continue;
            }
            guests += 1;
            for (found, text) in found.iter_mut().zip(texts) {
                let mut windows = bytes.windows(text.len());
                *found |= windows.any(|window| window == text.as_bytes());
            }
        }
        assert!(guests > 0, "no guest's memory was found");
        found
    }

    /// Looks while a call is under way.
    struct Looks {
        key: String,
        stands_in: Mutex<String>,
        /// Whether the key, and what stands for it, were there.
        found: Mutex<Vec<bool>>,
        authorization: Mutex<String>,
    }

    struct Shared(Arc<Looks>);

    impl Exchange for Shared {
        fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged {
            let looks = &self.0;
            let stands_in = looks.stands_in.lock().unwrap().clone();
            *looks.found.lock().unwrap() = in_guests(&[&looks.key, &stands_in]);
            let sent = request.headers()["authorization"].to_str().unwrap();
            *looks.authorization.lock().unwrap() = sent.to_owned();
            let body = Full::new(Bytes::from_static(br#"{"id":"x"}"#));
            let body = body.map_err(|never| match never {}).boxed_unsync();
            Box::pin(async move { Ok(http::Response::new(body)) })
        }
    }

    /// Makes a call, and says whether the key and its placeholder were in
    /// guests' memory then, and whether they are afterwards.
    async fn looked(inject_key: bool, fallback: bool) -> (Vec<bool>, Vec<bool>) {
        let looks = Arc::new(Looks {
            key: unique("sk_test_"),
            stands_in: Mutex::new("no placeholder that anyone has".to_owned()),
            found: Mutex::default(),
            authorization: Mutex::default(),
        });
        let options = HostOptions {
            inject_key,
            fallback_key: fallback.then(|| looks.key.clone().into()),
            exchange: Some(Arc::new(Shared(Arc::clone(&looks)))),
            // The instance, and its memory, outlive the call.
            instances: Instances::Reused { max_idle: 1 },
            ..HostOptions::default()
        };
        let plugin: Plugin = plugin(&[]).with_options(options).unwrap();
        let properties = match fallback {
            true => json!({}),
            false => json!({"secretKey": looks.key}),
        };
        let parsed = plugin.parse_connection(&properties.to_string()).await;
        let connection = parsed.unwrap();
        if inject_key && !fallback {
            let stands_in = connection.record().secret_key.clone().unwrap();
            assert_ne!(stands_in, looks.key);
            *looks.stands_in.lock().unwrap() = stands_in;
        }
        let answer: types::Response = list(&plugin, &connection).await.unwrap();
        assert_eq!(answer.status, Some(200));
        assert_eq!(
            *looks.authorization.lock().unwrap(),
            format!("Bearer {}", looks.key)
        );
        let stands_in = looks.stands_in.lock().unwrap().clone();
        let after = in_guests(&[&looks.key, &stands_in]);
        (looks.found.lock().unwrap().clone(), after)
    }

    #[tokio::test]
    async fn a_guests_memory_never_holds_the_key() {
        // Where nothing is injected, the same look finds the key.
        assert_eq!(looked(false, false).await.0, [true, false]);
        assert_eq!(looked(false, true).await.0, [true, false]);
        let (during, after) = looked(true, false).await;
        assert_eq!(during, [false, true]);
        assert!(!after[0]);
        let (during, after) = looked(true, true).await;
        assert!(!during[0] && !after[0]);
    }
}
