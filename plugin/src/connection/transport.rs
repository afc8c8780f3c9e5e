//! The transport properties (`httpVersion`, `proxy`, `secureSocket`), in the
//! fields Ballerina's HTTP client gives them. The plugin only reads them: a
//! host applies them.

use super::reader::Reader;
use crate::failure::Refusal;
use crate::types::{
    CertKey, CertValidation, HttpVersion, Identity, KeyStore, Proxy, SecureSocket, TlsProtocol,
    Transport, Trust,
};

pub(super) fn parse(reader: &mut Reader<'_, '_>) -> Result<Option<Transport>, Refusal> {
    let http_version = match reader.string("httpVersion")?.as_deref() {
        None => None,
        Some("1.1" | "HTTP_1_1") => Some(HttpVersion::Http1),
        Some("2.0" | "HTTP_2_0") => Some(HttpVersion::Http2),
        Some(_) => return reader.refuse("httpVersion", "\"1.1\" or \"2.0\""),
    };
    let proxy = proxy(reader)?;
    let secure_socket = secure_socket(reader)?;
    let given = http_version.is_some() || proxy.is_some() || secure_socket.is_some();
    Ok(given.then_some(Transport {
        http_version,
        proxy,
        secure_socket,
    }))
}

fn proxy(reader: &mut Reader<'_, '_>) -> Result<Option<Proxy>, Refusal> {
    let Some(mut proxy) = reader.object("proxy")? else {
        return Ok(None);
    };
    let host = proxy.required_string("host")?;
    let port = match proxy.integer("port")? {
        Some(port @ 1..=65535) => port as u16,
        _ => return proxy.refuse("port", "a port from 1 to 65535"),
    };
    let user_name = proxy.string("userName")?;
    let password = proxy.string("password")?;
    proxy.finish()?;
    Ok(Some(Proxy {
        host,
        port,
        user_name,
        password,
    }))
}

fn secure_socket(reader: &mut Reader<'_, '_>) -> Result<Option<SecureSocket>, Refusal> {
    let Some(mut socket) = reader.object("secureSocket")? else {
        return Ok(None);
    };
    let secure_socket = SecureSocket {
        enable: socket.boolean("enable")?,
        cert: trust(&mut socket)?,
        key: identity(&mut socket)?,
        protocol: protocol(&mut socket)?,
        cert_validation: cert_validation(&mut socket)?,
        ciphers: socket.strings("ciphers")?,
        verify_host_name: socket.boolean("verifyHostName")?,
        share_session: socket.boolean("shareSession")?,
        handshake_timeout: socket.seconds("handshakeTimeout")?,
        session_timeout: socket.seconds("sessionTimeout")?,
        server_name: socket.string("serverName")?,
    };
    socket.finish()?;
    Ok(Some(secure_socket))
}

/// A PEM file's path, or a trust store.
fn trust(socket: &mut Reader<'_, '_>) -> Result<Option<Trust>, Refusal> {
    match socket.value("cert").map(|value| value.as_str()) {
        None => Ok(None),
        Some(Some(path)) => Ok(Some(Trust::Certificate(path.to_owned()))),
        Some(None) => {
            let Some(store) = socket.object("cert")? else {
                return Ok(None);
            };
            Ok(Some(Trust::TrustStore(key_store(store)?)))
        }
    }
}

/// A key store, or PEM files.
fn identity(socket: &mut Reader<'_, '_>) -> Result<Option<Identity>, Refusal> {
    let Some(mut key) = socket.object("key")? else {
        return Ok(None);
    };
    if key.value("path").is_some() {
        return Ok(Some(Identity::KeyStore(key_store(key)?)));
    }
    let certificate = CertKey {
        cert_file: key.required_string("certFile")?,
        key_file: key.required_string("keyFile")?,
        key_password: key.string("keyPassword")?,
    };
    key.finish()?;
    Ok(Some(Identity::Certificate(certificate)))
}

