//! `secureSocket`, setting by setting: applied as the server sees it, or
//! refused. None is quietly dropped.

use std::time::Duration;

use serde_json::{Value, json};
use stripe_harness::Case;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{
    Authority, Files, KEY, Mode, Proxy, Setup, TlsServer, failed, list, trusting, under,
};

/// Calls a new server so often with these settings.
async fn called(times: usize, socket: Value, setup: Setup) -> TlsServer {
    let (authority, files) = (Authority::new(), Files::new());
    let server = TlsServer::start(&authority.server(), setup).await;
    let url = server.url("localhost");
    let mut socket = socket;
    socket["cert"] = json!(files.put("ca.pem", authority.pem()));
    let properties = json!({"baseUrl": url, "httpVersion": "1.1", "secureSocket": socket});
    let (plugin, connection) = under(trusting(&[&url]), properties).await;
    let connection = connection.unwrap();
    for _ in 0..times {
        list(&plugin, &connection).await.unwrap();
    }
    server
}

/// The refusal of these settings, which has to name its place.
async fn refused(url: Option<&str>, socket: Value, place: &str, said: &[&str]) {
    let properties = json!({"baseUrl": url, "secureSocket": socket});
    let origins: Vec<&str> = url.into_iter().collect();
    let error = failed(under(trusting(&origins), properties).await.1);
    let path = format!("properties.secureSocket.{place}");
    assert_eq!(
        (
            error.case,
            error.failure.type_.as_str(),
            error.failure.path.as_deref()
        ),
        (Case::Permanent, "configuration_error", Some(path.as_str())),
        "{socket}: {error}"
    );
    for said in said {
        assert!(error.failure.message.contains(said), "{socket}: {error}");
    }
}

fn protocol(versions: &[&str]) -> Value {
    json!({"protocol": {"name": "TLS", "versions": versions}})
}

#[tokio::test]
async fn versions_and_cipher_suites_are_those_asked_for() {
    for (socket, version, suite) in [
        (protocol(&["TLSv1.2"]), "TLSv1_2", None),
        (protocol(&["TLSv1.3"]), "TLSv1_3", None),
        (protocol(&["TLSv1.2", "TLSv1.3"]), "TLSv1_3", None),
        (protocol(&[]), "TLSv1_3", None),
        (json!({}), "TLSv1_3", None),
        (
            json!({"ciphers": ["TLS_CHACHA20_POLY1305_SHA256"]}),
            "TLSv1_3",
            Some("TLS13_CHACHA20_POLY1305_SHA256"),
        ),
        (
            json!({"ciphers": ["TLS_AES_128_GCM_SHA256"]}),
            "TLSv1_3",
            Some("TLS13_AES_128_GCM_SHA256"),
        ),
        // A suite of TLS 1.2 alone leaves no other version.
        (
            json!({"ciphers": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]}),
            "TLSv1_2",
            Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ),
        (
            json!({
                "ciphers": ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
                "protocol": {"name": "TLS", "versions": ["TLSv1.2"]},
            }),
            "TLSv1_2",
            Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ),
    ] {
        let server = called(1, socket.clone(), Setup::default()).await;
        let [seen] = server.connections().try_into().unwrap();
        assert_eq!(seen.version, version, "{socket}");
        if let Some(suite) = suite {
            assert_eq!(seen.suite, suite, "{socket}");
        }
    }
}

#[tokio::test]
async fn a_server_without_the_version_asked_for_gets_no_request() {
    for (asked, offered) in [
        ("TLSv1.2", &rustls::version::TLS13),
        ("TLSv1.3", &rustls::version::TLS12),
    ] {
        let (authority, files) = (Authority::new(), Files::new());
        let setup = Setup {
            versions: vec![offered],
            ..Setup::default()
        };
        let server = TlsServer::start(&authority.server(), setup).await;
        let url = server.url("localhost");
        let mut socket = protocol(&[asked]);
        socket["cert"] = json!(files.put("ca.pem", authority.pem()));
        let properties = json!({"baseUrl": url, "secureSocket": socket});
        let (plugin, connection) = under(trusting(&[&url]), properties).await;
        let error = failed(list(&plugin, &connection.unwrap()).await);
        assert_eq!(
            (
                error.case,
                error.failure.type_.as_str(),
                error.failure.attempts
            ),
            (Case::Permanent, "connection_error", 1),
            "{error}"
        );
        assert!(server.connections().is_empty());
    }
}

