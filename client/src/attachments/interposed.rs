//! Documents before each change of which something else happens, as others would do it at that moment.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use hyperslab_core::Result;

use super::Attachments;
use super::documents::{Documents, Version};

struct Interposed<F> {
    inner: Arc<dyn Documents>,
    before: F,
}

/// From now on does something before each change.
pub(super) fn interpose(
    attachments: &mut Attachments,
    before: impl Fn() -> Result<()> + Send + Sync + 'static,
) {
    attachments.documents = Arc::new(Interposed {
        inner: Arc::clone(&attachments.documents),
        before,
    });
}

impl<F> fmt::Debug for Interposed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<F: Fn() -> Result<()> + Send + Sync> Documents for Interposed<F> {
    fn swap(
        &self,
        name: &str,
        expected: Option<&Version>,
        text: &[u8],
        patience: Duration,
    ) -> Result<bool> {
        (self.before)()?;
        self.inner.swap(name, expected, text, patience)
    }

    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>> {
        self.inner.read(name)
    }

    fn list(&self) -> Result<Vec<String>> {
        self.inner.list()
    }

    fn remove(&self, name: &str, expected: &Version) -> Result<()> {
        self.inner.remove(name, expected)
    }

    fn attaching(&self, patience: Duration) -> Result<Option<File>> {
        self.inner.attaching(patience)
    }

    fn collecting(&self, patience: Duration) -> Result<Option<File>> {
        self.inner.collecting(patience)
    }

    fn making(&self, patience: Duration) -> Result<Option<File>> {
        self.inner.making(patience)
    }
}
