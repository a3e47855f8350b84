//! Work that blocks, and the part of it that is done before another thread would have woken up.

use std::fmt::{self, Debug};

use crate::{Error, Result};

/// Runs what blocks on a thread for that. It goes on when nobody waits for it any more.
///
/// # Errors
/// Those of `work`; `Internal` when it panics or the runtime ends.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let length = hyperslab_core::blocking(|| Ok(std::fs::read("Cargo.toml").map_or(0, |text| text.len())));
/// assert_ne!(length.await?, 0);
/// # Ok::<(), hyperslab_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::internal(format!("a call ended early: {error}")).with_source(error)
    })?
}

/// Work of which so much is done as takes less time than another thread needs to wake up.
pub enum Begun<T> {
    /// That was all.
    Done(T),
    /// The rest, which blocks.
    Left(Box<dyn FnOnce() -> Result<T> + Send>),
}

impl<T: 'static> Begun<T> {
    /// Work of which nothing is done.
    pub fn nothing(work: impl FnOnce() -> Result<T> + Send + 'static) -> Self {
        Self::Left(Box::new(work))
    }

    /// Does the rest on this thread, which may block.
    ///
    /// # Errors
    /// Those of the work.
    pub fn finish(self) -> Result<T> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Left(rest) => rest(),
        }
    }

    /// Does the rest, if there is any, on a thread that may block.
    ///
    /// # Errors
    /// As [`blocking`].
    pub async fn finished(self) -> Result<T>
    where
        T: Send,
    {
        match self {
            Self::Done(done) => Ok(done),
            Self::Left(rest) => blocking(rest).await,
        }
    }

    /// The same work, with `change` made of its error, whenever that comes.
    ///
    /// # Errors
    /// The error of what was begun, changed.
    pub fn map_err(
        begun: Result<Self>,
        change: impl FnOnce(Error) -> Error + Send + 'static,
    ) -> Result<Self> {
        match begun {
            Ok(Self::Done(done)) => Ok(Self::Done(done)),
            Ok(Self::Left(rest)) => Ok(Self::nothing(move || rest().map_err(change))),
            Err(error) => Err(change(error)),
        }
    }

    /// The same work, and `then` after it.
    ///
    /// # Errors
    /// Those of `then`, when all else is done.
    pub fn and_then<U: 'static>(
        self,
        then: impl FnOnce(T) -> Result<U> + Send + 'static,
    ) -> Result<Begun<U>> {
        match self {
            Self::Done(done) => then(done).map(Begun::Done),
            Self::Left(rest) => Ok(Begun::nothing(move || then(rest()?))),
        }
    }
}

impl<T: Debug> Debug for Begun<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(done) => f.debug_tuple("Done").field(done).finish(),
            Self::Left(_) => f.write_str("Left(..)"),
        }
    }
}
