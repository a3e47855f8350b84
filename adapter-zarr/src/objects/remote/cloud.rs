//! What must be set before a cloud is reached.

/// Lets connections be encrypted with ring, unless the program has chosen another provider. Without it building a store panics, so
/// this comes first.
pub(crate) fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
