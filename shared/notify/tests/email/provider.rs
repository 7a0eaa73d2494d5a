//! A mail server that does as it is told, on this machine only.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does at one point of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answers so, and goes on.
    Say(&'static str),
    /// Answers so, and hangs up.
    SayAndHangUp(&'static str),
    /// Hangs up without an answer.
    HangUp,
    /// Is silent for longer than anyone waits.
    BeSilent,
    /// Takes this many milliseconds, then answers as it would have.
    Dawdle(u64),
}

/// What the server does otherwise than usual during one connection: at `GREETING`, a command, the first line of the
/// `CONTENT`, its `END`, or `AFTER` it; `SECOND MAIL` and `SECOND END` are those of the
/// connection's second mail.
pub(crate) type Script = &'static [(&'static str, Act)];

/// A mail that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) data: String,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Seen {
    taken: Vec<Taken>,
    commands: Vec<String>,
    connections: usize,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Provider {
    /// Starts a server; the n-th connection follows the n-th script, later ones none.
    pub(crate) async fn start(scripts: &'static [Script]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut seen = shared.lock().unwrap();
                    seen.connections += 1;
                    seen.connections - 1
                };
                let script = scripts.get(index).copied().unwrap_or_default();
                tokio::spawn(converse(stream, script, Arc::clone(&shared)));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.seen.lock().unwrap().taken.clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.seen.lock().unwrap().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

/// Whether the conversation goes on.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Stop,
}

/// Answers at one point as the script has it, else as usual.
async fn answer(stream: &mut BufReader<TcpStream>, script: Script, point: &str, usual: &str) -> Then {
    let act = script.iter().find(|(at, _)| *at == point).map_or(Act::Say(""), |(_, act)| *act);
    let (text, then) = match act {
        Act::Say("") => (usual, Then::GoOn),
        Act::Say(text) => (text, Then::GoOn),
        Act::SayAndHangUp(text) => (text, Then::Stop),
        Act::HangUp => return Then::Stop,
        Act::BeSilent => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            return Then::Stop;
        }
        Act::Dawdle(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            (usual, Then::GoOn)
        }
    };
    if !text.is_empty() && stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.is_err() {
        return Then::Stop;
    }
    then
}

/// Holds one conversation.
async fn converse(stream: TcpStream, script: Script, seen: Arc<Mutex<Seen>>) {
    let mut stream = BufReader::new(stream);
    if answer(&mut stream, script, "GREETING", "220 provider").await == Then::Stop {
        return;
    }
    let (mut from, mut to, mut mails) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end().to_owned();
        seen.lock().unwrap().commands.push(line.clone());
        let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let usual = match &*command {
            "EHLO" => "250-provider\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
            "MAIL" => {
                from.clone_from(&line);
                "250 2.1.0 sender ok"
            }
            "RCPT" => {
                to.clone_from(&line);
                "250 2.1.5 recipient ok"
            }
            "DATA" => "354 go on",
            "AUTH" => "235 2.7.0 welcome",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let point = if command == "MAIL" && mails > 0 { "SECOND MAIL" } else { &command };
        if answer(&mut stream, script, point, usual).await == Then::Stop {
            return;
        }
        let refused = script.iter().any(|(at, act)| *at == "DATA" && matches!(act, Act::Say(_)));
        if command == "DATA" && !refused {
            let mut data = String::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if data.is_empty() && answer(&mut stream, script, "CONTENT", "").await == Then::Stop {
                    return;
                }
                if line == ".\r\n" {
                    break;
                }
                data.push_str(line.strip_prefix('.').unwrap_or(&line));
            }
            mails += 1;
            let end = if mails == 1 { "END" } else { "SECOND END" };
            let refused = script.iter().any(|(at, act)| *at == end && matches!(act, Act::Say(_)));
            if !refused {
                seen.lock().unwrap().taken.push(Taken { from: from.clone(), to: to.clone(), data });
            }
            if answer(&mut stream, script, end, "250 2.0.0 queued as 4F1A").await == Then::Stop {
                return;
            }
            if answer(&mut stream, script, "AFTER", "").await == Then::Stop {
                return;
            }
        }
    }
}
