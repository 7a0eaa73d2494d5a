//! The HTTP client for AWS: HTTP/1.1 over TLS with the root certificates that browsers trust.
//!
//! The SDK's own connector reads and parses the machine's certificate files at each start, which takes two thirds of
//! the start of a function. Here the parsed certificates are part of the binary.

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as Tcp, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// An HTTP and HTTPS client. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Https(Client<hyper_rustls::HttpsConnector<Tcp>, SdkBody>);

/// Opens connections, with TLS for `https` URLs.
fn connector() -> hyper_rustls::HttpsConnector<Tcp> {
    let mut tcp = Tcp::new();
    tcp.set_nodelay(true);
    // HTTPS connections are opened through this connector too.
    tcp.enforce_http(false);
    HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .expect("the provider supports the default TLS versions")
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp)
}

impl Https {
    /// Creates the client. It connects at the first request.
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector()))
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || connection(&captured));
        }
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(broken)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl HttpClient for Https {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The connection of a request, so that the SDK uses another one after the request failed.
fn connection(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    captured.connection_metadata().as_ref()?;
    let captured = captured.clone();
    let poison = move || {
        if let Some(connection) = captured.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// Classifies a failed request for the SDK: it is retried unless the request itself is invalid.
fn broken(error: Error) -> ConnectorError {
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if cause.is_some_and(hyper::Error::is_user) {
        return ConnectorError::user(error.into());
    }
    ConnectorError::io(error.into())
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves the given responses over each connection, and returns the number of connections.
    async fn serve(listener: TcpListener, answers: Vec<&'static str>) -> usize {
        let mut connections = 0;
        let mut left = answers.into_iter().peekable();
        while left.peek().is_some() {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            let mut read = [0; 4096];
            while left.peek().is_some() && stream.read(&mut read).await.unwrap() > 0 {
                stream.write_all(left.next().unwrap().as_bytes()).await.unwrap();
            }
        }
        connections
    }

    fn get(url: &str) -> HttpRequest {
        Request::try_from(http::Request::get(url).body(SdkBody::empty()).unwrap()).unwrap()
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    #[tokio::test]
    async fn requests_share_a_connection_until_it_is_poisoned() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let served = tokio::spawn(serve(listener, vec![OK; 3]));
        let https = Https::new();
        let capture = CaptureSmithyConnection::new();

        for n in 0..3 {
            let mut request = get(&url);
            request.add_extension(capture.clone());
            let answer = https.call(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            let _read = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
            if n == 1 {
                capture.get().expect("a connection").poison();
            }
        }

        assert_eq!(served.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn nobody_there_is_tried_again_by_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);

        let error = Https::new().call(get(&format!("http://{address}/"))).await.unwrap_err();

        assert!(error.is_io(), "{error:?}");
    }

    #[tokio::test]
    async fn connection_that_ends_before_an_answer_is_tried_again_by_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 64];
            let _asked = stream.read(&mut read).await.unwrap();
        });

        let error = Https::new().call(get(&url)).await.unwrap_err();

        served.await.unwrap();
        assert!(error.is_io(), "{error:?}");
    }

    #[tokio::test]
    async fn what_does_not_speak_tls_has_not_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let served = tokio::spawn(serve(listener, vec!["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]));

        let error = Https::new().call(get(&url)).await.unwrap_err();

        assert!(error.is_io(), "{error:?}");
        served.abort();
    }
}