#[tokio::test]
async fn what_the_host_cannot_do_is_refused_with_its_place() {
    for old in [
        "TLSv1.1", "TLSv1", "SSLv3", "DTLSv1.2", "TLSv1.4", "tlsv1.2", "",
    ] {
        refused(
            None,
            protocol(&[old]),
            "protocol.versions",
            &["TLSv1.2", "TLSv1.3"],
        )
        .await;
        // One that is supported does not carry another in.
        let both = protocol(&["TLSv1.2", old]);
        refused(None, both, "protocol.versions", &["is not supported"]).await;
    }
    for name in ["DTLS", "SSL"] {
        let socket = json!({"protocol": {"name": name, "versions": []}});
        refused(None, socket, "protocol.name", &["TLS alone", name]).await;
    }
    for suite in [
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS13_AES_128_GCM_SHA256",
        "",
    ] {
        let socket = json!({"ciphers": [suite]});
        let known = [
            "TLS_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ];
        refused(None, socket, "ciphers", &known).await;
    }
    for (socket, place, said) in [
        (
            json!({
                "ciphers": ["TLS_AES_128_GCM_SHA256"],
                "protocol": {"name": "TLS", "versions": ["TLSv1.2"]},
            }),
            "ciphers",
            "leave nothing to agree on",
        ),
        (
            json!({"certValidation": {"type": "OCSP_STAPLING"}}),
            "certValidation",
            "OCSP_STAPLING",
        ),
        (
            json!({"certValidation": {"type": "OCSP_CRL"}}),
            "certValidation",
            "OCSP_CRL",
        ),
        (
            json!({"serverName": "not a name"}),
            "serverName",
            "DNS name",
        ),
        (json!({"serverName": ""}), "serverName", "DNS name"),
    ] {
        refused(None, socket, place, &[said]).await;
    }
}

#[tokio::test]
async fn a_session_is_resumed_unless_it_may_not_be() {
    let plain = [false, false, false];
    let resumed = [false, true, true];
    for (socket, expected) in [
        (json!({}), resumed),
        (json!({"shareSession": true}), resumed),
        (json!({"shareSession": false}), plain),
        (json!({"sessionTimeout": 3600}), resumed),
        // No session is young enough.
        (json!({"sessionTimeout": 0}), plain),
        (
            json!({"shareSession": false, "sessionTimeout": 3600}),
            plain,
        ),
    ] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            let mut socket = socket.clone();
            socket["protocol"] = protocol(&[version])["protocol"].take();
            let setup = Setup {
                closes: true,
                ..Setup::default()
            };
            let server = called(3, socket.clone(), setup).await;
            let seen = server.connections();
            let handshakes: Vec<bool> = seen.iter().map(|seen| seen.resumed).collect();
            assert_eq!(handshakes, expected, "{socket}");
        }
    }
}

/// On a clock that stands still unless everything waits, so that it takes no
/// time, and no machine is too slow for it.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_speaks_is_given_up_in_time() {
    for (more, milliseconds, said) in [
        (
            json!({"secureSocket": {"handshakeTimeout": 2.5}}),
            2500,
            "handshakeTimeout",
        ),
        // Three quarters of an attempt's time is for the connection.
        (
            json!({"timeout": 8000}),
            6000,
            "could not be reached in time",
        ),
        (
            json!({"secureSocket": {"handshakeTimeout": 7}, "timeout": 8000}),
            6000,
            "could not be reached in time",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let accepting = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        let mut properties = json!({"baseUrl": url, "maxNetworkRetries": 0});
        let all = properties.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        let (plugin, connection) = under(trusting(&[&url]), properties).await;
        let connection = connection.unwrap();
        let begun = Instant::now();
        let error = failed(list(&plugin, &connection).await);
        let took = begun.elapsed();
        assert_eq!(
            (error.case, error.failure.type_.as_str()),
            (Case::Transient, "timeout_error"),
            "{error}"
        );
        assert!(!error.failure.may_have_been_sent, "{error}");
        assert!(error.failure.message.contains(said), "{error}");
        let expected = Duration::from_millis(milliseconds);
        assert!(
            took >= expected && took < expected + Duration::from_millis(10),
            "{took:?}"
        );
        accepting.abort();
    }
}

