//! Clients of buckets, and how they make requests.

use std::time::Duration;

use hyperslab_core::Result;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::address::Address;
use super::environment::Environment;
use super::{BucketDefaults, not_reached};
use crate::medium::{Server, Timeouts};

/// How long it may take to reach a server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one attempt for an object, or a part of one, may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// How requests are made.
pub(super) struct Requests {
    pub(super) options: ClientOptions,
    pub(super) retry: RetryConfig,
}

/// How requests are made when a URL allows so much time for them.
pub(super) type Manner = fn(&Timeouts) -> Requests;

impl Requests {
    /// Without retries, which are [`Patient`](crate::objects::patient::Patient)'s: it knows which puts are ambiguous. Nor is there a
    /// limit to the time of a long transfer but its own.
    pub(super) fn once(_timeouts: &Timeouts) -> Self {
        Self {
            options: ClientOptions::new()
                .with_timeout_disabled()
                .with_connect_timeout(CONNECT_TIMEOUT),
            retry: RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 0,
                retry_timeout: Duration::ZERO,
            },
        }
    }

    /// With those of the library, for objects of which two puts are always the same; to a server that has never answered.
    pub(super) fn opening(timeouts: &Timeouts) -> Self {
        Self::within(timeouts.open)
    }

    /// The same, to a server that has.
    pub(super) fn patient(timeouts: &Timeouts) -> Self {
        Self::within(timeouts.call)
    }

    fn within(time: Duration) -> Self {
        Self {
            options: ClientOptions::new()
                .with_timeout(ATTEMPT_TIMEOUT.min(time))
                .with_connect_timeout(CONNECT_TIMEOUT.min(time)),
            retry: RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(50),
                    max_backoff: Duration::from_secs(5),
                    base: 2.0,
                },
                max_retries: 20,
                retry_timeout: time,
            },
        }
    }
}

/// A client of a bucket, and what its URL says.
pub(super) struct Served {
    pub(super) server: Server,
    pub(super) prefix: String,
    pub(super) shown: String,
    pub(super) timeouts: Timeouts,
}

impl Served {
    /// The client of the bucket at a URL.
    pub(super) fn at(url: &str, defaults: &BucketDefaults, manner: Manner) -> Result<Self> {
        let environment = Environment::of_process();
        match url.split_once("://").map(|(scheme, _)| scheme) {
            #[cfg(feature = "aws")]
            Some("s3") => super::aws::served(url, defaults, &environment, manner),
            #[cfg(feature = "gcp")]
            Some("gs") => super::gcp::served(url, defaults, &environment, manner),
            #[cfg(feature = "azure")]
            Some("az") => super::azure::served(url, defaults, &environment, manner),
            _ => Err(not_reached(url)),
        }
    }

    pub(super) fn new(server: Server, address: &Address) -> Result<Self> {
        Ok(Self {
            server,
            prefix: address.prefix.clone(),
            shown: address.shown.clone(),
            timeouts: address.timeouts()?,
        })
    }
}
