//! A minimal HTTP client for the scenarios.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The response to a request.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Sends one request and reads its response.
pub(crate) async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> anyhow::Result<HttpResponse> {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await?;
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{authorization}Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        let (head, body) = response.split_once("\r\n\r\n").context("the response ended in its headers")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let Some(status) = status else { bail!("invalid HTTP response: {head}") };
        Ok(HttpResponse { status, body: body.to_owned() })
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.context("no response within 20 seconds")?
}

/// A delivery of Alertmanager with one alert.
pub(crate) fn delivery(name: &str, fingerprint: &str, resolved: bool) -> String {
    let status = if resolved { "resolved" } else { "firing" };
    serde_json::json!({
        "version": "4", "receiver": "endtoend", "status": status, "externalURL": "http://alertmanager.example",
        "alerts": [{
            "status": status, "labels": {"alertname": name}, "annotations": {"summary": name},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": if resolved { "2026-01-01T00:10:00Z" } else { "0001-01-01T00:00:00Z" },
            "generatorURL": "http://prometheus.example", "fingerprint": fingerprint,
        }],
    })
    .to_string()
}
