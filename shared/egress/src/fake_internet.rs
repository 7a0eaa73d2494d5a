//! A fake internet for tests: a TLS server on this machine that answers for given host names, and a client that
//! resolves these names to it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::Client;

/// How many bytes of a request are read.
const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// A TLS server that answers for a set of host names.
#[derive(Debug, Clone)]
pub struct FakeInternet {
    /// The host names.
    names: Vec<String>,
    /// The address that the server listens on.
    address: SocketAddr,
    /// The certificate that the client trusts.
    authority: CertificateDer<'static>,
}

impl FakeInternet {
    /// Starts a server for `names`; `answer` gives the status and body for a path. It runs as long as the runtime.
    ///
    /// # Errors
    /// Returns the I/O error if the server cannot listen on a port.
    ///
    /// # Panics
    /// Panics if a name is not a valid host name.
    pub fn start(
        names: &[&str],
        answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = generate_simple_self_signed(names.clone()).expect("the host names are valid");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key belongs to the certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Ignore errors: a client may close its connection early.
                let _ = serve(&acceptor, stream, &answer).await;
            }
        });
        Ok(Self { names, address, authority: made.cert.der().clone() })
    }

    /// Creates a client that resolves the host names to this server and otherwise works like any client.
    ///
    /// # Panics
    /// Never: the certificate was generated in this module and is valid.
    pub fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("the certificate was generated here");
        let names: BTreeMap<_, _> = self.names.iter().map(|name| (name.clone(), self.address)).collect();
        Client::with_hosts(names, roots)
    }
}

/// Answers one request and closes the connection.
async fn serve(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    answer: &impl Fn(&str) -> (u16, String),
) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = vec![0; MAX_REQUEST_BYTES];
    let length = stream.read(&mut head).await?;
    let head = String::from_utf8_lossy(&head[..length]);
    let (status, body) = answer(head.split(' ').nth(1).unwrap_or_default());
    let answer = format!("HTTP/1.1 {status} Fake\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
