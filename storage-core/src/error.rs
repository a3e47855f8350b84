//! One error type for everything a caller can see.
//!
//! [`ErrorKind`] says what the caller should do next; the message names the thing and the remedy; the source keeps the
//! cause for `-v`.

use std::fmt;

/// The result of every fallible call of hyperslab.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What a caller should do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing named does not exist: check the name, or create it.
    NotFound,
    /// The thing named exists already: open it, or choose another name.
    AlreadyExists,
    /// The request makes no sense as it stands: correct it.
    InvalidInput,
    /// Somebody else holds a lock: wait, or ask the holder named in the message.
    Locked,
    /// Somebody else changed the thing first: read it again and retry.
    Conflict,
    /// Bytes on the medium are not what was written: run `check`, restore from a copy.
    Corrupt,
    /// Valid, but this store, adapter or version cannot do it.
    Unsupported,
    /// Larger than the memory limit: select less, or read by windows.
    TooLarge,
    /// The operating system or the store refused access: mend the permissions.
    Denied,
    /// The medium failed for now (disk full, network down): retry later.
    Unavailable,
    /// The caller gave up.
    Cancelled,
    /// A defect of hyperslab: report it.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::InvalidInput,
        Self::Locked,
        Self::Conflict,
        Self::Corrupt,
        Self::Unsupported,
        Self::TooLarge,
        Self::Denied,
        Self::Unavailable,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The stable name used in JSON output, for example `not_found`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The exit code of the `hyperslab` command. Code 1 is kept for findings of `check`, code 2 for wrong usage of the
    /// command line.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The one table that maps a kind to what each edge of the system shows.
    const fn row(self) -> (&'static str, u8) {
        match self {
            Self::InvalidInput => ("invalid_input", 2),
            Self::NotFound => ("not_found", 3),
            Self::AlreadyExists => ("already_exists", 4),
            Self::Locked => ("locked", 5),
            Self::Conflict => ("conflict", 6),
            Self::Corrupt => ("corrupt", 7),
            Self::Unsupported => ("unsupported", 8),
            Self::TooLarge => ("too_large", 9),
            Self::Denied => ("denied", 10),
            Self::Unavailable => ("unavailable", 11),
            Self::Cancelled => ("cancelled", 12),
            Self::Internal => ("internal", 70),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error with a kind, a message for the person who reads it, and an optional cause.
///
/// ```
/// use hyperslab_core::{Error, ErrorKind};
///
/// let error = Error::not_found("collection 'weather' does not exist in file:///data; list them with `hyperslab ls`");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.kind().exit_code(), 3);
/// ```
pub struct Error {
    // Boxed, so that a `Result` stays one word wide on the paths that succeed.
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Source>,
}

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {
        $(
            #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`].")]
            #[must_use]
            pub fn $name(message: impl Into<String>) -> Self {
                Self::new(ErrorKind::$kind, message)
            }
        )*
    };
}

impl Error {
    /// An error of the given kind. The message says what went wrong, where, and what to do.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                source: None,
            }),
        }
    }

    constructors! {
        not_found => NotFound,
        already_exists => AlreadyExists,
        invalid => InvalidInput,
        locked => Locked,
        conflict => Conflict,
        corrupt => Corrupt,
        unsupported => Unsupported,
        too_large => TooLarge,
        denied => Denied,
        unavailable => Unavailable,
        cancelled => Cancelled,
        internal => Internal,
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The same error with `context: ` in front of its message, for a caller that knows the name of the thing.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.inner.message = format!("{context}: {}", self.inner.message);
        self
    }

    /// An error of the operating system while doing `action` ("read", "publish") on `what` (a path).
    #[must_use]
    pub fn io(action: &str, what: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (kind, remedy) = match source.kind() {
            // A path beyond a file is as little there as one beyond a folder.
            Io::NotFound | Io::NotADirectory => (ErrorKind::NotFound, ""),
            Io::AlreadyExists => (ErrorKind::AlreadyExists, ""),
            Io::PermissionDenied => (
                ErrorKind::Denied,
                "; check the owner and the permissions of the store",
            ),
            Io::ReadOnlyFilesystem => (
                ErrorKind::Denied,
                "; the file system is read-only, so the store can only be read",
            ),
            Io::StorageFull | Io::QuotaExceeded => (
                ErrorKind::Unavailable,
                "; free some space and try again, nothing was changed",
            ),
            _ => (ErrorKind::Unavailable, ""),
        };
        Self::new(kind, format!("cannot {action} {what}: {source}{remedy}")).with_source(source)
    }

    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The message, without the causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.message)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

/// What another library says, on one line, without what may be a secret: the queries of URLs, the user in them, and anything long enough to
/// be a token.
///
/// ```
/// let said = "GET https://bucket.example/a?sig=SECRET failed";
/// assert_eq!(hyperslab_core::without_secrets(said), "GET https://bucket.example/a failed");
/// ```
#[must_use]
pub fn without_secrets(text: &str) -> String {
    const WORD_BYTES_MAX: usize = 80;
    let words = text.split_whitespace().take(40).map(|word| {
        let word = word.split('?').next().unwrap_or_default();
        if word.len() > WORD_BYTES_MAX || (word.contains("://") && word.contains('@')) {
            "[...]"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_exit_codes_are_unique() {
        let names: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.exit_code()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        assert!(!codes.contains(&0) && !codes.contains(&1));
    }
}
