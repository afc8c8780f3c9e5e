//! Proxies: what one is told, what it sees, and what a person is told where it
//! fails. It is a tunnel and nothing else.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stripe_harness::{
    CallError, Case, Connection, HostOptions, Plugin, Proxies, Roots, TransportOptions,
};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{
    Authority, Child, Files, KEY, Mode, Proxy, Server, Setup, TlsServer, allowing, failed,
    in_child, list, trusting, under,
};

/// The first byte of TLS: a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// The properties of a connection through a proxy.
fn through(port: u16, more: Value) -> Value {
    let mut proxy = json!({"host": "127.0.0.1", "port": port});
    if let Value::Object(more) = more {
        proxy.as_object_mut().unwrap().extend(more);
    }
    json!({"proxy": proxy})
}

/// A connection to an origin through a proxy, with more properties.
async fn connected(
    url: Option<&str>,
    proxy: Value,
    more: Value,
) -> (Plugin, Result<Connection, CallError>) {
    let mut properties = proxy;
    properties["baseUrl"] = json!(url);
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let origins: Vec<&str> = url.into_iter().collect();
    under(trusting(&origins), properties).await
}

/// A host with a proxy of its own.
fn behind(proxies: Proxies, origins: &[&str]) -> HostOptions {
    HostOptions {
        policy: allowing(origins),
        transport: TransportOptions {
            proxies,
            from_connections: true,
            ..TransportOptions::default()
        },
        ..HostOptions::default()
    }
}

#[tokio::test]
async fn a_proxy_learns_where_to_and_nothing_else() {
    let (authority, files) = (Authority::new(), Files::new());
    let ca = files.put("ca.pem", authority.pem());
    let leaf = authority.certify(&["localhost", "api.stripe.com"], (2020, 4000));
    for http_version in ["1.1", "2.0"] {
        for stripe in [false, true] {
            let server = TlsServer::start(&leaf, Setup::default()).await;
            let address = format!("127.0.0.1:{}", server.port()).parse().unwrap();
            let proxy = Proxy::start(Mode::TunnelTo(address)).await;
            let url = server.url("localhost");
            let (url, target) = match stripe {
                true => (None, "api.stripe.com:443".to_owned()),
                false => (Some(url.as_str()), format!("localhost:{}", server.port())),
            };
            let more = json!({"httpVersion": http_version, "secureSocket": {"cert": ca}});
            let (plugin, connection) = connected(url, through(proxy.port(), json!({})), more).await;
            let connection = connection.unwrap();
            for _ in 0..2 {
                list(&plugin, &connection).await.unwrap();
            }
            let [seen] = server.connections().try_into().unwrap();
            assert_eq!(seen.requests, vec![format!("Bearer {KEY}"); 2]);
            let tunneled = proxy.only();
            assert_eq!(tunneled.target, target);
            assert_eq!(tunneled.authorization, None);
            assert_eq!(tunneled.first, Some(HANDSHAKE));
            // What is looked for would be found: the CONNECT itself is.
            assert!(tunneled.holds(&format!("CONNECT {target} HTTP/1.1\r\n")));
            for secret in [&KEY[8..], &KEY[20..], "Bearer", "/v1/customers"] {
                assert!(!tunneled.holds(secret), "{secret}");
            }
        }
    }
}

#[tokio::test]
async fn the_user_of_a_proxy_is_told_to_it_alone() {
    let server = Server::start(Vec::new()).await;
    for (user, password) in [
        ("user", Some("password")),
        ("us er@example", Some("p@ss:w/o?r#d%20")),
        ("пользователь", Some("π")),
        ("user", Some("")),
        ("user", None),
        ("a+b", Some("c&d=e[f]\"'\\")),
    ] {
        let proxy = Proxy::start(Mode::Tunnel).await;
        let who = match password {
            Some(password) => json!({"userName": user, "password": password}),
            None => json!({"userName": user}),
        };
        let whole = through(proxy.port(), who);
        let (plugin, connection) = connected(Some(server.url()), whole, json!({})).await;
        list(&plugin, &connection.unwrap()).await.unwrap();
        let sent = proxy.only().authorization.unwrap();
        let decoded = STANDARD
            .decode(sent.strip_prefix("Basic ").unwrap())
            .unwrap();
        let expected = format!("{user}:{}", password.unwrap_or_default());
        assert_eq!(String::from_utf8(decoded).unwrap(), expected);
    }
    for arrived in server.arrived() {
        assert_eq!(arrived.header("proxy-authorization"), None);
    }
}

