//! Encryption in front of a server, with a certificate that nobody has signed.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::background::{Background, listen};

/// A TLS server on `127.0.0.1` and a free port, in front of a server without encryption. Its certificate is made when it
/// starts, and is trusted by those who are given [`Tls::certificate`]. It ends when dropped.
#[derive(Debug)]
pub struct Tls {
    address: SocketAddr,
    certificate: String,
    _background: Background,
}

impl Tls {
    /// Starts in front of a server, as the machine of this name: `localhost` if clients are to find it in order.
    ///
    /// # Panics
    /// When no port is free or no certificate can be made.
    #[must_use]
    pub fn start(server: SocketAddr, name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .unwrap();
        let (listener, address) = listen(0).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let background =
            Background::serve(listener, move |listener| accept(listener, server, acceptor));
        Self {
            address,
            certificate: made.cert.pem(),
            _background: background,
        }
    }

    /// Where it listens, as a URL with the name `localhost`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Its certificate as PEM, for a file that `SSL_CERT_FILE` names.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, acceptor: TlsAcceptor) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Clients that do not trust the certificate go away here, which is what some tests are about.
            let Ok(mut client) = acceptor.accept(client).await else {
                return;
            };
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
