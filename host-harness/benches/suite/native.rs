//! hyper without a component: the least that such a call can cost. Its pool is
//! of the same kind as the harness's, and it sends what the component sends.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use stripe_harness::types::HttpRequest;

/// A pooled client.
#[derive(Clone)]
pub(crate) struct Native(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Native {
    /// One that trusts this certificate (PEM) and no other.
    pub(crate) fn new(certificate: &str) -> Result<Native> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Native(client))
    }

    /// Sends a request and reads all of the answer.
    pub(crate) async fn send(&self, prepared: &Prepared) -> Result<Bytes> {
        let mut request = Request::new(Full::new(prepared.body.clone()));
        *request.method_mut() = prepared.method.clone();
        *request.uri_mut() = prepared.uri.clone();
        *request.headers_mut() = prepared.headers.clone();
        let response = self.0.request(request).await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
        Ok(response.into_body().collect().await?.to_bytes())
    }
}

/// A request that can be sent again and again.
#[derive(Clone)]
pub(crate) struct Prepared {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    /// What the component would send.
    pub(crate) fn of(planned: HttpRequest) -> Result<Prepared> {
        let mut headers = HeaderMap::new();
        for (name, value) in &planned.headers {
            // The client writes these two itself.
            if !["host", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes())?,
                    HeaderValue::from_str(value)?,
                );
            }
        }
        Ok(Prepared {
            method: Method::from_bytes(planned.method.as_bytes())?,
            uri: planned.url.parse().context("the planned URL")?,
            headers,
            body: Bytes::from(planned.body.unwrap_or_default()),
        })
    }

    /// The same with another query.
    pub(crate) fn with_query(&self, query: &str) -> Result<Prepared> {
        let mut parts = self.uri.clone().into_parts();
        let path = self.uri.path();
        parts.path_and_query = Some(format!("{path}?{query}").parse()?);
        Ok(Prepared {
            uri: Uri::from_parts(parts)?,
            ..self.clone()
        })
    }

    /// A bare GET.
    pub(crate) fn get(url: &str) -> Result<Prepared> {
        Ok(Prepared {
            method: Method::GET,
            uri: url.parse()?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        })
    }

    /// A bare POST of a body of this type.
    pub(crate) fn post(url: &str, content_type: &str, body: Bytes) -> Result<Prepared> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type)?);
        Ok(Prepared {
            method: Method::POST,
            uri: url.parse()?,
            headers,
            body,
        })
    }
}
