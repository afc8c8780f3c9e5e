//! TLS towards a server, as the server sees it: which connections are made,
//! whom they trust, and what a person is told where none comes about.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stripe_harness::{CallError, Case, Connection, Plugin, Roots, TransportOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{
    Authority, Child, Files, KEY, Setup, TlsServer, allowing, failed, in_child, list, trusting,
    under,
};

/// A connection whose `secureSocket` has these fields.
async fn securely(
    url: &str,
    secure_socket: Value,
    more: Value,
) -> (Plugin, Result<Connection, CallError>) {
    let mut properties = json!({"baseUrl": url, "secureSocket": secure_socket});
    let all = properties.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    under(trusting(&[url]), properties).await
}

/// Nothing was sent, and a repetition would not help.
fn not_accepted(error: &CallError, said: &str) {
    let failure = &error.failure;
    assert_eq!(
        (error.case, failure.type_.as_str(), failure.attempts),
        (Case::Permanent, "connection_error", 1),
        "{error}"
    );
    assert!(!failure.may_have_been_sent, "{error}");
    assert!(failure.message.contains(said), "{error}");
}

#[tokio::test]
async fn a_connection_is_kept_and_speaks_the_version_asked_for() {
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    let both = || vec!["h2", "http/1.1"];
    for (version, offered, spoken) in [
        (None, both(), Some("h2")),
        (Some("2.0"), both(), Some("h2")),
        (Some("1.1"), both(), Some("http/1.1")),
        (None, vec!["http/1.1"], Some("http/1.1")),
        (Some("1.1"), vec![], None),
        (None, vec![], None),
    ] {
        let setup = Setup {
            alpn: offered,
            ..Setup::default()
        };
        let server = TlsServer::start(&authority.server(), setup).await;
        let more = json!({"httpVersion": version});
        let (plugin, connection) =
            securely(&server.url("localhost"), json!({"cert": ca}), more).await;
        let connection = connection.unwrap();
        for _ in 0..3 {
            list(&plugin, &connection).await.unwrap();
        }
        let [seen] = server.connections().try_into().unwrap();
        assert_eq!(seen.alpn.as_deref(), spoken, "{version:?}");
        assert_eq!(seen.requests, vec![format!("Bearer {KEY}"); 3]);
    }
}

#[tokio::test]
async fn calls_at_the_same_time_share_a_connection_of_http_2() {
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    // None of the twenty is answered before all have arrived.
    let setup = Setup {
        gathers: 20,
        ..Setup::default()
    };
    let server = TlsServer::start(&authority.server(), setup).await;
    let (plugin, connection) =
        securely(&server.url("localhost"), json!({"cert": ca}), json!({})).await;
    let connection = connection.unwrap();
    list(&plugin, &connection).await.unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (plugin, connection) = (plugin.clone(), connection.clone());
            tokio::spawn(async move { list(&plugin, &connection).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.requests(), [21]);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn connections_with_equal_settings_share_sockets() {
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let url = server.url("localhost");
    let (plugin, first) = securely(&url, json!({"cert": ca}), json!({})).await;
    let first = first.unwrap();
    let parse = async |socket: Value| {
        let properties = json!({"secretKey": KEY, "baseUrl": url, "secureSocket": socket});
        let parsed = plugin.parse_connection(&properties.to_string()).await;
        parsed.unwrap()
    };
    let same = parse(json!({"cert": ca})).await;
    let other = parse(json!({"cert": ca, "shareSession": false})).await;
    list(&plugin, &first).await.unwrap();
    list(&plugin, &same).await.unwrap();
    assert_eq!(server.requests(), [2]);
    // Other settings may not be served by a socket that was not made with them.
    list(&plugin, &other).await.unwrap();
    assert_eq!(server.requests(), [2, 1]);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_gets_no_request() {
    let ours = Authority::new();
    let others = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", ours.pem());
    for (leaf, said) in [
        (others.server(), "UnknownIssuer"),
        (ours.certify(&["stripe.test"], (2020, 4000)), "stripe.test"),
        (ours.certify(&["localhost"], (2001, 2002)), "expired"),
        (ours.certify(&["localhost"], (3998, 3999)), "not valid yet"),
    ] {
        let server = TlsServer::start(&leaf, Setup::default()).await;
        let (plugin, connection) =
            securely(&server.url("localhost"), json!({"cert": ca}), json!({})).await;
        let error = failed(list(&plugin, &connection.unwrap()).await);
        not_accepted(&error, said);
        assert!(error.failure.message.contains("certificate"), "{error}");
        assert!(server.requests().iter().all(|requests| *requests == 0));
    }
}

#[tokio::test]
async fn without_settings_only_public_authorities_are_trusted() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let url = server.url("localhost");
    let (plugin, connection) = under(trusting(&[&url]), json!({"baseUrl": url})).await;
    let error = failed(list(&plugin, &connection.unwrap()).await);
    not_accepted(&error, "UnknownIssuer");
}

#[tokio::test]
async fn a_server_without_tls_is_said_to_be_one() {
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).await.unwrap();
        let bad = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(bad).await.unwrap();
        // Everything that arrives is read, so that the answer is not lost.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        (hello, rest)
    });
    let (plugin, connection) = securely(&url, json!({"cert": ca}), json!({})).await;
    let error = failed(list(&plugin, &connection.unwrap()).await);
    not_accepted(&error, "does it speak TLS on this port?");
    let (hello, rest) = served.await.unwrap();
    assert_eq!(hello, [0x16, 3, 1]);
    let rest = String::from_utf8_lossy(&rest);
    assert!(!rest.contains("authorization"), "{rest}");
}

