//! TLS settings. The cryptography is chosen explicitly (ring): a process-wide
//! default may be another's, or none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue, WebPkiServerVerifier,
};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore,
    SignatureScheme, SupportedProtocolVersion, version,
};

use super::route::{Refusal, Settings};
use super::stores;
use crate::bindings::types::{HttpVersion, SecureSocket, TlsProtocol};

/// Servers whose sessions are remembered.
const SESSIONS: usize = 32;

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's, as they were when this crate was built: the same on every
    /// machine.
    Bundled,
    /// The machine's own: those its administrator added count too.
    Platform,
}

/// TLS towards one kind of server.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The name to ask for in place of the host's.
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) handshake_timeout: Option<Duration>,
}

impl Tls {
    pub(super) fn new(roots: Roots, settings: Option<&Settings<'_>>) -> Result<Tls, Refusal> {
        let socket = settings.and_then(|settings| settings.secure_socket);
        let socket = socket.unwrap_or(&NO_SETTINGS);
        refuse_revocation(socket)?;
        let mut provider = default_provider();
        if let Some(names) = &socket.ciphers {
            provider.cipher_suites = suites(names, &provider)?;
        }
        let provider = Arc::new(provider);
        let versions = versions(socket.protocol.as_ref())?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| {
                Refusal::new(
                    "secureSocket.ciphers",
                    format!(
                        "\"secureSocket.ciphers\" and \"secureSocket.protocol.versions\" leave \
                         nothing to agree on ({error})"
                    ),
                )
            })?;
        let trusted = match &socket.cert {
            Some(trust) => stores::trusted(trust)?,
            None => bundle(roots)?,
        };
        let verifier = verifier(socket, trusted, &provider)?;
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &socket.key {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = stores::identity(identity)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    Refusal::new(
                        "secureSocket.key",
                        format!("The client certificate and its key cannot be used: {error}"),
                    )
                })?
            }
        };
        config.resumption = resumption(socket);
        let http_version = settings.and_then(|settings| settings.http_version);
        config.alpn_protocols = match http_version {
            Some(HttpVersion::Http1) => vec![b"http/1.1".to_vec()],
            Some(HttpVersion::Http2) | None => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let server_name = match &socket.server_name {
            None => None,
            Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| {
                Refusal::new(
                    "secureSocket.serverName",
                    format!("\"secureSocket.serverName\" should be a DNS name, not {name:?}"),
                )
            })?),
        };
        let milliseconds = |value: Option<u32>| value.map(|ms| Duration::from_millis(ms.into()));
        Ok(Tls {
            config: Arc::new(config),
            server_name,
            handshake_timeout: milliseconds(socket.handshake_timeout),
        })
    }

    /// The same without HTTP/2: for a tunnel's own connection.
    pub(super) fn http1(mut self) -> Tls {
        Arc::make_mut(&mut self.config).alpn_protocols = vec![b"http/1.1".to_vec()];
        self
    }
}

const NO_SETTINGS: SecureSocket = SecureSocket {
    enable: None,
    cert: None,
    key: None,
    protocol: None,
    cert_validation: None,
    ciphers: None,
    verify_host_name: None,
    share_session: None,
    handshake_timeout: None,
    session_timeout: None,
    server_name: None,
};

fn bundle(roots: Roots) -> Result<RootCertStore, Refusal> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Platform => {
            let native = rustls_native_certs::load_native_certs();
            // Certificates of forms no longer in use are common, and no reason
            // to stop; none that can be used is.
            let (usable, _) = store.add_parsable_certificates(native.certs);
            if usable == 0 {
                let why = match native.errors.first() {
                    Some(error) => format!(" ({error})"),
                    None => String::new(),
                };
                return Err(Refusal::new(
                    "secureSocket.cert",
                    format!(
                        "This machine has no certificate authorities of its own{why}: install \
                         them (ca-certificates), or use those bundled with this program"
                    ),
                ));
            }
        }
    }
    Ok(store)
}

/// What rustls cannot do is not promised.
fn refuse_revocation(socket: &SecureSocket) -> Result<(), Refusal> {
    match &socket.cert_validation {
        None => Ok(()),
        Some(validation) => Err(Refusal::new(
            "secureSocket.certValidation",
            format!(
                "This host cannot ask whether a certificate was revoked ({}); leave \
                 \"secureSocket.certValidation\" out",
                validation.kind
            ),
        )),
    }
}

