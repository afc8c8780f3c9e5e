//! A TLS server on loopback that remembers every handshake, and the authorities
//! and files its tests need. Everything is made anew by each test: nothing
//! expires in the repository.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Parameters;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Both names under which loopback is reached.
pub(crate) const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Leaf {
    pub(crate) certificate: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        // Of two with one name, either could have signed a certificate.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("CA {}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.0.key().serialize_pem()
    }

    /// A server's certificate, or a client's, for these names and years.
    pub(crate) fn certify(&self, names: &[&str], years: (i32, i32)) -> Leaf {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf { certificate, key }
    }

    pub(crate) fn server(&self) -> Leaf {
        self.certify(&LOOPBACK, (2020, 4000))
    }

    /// The certificate alone in a PKCS#12 file, as a trust store is.
    pub(crate) fn trust_store(&self, password: &str) -> Vec<u8> {
        let certificate = Certificate::from_der(self.0.der()).unwrap();
        let mut store = KeyStore::new();
        store.add_entry("ca", KeyStoreEntry::Certificate(certificate));
        store.writer(password).write().unwrap()
    }
}

impl Leaf {
    /// Certificate and key in a PKCS#12 file.
    pub(crate) fn key_store(&self, password: &str) -> Vec<u8> {
        let chain = PrivateKeyChain::new(
            "client",
            PrivateKey::from_der(&self.key.serialize_der()).unwrap(),
            [Certificate::from_der(self.certificate.der()).unwrap()],
        );
        let mut store = KeyStore::new();
        store.add_entry("client", KeyStoreEntry::PrivateKeyChain(chain));
        store.writer(password).write().unwrap()
    }

    /// The key in PKCS#8, encrypted as `openssl pkcs8 -topk8` does it.
    pub(crate) fn encrypted_key(&self, password: &str) -> String {
        let der = self.key.serialize_der();
        let plain = PrivateKeyInfoRef::try_from(der.as_slice()).unwrap();
        let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(2048, b"salt", [7; 16]);
        let encrypted = plain
            .encrypt_with_params(parameters.unwrap(), password)
            .unwrap();
        let ending = pkcs8::LineEnding::LF;
        let pem = encrypted.to_pem("ENCRYPTED PRIVATE KEY", ending).unwrap();
        pem.to_string()
    }
}

/// Files that live as long as the test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    /// Writes a file, and says where.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.path().join(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

/// How a server differs from the usual one.
pub(crate) struct Setup {
    pub(crate) alpn: Vec<&'static str>,
    /// The authority that a client's certificate must be from.
    pub(crate) clients: Option<CertificateDer<'static>>,
    pub(crate) versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// Whether HTTP/1.1's answers end their connection.
    pub(crate) closes: bool,
    /// Requests, besides the first, that are answered only once so many are
    /// there.
    pub(crate) gathers: usize,
    pub(crate) answer: (u16, Vec<(&'static str, String)>, Bytes),
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            alpn: vec!["h2", "http/1.1"],
            clients: None,
            versions: rustls::DEFAULT_VERSIONS.to_vec(),
            closes: false,
            gathers: 1,
            answer: (200, Vec::new(), Bytes::from_static(br#"{"id":"x_1"}"#)),
        }
    }
}

impl Setup {
    /// Asks for certificates of this authority.
    pub(crate) fn wants_clients(authority: &Authority) -> Setup {
        Setup {
            clients: Some(authority.0.der().clone()),
            ..Setup::default()
        }
    }
}

/// One connection, as the server sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) alpn: Option<String>,
    /// The name asked for.
    pub(crate) sni: Option<String>,
    pub(crate) version: String,
    pub(crate) suite: String,
    pub(crate) resumed: bool,
    /// The client's certificate.
    pub(crate) client: Option<Vec<u8>>,
    /// The `authorization` of every request.
    pub(crate) requests: Vec<String>,
}

#[derive(Default)]
struct Log {
    /// TCP connections, those included that ended in the handshake.
    accepted: usize,
    connections: Vec<Seen>,
}

/// The server; it stops with the test's runtime.
pub(crate) struct TlsServer {
    port: u16,
    log: Arc<Mutex<Log>>,
}

struct Serving {
    setup: Setup,
    barrier: Barrier,
    log: Arc<Mutex<Log>>,
}

impl TlsServer {
    pub(crate) async fn start(leaf: &Leaf, setup: Setup) -> TlsServer {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&setup.versions)
            .unwrap();
        let builder = match &setup.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap();
        let chain = vec![leaf.certificate.der().clone()];
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = setup
            .alpn
            .iter()
            .map(|name| name.as_bytes().into())
            .collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log::default()));
        let serving = Arc::new(Serving {
            barrier: Barrier::new(setup.gathers),
            setup,
            log: Arc::clone(&log),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.log.lock().unwrap().accepted += 1;
                let (acceptor, serving) = (acceptor.clone(), Arc::clone(&serving));
                tokio::spawn(async move {
                    match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => serving.serve(stream).await,
                        // What the client has sent by then is read, since the
                        // system would else take the alert back.
                        Err((_, mut stream)) => {
                            let _ = stream.read_to_end(&mut Vec::new()).await;
                        }
                    }
                });
            }
        });
        TlsServer { port, log }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its origin, under one of its names.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    pub(crate) fn connections(&self) -> Vec<Seen> {
        self.log.lock().unwrap().connections.clone()
    }

    /// TCP connections, those included that ended in the handshake.
    pub(crate) fn accepted(&self) -> usize {
        self.log.lock().unwrap().accepted
    }

    /// How many requests came over each connection.
    pub(crate) fn requests(&self) -> Vec<usize> {
        let connections = self.connections();
        connections.iter().map(|seen| seen.requests.len()).collect()
    }
}

impl Serving {
    async fn serve(self: Arc<Self>, stream: TlsStream<TcpStream>) {
        let at = {
            let mut log = self.log.lock().unwrap();
            log.connections.push(seen(&stream));
            log.connections.len() - 1
        };
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let service = service_fn(move |request: Request<Incoming>| {
            let serving = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(serving.answer(at, &request).await) }
        });
        let io = TokioIo::new(stream);
        // How a connection ends is the client's choice.
        if is_h2 {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(io, service).await;
        } else {
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(io, service).await;
        }
    }

    async fn answer(&self, at: usize, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let key = request.headers().get("authorization");
        let key = key.map_or("", |key| key.to_str().unwrap()).to_owned();
        let is_first = {
            let mut log = self.log.lock().unwrap();
            let is_first = log.connections.iter().all(|seen| seen.requests.is_empty());
            log.connections[at].requests.push(key);
            is_first
        };
        if !is_first {
            self.barrier.wait().await;
        }
        let (status, headers, body) = &self.setup.answer;
        let mut response = Response::builder().status(*status);
        for (name, value) in headers {
            response = response.header(*name, value);
        }
        if self.setup.closes {
            response = response.header("connection", "close");
        }
        response.body(Full::new(body.clone())).unwrap()
    }
}

fn seen(stream: &TlsStream<TcpStream>) -> Seen {
    let (_, tls) = stream.get_ref();
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Seen {
        alpn: tls.alpn_protocol().map(name),
        sni: tls.server_name().map(str::to_owned),
        version: format!("{:?}", tls.protocol_version().unwrap()),
        suite: format!("{:?}", tls.negotiated_cipher_suite().unwrap().suite()),
        resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
        client: tls
            .peer_certificates()
            .and_then(|chain| chain.first())
            .map(|certificate| certificate.to_vec()),
        requests: Vec::new(),
    }
}