#[tokio::test]
async fn an_unverified_server_may_be_on_this_machine() {
    let (ours, others) = (Authority::new(), Authority::new());
    let files = Files::new();
    let ca = files.put("ca.pem", ours.pem());
    let wrong_name = |authority: &Authority| authority.certify(&["stripe.test"], (2020, 4000));
    let expired = ours.certify(&["stripe.test"], (2001, 2002));
    for (socket, leaf, served) in [
        (json!({"enable": false}), others.server(), true),
        (json!({"enable": false}), wrong_name(&others), true),
        (json!({"enable": true, "cert": ca}), others.server(), false),
        (
            json!({"enable": true, "cert": ca}),
            wrong_name(&ours),
            false,
        ),
        (
            json!({"verifyHostName": false, "cert": ca}),
            wrong_name(&ours),
            true,
        ),
        // It is the name alone that is not looked at.
        (
            json!({"verifyHostName": false, "cert": ca}),
            wrong_name(&others),
            false,
        ),
        (json!({"verifyHostName": false, "cert": ca}), expired, false),
        (json!({"verifyHostName": false}), ours.server(), false),
        (
            json!({"verifyHostName": true, "cert": ca}),
            wrong_name(&ours),
            false,
        ),
    ] {
        for host in ["localhost", "127.0.0.1"] {
            for version in ["TLSv1.2", "TLSv1.3"] {
                let server = TlsServer::start(&leaf, Setup::default()).await;
                let url = server.url(host);
                let mut socket = socket.clone();
                socket["protocol"] = protocol(&[version])["protocol"].take();
                let properties = json!({"baseUrl": url, "secureSocket": socket});
                let (plugin, connection) = under(trusting(&[&url]), properties).await;
                let answered = list(&plugin, &connection.unwrap()).await;
                assert_eq!(answered.is_ok(), served, "{socket}: {answered:?}");
                let requests: usize = server.requests().iter().sum();
                assert_eq!(requests, usize::from(served), "{socket}");
            }
        }
    }
}

#[tokio::test]
async fn an_unverified_server_elsewhere_is_refused() {
    for url in [
        None,
        Some("https://api.stripe.com"),
        Some("https://elsewhere.example"),
        Some("https://localhost.example"),
        Some("https://127.0.0.1.example:8443"),
    ] {
        for place in ["enable", "verifyHostName"] {
            refused(
                url,
                json!({place: false}),
                place,
                &["on this machine", "cert"],
            )
            .await;
        }
    }
}

/// A proxy shows whether anything was sent to a host that does not exist.
#[tokio::test]
async fn an_unverified_connection_cannot_be_sent_elsewhere_afterwards() {
    let (authority, files) = (Authority::new(), Files::new());
    let ca = files.put("ca.pem", authority.pem());
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let (here, elsewhere) = (server.url("127.0.0.1"), "https://stripe.test:8443");
    for (socket, sent) in [
        (json!({"enable": false}), false),
        (json!({"verifyHostName": false, "cert": ca}), false),
        // Without them the same connection does go there.
        (json!({"cert": ca}), true),
    ] {
        let proxy = Proxy::start(Mode::Close).await;
        let properties = json!({
            "baseUrl": here,
            "maxNetworkRetries": 0,
            "proxy": {"host": "127.0.0.1", "port": proxy.port()},
            "secureSocket": socket,
        });
        let (plugin, connection) = under(trusting(&[&here, elsewhere]), properties).await;
        let mut connection = connection.unwrap();
        connection.set_base_url(elsewhere.to_owned());
        let error = failed(list(&plugin, &connection).await);
        assert!(!error.failure.may_have_been_sent, "{error}");
        let targets: Vec<String> = proxy.seen().into_iter().map(|seen| seen.target).collect();
        match sent {
            true => assert_eq!(targets, ["stripe.test:8443"]),
            false => {
                assert!(error.failure.message.contains("does not allow"), "{error}");
                assert_eq!(proxy.accepted(), 0, "{targets:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_host_that_does_not_take_settings_says_which_it_was() {
    let url = "https://localhost:1";
    for (properties, place) in [
        (json!({"httpVersion": "1.1"}), "httpVersion"),
        (json!({"proxy": {"host": "127.0.0.1", "port": 1}}), "proxy"),
        (json!({"secureSocket": {}}), "secureSocket"),
        (json!({"secureSocket": {"enable": false}}), "secureSocket"),
    ] {
        let mut all = json!({"secretKey": KEY, "baseUrl": url});
        all.as_object_mut()
            .unwrap()
            .extend(properties.as_object().unwrap().clone());
        let plugin = crate::support::plugin(&[url]);
        let error = failed(plugin.parse_connection(&all.to_string()).await);
        let path = format!("properties.{place}");
        assert_eq!(
            error.failure.path.as_deref(),
            Some(path.as_str()),
            "{error}"
        );
        assert!(
            error.failure.message.contains("from_connections"),
            "{error}"
        );
    }
}
