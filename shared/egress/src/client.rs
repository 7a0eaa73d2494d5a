//! Resolve once, look at every answer, connect to what was looked at, ask once.

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

use crate::{EgressError, Reach, Refused, Target};

/// How much of an answer is read; what comes after that is nobody's concern.
const MOST_ANSWER: usize = 16 * 1024;

/// How much of an answer's head is read.
const MOST_HEAD: usize = 32 * 1024;

/// How long one address of a name is tried while there is another.
const EACH_ADDRESS: Duration = Duration::from_secs(3);

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 4;

/// What came back: the beginning of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Bytes,
}

/// Sends requests to addresses that strangers gave.
#[derive(Clone, Default)]
pub struct Client {
    /// How far they may go.
    reach: Reach,
    /// Encrypts; made when it is first needed, since most functions never do.
    tls: Arc<OnceLock<TlsConnector>>,
    /// Names that lead to this machine instead of where they lead in the world.
    staged: Arc<BTreeMap<String, SocketAddr>>,
}

impl Client {
    /// A client that trusts the certificates that browsers trust.
    pub fn new(reach: Reach) -> Self {
        Self { reach, ..Self::default() }
    }

    /// A client that trusts these alone.
    #[cfg(any(test, feature = "play"))]
    fn trusting(roots: RootCertStore, reach: Reach) -> Self {
        Self { reach, tls: Arc::new(OnceLock::from(connector(roots))), ..Self::default() }
    }

    /// A client for a play: see [`crate::play`].
    #[cfg(feature = "play")]
    pub(crate) fn staged(names: BTreeMap<String, SocketAddr>, roots: RootCertStore) -> Self {
        Self { staged: Arc::new(names), ..Self::trusting(roots, Reach::AndLoopback) }
    }

    /// What encrypts.
    fn tls(&self) -> &TlsConnector {
        self.tls.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            connector(roots)
        })
    }

    /// How far it goes.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Posts a body, within a time in all.
    ///
    /// # Errors
    /// [`EgressError`] if there was no answer; any status is one.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Answer, EgressError> {
        self.ask(Method::POST, url, headers, body, within).await
    }

    /// Gets what is at an address, within a time in all.
    ///
    /// # Errors
    /// [`EgressError`] if there was no answer; any status is one.
    pub async fn get(&self, url: &str, within: Duration) -> Result<Answer, EgressError> {
        self.ask(Method::GET, url, HeaderMap::new(), Bytes::new(), within).await
    }

    /// Asks once.
    async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        within: Duration,
    ) -> Result<Answer, EgressError> {
        let until = Instant::now() + within;
        let target = Target::parse(url, self.reach).map_err(EgressError::Refused)?;
        let begun = timeout_at(until, self.connect(&target)).await;
        let stream = begun.map_err(|_| EgressError::TimedOut)??;
        let request = request(&target, method, headers, body)?;
        if !target.encrypted {
            return exchange(stream, request, until).await;
        }
        let name = ServerName::try_from(target.host).map_err(|_| EgressError::Refused(Refused::Malformed))?;
        let encrypted = timeout_at(until, self.tls().connect(name, stream)).await;
        let encrypted = encrypted.map_err(|_| EgressError::TimedOut)?.map_err(EgressError::Unconnected)?;
        exchange(encrypted, request, until).await
    }

    /// Resolves once and connects to one of what came of it, if all of it may be spoken to.
    async fn connect(&self, target: &Target) -> Result<TcpStream, EgressError> {
        let addresses: Vec<SocketAddr> = match self.staged.get(&target.host) {
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
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            match timeout(EACH_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = EgressError::Unconnected(error),
                Err(_) => last = EgressError::TimedOut,
            }
        }
        Err(last)
    }
}

/// What encrypts, and trusts these authorities.
fn connector(roots: RootCertStore) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions that are usual")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// The request as it goes over the wire.
fn request(
    target: &Target,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, EgressError> {
    let malformed = || EgressError::Refused(Refused::Malformed);
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

/// Sends one request over a connection and reads the beginning of its answer.
async fn exchange(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    until: Instant,
) -> Result<Answer, EgressError> {
    let asked = async {
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MOST_HEAD).handshake(TokioIo::new(stream)).await?;
        let answered = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = beginning(body, until).await;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        // The connection is what reads: it may be done before its answer was looked at.
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            _ = connection => answered.await,
        }
    };
    // The status is known with the head: a body that never ends takes nothing of it back.
    timeout_at(until + Duration::from_millis(100), asked)
        .await
        .map_err(|_| EgressError::TimedOut)?
        .map_err(EgressError::Unanswered)
}

/// The beginning of a body: as much as is read, and as came in time.
async fn beginning(mut body: Incoming, until: Instant) -> Bytes {
    let mut read = BytesMut::new();
    while read.len() < MOST_ANSWER {
        let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await else { break };
        if let Some(data) = frame.data_ref() {
            read.extend_from_slice(&data[..data.len().min(MOST_ANSWER - read.len())]);
        }
    }
    read.freeze()
}

#[cfg(test)]
mod tests;
