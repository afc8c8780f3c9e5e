//! An HTTP/1.1 server on loopback that answers from a script and remembers what
//! arrived, byte for byte. It speaks just enough HTTP for that, so that it can
//! also break it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// In arrival order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn body(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status, further headers, body.
    Http(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, then the connection is closed.
    Raw(&'static [u8]),
    /// The connection is closed after the request was read.
    Close,
    /// Nothing, for this long.
    Silence(Duration),
    /// This, once the gate is open.
    Held(watch::Receiver<bool>, Box<Answer>),
}

impl Answer {
    /// An object.
    pub(crate) fn plain() -> Answer {
        Answer::json(200, r#"{"id":"x_1"}"#)
    }

    pub(crate) fn json(status: u16, body: &str) -> Answer {
        Answer::Http(
            status,
            vec![
                ("content-type", "application/json".to_owned()),
                ("request-id", "req_1".to_owned()),
            ],
            body.as_bytes().to_vec(),
        )
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Answer {
        match self {
            Answer::Http(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Answer::Http(status, headers, body)
            }
            other => other,
        }
    }
}

struct Shared {
    answers: Box<dyn FnMut(&Request) -> Answer + Send>,
    arrived: Vec<(Instant, Request)>,
}

/// The server; it stops with the test's runtime.
pub(crate) struct Server {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    /// Starts a server that gives these answers in turn; after the last it
    /// repeats `{"id": "x_1"}`.
    pub(crate) async fn start(script: Vec<Answer>) -> Server {
        let mut script = script.into_iter();
        let mut next = move || script.next();
        Server::answering(move |_| next().unwrap_or_else(Answer::plain)).await
    }

    /// Starts a server that answers each request as this says.
    pub(crate) async fn answering(
        answers: impl FnMut(&Request) -> Answer + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Shared {
            answers: Box::new(answers),
            arrived: Vec::new(),
        }));
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Server { url, shared }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything that has arrived.
    pub(crate) fn arrived(&self) -> Vec<Request> {
        let shared = self.shared.lock().unwrap();
        shared.arrived.iter().map(|(_, it)| it.clone()).collect()
    }

    /// When it arrived.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        let shared = self.shared.lock().unwrap();
        shared.arrived.iter().map(|(at, _)| *at).collect()
    }

    /// The one request that has arrived.
    pub(crate) fn only(&self) -> Request {
        match self.arrived().as_slice() {
            [only] => only.clone(),
            other => panic!("{} requests arrived", other.len()),
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let mut answer = {
            let mut shared = shared.lock().unwrap();
            let answer = (shared.answers)(&request);
            shared.arrived.push((Instant::now(), request));
            answer
        };
        if let Answer::Held(mut gate, held) = answer {
            let _ = gate.wait_for(|open| *open).await;
            answer = *held;
        }
        match answer {
            Answer::Http(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                let sent = async {
                    stream.write_all(head.as_bytes()).await?;
                    stream.write_all(&body).await
                };
                if sent.await.is_err() {
                    return;
                }
            }
            Answer::Raw(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Answer::Close => return,
            Answer::Silence(time) => tokio::time::sleep(time).await,
            Answer::Held(..) => panic!("an answer is held once"),
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    buffer.drain(..head_end + 4);
    let header = |name: &str| headers.iter().find(|(known, _)| known == name);
    assert!(
        header("transfer-encoding").is_none(),
        "a length is always known"
    );
    let length: usize = header("content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    let body = buffer.drain(..length).collect();
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16 * 1024];
    match stream.read(&mut chunk).await {
        Ok(read) if read > 0 => {
            buffer.extend_from_slice(&chunk[..read]);
            Some(())
        }
        _ => None,
    }
}
