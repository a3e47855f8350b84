//! One array, from the source into the target.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyperslab_core::chunk::Windows;
use hyperslab_core::{
    Array, ArrayEntry, Attributes, Collection, Error, ErrorKind, Hyperslab, LockGuard, Result,
    Store, box_bytes,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::markers::Markers;
use super::{CopyDifference, CopyOptions, Steps, if_there, verify};

/// Pieces are compared in boxes of at most this many bytes.
const COMPARED_BYTES_MAX: u64 = 64 << 20;

/// What became of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not in the target and is there now.
    Copied,
    /// It was in the target.
    Present,
    /// It was in the target, differed, and was written anew.
    Replaced,
    /// It is in the target and differs, in this.
    Differs(String),
    /// It could not be copied, for this reason.
    LeftOut(String),
}

/// What is common to all arrays of a copy.
pub(super) struct Transfer<'a> {
    pub(super) from: &'a Collection,
    pub(super) steps: &'a Steps<'a>,
    to: &'a Collection,
    overwrite: bool,
    pub(super) keeps_going: bool,
    /// Arrays that did not even open.
    unopened: Mutex<Vec<CopyDifference>>,
    /// The lock that keeps other copies into the target away.
    guard: &'a LockGuard,
    markers: Markers,
    memory: Memory,
    /// The boxes of an array that is too large to be written at once.
    written: Windows,
    /// The boxes that are compared.
    compared: Windows,
    written_bytes: AtomicU64,
}

impl<'a> Transfer<'a> {
    pub(super) async fn new(
        from: &'a Collection,
        to: &'a Collection,
        options: &CopyOptions,
        guard: &'a LockGuard,
        steps: &'a Steps<'a>,
    ) -> Result<Self> {
        // Both sides are read, each within its own limit.
        let limit = |store: &Store| store.options().memory_limit.bytes();
        let limit = limit(from.store()).min(limit(to.store()));
        let (shape, cell_size) = (from.schema().shape(), from.schema().dtype().size());
        let explained = to.explain().await?;
        let unit = explained.write_unit()?;
        let whole = Hyperslab::full(&shape);
        let windows = |bytes_max| Windows::new(&whole, unit, cell_size, bytes_max);
        Ok(Self {
            from,
            steps,
            to,
            overwrite: options.overwrite,
            keeps_going: options.keep_going,
            unopened: Mutex::default(),
            guard,
            markers: Markers::read(to).await?,
            memory: Memory::new(limit),
            written: windows(limit / 4),
            compared: windows((limit / 4).min(COMPARED_BYTES_MAX)),
            written_bytes: AtomicU64::new(0),
        })
    }

    /// Notes that an array did not open.
    pub(super) fn leave_out(&self, entry: &ArrayEntry, error: &Error) {
        let array = match (entry.id, entry.key.is_empty()) {
            (Some(id), true) => format!("id={id}"),
            _ => entry.key.to_string(),
        };
        self.lock_unopened().push(CopyDifference {
            array,
            id: entry.id,
            message: error.to_string(),
        });
        self.steps.bytes(self.size());
    }

    /// Arrays that did not open.
    pub(super) fn left_out(&self) -> Vec<CopyDifference> {
        self.lock_unopened().clone()
    }

