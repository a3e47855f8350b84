//! Reading: one request for each span, all spans of one state.

use std::ops::Range;
use std::slice::from_ref;

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, StreamExt, TryStreamExt};
use hyperslab_core::{Error, Result};
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use super::super::failure::{Failure, Hope, hope, unavailable};
use super::super::spans::{Span, cut, merge};
use super::super::{Ranges, Tail, Version};
use super::RemoteObjects;
use super::error::Trouble;

/// Ranges with at most this gap are read in one request: so many bytes take about as long as one more request.
const GAP_BYTES_MAX: u64 = 1 << 20;
/// Merging stops here, so that long reads go through several connections.
const SPAN_BYTES_MAX: u64 = 16 << 20;
/// For more than this no memory is taken before it has come.
const RESERVED_BYTES_MAX: u64 = 64 << 20;
/// How many requests one call has in flight.
const REQUESTS_PER_CALL: usize = 8;
/// How often ranges are read again because the object changed between two of them.
const READ_ATTEMPTS: u32 = 4;

/// The answer to one request.
pub(super) struct Answer {
    pub(super) bytes: Bytes,
    range: Range<u64>,
    /// Of the whole object.
    size: u64,
    pub(super) version: Version,
}

pub(super) struct Head {
    size: u64,
    pub(super) version: Version,
}

enum SpanTrouble {
    Absent,
    Changed,
    /// The object has only so many bytes.
    Short(u64),
    Error(Error),
}

impl RemoteObjects {
    /// One request for an object, or for a part of it.
    pub(super) async fn request(&self, key: &str, options: GetOptions) -> Result<Answer, Trouble> {
        let path = self.path(key).map_err(Trouble::Error)?;
        let fail = |error: &object_store::Error| self.trouble(error, "read", key);
        let found = self.in_time(key, self.store.get_opts(&path, options));
        let result = found.await?.map_err(|error| fail(&error))?;
        let version = self.versioning.of_meta(&result.meta);
        let version = version.ok_or_else(|| Trouble::Error(self.without_version(key)))?;
        let (size, range) = (result.meta.size, result.range.clone());
        let mut parts = result.into_stream();
        let mut bytes = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(part) = self.in_time(key, parts.next()).await? {
            let part = part.map_err(|error| fail(&error))?;
            if bytes.is_empty() && joined.is_empty() {
                // The only part of most objects, which is not copied.
                bytes = part;
                continue;
            }
            if joined.is_empty() {
                // A server may say anything.
                let length = (range.end - range.start).min(RESERVED_BYTES_MAX);
                joined.reserve(usize::try_from(length).unwrap_or(0));
                joined.extend_from_slice(&bytes);
            }
            joined.extend_from_slice(&part);
        }
        if !joined.is_empty() {
            bytes = joined.freeze();
        }
        if u64::try_from(bytes.len()).ok() != Some(range.end - range.start) {
            let failure = Failure::new(Hope::Passing, "the answer was cut short");
            let error = unavailable("read", &self.object_url(key), failure);
            return Err(Trouble::Error(error));
        }
        Ok(Answer {
            bytes,
            range,
            size,
            version,
        })
    }

    /// Waits for the next piece of an answer, but not for ever.
    async fn in_time<T>(&self, key: &str, next: impl Future<Output = T>) -> Result<T, Trouble> {
        tokio::time::timeout(self.idle, next).await.map_err(|_| {
            let failure = Failure::new(Hope::Passing, "no answer came in time");
            Trouble::Error(unavailable("read", &self.object_url(key), failure))
        })
    }

    pub(super) fn without_version(&self, key: &str) -> Error {
        Error::unsupported(format!(
            "the store tells no ETag of {}, so no change of it could be noticed",
            self.object_url(key)
        ))
    }