#[tokio::test]
async fn plain_http_on_this_machine_may_go_through_a_proxy_on_it() {
    let server = Server::start(Vec::new()).await;
    let proxy = Proxy::start(Mode::Tunnel).await;
    let whole = through(proxy.port(), json!({}));
    let (plugin, connection) = connected(Some(server.url()), whole, json!({})).await;
    list(&plugin, &connection.unwrap()).await.unwrap();
    let target = server.url().strip_prefix("http://").unwrap();
    assert_eq!(proxy.only().target, target);
    // The way a proxy is asked for anything but a tunnel names the whole URL.
    assert_eq!(server.only().target, "/v1/customers");
}

/// To a proxy elsewhere, `127.0.0.1` is the proxy's own machine: it would get
/// the key in the clear, or unverified.
#[tokio::test]
async fn this_machine_is_not_looked_for_behind_another_machines_proxy() {
    let plain = Server::start(Vec::new()).await;
    let secure = TlsServer::start(&Authority::new().server(), Setup::default()).await;
    let unverified = json!({"secureSocket": {"enable": false}});
    for (url, more) in [
        (plain.url().to_owned(), json!({})),
        (secure.url("127.0.0.1"), unverified.clone()),
        (secure.url("localhost"), unverified),
    ] {
        let elsewhere = json!({"proxy": {"host": "proxy.invalid", "port": 3128}});
        let (plugin, connection) = connected(Some(&url), elsewhere, more.clone()).await;
        list(&plugin, &connection.unwrap()).await.unwrap();

        let proxies = Proxies::new("http://proxy.invalid:3128", "").unwrap();
        let mut properties = more;
        properties["baseUrl"] = json!(url);
        let (plugin, connection) = under(behind(proxies, &[&url]), properties).await;
        list(&plugin, &connection.unwrap()).await.unwrap();
    }
    assert_eq!(plain.arrived().len(), 2);
}

#[tokio::test]
async fn what_a_proxy_does_is_not_told_of_stripe() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let wants_user =
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n";
    for (mode, case, kind, said) in [
        (
            Some(Mode::Answer(wants_user)),
            Case::Permanent,
            "configuration_error",
            "(407)",
        ),
        (
            Some(Mode::Answer("HTTP/1.1 403 Forbidden\r\n\r\n")),
            Case::Transient,
            "connection_error",
            "",
        ),
        (
            Some(Mode::Answer("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
            Case::Transient,
            "connection_error",
            "",
        ),
        (
            Some(Mode::Answer("SSH-2.0-OpenSSH\r\n")),
            Case::Transient,
            "connection_error",
            "",
        ),
        (Some(Mode::Close), Case::Transient, "connection_error", ""),
        (None, Case::Transient, "connection_error", "refused"),
    ] {
        let proxy = Proxy::start(mode.unwrap_or(Mode::Hang)).await;
        let port = mode.map_or(closed, |_| proxy.port());
        let user = json!({"userName": "someone", "password": "hush-hush"});
        let url = "https://stripe.test:8443";
        let more = json!({"maxNetworkRetries": 0});
        let (plugin, connection) = connected(Some(url), through(port, user), more).await;
        let error = failed(list(&plugin, &connection.unwrap()).await);
        let what = format!("{mode:?}: {error}");
        assert_eq!(
            (error.case, error.failure.type_.as_str()),
            (case, kind),
            "{what}"
        );
        assert!(!error.failure.may_have_been_sent, "{what}");
        assert_eq!(error.failure.attempts, 1, "{what}");
        let named = format!("the proxy 127.0.0.1:{port}");
        assert!(error.failure.message.contains(&named), "{what}");
        assert!(error.failure.message.contains(said), "{what}");
        let shown = format!("{error:?}");
        let encoded = STANDARD.encode("someone:hush-hush");
        assert!(
            !shown.contains("hush") && !shown.contains(&encoded),
            "{shown}"
        );
        if mode.is_some() {
            assert_eq!(proxy.only().target, "stripe.test:8443");
        }
    }
}

/// On a clock that stands still unless everything waits.
#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_is_given_up_in_time() {
    let proxy = Proxy::start(Mode::Hang).await;
    let more = json!({"timeout": 8000, "maxNetworkRetries": 0});
    let whole = through(proxy.port(), json!({}));
    let (plugin, connection) = connected(Some("https://stripe.test"), whole, more).await;
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
    assert!(
        error.failure.message.contains(&proxy.authority()),
        "{error}"
    );
    let (least, most) = (Duration::from_millis(6000), Duration::from_millis(6010));
    assert!(took >= least && took < most, "{took:?}");
}

