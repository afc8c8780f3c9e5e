//! One accepted connection, with TLS or without. It owns who writes to it, the HTTP library or a
//! fault's script, how long it may stay silent, and how it ends; it knows nothing of HTTP.

use super::faults::Script;
use bytes::Bytes;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The certificate that a sandbox shows, and its key. Nothing is asked of it: with one that has
/// expired, or that nobody signed, a client's checks can be watched.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

impl TlsIdentity {
    /// Reads a certificate chain and its private key, both PEM.
    ///
    /// # Errors
    /// What of the two cannot be read, or that they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> io::Result<Self> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| io::Error::other("the certificate is not PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| io::Error::other("the private key is not PEM"))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| {
                io::Error::other(format!("certificate and key cannot be used: {error}"))
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// TLS over a connection; none if the client does not go along in time.
    pub(crate) async fn accept(&self, stream: TcpStream, within: Duration) -> Option<Socket> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0));
        match timeout(within, acceptor.accept(stream).into_fallible()).await {
            Ok(Ok(stream)) => Some(Socket::Tls(Box::new(stream))),
            Ok(Err((_, mut stream))) => {
                // A client that does not like the certificate says so and has often sent more by
                // then; unread, it would take the farewell back.
                let _ = timeout(within, stream.read_to_end(&mut Vec::new())).await;
                None
            }
            Err(_) => None,
        }
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}

/// A connection's two kinds.
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn any(&mut self) -> Pin<&mut (dyn Stream + '_)> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection that the HTTP library has and a script may take over.
#[derive(Clone)]
pub(crate) struct Line(Arc<Mutex<Socket>>);

impl Line {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Arc::new(Mutex::new(socket)))
    }

    fn lock(&self) -> MutexGuard<'_, Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what a script says, and ends the connection as it says. A client that goes away ends
    /// it too.
    pub(crate) async fn play(mut self, script: Script, patience: Duration) {
        for (wait, piece) in script.pieces {
            if !wait.is_zero() && timeout(wait, self.until_gone()).await.is_ok() {
                return;
            }
            let written = timeout(patience, self.send(piece)).await;
            if !matches!(written, Ok(Ok(()))) {
                return;
            }
        }
        if script.resets {
            let _ = self.lock().tcp().set_zero_linger();
        } else {
            let _ = timeout(patience, self.shutdown()).await;
        }
    }

    async fn send(&mut self, piece: Bytes) -> io::Result<()> {
        self.write_all(&piece).await?;
        self.flush().await
    }

    /// Until the client closes its end; what it sends till then is of no interest.
    async fn until_gone(&mut self) {
        let mut ignored = [0; 1024];
        while !matches!(self.read(&mut ignored).await, Ok(0) | Err(_)) {}
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.lock().any().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().any().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().any().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().any().poll_shutdown(cx)
    }
}

/// A stream that fails when nothing moves over it for a while. hyper limits the time of a request's
/// head and the server that of its body; this covers what is left: the wait for the first bytes,
/// idle connections, and clients that never read their answer.
pub(crate) struct Impatient {
    stream: Line,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Impatient {
    pub(crate) fn new(stream: Line, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            deadline: Box::pin(tokio::time::sleep(patience)),
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.deadline.as_mut().reset(Instant::now() + self.patience);
            return progress;
        }
        match self.deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch(cx, progress)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
