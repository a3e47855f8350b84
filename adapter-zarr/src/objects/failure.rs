//! Which failures may pass when the call is tried again.

use std::fmt;

use hyperslab_core::{Error, ErrorKind};

/// What can be hoped for after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hope {
    /// The store is asked too much: wait longer, and ask less at a time.
    Throttled,
    /// A broken connection, a timeout, an error of the server.
    Passing,
    /// It will fail again.
    None,
}

/// The cause of an `Unavailable` error of a medium, without anything that could hold a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    hope: Hope,
    cause: String,
}

impl Failure {
    pub(crate) fn new(hope: Hope, cause: impl Into<String>) -> Self {
        Self {
            hope,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Failure {}

/// An `Unavailable` error while doing `action` ("read", "put") on `what`, which a later try may not have.
pub(crate) fn unavailable(action: &str, what: &str, failure: Failure) -> Error {
    Error::unavailable(format!("cannot {action} {what}: {failure}")).with_source(failure)
}

/// What can be hoped for after this error.
pub(crate) fn hope(error: &Error) -> Hope {
    if error.kind() != ErrorKind::Unavailable {
        return Hope::None;
    }
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<Failure>())
        .map_or(Hope::None, |failure| failure.hope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hope_is_kept_in_the_error() {
        for expected in [Hope::Throttled, Hope::Passing, Hope::None] {
            let error = unavailable("read", "s3://b/k", Failure::new(expected, "status 503"));
            assert_eq!(hope(&error), expected);
            assert_eq!(error.message(), "cannot read s3://b/k: status 503");
        }
        assert_eq!(hope(&Error::unavailable("disk full")), Hope::None);
        assert_eq!(hope(&Error::denied("no")), Hope::None);
    }
}