#[tokio::test]
async fn exceptions_are_reached_without_the_hosts_proxy() {
    let server = Server::start(Vec::new()).await;
    for (no_proxy, tunnels) in [
        ("", 1),
        ("example.com", 1),
        ("127.0.0.1", 0),
        ("10.0.0.0/8, 127.0.0.0/8", 0),
        ("*", 0),
    ] {
        let proxy = Proxy::start(Mode::Tunnel).await;
        let url = format!("http://{}", proxy.authority());
        let options = behind(Proxies::new(&url, no_proxy).unwrap(), &[server.url()]);
        let (plugin, connection) = under(options, json!({"baseUrl": server.url()})).await;
        list(&plugin, &connection.unwrap()).await.unwrap();
        assert_eq!(proxy.seen().len(), tunnels, "{no_proxy:?}");
    }
    assert_eq!(server.arrived().len(), 5);
}

#[tokio::test]
async fn a_connections_proxy_goes_before_the_hosts() {
    let server = Server::start(Vec::new()).await;
    let (of_host, of_connection) = (
        Proxy::start(Mode::Tunnel).await,
        Proxy::start(Mode::Tunnel).await,
    );
    let url = format!("http://user:of-the-host@{}", of_host.authority());
    let options = behind(Proxies::new(&url, "").unwrap(), &[server.url()]);
    let mut properties = through(of_connection.port(), json!({}));
    properties["baseUrl"] = json!(server.url());
    let (plugin, connection) = under(options, properties).await;
    list(&plugin, &connection.unwrap()).await.unwrap();
    assert_eq!((of_host.accepted(), of_connection.seen().len()), (0, 1));
    assert_eq!(of_connection.only().authorization, None);
}

#[tokio::test]
async fn settings_that_name_no_proxy_are_refused_with_their_place() {
    for (proxy, place) in [
        (json!({"host": "a/b", "port": 1}), "proxy.host"),
        (json!({"host": "user@host", "port": 1}), "proxy.host"),
        (
            json!({"host": "host", "port": 1, "password": "hush"}),
            "proxy.userName",
        ),
        (json!({"host": "", "port": 1}), "proxy"),
        (json!({"host": "a b", "port": 1}), "proxy"),
    ] {
        let shown = proxy.to_string();
        let (_, connection) = connected(None, json!({"proxy": proxy}), json!({})).await;
        let error = failed(connection);
        let path = format!("properties.{place}");
        assert_eq!(
            (error.failure.type_.as_str(), error.failure.path.as_deref()),
            ("configuration_error", Some(path.as_str())),
            "{shown}: {error}"
        );
        assert!(!error.failure.message.contains("hush"), "{error}");
    }
}