#[tokio::test]
async fn authorities_come_from_pem_files_and_trust_stores() {
    let (ours, another) = (Authority::new(), Authority::new());
    let files = Files::new();
    let several = format!("# ours\n{}\n{}", another.pem(), ours.pem());
    let beside_a_key = format!("{}{}", ours.key_pem(), ours.pem());
    let store = |name, password: &str| {
        let path = files.put(name, ours.trust_store(password));
        json!({"path": path, "password": password})
    };
    for cert in [
        json!(files.put("one.pem", ours.pem())),
        json!(files.put("several.pem", several)),
        json!(files.put("beside-a-key.pem", beside_a_key)),
        store("trust.p12", "changeit"),
        store("empty-password.p12", ""),
        store("unicode.p12", "пароль π"),
    ] {
        let server = TlsServer::start(&ours.server(), Setup::default()).await;
        let url = server.url("127.0.0.1");
        let (plugin, connection) = securely(&url, json!({"cert": cert}), json!({})).await;
        list(&plugin, &connection.unwrap()).await.unwrap();
        assert_eq!(server.requests(), [1], "{cert}");
    }
}

#[tokio::test]
async fn a_file_without_authorities_is_refused_with_its_place() {
    let authority = Authority::new();
    let files = Files::new();
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let url = server.url("localhost");
    let store = files.put("trust.p12", authority.trust_store("right"));
    let damaged = authority.pem().replace("MII", "AAA");
    for (cert, said) in [
        (json!(files.path("missing.pem")), "cannot be read"),
        (json!(files.path("")), "cannot be read"),
        (
            json!(files.put("text", "not a certificate")),
            "holds no certificate",
        ),
        (json!(files.put("empty", "")), "holds no certificate"),
        (
            json!(files.put("key", authority.key_pem())),
            "holds no certificate",
        ),
        (
            json!(files.put("binary", [0xff, 0, 0xfe])),
            "holds no certificate",
        ),
        (json!(store), "holds no certificate"),
        (json!(files.put("damaged", damaged)), "cannot be trusted"),
        (
            json!({"path": store, "password": "wrong"}),
            "with the password given",
        ),
        (
            json!({"path": files.put("pem", authority.pem()), "password": "x"}),
            "PKCS#12",
        ),
        (
            json!({"path": files.path("missing.p12"), "password": "x"}),
            "cannot be read",
        ),
    ] {
        let (_, connection) = securely(&url, json!({"cert": cert}), json!({})).await;
        let error = failed(connection);
        assert_eq!(
            (
                error.case,
                error.failure.type_.as_str(),
                error.failure.path.as_deref()
            ),
            (
                Case::Permanent,
                "configuration_error",
                Some("properties.secureSocket.cert")
            ),
            "{cert}"
        );
        assert!(error.failure.message.contains(said), "{cert}: {error}");
        assert!(!error.failure.message.contains("wrong"), "{error}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn the_name_asked_for_is_the_hosts_or_the_one_given() {
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    let inside = ["stripe.internal"].as_slice();
    let loopback = ["localhost", "127.0.0.1"].as_slice();
    for (host, name, certified, asked) in [
        ("localhost", None, loopback, Some("localhost")),
        // An address is no name (RFC 6066, 3).
        ("127.0.0.1", None, loopback, None),
        (
            "127.0.0.1",
            Some("stripe.internal"),
            inside,
            Some("stripe.internal"),
        ),
    ] {
        let leaf = authority.certify(certified, (2020, 4000));
        let server = TlsServer::start(&leaf, Setup::default()).await;
        let socket = json!({"cert": ca, "serverName": name});
        let (plugin, connection) = securely(&server.url(host), socket, json!({})).await;
        list(&plugin, &connection.unwrap()).await.unwrap();
        assert_eq!(server.connections()[0].sni.as_deref(), asked, "{host}");
    }
    // The certificate has to be for the name asked for, not for the host.
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let socket = json!({"cert": ca, "serverName": "stripe.internal"});
    let (plugin, connection) = securely(&server.url("localhost"), socket, json!({})).await;
    not_accepted(
        &failed(list(&plugin, &connection.unwrap()).await),
        "stripe.internal",
    );
}

#[tokio::test]
async fn client_certificates_come_from_every_kind_of_file() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let client = clients.certify(&["client"], (2020, 4000));
    let files = Files::new();
    let ca = files.put("ca.pem", servers.pem());
    let chain = files.put("client.pem", client.certificate.pem());
    let plain = files.put("client.key", client.key.serialize_pem());
    let both = format!(
        "{}{}",
        client.certificate.pem(),
        client.encrypted_key("pass π")
    );
    let encrypted = files.put("both.pem", both);
    let store = files.put("client.p12", client.key_store("changeit"));
    for key in [
        json!({"certFile": chain, "keyFile": plain}),
        // A password that is not needed is no fault.
        json!({"certFile": chain, "keyFile": plain, "keyPassword": "unused"}),
        json!({"certFile": encrypted, "keyFile": encrypted, "keyPassword": "pass π"}),
        json!({"path": store, "password": "changeit"}),
    ] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            let setup = Setup::wants_clients(&clients);
            let server = TlsServer::start(&servers.server(), setup).await;
            let protocol = json!({"name": "TLS", "versions": [version]});
            let socket = json!({"cert": ca, "key": key, "protocol": protocol});
            let (plugin, connection) = securely(&server.url("localhost"), socket, json!({})).await;
            list(&plugin, &connection.unwrap()).await.unwrap();
            let [seen] = server.connections().try_into().unwrap();
            assert_eq!(
                seen.client.as_deref(),
                Some(&**client.certificate.der()),
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn client_certificates_that_cannot_be_used_are_refused_with_their_place() {
    let (authority, files) = (Authority::new(), Files::new());
    let (client, other) = (authority.server(), authority.server());
    let chain = files.put("client.pem", client.certificate.pem());
    let encrypted = files.put("encrypted.key", client.encrypted_key("right"));
    let others = files.put("other.key", other.key.serialize_pem());
    let store = files.put("client.p12", client.key_store("right"));
    let trust = files.put("trust.p12", authority.trust_store("right"));
    let cut = client.encrypted_key("right").replace("MI", "AA");
    let cut = files.put("cut.key", cut);
    let missing = files.path("missing");
    let pair = |cert: &str, key: &str| json!({"certFile": cert, "keyFile": key});
    let locked =
        |password: &str| json!({"certFile": chain, "keyFile": encrypted, "keyPassword": password});
    for (key, place, said) in [
        (locked("wrong"), "key.keyFile", "cannot be decrypted"),
        (pair(&chain, &encrypted), "key.keyFile", "give its password"),
        (pair(&chain, &missing), "key.keyFile", "cannot be read"),
        (pair(&missing, &encrypted), "key.certFile", "cannot be read"),
        (pair(&chain, &chain), "key.keyFile", "holds no private key"),
        (
            pair(&encrypted, &encrypted),
            "key.certFile",
            "holds no certificate",
        ),
        (
            json!({"certFile": chain, "keyFile": cut, "keyPassword": "right"}),
            "key.keyFile",
            "encrypted key",
        ),
        (pair(&chain, &others), "key", "cannot be used"),
        (
            json!({"path": store, "password": "wrong"}),
            "key.path",
            "with the password given",
        ),
        (
            json!({"path": trust, "password": "right"}),
            "key.path",
            "holds no private key",
        ),
        (
            json!({"path": missing, "password": "right"}),
            "key.path",
            "cannot be read",
        ),
    ] {
        let (_, connection) = securely("https://localhost:1", json!({"key": key}), json!({})).await;
        let error = failed(connection);
        let path = format!("properties.secureSocket.{place}");
        assert_eq!(
            (error.failure.type_.as_str(), error.failure.path.as_deref()),
            ("configuration_error", Some(path.as_str())),
            "{key}: {error}"
        );
        assert!(error.failure.message.contains(said), "{key}: {error}");
        for password in ["wrong", "right"] {
            assert!(!error.failure.message.contains(password), "{key}: {error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_misses_a_client_certificate_is_asked_once() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let stranger = Authority::new().certify(&["client"], (2020, 4000));
    let files = Files::new();
    let ca = files.put("ca.pem", servers.pem());
    let strange = json!({
        "certFile": files.put("c.pem", stranger.certificate.pem()),
        "keyFile": files.put("k.pem", stranger.key.serialize_pem()),
    });
    for http_version in ["1.1", "2.0"] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            for key in [None, Some(&strange)] {
                let setup = Setup::wants_clients(&clients);
                let server = TlsServer::start(&servers.server(), setup).await;
                let protocol = json!({"name": "TLS", "versions": [version]});
                let socket = json!({"cert": ca, "key": key, "protocol": protocol});
                let more = json!({"httpVersion": http_version});
                let (plugin, connection) = securely(&server.url("localhost"), socket, more).await;
                let connection = connection.unwrap();
                let args = r#"[{"email": "e"}]"#;
                let created = plugin.request(&connection, "customers", "create", args);
                let error = failed(created.await);
                let case = format!("HTTP/{http_version}, {version}, {key:?}: {error}");
                assert_eq!(
                    (error.case, error.failure.type_.as_str()),
                    (Case::Permanent, "connection_error"),
                    "{case}"
                );
                assert!(
                    error.failure.message.contains("client certificate"),
                    "{case}"
                );
                assert_eq!(
                    (error.failure.attempts, server.accepted()),
                    (1, 1),
                    "{case}"
                );
                // With TLS 1.3 the request may follow the handshake before the
                // server has said no.
                assert_eq!(
                    error.failure.may_have_been_sent,
                    version == "TLSv1.3",
                    "{case}"
                );
                assert!(server.requests().is_empty(), "{case}");
            }
        }
    }
}

/// The machine's authorities: those of a file that the environment names, so
/// that the test decides what they are.
#[tokio::test]
async fn the_machines_own_authorities_are_trusted_where_the_host_says_so() {
    const THIS: &str = "tls::the_machines_own_authorities_are_trusted_where_the_host_says_so";
    if let Some(url) = in_child() {
        return platform_roots(&url).await;
    }
    let (authority, files) = (Authority::new(), Files::new());
    let server = TlsServer::start(&authority.server(), Setup::default()).await;
    let url = server.url("localhost");
    let ca = files.put("ca.pem", authority.pem());
    Child::start(THIS, &url, &[("SSL_CERT_FILE", &ca)])
        .succeeded()
        .await;
    assert_eq!(server.requests(), [1]);
    for none in [files.put("none.pem", ""), files.path("missing.pem")] {
        let folder = files.path("no-folder");
        let child = Child::start(
            THIS,
            "",
            &[("SSL_CERT_FILE", &none), ("SSL_CERT_DIR", &folder)],
        );
        child.succeeded().await;
    }
}

async fn platform_roots(url: &str) {
    let mut options = trusting(&[]);
    options.transport.roots = Roots::Platform;
    if url.is_empty() {
        let error = crate::support::plugin(&[])
            .with_options(options)
            .unwrap_err();
        let said = format!("{error:#}");
        assert!(
            said.contains("no certificate authorities of its own"),
            "{said}"
        );
        return;
    }
    options.policy = allowing(&[url]);
    let (plugin, connection) = under(options, json!({"baseUrl": url})).await;
    list(&plugin, &connection.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_host_that_takes_no_settings_reads_no_files() {
    let url = "https://localhost:1";
    let mut options = trusting(&[url]);
    options.transport = TransportOptions::default();
    // The answer is the same whether the file is there or not.
    let answers: BTreeSet<String> = {
        let files = Files::new();
        let there = files.put("ca.pem", Authority::new().pem());
        let mut answers = BTreeSet::new();
        for cert in [there, files.path("missing.pem")] {
            let properties = json!({"baseUrl": url, "secureSocket": {"cert": cert}});
            let error = failed(under(options.clone(), properties).await.1);
            assert_eq!(
                error.failure.path.as_deref(),
                Some("properties.secureSocket")
            );
            answers.insert(error.failure.message.clone());
        }
        answers
    };
    assert_eq!(answers.len(), 1, "{answers:?}");
}
