//! A server of a test: a thread with a runtime of its own, so that it can be started and dropped from a test with any
//! runtime, or with none. (Time must not be paused where a client waits for the network: it would run ahead.)

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A thread that serves until this is dropped.
#[derive(Debug)]
pub(super) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Serves the listener. Connections that are open when this is dropped are cut.
    pub(super) fn serve<F: Future<Output = ()> + 'static>(
        listener: std::net::TcpListener,
        server: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = server(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            // A second panic would hide the one that is on its way.
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "a server thread has panicked"
            );
        }
    }
}

/// A listener on the loopback. Port 0 means any free port.
///
/// # Errors
/// When the port is taken.
pub(super) fn listen(port: u16) -> std::io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