/// The proxy's own certificate is verified against the host's authorities,
/// whatever a connection trusts.
#[tokio::test]
async fn a_proxy_over_tls_is_verified_by_the_host() {
    const THIS: &str = "proxy::a_proxy_over_tls_is_verified_by_the_host";
    if let Some(handed) = in_child() {
        return over_tls(serde_json::from_str(&handed).unwrap(), Roots::Platform).await;
    }
    let (of_proxy, of_server) = (Authority::new(), Authority::new());
    let files = Files::new();
    let server = TlsServer::start(&of_server.server(), Setup::default()).await;
    let proxy = Proxy::over_tls(Mode::Tunnel, &of_proxy.server()).await;
    let connection_trusts = |authority: &Authority, name: &str, answered: bool| {
        json!({
            "proxy": format!("https://user:hush-hush@localhost:{}", proxy.port()),
            "url": server.url("localhost"),
            "ca": files.put(name, authority.pem()),
            "answered": answered,
        })
    };
    // The connection's own trust does not make the proxy trusted.
    let untrusted = connection_trusts(&of_proxy, "proxy.pem", false);
    over_tls(untrusted, Roots::Bundled).await;
    assert!(
        proxy.seen().is_empty(),
        "no CONNECT, and no user, went to a stranger"
    );

    let trusted = connection_trusts(&of_server, "server.pem", true).to_string();
    let roots = files.put("roots.pem", of_proxy.pem());
    let child = Child::start(THIS, &trusted, &[("SSL_CERT_FILE", &roots)]);
    child.succeeded().await;
    let tunneled = proxy.only();
    assert_eq!(tunneled.target, format!("localhost:{}", server.port()));
    assert_eq!(tunneled.first, Some(HANDSHAKE));
    assert_eq!(server.requests(), [1]);
}

async fn over_tls(handed: Value, roots: Roots) {
    let text = |name: &str| handed[name].as_str().unwrap();
    let mut options = behind(Proxies::new(text("proxy"), "").unwrap(), &[text("url")]);
    options.transport.roots = roots;
    let properties = json!({"baseUrl": text("url"), "secureSocket": {"cert": text("ca")}});
    let (plugin, connection) = under(options, properties).await;
    let answered = list(&plugin, &connection.unwrap()).await;
    if handed["answered"] == json!(true) {
        answered.unwrap();
        return;
    }
    let error = failed(answered);
    assert_eq!(
        (
            error.case,
            error.failure.type_.as_str(),
            error.failure.attempts
        ),
        (Case::Permanent, "connection_error", 1),
        "{error}"
    );
    assert!(!error.failure.may_have_been_sent, "{error}");
    for said in ["the proxy localhost:", "UnknownIssuer"] {
        assert!(error.failure.message.contains(said), "{error}");
    }
    assert!(!error.failure.message.contains("hush"), "{error}");
}

/// The environment is the process's, so each case has one of its own.
#[tokio::test]
async fn the_environment_names_proxies_but_not_for_this_machine() {
    const THIS: &str = "proxy::the_environment_names_proxies_but_not_for_this_machine";
    if let Some(url) = in_child() {
        return from_env(&url).await;
    }
    let server = Server::start(Vec::new()).await;
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = Proxy::start(Mode::Close).await;
        let url = format!("http://{}", proxy.authority());
        let none = [
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
        ];
        let mut environment: Vec<(&str, &str)> = none.map(|name| (name, "")).to_vec();
        environment.push((name, &url));
        Child::start(THIS, server.url(), &environment)
            .succeeded()
            .await;
        let targets: Vec<String> = proxy.seen().into_iter().map(|seen| seen.target).collect();
        assert_eq!(targets, ["api.stripe.com:443"], "{name}");
    }
    assert_eq!(server.arrived().len(), 4);
}

/// One call to this machine, which is answered, and one to Stripe, which no
/// proxy of these lets through.
async fn from_env(url: &str) {
    let options = behind(Proxies::from_env().unwrap(), &[url]);
    let (plugin, connection) = under(options.clone(), json!({"baseUrl": url})).await;
    list(&plugin, &connection.unwrap()).await.unwrap();
    let (plugin, connection) = under(options, json!({"maxNetworkRetries": 0})).await;
    let error = failed(list(&plugin, &connection.unwrap()).await);
    assert!(
        error.failure.message.contains("the proxy 127.0.0.1:"),
        "{error}"
    );
}
