//! What must be set before a cloud is reached.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// Lets connections be encrypted with ring, unless the program has chosen another provider. Without it building a store panics, so
/// this comes first.
pub(crate) fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// No retries inside the library: [`Patient`](super::super::patient::Patient) knows which puts are ambiguous.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::ZERO,
    }
}