    fn lock_unopened(&self) -> MutexGuard<'_, Vec<CopyDifference>> {
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the cells that were written.
    pub(super) fn written(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Cleans up when all is done.
    pub(super) async fn finish(&self) -> Result<()> {
        self.markers.finish().await
    }

    /// Brings an array into the target, unless it is there.
    pub(super) async fn bring(&self, array: &Array) -> Result<Fate> {
        if self.markers.found.contains(&array.id()) {
            if let Some(there) = self.counterpart(array).await? {
                self.write_over(array, there).await?;
                return Ok(Fate::Copied);
            }
            self.guard.ensure_valid()?;
            if_there(self.to.delete_by_id(array.id()).await)?;
        }
        let fate = match self.difference(array).await? {
            None => Fate::Present,
            Some(Difference::Absent) => {
                self.write(array).await?;
                return Ok(Fate::Copied);
            }
            Some(Difference::Facts(_)) if self.overwrite => {
                self.replace(array).await?;
                return Ok(Fate::Replaced);
            }
            Some(Difference::Facts(message)) => Fate::Differs(message),
        };
        self.steps.bytes(self.size());
        Ok(fate)
    }

    /// Brings an array into the target; one that cannot be read, or that the target cannot hold, is left out.
    pub(super) async fn try_bring(&self, array: &Array) -> Result<Fate> {
        match self.bring(array).await {
            Err(error) if is_of_array(&error) => {
                if self.size() > self.memory.limit {
                    // What is not whole must not look as if it were.
                    self.guard.ensure_valid()?;
                    if_there(self.to.delete_by_id(array.id()).await)?;
                    self.markers.clear(array.id()).await?;
                }
                self.steps.bytes(self.size());
                Ok(Fate::LeftOut(error.to_string()))
            }
            fate => fate,
        }
    }

    /// Compares the cells of an array with those of its copy; one that differs is replaced if that was asked for.
    pub(super) async fn verify(&self, array: &Array, fate: Fate) -> Result<Fate> {
        if let Fate::Differs(_) | Fate::LeftOut(_) = &fate {
            self.steps.bytes(self.size());
            return Ok(fate);
        }
        let message = match self.compare(array).await {
            Ok(None) => return Ok(fate),
            Ok(Some(message)) => message,
            Err(error) if self.keeps_going && is_of_array(&error) => {
                return Ok(Fate::Differs(format!("it cannot be compared: {error}")));
            }
            Err(error) => return Err(error),
        };
        if fate != Fate::Present || !self.overwrite {
            return Ok(Fate::Differs(message));
        }
        self.replace(array).await?;
        Ok(match self.compare(array).await? {
            None => Fate::Replaced,
            Some(message) => Fate::Differs(message),
        })
    }

    async fn compare(&self, array: &Array) -> Result<Option<String>> {
        let Some(copy) = if_there(self.to.get_by_id(array.id()).await)? else {
            return Ok(Some("it has vanished from the target".to_owned()));
        };
        for window in self.compared.iter() {
            let (from, to) = (array.all().window(&window), copy.all().window(&window));
            let bytes = box_bytes(&from.shape(), array.dtype().size());
            let _permit = self.memory.take(bytes.saturating_mul(2)).await?;
            let start: Vec<u64> = window.axes().iter().map(|axis| axis.start).collect();
            if let Some(message) = verify::difference(&from, &to, &start).await? {
                return Ok(Some(message));
            }
            self.steps.bytes(bytes);
        }
        Ok(None)
    }

    /// What the target has for an array of the source; `None` when identity, key and custom attributes are the same.
    async fn difference(&self, array: &Array) -> Result<Option<Difference>> {
        let Some(there) = if_there(self.to.get_by_id(array.id()).await)? else {
            if array.key().is_empty() {
                return Ok(Some(Difference::Absent));
            }
            let other = if_there(self.to.get(array.key().clone()).await)?;
            return Ok(Some(match other {
                None => Difference::Absent,
                Some(other) => Difference::Facts(format!(
                    "the target has an array of this key with another identity, {}",
                    other.id()
                )),
            }));
        };
        if !same(there.key(), array.key()) {
            return Ok(Some(Difference::Facts(format!(
                "its identity is that of {} in the target",
                there.name()
            ))));
        }
        if !same(there.custom(), array.custom()) {
            return Ok(Some(Difference::Facts(
                "the custom attributes differ".to_owned(),
            )));
        }
        Ok(None)
    }

    /// Writes an array over the one of its identity and key, or in place of those that have one of them.
    async fn replace(&self, array: &Array) -> Result<()> {
        self.guard.ensure_valid()?;
        if let Some(there) = self.counterpart(array).await? {
            return self.write_over(array, there).await;
        }
        if_there(self.to.delete_by_id(array.id()).await)?;
        if !array.key().is_empty() {
            if_there(self.to.delete(array.key().clone()).await)?;
        }
        self.write(array).await
    }

    /// The array of the target with the same identity and key.
    async fn counterpart(&self, array: &Array) -> Result<Option<Array>> {
        let there = if_there(self.to.get_by_id(array.id()).await)?;
        Ok(there.filter(|there| same(there.key(), array.key())))
    }

    async fn write(&self, array: &Array) -> Result<()> {
        let bytes = self.size();
        if bytes <= self.memory.limit {
            let _permit = self.memory.take(bytes).await?;
            let cells = array.all().read_buf().await?;
            self.guard.ensure_valid()?;
            let new = self.to.create(array.key().clone()).id(array.id());
            new.custom(array.custom().clone()).data(cells).await?;
            self.wrote(bytes);
        } else {
            self.markers.set(array.id()).await?;
            let new = self.to.create(array.key().clone()).id(array.id());
            let copy = new.custom(array.custom().clone()).await?;
            self.write_windows(array, &copy).await?;
        }
        self.clear_mark(array, bytes > self.memory.limit).await
    }

    /// Gives an array of the target other cells and attributes: at no moment is it gone, as it would be if it were deleted
    /// and made anew.
    async fn write_over(&self, array: &Array, mut copy: Array) -> Result<()> {
        let is_whole = self.written.count() <= 1;
        if !is_whole {
            self.markers.set(array.id()).await?;
        }
        self.write_windows(array, &copy).await?;
        let names = copy.custom().iter().map(|(name, _)| name.to_owned());
        let gone: Vec<String> = names
            .filter(|name| array.custom().get(name).is_none())
            .collect();
        if !same(copy.custom(), array.custom()) {
            let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
            copy.change(array.custom().clone(), &gone).await?;
        }
        self.clear_mark(array, !is_whole).await
    }

    /// Says that an array is whole, if this copy has `set` a mark, or an earlier one with a smaller limit has left one.
    async fn clear_mark(&self, array: &Array, set: bool) -> Result<()> {
        if set || self.markers.found.contains(&array.id()) {
            self.markers.clear(array.id()).await?;
        }
        Ok(())
    }

    /// Writes all cells, box by box.
    async fn write_windows(&self, array: &Array, copy: &Array) -> Result<()> {
        for window in self.written.iter() {
            let from = array.all().window(&window);
            let bytes = box_bytes(&from.shape(), array.dtype().size());
            let _permit = self.memory.take(bytes).await?;
            let cells = from.read_buf().await?;
            self.guard.ensure_valid()?;
            copy.all().window(&window).write_buf(cells).await?;
            self.wrote(bytes);
        }
        Ok(())
    }

    fn wrote(&self, bytes: u64) {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.steps.bytes(bytes);
    }

    /// Bytes of the cells of one array.
    fn size(&self) -> u64 {
        let schema = self.from.schema();
        box_bytes(&schema.shape(), schema.dtype().size())
    }
}

/// Whether an error is about one array, and says nothing of the others.
pub(crate) fn is_of_array(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::InvalidInput
    )
}

