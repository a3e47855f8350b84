//! A server that says the same to everybody.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::background::{Background, listen};

/// A server on `127.0.0.1` and a free port that gives one answer, to whatever is asked: for what real servers say only on
/// bad days. It ends when dropped.
#[derive(Debug)]
pub struct Parrot {
    address: SocketAddr,
    _background: Background,
}

impl Parrot {
    /// Gives an answer with this status, such as `403 Forbidden`, and this body.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(status: &str, body: &str) -> Self {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"1\"\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close\r\n\r\n{body}"
        );
        Self::say(answer.into_bytes(), false)
    }

    /// Sends these bytes, whatever they are, and closes the connection, or keeps it open and says no more.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn say(bytes: Vec<u8>, stalls: bool) -> Self {
        let (listener, address) = listen(0).unwrap();
        let bytes = Arc::new(bytes);
        let background =
            Background::serve(listener, move |listener| accept(listener, bytes, stalls));
        Self {
            address,
            _background: background,
        }
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, bytes: Arc<Vec<u8>>, stalls: bool) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let bytes = Arc::clone(&bytes);
        tokio::spawn(async move { answer(stream, &bytes, stalls).await });
    }
}

/// Reads a request, answers, and lets the client read that: to close with unread bytes would reset the connection.
async fn answer(mut stream: TcpStream, bytes: &[u8], stalls: bool) {
    let mut buffer = vec![0; 1 << 16];
    let _ = stream.read(&mut buffer).await;
    let _ = stream.write_all(bytes).await;
    if !stalls {
        let _ = stream.shutdown().await;
    }
    while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {}
}
