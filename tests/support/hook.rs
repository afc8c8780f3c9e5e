//! What delivers webhooks in tests: one request over a connection of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr};

use serde_json::{Value, json};
use stripe_harness::Plugin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::KEY;

/// Sends bytes, and reads status and text of the answer.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let text = answer.split_once("\r\n\r\n").map_or("", |(_, text)| text);
    (status.unwrap_or_default(), text.trim().to_owned())
}

/// Delivers a body with these further header lines.
pub(crate) async fn post(address: SocketAddr, headers: &str, body: &str) -> (u16, String) {
    let request = format!(
        "POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    exchange(address, request.as_bytes()).await
}

/// Signs a body now, and delivers it.
pub(crate) async fn deliver(
    plugin: &Plugin,
    address: SocketAddr,
    secret: &str,
    body: &str,
) -> (u16, String) {
    let header = signed(plugin, secret, body).await;
    post(address, &format!("stripe-signature: {header}\r\n"), body).await
}

/// A `stripe-signature` header of now.
pub(crate) async fn signed(plugin: &Plugin, secret: &str, body: &str) -> String {
    let connection = json!({"secretKey": KEY}).to_string();
    let connection = plugin.parse_connection(connection).await.unwrap();
    let args = json!([{"payload": body, "secret": secret}]).to_string();
    let made = plugin
        .request(&connection, "webhooks", "generateTestHeaderString", args)
        .await
        .unwrap();
    serde_json::from_str(&made.body).unwrap()
}

/// Where a `stripe-harness listen` listens: its first line, which must hold this,
/// and the rest of what it says.
pub(crate) fn listening(child: &mut Child, for_what: &str) -> (SocketAddr, BufReader<ChildStderr>) {
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let at = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or_else(|| panic!("{line}"));
    assert!(line.contains(for_what), "{line}");
    (at.parse().unwrap(), said)
}

/// An event of that id and name, as a body.
pub(crate) fn event(id: &str, kind: &str) -> String {
    let event: Value = json!({"id": id, "object": "event", "type": kind, "n": "é"});
    serde_json::to_string_pretty(&event).unwrap()
}
