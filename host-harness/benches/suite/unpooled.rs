//! A sender as wasmtime-wasi-http brings one by default: a fresh connection for
//! every request, over HTTP/1, closed after the answer. What an embedder has who
//! does not write a transport.

use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use stripe_harness::{Exchange, Exchanged, HttpError, WasiBody};
use tokio::net::TcpStream;

/// The sender; plain HTTP alone.
pub(crate) struct Unpooled;

impl Exchange for Unpooled {
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged {
        Box::pin(send(request))
    }
}

async fn send(mut request: http::Request<WasiBody>) -> Result<http::Response<WasiBody>, HttpError> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(HttpError::HttpRequestUriInvalid)?;
    let host = HeaderValue::from_str(authority.as_str())
        .map_err(|_invalid| HttpError::HttpRequestUriInvalid)?;
    let stream = TcpStream::connect(authority.as_str())
        .await
        .map_err(|_failed| HttpError::ConnectionRefused)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let target: Uri = path
        .parse()
        .map_err(|_invalid| HttpError::HttpRequestUriInvalid)?;
    *request.uri_mut() = target;
    request.headers_mut().insert(HOST, host);

    let broken = |_error: hyper::Error| HttpError::ConnectionTerminated;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends when the answer has been read and the sender is gone.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    Ok(response.map(|body| {
        body.map_err(|_error| HttpError::HttpResponseIncomplete)
            .boxed_unsync()
    }))
}