    async fn span(
        &self,
        key: &str,
        span: Span,
        expected: Option<&Version>,
    ) -> Result<(Span, Answer), SpanTrouble> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(span.range.clone())),
            if_match: expected.and_then(|version| self.versioning.e_tag(version)),
            ..GetOptions::default()
        };
        // Another state of the object may well be shorter than the one that was asked for.
        let is_other = |found: &Version| expected.is_some_and(|expected| expected != found);
        match self.request(key, options).await {
            Ok(answer) if answer.range == span.range => Ok((span, answer)),
            Ok(answer) if is_other(&answer.version) => Err(SpanTrouble::Changed),
            Ok(answer) => Err(SpanTrouble::Short(answer.size)),
            Err(Trouble::Absent) => Err(SpanTrouble::Absent),
            Err(Trouble::Precondition) => Err(SpanTrouble::Changed),
            Err(Trouble::Error(error)) => match self.head(key).await {
                Ok(Some(head)) if is_other(&head.version) => Err(SpanTrouble::Changed),
                // A range behind the end is refused with an error that stores word differently.
                Ok(Some(head)) if head.size < span.range.end => Err(SpanTrouble::Short(head.size)),
                _ => Err(SpanTrouble::Error(error)),
            },
        }
    }

    pub(super) async fn head(&self, key: &str) -> Result<Option<Head>> {
        let path = self.path(key)?;
        match self.store.head(&path).await {
            Ok(meta) => {
                let version = self.versioning.of_meta(&meta);
                let version = version.ok_or_else(|| self.without_version(key))?;
                Ok(Some(Head {
                    size: meta.size,
                    version,
                }))
            }
            Err(error) => self
                .trouble(&error, "read", key)
                .absent_as_none("read", &self.object_url(key)),
        }
    }

    /// All spans, or why not. `Changed` when two of them were of different states.
    async fn spans(
        &self,
        key: &str,
        spans: &[Span],
        expected: Option<&Version>,
    ) -> Result<(Vec<(Span, Bytes)>, Version), SpanTrouble> {
        let mut requests = Vec::with_capacity(spans.len());
        for span in spans {
            requests.push(self.span(key, span.clone(), expected).boxed());
        }
        let answers: Vec<_> = futures::stream::iter(requests)
            .buffered(REQUESTS_PER_CALL)
            .try_collect()
            .await?;
        let Some((_, first)) = answers.first() else {
            return Err(SpanTrouble::Absent);
        };
        let version = first.version.clone();
        if answers.iter().any(|(_, answer)| answer.version != version)
            || expected.is_some_and(|expected| *expected != version)
        {
            return Err(SpanTrouble::Changed);
        }
        let parts = answers
            .into_iter()
            .map(|(span, answer)| (span, answer.bytes));
        Ok((parts.collect(), version))
    }

    /// No byte was asked for: only the state matters.
    async fn empty_ranges(
        &self,
        key: &str,
        count: usize,
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        Ok(match self.head(key).await? {
            None => Ranges::Absent,
            Some(head) if expected.is_some_and(|expected| *expected != head.version) => {
                Ranges::Changed
            }
            Some(head) => Ranges::Found {
                parts: vec![Bytes::new(); count],
                version: head.version,
            },
        })
    }

    /// For stores that do not know how to read from the end.
    async fn tail_by_size(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        for _ in 0..READ_ATTEMPTS {
            let Some(head) = self.head(key).await? else {
                return Ok(None);
            };
            let start = head.size.saturating_sub(length);
            let range = start..head.size;
            match self
                .read_ranges(key, from_ref(&range), Some(&head.version))
                .await?
            {
                Ranges::Absent => return Ok(None),
                Ranges::Changed => {}
                Ranges::Found { mut parts, version } => {
                    return Ok(Some(Tail {
                        bytes: parts.pop().unwrap_or_default(),
                        size: head.size,
                        version,
                    }));
                }
            }
        }
        Err(self.restless(key))
    }

    fn restless(&self, key: &str) -> Error {
        let failure = Failure::new(Hope::Passing, "it changes faster than it can be read");
        unavailable("read", &self.object_url(key), failure)
    }

    pub(super) async fn read_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        let spans = merge(ranges, GAP_BYTES_MAX, SPAN_BYTES_MAX);
        if spans.is_empty() {
            return self.empty_ranges(key, ranges.len(), expected).await;
        }
        for _ in 0..READ_ATTEMPTS {
            return match self.spans(key, &spans, expected).await {
                Ok((read, version)) => match cut(ranges, &read) {
                    Some(parts) => Ok(Ranges::Found { parts, version }),
                    None => Err(Error::internal("a span is shorter than its ranges")),
                },
                Err(SpanTrouble::Absent) => Ok(Ranges::Absent),
                Err(SpanTrouble::Changed) if expected.is_some() => Ok(Ranges::Changed),
                Err(SpanTrouble::Changed) => continue,
                Err(SpanTrouble::Short(size)) => Err(Error::corrupt(format!(
                    "{} has only {size} bytes and should have more; run `hyperslab check`",
                    self.object_url(key)
                ))),
                Err(SpanTrouble::Error(error)) => Err(error),
            };
        }
        Err(self.restless(key))
    }

    pub(super) async fn read_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        if length == 0 {
            return self.tail_by_size(key, 0).await;
        }
        let options = GetOptions {
            range: Some(GetRange::Suffix(length)),
            ..GetOptions::default()
        };
        match self.request(key, options).await {
            Ok(answer) => Ok(Some(Tail {
                bytes: answer.bytes,
                size: answer.size,
                version: answer.version,
            })),
            Err(Trouble::Absent) => Ok(None),
            // Some stores refuse every range of an empty object, and some know no ranges from the end.
            Err(Trouble::Error(error)) if hope(&error) == Hope::None => {
                self.tail_by_size(key, length).await.map_err(|_| error)
            }
            Err(trouble) => Err(trouble.unexpected("read", &self.object_url(key))),
        }
    }
}
