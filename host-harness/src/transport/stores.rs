//! The files that certificates and keys come from: PEM, and PKCS#12 stores as
//! Java's tools make them.

use std::path::Path;

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::route::Refusal;
use crate::bindings::types;

/// The label of a PEM key that wants a password.
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// The certificates to trust.
pub(super) fn trusted(trust: &types::Trust) -> Result<RootCertStore, Refusal> {
    const PLACE: &str = "secureSocket.cert";
    let (path, certificates) = match trust {
        types::Trust::Certificate(path) => (path, certificates(PLACE, path)?),
        types::Trust::TrustStore(store) => {
            let path = &store.path;
            let open = open(PLACE, store)?;
            let certificates = open.entries().flat_map(|(_, entry)| match entry {
                KeyStoreEntry::Certificate(certificate) => vec![certificate],
                KeyStoreEntry::PrivateKeyChain(chain) => chain.certs().iter().collect(),
                KeyStoreEntry::Secret(_) => vec![],
            });
            let certificates: Vec<CertificateDer<'static>> = certificates
                .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
                .collect();
            (path, certificates)
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| {
            let problem = format!("holds a certificate that cannot be trusted: {error}");
            bad(PLACE, path, problem)
        })?;
    }
    if roots.is_empty() {
        return Err(bad(PLACE, path, "holds no certificate"));
    }
    Ok(roots)
}

/// The client's certificate, with those that vouch for it, and its key.
pub(super) fn identity(
    identity: &types::Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Refusal> {
    match identity {
        types::Identity::Certificate(pair) => {
            let chain = certificates("secureSocket.key.certFile", &pair.cert_file)?;
            Ok((chain, key(pair)?))
        }
        types::Identity::KeyStore(store) => {
            const PLACE: &str = "secureSocket.key.path";
            let open = open(PLACE, store)?;
            let Some((_, chain)) = open.private_key_chain() else {
                return Err(bad(PLACE, &store.path, "holds no private key"));
            };
            let certificates = chain
                .certs()
                .iter()
                .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
                .collect();
            let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
            Ok((certificates, key.into()))
        }
    }
}

/// A PEM file's certificates, in their order.
fn certificates(place: &'static str, path: &str) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let bytes = read(place, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(bad(
            place,
            path,
            "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
        )),
        Err(error) => Err(bad(place, path, format!("is not a PEM file: {error}"))),
    }
}

/// A PEM file's private key.
fn key(pair: &types::CertKey) -> Result<PrivateKeyDer<'static>, Refusal> {
    const PLACE: &str = "secureSocket.key.keyFile";
    let path = &pair.key_file;
    let bytes = read(PLACE, path)?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains(ENCRYPTED) {
        return PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
            let problem = "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)";
            bad(PLACE, path, problem)
        });
    }
    let Some(password) = &pair.key_password else {
        return Err(bad(
            PLACE,
            path,
            "is encrypted: give its password as \"secureSocket.key.keyPassword\"",
        ));
    };
    // The key may follow other things in the file.
    let begin = text.find(&format!("-----BEGIN {ENCRYPTED}"));
    let pem = begin
        .and_then(|begin| text.get(begin..))
        .unwrap_or_default();
    let unreadable = |_| bad(PLACE, path, "is not an encrypted key in PEM form (PKCS#8)");
    let (_, document) = pkcs8::SecretDocument::from_pem(pem).map_err(unreadable)?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|_| bad(PLACE, path, "is not an encrypted key in PEM form (PKCS#8)"))?;
    let decrypted = encrypted.decrypt(password).map_err(|_| {
        let problem = "cannot be decrypted with \"secureSocket.key.keyPassword\"";
        bad(PLACE, path, problem)
    })?;
    Ok(PrivatePkcs8KeyDer::from(decrypted.as_bytes().to_vec()).into())
}

fn open(place: &'static str, store: &types::KeyStore) -> Result<KeyStore, Refusal> {
    let bytes = read(place, &store.path)?;
    // A trust store's certificates need not say that they are trusted.
    KeyStore::from_pkcs12(&bytes, &store.password, Pkcs12ImportPolicy::Relaxed).map_err(|_| {
        bad(
            place,
            &store.path,
            "cannot be opened with the password given, or is not a PKCS#12 store (JKS stores are \
             not supported: keytool -importkeystore … -deststoretype pkcs12)",
        )
    })
}

fn read(place: &'static str, path: &str) -> Result<Vec<u8>, Refusal> {
    std::fs::read(Path::new(path))
        .map_err(|error| bad(place, path, format!("cannot be read: {error}")))
}

fn bad(place: &'static str, path: &str, problem: impl AsRef<str>) -> Refusal {
    Refusal::new(place, format!("The file {path} {}", problem.as_ref()))
}
