//! Counting of requests by kind.

use std::sync::Mutex;

/// What a request asks of an object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// A whole object.
    Get,
    /// A part of an object.
    GetRange,
    /// What is known of an object, without its content.
    Head,
    /// One object written in one request, with or without a condition.
    Put,
    /// Deletion. S3 deletes up to 1000 objects in one request.
    Delete,
    /// One listing; over the wire, one page of it.
    List,
    /// A copy inside the store.
    Copy,
    /// A step of a multipart upload: its start, a part, its end.
    Multipart,
}

/// How many requests of each kind there were.
///
/// ```
/// use hyperslab_testkit::objects::RequestCounts;
///
/// let one_read = RequestCounts { get: 1, ..RequestCounts::default() };
/// assert_eq!(one_read.total(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestCounts {
    /// Requests of [`Request::Get`].
    pub get: u64,
    /// Requests of [`Request::GetRange`].
    pub get_range: u64,
    /// Requests of [`Request::Head`].
    pub head: u64,
    /// Requests of [`Request::Put`].
    pub put: u64,
    /// Requests of [`Request::Delete`].
    pub delete: u64,
    /// Requests of [`Request::List`].
    pub list: u64,
    /// Requests of [`Request::Copy`].
    pub copy: u64,
    /// Requests of [`Request::Multipart`].
    pub multipart: u64,
}

impl RequestCounts {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            get,
            get_range,
            head,
            put,
            delete,
            list,
            copy,
            multipart,
        } = self;
        get + get_range + head + put + delete + list + copy + multipart
    }

    fn of(&mut self, request: Request) -> &mut u64 {
        match request {
            Request::Get => &mut self.get,
            Request::GetRange => &mut self.get_range,
            Request::Head => &mut self.head,
            Request::Put => &mut self.put,
            Request::Delete => &mut self.delete,
            Request::List => &mut self.list,
            Request::Copy => &mut self.copy,
            Request::Multipart => &mut self.multipart,
        }
    }
}

/// Counts that several threads add to.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<RequestCounts>);

impl Counter {
    pub(super) fn add(&self, request: Request) {
        *self.0.lock().unwrap().of(request) += 1;
    }

    pub(super) fn get(&self) -> RequestCounts {
        *self.0.lock().unwrap()
    }

    pub(super) fn reset(&self) {
        *self.0.lock().unwrap() = RequestCounts::default();
    }
}