/// As JSON, where NaN is equal to itself.
fn same(one: &Attributes, other: &Attributes) -> bool {
    one.to_json() == other.to_json()
}

/// How the target differs from the source in what is known without reading cells.
enum Difference {
    Absent,
    Facts(String),
}

/// The memory that all arrays under way share.
#[derive(Debug)]
struct Memory {
    limit: u64,
    /// Bytes behind one permit, so that any limit is at most a million of them.
    grain: u64,
    permits: Semaphore,
}

const PERMITS_MAX: u64 = 1 << 20;

impl Memory {
    fn new(limit: u64) -> Self {
        let grain = limit.div_ceil(PERMITS_MAX).max(1);
        let permits = usize::try_from((limit / grain).max(1)).unwrap_or(1);
        Self {
            limit,
            grain,
            permits: Semaphore::new(permits),
        }
    }

    /// Waits until there is room. What exceeds the whole memory waits for all of it.
    async fn take(&self, bytes: u64) -> Result<SemaphorePermit<'_>> {
        let all = (self.limit / self.grain).max(1);
        let permits = u32::try_from(bytes.div_ceil(self.grain).min(all)).unwrap_or(u32::MAX);
        let taken = self.permits.acquire_many(permits).await;
        taken.map_err(|error| Error::internal(format!("copying: {error}")))
    }
}