fn key_store(mut reader: Reader<'_, '_>) -> Result<KeyStore, Refusal> {
    let store = KeyStore {
        path: reader.required_string("path")?,
        password: reader.required_string("password")?,
    };
    reader.finish()?;
    Ok(store)
}

fn protocol(socket: &mut Reader<'_, '_>) -> Result<Option<TlsProtocol>, Refusal> {
    let Some(mut protocol) = socket.object("protocol")? else {
        return Ok(None);
    };
    let name = protocol.required_string("name")?;
    if !matches!(name.as_str(), "TLS" | "SSL" | "DTLS") {
        return protocol.refuse("name", "TLS, SSL or DTLS");
    }
    let versions = protocol.strings("versions")?.unwrap_or_default();
    protocol.finish()?;
    Ok(Some(TlsProtocol { name, versions }))
}

fn cert_validation(socket: &mut Reader<'_, '_>) -> Result<Option<CertValidation>, Refusal> {
    let Some(mut validation) = socket.object("certValidation")? else {
        return Ok(None);
    };
    let kind = validation.required_string("type")?;
    if !matches!(kind.as_str(), "OCSP_CRL" | "OCSP_STAPLING") {
        return validation.refuse("type", "OCSP_CRL or OCSP_STAPLING");
    }
    let cert_validation = CertValidation {
        kind,
        cache_size: validation.integer("cacheSize")?,
        cache_validity_period: validation.integer("cacheValidityPeriod")?,
    };
    validation.finish()?;
    Ok(Some(cert_validation))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn every_field_is_read() {
        let transport = parse(
            r#"{"secretKey":"k","httpVersion":"1.1",
                "proxy":{"host":"p","port":8080,"userName":"u","password":"w"},
                "secureSocket":{"enable":true,"cert":"ca.pem",
                  "key":{"certFile":"c.pem","keyFile":"k.pem"},
                  "protocol":{"name":"TLS","versions":["TLSv1.3"]},
                  "certValidation":{"type":"OCSP_STAPLING","cacheSize":50,"cacheValidityPeriod":60},
                  "ciphers":["TLS_AES_128_GCM_SHA256"],"verifyHostName":true,"shareSession":false,
                  "handshakeTimeout":2.5,"sessionTimeout":300,"serverName":"s"}}"#,
            false,
        )
        .unwrap()
        .transport
        .unwrap();
        assert_eq!(transport.http_version, Some(HttpVersion::Http1));
        assert_eq!(transport.proxy.map(|p| p.port), Some(8080));
        let socket = transport.secure_socket.unwrap();
        assert!(matches!(socket.cert, Some(Trust::Certificate(path)) if path == "ca.pem"));
        assert!(matches!(socket.key, Some(Identity::Certificate(key)) if key.key_file == "k.pem"));
        assert_eq!(socket.handshake_timeout, Some(2500));
        assert_eq!(socket.cert_validation.and_then(|v| v.cache_size), Some(50));
    }

    #[test]
    fn refuses_with_the_place() {
        for (json, path) in [
            (r#"{"httpVersion":"3"}"#, "httpVersion"),
            (r#"{"proxy":{"host":"p"}}"#, "proxy.port"),
            (r#"{"proxy":{"host":"p","port":70000}}"#, "proxy.port"),
            (
                r#"{"secureSocket":{"cert":{"path":"p"}}}"#,
                "secureSocket.cert.password",
            ),
            (
                r#"{"secureSocket":{"key":{"certFile":"c"}}}"#,
                "secureSocket.key.keyFile",
            ),
            (
                r#"{"secureSocket":{"protocol":{"name":"TCP"}}}"#,
                "secureSocket.protocol.name",
            ),
            (
                r#"{"secureSocket":{"verifyHostname":false}}"#,
                "secureSocket.verifyHostname",
            ),
        ] {
            match parse(json, true) {
                Err(refusal) => assert_eq!(refusal.path, path),
                Ok(_) => panic!("{json} was accepted"),
            }
        }
    }
}
