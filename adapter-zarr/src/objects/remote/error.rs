//! Errors of object stores, as this crate says them. The texts of servers are not passed on: some repeat the signature or the
//! name of the key of the caller.

use std::error::Error as StdError;

use hyperslab_core::{Error, Result, without_secrets};
use object_store::Error as StoreError;

use super::super::failure::{Failure, Hope, unavailable};

/// What came instead of an answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such object.
    Absent,
    /// A condition did not hold.
    Precondition,
    /// Everything else.
    Error(Error),
}

impl Trouble {
    /// What it is while doing `action` on the object or prefix at the URL `what`.
    pub(super) fn of(error: &StoreError, action: &str, what: &str) -> Self {
        let answer = Answer::of(error);
        if let Some(error) = answer.mistake(action, what) {
            return Self::Error(error);
        }
        match error {
            StoreError::NotFound { .. } => Self::Absent,
            StoreError::Precondition { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotModified { .. } => Self::Precondition,
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                Self::Error(denied(&answer, action, what))
            }
            StoreError::InvalidPath { .. } => Self::Error(Error::invalid(format!(
                "cannot {action} {what}: the key of an object is not one of ours"
            ))),
            StoreError::NotSupported { .. }
            | StoreError::NotImplemented { .. }
            | StoreError::UnknownConfigurationKey { .. } => Self::Error(Error::unsupported(
                format!("cannot {action} {what}: the store cannot do this"),
            )),
            _ => Self::Error(unavailable(action, what, answer.failure(error))),
        }
    }

    /// The error, when neither an absent object nor a condition was to be expected.
    pub(super) fn unexpected(self, action: &str, what: &str) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Absent => Error::not_found(format!("cannot {action} {what}: it is not there")),
            Self::Precondition => unavailable(
                action,
                what,
                Failure::new(Hope::Passing, "somebody else changes it at the same time"),
            ),
        }
    }

    /// `None` for an absent object, else the error.
    pub(super) fn absent_as_none<T>(self, action: &str, what: &str) -> Result<Option<T>> {
        match self {
            Self::Absent => Ok(None),
            other => Err(other.unexpected(action, what)),
        }
    }
}

fn denied(answer: &Answer, action: &str, what: &str) -> Error {
    let code = answer.code.as_deref().unwrap_or("access denied");
    Error::denied(format!(
        "cannot {action} {what}: {code}; check the credentials and what they permit"
    ))
}

/// The bucket or container in the URL of an object.
fn bucket_of(what: &str) -> &str {
    let after = what.split_once("://").map_or(what, |(_, after)| after);
    after.split('/').next().unwrap_or_default()
}

/// What can be told from an error about the answer of a server.
#[derive(Debug, Default)]
struct Answer {
    status: Option<u16>,
    /// The code that the server gave, such as `SlowDown`.
    code: Option<String>,
    /// What it is, when one of the answers that is known only by its text.
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nobody gave credentials, so those of the machine were looked for, in vain.
    NoCredentials,
    WrongRegion,
    /// Azure has one code for this and for a wrong key.
    WrongClock,
    /// The answer has other bytes than were asked for, as from servers that do not count from the end.
    WrongRange,
}

impl Known {
    fn of(text: &str) -> Option<Self> {
        // Where machines of clouds find their credentials.
        let lookups = ["//169.254.", "//metadata.google.internal"];
        if lookups.iter().any(|lookup| text.contains(lookup)) {
            return Some(Self::NoCredentials);
        }
        if text.contains("redirect without LOCATION") {
            return Some(Self::WrongRegion);
        }
        let late = [
            "Request date header too old",
            "Date header in the request is incorrect",
        ];
        if late.iter().any(|late| text.contains(late)) {
            return Some(Self::WrongClock);
        }
        let other_range = text.contains("Requested ") && text.contains(", got ");
        other_range.then_some(Self::WrongRange)
    }
}

