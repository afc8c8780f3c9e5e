//! The server that all contenders are measured against: a process of its own,
//! on loopback, that does as good as nothing. It ends with the suite.
//!
//! | path | answer |
//! |---|---|
//! | `/v1/customers?starting_after=…` below `/pages` | the next page of a hundred customers |
//! | below `/hold/N` | the customer, once N requests are there |
//! | any other | the customer, of [`CUSTOMER_BYTES`] |

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::PrivateKeyDer;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use crate::child::Child;

/// The length of the one answer.
pub(crate) const CUSTOMER_BYTES: usize = 864;

/// How many customers can be listed, and how many are on a page.
pub(crate) const LISTED: usize = 10_000;
const PAGE: usize = 100;

/// No run takes longer; a server that was forgotten ends by itself.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// As Stripe writes it; `description` fills it up.
const CUSTOMER: &str = r#"{
  "id": "cus_@ID@",
  "object": "customer",
  "address": null,
  "balance": 0,
  "created": 1680893993,
  "currency": "eur",
  "default_source": null,
  "delinquent": false,
  "description": "@REST@",
  "discount": null,
  "email": "ada@shop.example",
  "invoice_prefix": "0759376C",
  "invoice_settings": {
    "custom_fields": null,
    "default_payment_method": null,
    "footer": null,
    "rendering_options": null
  },
  "livemode": false,
  "metadata": {
    "order_id": "6735"
  },
  "name": "Ada Lovelace",
  "next_invoice_sequence": 1,
  "phone": null,
  "preferred_locales": [],
  "shipping": null,
  "tax_exempt": "none",
  "test_clock": null
}"#;

fn customer(number: usize) -> String {
    let text = CUSTOMER.replace("@ID@", &format!("{number:014}"));
    let rest = (CUSTOMER_BYTES + "@REST@".len()).saturating_sub(text.len());
    text.replace("@REST@", &"x".repeat(rest))
}

/// Where the server is to be found.
#[derive(Serialize, Deserialize)]
struct Announcement {
    http: String,
    https: String,
    /// The certificate to trust, as PEM.
    certificate: String,
}

/// A server process, as its clients see it. Ends when it is dropped.
pub(crate) struct Server {
    /// Origin without TLS: HTTP/1.
    pub(crate) http: String,
    /// Origin with TLS: HTTP/2 for who offers it.
    pub(crate) https: String,
    /// The certificate to trust, as PEM.
    pub(crate) certificate: String,
    folder: tempfile::TempDir,
    _process: Child,
}

impl Server {
    pub(crate) fn start() -> Result<Server> {
        let mut process = Child::role(&["serve"])?;
        let Announcement {
            http,
            https,
            certificate,
        } = process.answer().context("the server did not start")?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(CERTIFICATE), &certificate)?;
        Ok(Server {
            http,
            https,
            certificate,
            folder,
            _process: process,
        })
    }

    /// The certificate's file.
    pub(crate) fn certificate_file(&self) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(CERTIFICATE)
    }
}

const CERTIFICATE: &str = "certificate.pem";

/// What the server process does: says where it is, and serves until its stdin
/// is closed.
pub(crate) fn serve() -> Result<()> {
    let runtime = crate::runtime()?;
    runtime.block_on(async {
        let answers = Arc::new(Answers::new()?);
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let secure = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (acceptor, certificate) = tls()?;
        let announcement = Announcement {
            http: format!("http://127.0.0.1:{}", plain.local_addr()?.port()),
            // A name: some clients refuse certificates for addresses.
            https: format!("https://localhost:{}", secure.local_addr()?.port()),
            certificate,
        };
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{}", serde_json::to_string(&announcement)?)?;
        stdout.flush()?;
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            _ = accept(plain, None, Arc::clone(&answers)) => {}
            _ = accept(secure, Some(acceptor), answers) => {}
            _ = ended => {}
            () = tokio::time::sleep(LIFETIME) => {}
        }
        Ok(())
    })
}

fn tls() -> Result<(TlsAcceptor, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let provider = rustls::crypto::ring::default_provider();
    let mut config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answers: Arc<Answers>,
) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection that breaks is its client's loss.
        tokio::spawn(connection(stream, tls.clone(), Arc::clone(&answers)));
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    answers: Arc<Answers>,
) -> Result<()> {
    let service = service_fn(move |request| {
        let answers = Arc::clone(&answers);
        async move { answers.to(request).await }
    });
    let mut http1 = hyper::server::conn::http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(None);
    let Some(tls) = tls else {
        return Ok(http1
            .serve_connection(TokioIo::new(stream), service)
            .await?);
    };
    let stream = tls.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await?;
    } else {
        http1
            .serve_connection(TokioIo::new(stream), service)
            .await?;
    }
    Ok(())
}

/// All there is to answer, made beforehand.
struct Answers {
    customer: Bytes,
    pages: Vec<Bytes>,
    /// Who waits below `/hold/N`: all of one N at the same time.
    held: Mutex<Option<(usize, Arc<Barrier>)>>,
}

impl Answers {
    fn new() -> Result<Answers> {
        let one = customer(0);
        ensure!(one.len() == CUSTOMER_BYTES, "{} bytes", one.len());
        let pages = (0..LISTED / PAGE).map(|page| {
            let first = page * PAGE;
            let items: Vec<String> = (first..first + PAGE).map(customer).collect();
            let more = first + PAGE < LISTED;
            Bytes::from(format!(
                "{{\"object\":\"list\",\"url\":\"/v1/customers\",\"has_more\":{more},\"data\":[{}]}}",
                items.join(",")
            ))
        });
        Ok(Answers {
            pages: pages.collect(),
            customer: Bytes::from(one),
            held: Mutex::default(),
        })
    }

    async fn to(&self, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        while let Some(frame) = request.body_mut().frame().await {
            frame?;
        }
        let path = request.uri().path();
        let body = if path.starts_with("/pages/") {
            self.page(request.uri().query().unwrap_or_default())
        } else {
            if let Some(hold) = path.strip_prefix("/hold/") {
                let count = hold.split('/').next().unwrap_or_default().parse()?;
                self.barrier(count).wait().await;
            }
            self.customer.clone()
        };
        let mut response = Response::new(Full::new(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("request-id", HeaderValue::from_static("req_1234567890abcd"));
        Ok(response)
    }

    /// The page behind the customer that the query names.
    fn page(&self, query: &str) -> Bytes {
        let after = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("starting_after=cus_"))
            .and_then(|number| number.parse::<usize>().ok());
        let page = after.map_or(0, |number| (number + 1) / PAGE);
        self.pages.get(page).cloned().unwrap_or_default()
    }

    fn barrier(&self, count: usize) -> Arc<Barrier> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some((known, barrier)) if *known == count => Arc::clone(barrier),
            _ => {
                let barrier = Arc::new(Barrier::new(count));
                *held = Some((count, Arc::clone(&barrier)));
                barrier
            }
        }
    }
}
