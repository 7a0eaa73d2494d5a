//! A program that takes webhooks, and answers as it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        let found = lines.filter_map(|line| line.split_once(": ")).find(|(found, _)| *found == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }
}

/// A program on this machine.
pub(crate) struct Program {
    port: u16,
    taken: Arc<Mutex<Vec<Request>>>,
}

impl Program {
    /// Answers the first request with the first of these, and so on; all others with the last. An empty answer is
    /// silence.
    pub(crate) async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        tokio::spawn(async move {
            let mut answers = answers.iter().copied();
            let mut answer = answers.next().unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else { continue };
                kept.lock().unwrap().push(request);
                if !answer.is_empty() {
                    let _ = stream.write_all(answer.as_bytes()).await;
                } else {
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(stream);
                    });
                }
                answer = answers.next().unwrap_or(answer);
            }
        });
        Self { port, taken }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/secret-path", self.port)
    }

    /// What arrived.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.taken.lock().unwrap().clone()
    }
}

/// Reads one request to its end.
async fn read(stream: &mut tokio::net::TcpStream) -> Option<Request> {
    let mut read = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut part).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let request = Request { head: head.to_owned(), body: body.to_owned() };
        if request.header("content-length").parse::<usize>().is_ok_and(|length| body.len() >= length) {
            return Some(request);
        }
    }
}
