//! A play in which names of the open network are of this machine: what answers there, and a client that goes there.

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

/// How much of a request is read.
const MOST_REQUEST: usize = 8 * 1024;

/// Names with a certificate, and what answers there.
#[derive(Debug, Clone)]
pub struct Play {
    /// The names.
    names: Vec<String>,
    /// Where they are.
    address: SocketAddr,
    /// Who vouches for them.
    authority: CertificateDer<'static>,
}

impl Play {
    /// Answers at these names: a status and a body for each path. It goes on for as long as the runtime does.
    ///
    /// # Errors
    /// If no port can be listened on.
    ///
    /// # Panics
    /// If a name is none.
    pub fn start(
        names: &[&str],
        answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = generate_simple_self_signed(names.clone()).expect("names that can have a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions that are usual")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away in between is nobody's concern.
                let _ = serve(&acceptor, stream, &answer).await;
            }
        });
        Ok(Self { names, address, authority: made.cert.der().clone() })
    }

    /// A client for which the names are here; everything else about it is as it always is.
    ///
    /// # Panics
    /// Never: the certificate was made here.
    pub fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("the certificate was made here");
        let names: BTreeMap<_, _> = self.names.iter().map(|name| (name.clone(), self.address)).collect();
        Client::staged(names, roots)
    }
}

/// Answers one request.
async fn serve(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    answer: &impl Fn(&str) -> (u16, String),
) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = vec![0; MOST_REQUEST];
    let length = stream.read(&mut head).await?;
    let head = String::from_utf8_lossy(&head[..length]);
    let (status, body) = answer(head.split(' ').nth(1).unwrap_or_default());
    let answer = format!("HTTP/1.1 {status} Played\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
