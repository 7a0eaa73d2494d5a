//! Tests against servers on this machine that behave like arbitrary servers on the internet.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// A server that gives every request the same response, and counts the connections.
struct Server {
    port: u16,
    connected: Arc<AtomicUsize>,
    requests: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connected, requests) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
        let (counted, kept) = (connected.clone(), requests.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let (tls, kept) = (tls.clone(), kept.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, answer, &kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answer, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, connected, requests }
    }

    async fn answering(answer: &'static str) -> Self {
        Self::start(answer, None).await
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?a=b", self.port)
    }

    fn connections(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    fn requests(&self) -> String {
        self.requests.lock().unwrap().join("\n---\n")
    }
}

/// Reads a whole request and writes the response. If the response ends with `…`, its body never ends.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    kept: &std::sync::Mutex<Vec<String>>,
) {
    let mut read = vec![0; 64 * 1024];
    let mut text = String::new();
    while !text.contains("{\"test\":1}") {
        let Ok(n) = stream.read(&mut read).await else { return };
        if n == 0 {
            return;
        }
        text.push_str(&String::from_utf8_lossy(&read[..n]));
    }
    kept.lock().unwrap().push(text);
    let (answer, endless) = match answer.strip_suffix("…") {
        Some(answer) => (answer, true),
        None => (answer, false),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    while endless && stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
}

async fn post(client: &Client, url: &str) -> Result<Response, EgressError> {
    let headers =
        HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    client.post(url, headers, Bytes::from_static(b"{\"test\":1}"), Duration::from_secs(2)).await
}

fn local() -> Client {
    Client::new(Reach::AndLoopback)
}

#[tokio::test]
async fn body_is_posted_and_the_answer_comes_back() {
    let server =
        Server::answering("HTTP/1.1 202 Accepted\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nok").await;

    let answer = post(&local(), &server.url()).await.unwrap();

    assert_eq!((answer.status, &*answer.body), (StatusCode::ACCEPTED, &b"ok"[..]));
    assert_eq!(answer.headers["retry-after"], "7");
    let requests = server.requests();
    assert!(requests.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{requests}");
    assert!(requests.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)), "{requests}");
    assert!(
        requests.contains("content-length: 10\r\n") && requests.ends_with("\r\n\r\n{\"test\":1}"),
        "{requests}"
    );
}

#[tokio::test]
async fn client_does_not_connect_to_a_private_network() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let client = Client::new(Reach::Public);
    let port = server.port;

    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
    ] {
        let refused = post(&client, &format!("https://{host}:{port}/")).await.unwrap_err();

        assert!(
            matches!(
                refused,
                EgressError::InvalidUrl(InvalidUrl::Private)
                    | EgressError::Private
                    | EgressError::Unresolved(_)
            ),
            "{host} {refused:?}"
        );
        assert!(!format!("{refused:?} {refused}").contains(host), "{refused:?}");
    }
    for url in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
        assert!(
            matches!(post(&client, &url).await, Err(EgressError::InvalidUrl(InvalidUrl::Unencrypted))),
            "{url}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let location = format!("HTTP/1.1 307 T\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let server = Server::answering(location.leak()).await;

    let answer = post(&local(), &server.url()).await.unwrap();

    assert_eq!((answer.status, elsewhere.connections()), (StatusCode::TEMPORARY_REDIRECT, 0));
}

#[tokio::test]
async fn answer_without_end_is_cut_and_its_status_counts() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n…").await;

    let answer = post(&local(), &server.url()).await.unwrap();

    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, MAX_BODY_BYTES));
}

#[tokio::test]
async fn body_that_does_not_come_takes_nothing_back() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeg").await;

    let answer = post(&local(), &server.url()).await.unwrap();

    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, &b"beg"[..]));
}

#[tokio::test]
async fn silence_ends_in_time() {
    let server = Server::answering("").await;
    let begun = Instant::now();

    let error = post(&local(), &server.url()).await.unwrap_err();

    assert!(matches!(error, EgressError::TimedOut), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn head_without_end_and_what_is_no_http_are_no_answers() {
    let endless = Server::answering("HTTP/1.1 200 OK\r\nx: …").await;
    let strange = Server::answering("220 mail.example ESMTP\r\n").await;

    for server in [endless, strange] {
        let error = post(&local(), &server.url()).await.unwrap_err();

        assert!(matches!(error, EgressError::Unanswered(_)), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);

    let error = post(&local(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();

    assert!(matches!(error, EgressError::Unconnected(_)), "{error:?}");
}

/// A certificate for `localhost`: what serves with it, and what trusts it.
fn certified() -> (TlsAcceptor, RootCertStore) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

#[tokio::test]
async fn encrypted_answer_comes_from_whoever_has_the_certificate_of_the_name() {
    let (acceptor, roots) = certified();
    let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n", Some(acceptor)).await;
    let trusting = Client::trusting(roots, Reach::AndLoopback);
    let (right, by_number) =
        (format!("https://localhost:{}/", server.port), format!("https://127.0.0.1:{}/", server.port));

    assert_eq!(post(&trusting, &right).await.unwrap().status, StatusCode::NO_CONTENT);
    // Another name than the certificate's, and a certificate that nobody vouches for.
    for error in [post(&trusting, &by_number).await, post(&local(), &right).await] {
        assert!(matches!(error, Err(EgressError::Unconnected(_))), "{error:?}");
    }
}
