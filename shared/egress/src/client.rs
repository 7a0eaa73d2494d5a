//! Sends one request: resolves the host name once, checks every resolved address, and connects only to a checked one.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::{EgressError, InvalidUrl, Reach, Target};

/// How many bytes of a response body are read by default; the rest is ignored.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How many bytes of a response head are read.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long to wait for a connection to one of the addresses of a host name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many addresses of a host name are tried.
const MAX_ADDRESSES: usize = 4;

/// How the body of a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// The body was read completely.
    Complete,
    /// The body was longer than the limit, and the rest was not read.
    TooLong,
    /// The connection failed or the timeout elapsed before the end of the body.
    Broken,
}

/// A response; its body may be cut off.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cut off at the client's limit.
    pub body: Bytes,
    /// How the body ended.
    pub end: BodyEnd,
}

/// An HTTP client that connects only to allowed network addresses.
///
/// It keeps no connection open: after Lambda has frozen a function, its old connections are often broken.
#[derive(Clone)]
pub struct Client {
    /// Which network addresses it may connect to.
    reach: Reach,
    /// The TLS connector, created on first use because most functions never need it.
    tls: Arc<OnceLock<TlsConnector>>,
    /// Host names that tests resolve to this machine.
    hosts: Arc<BTreeMap<String, SocketAddr>>,
    /// How many bytes of a response body are read.
    max_body_bytes: usize,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Reach::default())
    }
}

impl Client {
    /// Creates a client that trusts the same certificate authorities as browsers.
    pub fn new(reach: Reach) -> Self {
        Self { reach, tls: Arc::default(), hosts: Arc::default(), max_body_bytes: MAX_BODY_BYTES }
    }

    /// Creates a client for URLs that the operator configured, which may lead to any network address.
    pub fn for_configured_urls(max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..Self::new(Reach::Anywhere) }
    }

    /// Creates a client that trusts only the given certificate authorities.
    #[cfg(any(test, feature = "fake-internet"))]
    fn trusting(roots: RootCertStore, reach: Reach) -> Self {
        Self { tls: Arc::new(OnceLock::from(connector(roots))), ..Self::new(reach) }
    }

    /// Creates a client that resolves some host names to this machine: see [`crate::fake_internet`].
    #[cfg(feature = "fake-internet")]
    pub(crate) fn with_hosts(hosts: BTreeMap<String, SocketAddr>, roots: RootCertStore) -> Self {
        Self { hosts: Arc::new(hosts), ..Self::trusting(roots, Reach::AndLoopback) }
    }

    /// The TLS connector.
    fn tls(&self) -> &TlsConnector {
        self.tls.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            connector(roots)
        })
    }

    /// Which network addresses it may connect to.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Sends a POST request; `within` limits the whole exchange.
    ///
    /// # Errors
    /// [`EgressError`] if no response arrived. A response with an error status is not an error here.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Response, EgressError> {
        self.send(Method::POST, url, headers, body, within).await
    }

    /// Sends a GET request; `within` limits the whole exchange.
    ///
    /// # Errors
    /// [`EgressError`] if no response arrived. A response with an error status is not an error here.
    pub async fn get(&self, url: &str, within: Duration) -> Result<Response, EgressError> {
        self.send(Method::GET, url, HeaderMap::new(), Bytes::new(), within).await
    }

    /// Sends one request, without following redirects; `within` limits the whole exchange.
    ///
    /// # Errors
    /// [`EgressError`] if no response arrived. A response with an error status is not an error here.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Response, EgressError> {
        let until = Instant::now() + within;
        let target = Target::parse(url, self.reach).map_err(EgressError::InvalidUrl)?;
        let connected = timeout_at(until, self.connect(&target)).await;
        let stream = connected.map_err(|_| EgressError::TimedOut)??;
        let request = build_request(&target, method, headers, body)?;
        if !target.encrypted {
            return exchange(stream, request, until, self.max_body_bytes).await;
        }
        let name =
            ServerName::try_from(target.host).map_err(|_| EgressError::InvalidUrl(InvalidUrl::Malformed))?;
        let encrypted = timeout_at(until, self.tls().connect(name, stream)).await;
        let encrypted = encrypted.map_err(|_| EgressError::TimedOut)?.map_err(EgressError::Unconnected)?;
        exchange(encrypted, request, until, self.max_body_bytes).await
    }

    /// Resolves the host name once and connects to one of its addresses, if a connection to all of them is allowed.
    async fn connect(&self, target: &Target) -> Result<TcpStream, EgressError> {
        let addresses: Vec<SocketAddr> = match self.hosts.get(&target.host) {
            Some(address) => vec![*address],
            None => {
                let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
                found.map_err(EgressError::Unresolved)?.collect()
            }
        };
        let allowed = |address: &SocketAddr| {
            let stays = target.encrypted || address.ip().is_loopback() || self.reach == Reach::Anywhere;
            self.reach.allows(address.ip()) && stays
        };
        if !addresses.iter().all(allowed) {
            return Err(EgressError::Private);
        }
        let mut last = EgressError::Unresolved(io::Error::from(io::ErrorKind::NotFound));
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = EgressError::Unconnected(error),
                Err(_) => last = EgressError::TimedOut,
            }
        }
        Err(last)
    }
}

/// Creates a TLS connector that trusts the given certificate authorities.
fn connector(roots: RootCertStore) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Builds the request as it is sent.
fn build_request(
    target: &Target,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, EgressError> {
    let malformed = || EgressError::InvalidUrl(InvalidUrl::Malformed);
    let mut request = Request::builder()
        .method(method.clone())
        .uri(&target.path)
        .body(Full::new(body.clone()))
        .map_err(|_| malformed())?;
    *request.headers_mut() = headers;
    let host = HeaderValue::from_str(&target.authority).map_err(|_| malformed())?;
    request.headers_mut().insert(HOST, host);
    if method != Method::GET {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("Firebell"));
    Ok(request)
}

/// Sends one request over a connection and reads the response, with its body cut off at the limit.
async fn exchange(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    until: Instant,
    max_body_bytes: usize,
) -> Result<Response, EgressError> {
    let exchange = async {
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(stream)).await?;
        let response = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let (body, end) = read_body(body, until, max_body_bytes).await;
            Ok(Response { status: head.status, headers: head.headers, body, end })
        };
        // The connection future does the reading. It may finish before the response was taken.
        tokio::pin!(response);
        tokio::select! {
            result = &mut response => result,
            _ = connection => response.await,
        }
    };
    // The status is known once the head has arrived, so a body that never ends does not make the request fail.
    timeout_at(until + Duration::from_millis(100), exchange)
        .await
        .map_err(|_| EgressError::TimedOut)?
        .map_err(EgressError::Unanswered)
}

/// Reads a body up to the size limit and the deadline.
async fn read_body(mut body: Incoming, until: Instant, limit: usize) -> (Bytes, BodyEnd) {
    let mut read = BytesMut::new();
    let end = loop {
        match timeout_at(until, body.frame()).await {
            Ok(None) => break BodyEnd::Complete,
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                let room = limit - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break BodyEnd::TooLong;
                }
            }
            Ok(Some(Err(_))) | Err(_) => break BodyEnd::Broken,
        }
    };
    (read.freeze(), end)
}

#[cfg(test)]
mod tests;
