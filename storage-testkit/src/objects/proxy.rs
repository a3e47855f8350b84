//! A TCP proxy that delays and breaks connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::background::{Background, listen};

/// What the proxy does to connections. The default passes everything on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wire {
    /// New connections are reset as soon as they are accepted.
    pub refuse: bool,
    /// From the client to the server.
    pub to_server: Direction,
    /// From the server to the client.
    pub to_client: Direction,
}

/// What the proxy does to one direction of every connection. Bytes count from the moment the setting is made, or from the
/// start of a later connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Direction {
    /// What arrives is passed on so much later; up to 64 KiB at once, so this bounds the rate too.
    pub delay: Duration,
    /// After so many bytes the whole connection is reset.
    pub reset_after: Option<u64>,
    /// After so many bytes this direction is closed, and the other goes on.
    pub close_after: Option<u64>,
}

impl Direction {
    /// How many bytes may still pass, and whether the connection is reset then.
    fn limit(&self) -> Option<(u64, bool)> {
        match (self.reset_after, self.close_after) {
            (Some(reset), Some(close)) => Some((reset.min(close), reset <= close)),
            (Some(reset), None) => Some((reset, true)),
            (None, Some(close)) => Some((close, false)),
            (None, None) => None,
        }
    }
}

/// A TCP proxy on `127.0.0.1` and a free port, in front of one server. It ends when dropped, and its connections with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    setting: Arc<Mutex<Setting>>,
    _background: Background,
}

#[derive(Debug, Clone, Copy, Default)]
struct Setting {
    wire: Wire,
    /// How many settings were made before.
    number: u64,
}

impl Proxy {
    /// Starts a proxy in front of a server; see [`S3Server::address`](super::S3Server::address).
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let (listener, address) = listen(0).unwrap();
        let setting = Arc::new(Mutex::new(Setting::default()));
        let shared = Arc::clone(&setting);
        let background =
            Background::serve(listener, move |listener| accept(listener, server, shared));
        Self {
            address,
            setting,
            _background: background,
        }
    }

    /// From now on this is done to connections, those that are open included. A chunk that is waiting keeps its delay.
    pub fn set(&self, wire: Wire) {
        let mut setting = self.setting.lock().unwrap();
        setting.wire = wire;
        setting.number += 1;
    }

    /// Where the proxy listens, as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the proxy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, setting: Arc<Mutex<Setting>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let setting = Arc::clone(&setting);
        tokio::spawn(async move {
            let refuse = setting.lock().unwrap().wire.refuse;
            // Without a server there is nothing to connect to: the client sees the same.
            match TcpStream::connect(server).await {
                Ok(server) if !refuse => connect(client, server, &setting).await,
                _ => reset(&client),
            }
        });
    }
}

/// Why a direction has ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Its sender has closed it, or it was to be closed.
    Closed,
    /// The connection is to be reset, or is broken already.
    Reset,
}

async fn connect(mut client: TcpStream, mut server: TcpStream, setting: &Mutex<Setting>) {
    // Small messages go at once, as without a proxy.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let is_reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pass(from_client, to_server, setting, |wire| wire.to_server);
        let back = pass(from_server, to_client, setting, |wire| wire.to_client);
        tokio::pin!(there, back);
        tokio::select! {
            End::Reset = &mut there => true,
            End::Reset = &mut back => true,
            // Only when both were closed in order.
            else => false,
        }
    };
    if is_reset {
        reset(&client);
        reset(&server);
    }
}

/// The peer sees "connection reset" instead of an end once the stream is dropped.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Passes on one direction until it ends.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    setting: &Mutex<Setting>,
    direction: impl Fn(&Wire) -> Direction,
) -> End {
    let mut buffer = vec![0; 1 << 16];
    let (mut number, mut passed) = (setting.lock().unwrap().number, 0);
    loop {
        let Ok(read) = from.read(&mut buffer).await else {
            return End::Reset;
        };
        let setting = *setting.lock().unwrap();
        let direction = direction(&setting.wire);
        sleep(direction.delay).await;
        if setting.number != number {
            (number, passed) = (setting.number, 0);
        }
        let limit = direction.limit();
        let left = limit.map_or(u64::MAX, |(bytes, _)| bytes.saturating_sub(passed));
        let send = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        if to.write_all(&buffer[..send]).await.is_err() {
            return End::Reset;
        }
        passed += send as u64;
        let reached = limit.filter(|(bytes, _)| passed >= *bytes);
        match reached {
            Some((_, true)) => return End::Reset,
            None if read > 0 => {}
            _ => {
                let closed = to.shutdown().await;
                return closed.map_or(End::Reset, |()| End::Closed);
            }
        }
    }
}