fn versions(
    protocol: Option<&TlsProtocol>,
) -> Result<Vec<&'static SupportedProtocolVersion>, Refusal> {
    let Some(protocol) = protocol else {
        return Ok(rustls::DEFAULT_VERSIONS.to_vec());
    };
    if protocol.name != "TLS" {
        return Err(Refusal::new(
            "secureSocket.protocol.name",
            format!(
                "This host speaks TLS alone; \"secureSocket.protocol.name\" is {:?}",
                protocol.name
            ),
        ));
    }
    if protocol.versions.is_empty() {
        return Ok(rustls::DEFAULT_VERSIONS.to_vec());
    }
    let known = |name: &String| match name.as_str() {
        "TLSv1.2" => Ok(&version::TLS12),
        "TLSv1.3" => Ok(&version::TLS13),
        other => Err(Refusal::new(
            "secureSocket.protocol.versions",
            format!(
                "\"secureSocket.protocol.versions\" may name TLSv1.2 and TLSv1.3; {other:?} is not \
                 supported"
            ),
        )),
    };
    protocol.versions.iter().map(known).collect()
}

fn suites(
    names: &[String],
    provider: &CryptoProvider,
) -> Result<Vec<rustls::SupportedCipherSuite>, Refusal> {
    // rustls writes TLS 1.3's names with an infix of its own.
    let iana = |suite: &rustls::SupportedCipherSuite| {
        format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
    };
    let known = |name: &String| {
        let found = provider
            .cipher_suites
            .iter()
            .find(|suite| iana(suite) == *name);
        found.copied().ok_or_else(|| {
            let all: Vec<String> = provider.cipher_suites.iter().map(iana).collect();
            Refusal::new(
                "secureSocket.ciphers",
                format!(
                    "The cipher suite {name:?} is not supported; there is {}",
                    all.join(", ")
                ),
            )
        })
    };
    if names.is_empty() {
        return Ok(provider.cipher_suites.clone());
    }
    names.iter().map(known).collect()
}

fn verifier(
    socket: &SecureSocket,
    trusted: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Refusal> {
    if socket.enable == Some(false) {
        return Ok(Arc::new(AnyServer(Arc::clone(provider))));
    }
    let strict =
        WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(provider))
            .build()
            .map_err(|error| {
                Refusal::new(
                    "secureSocket.cert",
                    format!("These certificates cannot be trusted: {error}"),
                )
            })?;
    Ok(match socket.verify_host_name {
        Some(false) => Arc::new(AnyName(strict)),
        _ => strict,
    })
}

/// Takes every certificate. Routes with it go to this machine alone.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

/// Takes a trusted certificate for any name. Routes with it go to this machine
/// alone.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last, when all else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn resumption(socket: &SecureSocket) -> Resumption {
    match (socket.share_session, socket.session_timeout) {
        (Some(false), _) => Resumption::disabled(),
        (_, None) => Resumption::in_memory_sessions(SESSIONS),
        (_, Some(ms)) => Resumption::store(Arc::new(Expiring {
            sessions: ClientSessionMemoryCache::new(SESSIONS),
            longest: Duration::from_millis(ms.into()),
            since: Mutex::default(),
        })),
    }
}

/// Sessions that may be resumed for so long after the first handshake.
#[derive(Debug)]
struct Expiring {
    sessions: ClientSessionMemoryCache,
    longest: Duration,
    /// When a server's session began.
    since: Mutex<HashMap<ServerName<'static>, Instant>>,
}

impl Expiring {
    fn begin(&self, server: &ServerName<'static>) {
        if !self.is_current(server) {
            // Those of before would pass for those of the new session.
            while self.sessions.take_tls13_ticket(server).is_some() {}
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = self.longest;
        since.retain(|_, began| began.elapsed() < longest);
        since.entry(server.clone()).or_insert_with(Instant::now);
    }

    fn is_current(&self, server: &ServerName<'_>) -> bool {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since
            .get(&server.to_owned())
            .is_some_and(|began| began.elapsed() < self.longest)
    }
}

impl ClientSessionStore for Expiring {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.sessions.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.begin(&server_name);
        self.sessions.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let session = self.sessions.tls12_session(server_name);
        session.filter(|_| self.is_current(server_name))
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.sessions.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.begin(&server_name);
        self.sessions.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        let ticket = self.sessions.take_tls13_ticket(server_name);
        ticket.filter(|_| self.is_current(server_name))
    }
}
