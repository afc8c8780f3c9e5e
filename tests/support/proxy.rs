//! A CONNECT proxy on loopback that remembers every byte it sees, and can fail
//! in the ways proxies do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::tls::Leaf;

/// What a proxy does with a CONNECT.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// Opens the tunnel to where the client asks.
    Tunnel,
    /// Opens it, but to this address whatever the client asks.
    TunnelTo(SocketAddr),
    /// Answers with these bytes, and hangs up.
    Answer(&'static str),
    /// Says nothing, for ever.
    Hang,
    /// Hangs up.
    Close,
}

/// One CONNECT and what followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tunneled {
    /// What the tunnel should lead to.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    /// The whole head of the CONNECT, and every byte either side sent after it.
    pub(crate) bytes: Vec<u8>,
    /// The first byte within the tunnel.
    pub(crate) first: Option<u8>,
}

impl Tunneled {
    /// Whether a text was there to be read.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let mut windows = self.bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    }
}

/// The proxy; it stops with the test's runtime.
pub(crate) struct Proxy {
    port: u16,
    seen: Arc<Mutex<Vec<Tunneled>>>,
    accepted: Arc<Mutex<usize>>,
}

impl Proxy {
    pub(crate) async fn start(mode: Mode) -> Proxy {
        Proxy::with(mode, None).await
    }

    /// A proxy that is itself reached over TLS.
    pub(crate) async fn over_tls(mode: Mode, leaf: &Leaf) -> Proxy {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap();
        let chain = vec![leaf.certificate.der().clone()];
        let config = builder.with_single_cert(chain, key).unwrap();
        Proxy::with(mode, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn with(mode: Mode, tls: Option<TlsAcceptor>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            accepted: Arc::default(),
        };
        let (seen, accepted) = (Arc::clone(&proxy.seen), Arc::clone(&proxy.accepted));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *accepted.lock().unwrap() += 1;
                let (tls, seen) = (tls.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, mode, seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, mode, seen).await,
                            // It does not trust this proxy.
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as messages name it.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Connections that were accepted, whatever became of them.
    pub(crate) fn accepted(&self) -> usize {
        *self.accepted.lock().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Tunneled> {
        self.seen.lock().unwrap().clone()
    }

    /// What the only CONNECT asked for.
    pub(crate) fn only(&self) -> Tunneled {
        match self.seen().as_slice() {
            [only] => only.clone(),
            other => panic!("{} tunnels", other.len()),
        }
    }
}

/// Serves one connection; none if it ended early.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut stream: S,
    mode: Mode,
    log: Arc<Mutex<Vec<Tunneled>>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head.clone()).unwrap();
    let target = text.split(' ').nth(1)?.to_owned();
    let authorization = text
        .lines()
        .find_map(|line| line.strip_prefix("Proxy-Authorization: "))
        .map(str::to_owned);
    let at = {
        let mut log = log.lock().unwrap();
        log.push(Tunneled {
            target: target.clone(),
            authorization,
            bytes: head,
            first: None,
        });
        log.len() - 1
    };
    let server = match mode {
        Mode::Tunnel => TcpStream::connect(target).await.ok()?,
        Mode::TunnelTo(address) => TcpStream::connect(address).await.ok()?,
        Mode::Answer(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            return Some(());
        }
        Mode::Hang => return std::future::pending().await,
        Mode::Close => return None,
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    let (from_client, to_client) = tokio::io::split(stream);
    let (from_server, to_server) = server.into_split();
    let back = tokio::spawn(relay(from_server, to_client, Arc::clone(&log), at));
    relay(from_client, to_server, log, at).await;
    back.await.ok()
}

async fn relay(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    log: Arc<Mutex<Vec<Tunneled>>>,
    at: usize,
) {
    let mut chunk = [0; 4096];
    loop {
        match from.read(&mut chunk).await {
            Ok(read) if read > 0 => {
                let bytes = &chunk[..read];
                {
                    let tunneled = &mut log.lock().unwrap()[at];
                    // The client speaks first.
                    tunneled.first = tunneled.first.or(bytes.first().copied());
                    tunneled.bytes.extend_from_slice(bytes);
                }
                if to.write_all(bytes).await.is_err() {
                    return;
                }
            }
            _ => {
                // Half of the tunnel may end before the other.
                let _ = to.shutdown().await;
                return;
            }
        }
    }
}
