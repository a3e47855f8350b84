//! Why a verb did not finish.

use std::io;

use hyperslab::Error;

/// Why a verb did not finish.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the person.
    Error(Error),
    /// Nobody reads the output any more: there is nobody to tell.
    Unread,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Unread;
        }
        Self::Error(Error::io("write", "standard output", error))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// All is well.
    Done,
    /// A check found something.
    Found,
}

/// The result of a verb.
pub(crate) type Outcome = Result<Status, Failure>;