impl Answer {
    /// The error, when it is a mistake that neither time nor other rights will mend.
    fn mistake(&self, action: &str, what: &str) -> Option<Error> {
        if self.says(&["NoSuchBucket", "ContainerNotFound"]) {
            return Some(Error::not_found(format!(
                "cannot {action} {what}: there is no bucket '{}'; check its name, or create it",
                bucket_of(what)
            )));
        }
        if self.says(&["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]) {
            let code = self.code.as_deref().unwrap_or_default();
            return Some(Error::denied(format!(
                "cannot {action} {what}: {code}; the token among the credentials is no longer valid, get a new one"
            )));
        }
        if self.known == Some(Known::WrongClock) || self.says(&["RequestTimeTooSkewed"]) {
            return Some(Error::denied(format!(
                "cannot {action} {what}: the time of this machine is not that of the server; check the clock"
            )));
        }
        if self.known == Some(Known::NoCredentials) {
            return Some(Error::denied(format!(
                "cannot {action} {what}: there are no credentials, neither in the environment nor on this machine; \
                 set them, or add ?anonymous=true for what is public"
            )));
        }
        let redirected = ["PermanentRedirect", "AuthorizationHeaderMalformed"];
        if self.known == Some(Known::WrongRegion) || self.says(&redirected) {
            return Some(Error::invalid(format!(
                "cannot {action} {what}: bucket '{}' is in another region; add ?region=NAME",
                bucket_of(what)
            )));
        }
        None
    }

    /// The library keeps status and body in private types, so they are read from its messages.
    fn of(error: &StoreError) -> Self {
        let text = error.to_string();
        Self {
            status: after(&text, "status code: ").and_then(|rest| rest.get(..3)?.parse().ok()),
            code: after(&text, "<Code>").and_then(|rest| {
                let code = rest.split('<').next()?;
                let sane =
                    code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
                sane.then(|| code.to_owned())
            }),
            known: Known::of(&text),
        }
    }

    fn says(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }

    fn hope(&self) -> Hope {
        if self.known == Some(Known::WrongRange) {
            return Hope::None;
        }
        if self.says(&[
            "SlowDown",
            "ServerBusy",
            "TooManyRequests",
            "RequestLimitExceeded",
        ]) {
            return Hope::Throttled;
        }
        match self.status {
            Some(429 | 503) => Hope::Throttled,
            Some(408 | 409 | 500..) | None => Hope::Passing,
            Some(200..=299) => Hope::Passing,
            Some(_) => Hope::None,
        }
    }

    fn failure(&self, error: &StoreError) -> Failure {
        if let Some(cause) = encryption_trouble(error) {
            let cause = without_secrets(&cause);
            let cause =
                format!("no encrypted connection: {cause}; check the endpoint and its certificate");
            return Failure::new(Hope::None, cause);
        }
        let cause = match (self.status, &self.code) {
            (Some(status), Some(code)) => format!("the server answered {status} ({code})"),
            (Some(status), None) => format!("the server answered {status}"),
            (None, Some(code)) => format!("the server answered {code}"),
            (None, None) => without_secrets(&root(error).to_string()),
        };
        Failure::new(self.hope(), cause)
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

fn root(error: &StoreError) -> &dyn StdError {
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Why there is no encrypted connection, if that is it.
#[cfg(feature = "cloud")]
fn encryption_trouble(error: &StoreError) -> Option<String> {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(this) = cause {
        if let Some(found) = this.downcast_ref::<rustls::Error>() {
            return Some(found.to_string());
        }
        // An error of the system wraps another without calling it its source.
        let wrapped = this.downcast_ref::<std::io::Error>();
        let wrapped = wrapped.and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => this.source(),
        };
    }
    None
}

#[cfg(not(feature = "cloud"))]
fn encryption_trouble(_: &StoreError) -> Option<String> {
    None
}

/// The innermost cause of an error, without anything that could be a secret.
#[cfg(feature = "cloud")]
pub(crate) fn cause_without_secrets(error: &StoreError) -> String {
    without_secrets(&root(error).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::failure::hope;
    use super::*;
    use hyperslab_core::ErrorKind;

    fn generic(text: &str) -> StoreError {
        StoreError::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    fn error_of(error: &StoreError) -> Error {
        match Trouble::of(error, "read", "s3://bucket/key") {
            Trouble::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn statuses_say_what_can_be_hoped_for() {
        let status = |text: &str| {
            hope(&error_of(&generic(&format!(
                "Error performing GET - Server returned non-2xx status code: {text}"
            ))))
        };
        assert_eq!(
            status("503 Service Unavailable: <Code>SlowDown</Code>"),
            Hope::Throttled
        );
        assert_eq!(status("429 Too Many Requests: "), Hope::Throttled);
        assert_eq!(status("500 Internal Server Error: "), Hope::Passing);
        assert_eq!(
            status("400 Bad Request: <Code>InvalidArgument</Code>"),
            Hope::None
        );
        assert_eq!(
            hope(&error_of(&generic("Requested 72..78, got 0..7"))),
            Hope::None
        );
        assert_eq!(
            hope(&error_of(&generic("connection reset by peer"))),
            Hope::Passing
        );
    }

    #[test]
    fn no_secret_gets_through() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>\
            <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId><StringToSign>TOPSECRET</StringToSign>";
        let refused = StoreError::PermissionDenied {
            path: "key".into(),
            source: body.into(),
        };
        let transport = generic(
            "error sending to https://user:SECRET@host/a and https://host/b?sig=SECRET&x=1: refused",
        );
        let status =
            generic("Server returned non-2xx status code: 500 x: <Code>SECRET TOKEN</Code> SECRET");
        for error in [refused, transport, status] {
            let error = error_of(&error);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("SECRET"), "{shown}");
            assert!(shown.contains("s3://bucket/key"), "{shown}");
        }
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let missing = StoreError::NotFound {
            path: "key".into(),
            source: "Server returned non-2xx status code: 404: <Code>NoSuchBucket</Code>".into(),
        };
        assert_eq!(error_of(&missing).kind(), ErrorKind::NotFound);
    }
}
