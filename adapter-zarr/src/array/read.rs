//! Reading.
//!
//! A read of one object is one request. A read of several looks at the head when all have come, while they are still being
//! decoded: if it is still in the generation it had before, no write into several objects came between; a change that is
//! under way is laid over what was read. Where the cells come from is the work of [`cells`](crate::cells).

use std::future::ready;
use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Durability, Hyperslab, Result, WriteOptions, blocking};

use super::Shared;
use crate::cells::{Filled, Request};
use crate::document::{ArrayHead, Change};
use crate::head::Seen;
use crate::objects::Version;
use crate::objects::at_hand::AtHand;
use crate::pause::Backoff;

/// A request for so many chunks is put together in less time than another thread needs to wake up.
const REQUESTED_AT_ONCE: u64 = 256;

/// How often a read is repeated because of writes that came between, before it makes them wait.
const ATTEMPTS: usize = 4;

impl Shared {
    pub(super) async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let mut request = self.request(slab, out).await?;
        match request.object_count() {
            0 => {
                self.look().await?;
                return request.give_back();
            }
            // A change that was under way when the array was opened may have been left by a crash, and is laid over.
            1 if self.last_seen().head.change.is_none() => return self.read_one(request).await,
            _ => {}
        }
        for _ in 0..ATTEMPTS {
            let (out, is_done) = self.read_once(slab, request).await?;
            if is_done {
                return Ok(out);
            }
            request = self.request(slab, out).await?;
        }
        self.read_while_others_wait(slab, request.give_back()?)
            .await
    }

    /// What a hyperslab wants. For many chunks that takes so long that it is left to another thread.
    async fn request(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<Request> {
        if self.cells.form.layout.chunks().touched(slab) <= REQUESTED_AT_ONCE {
            return Ok(self.cells.request(slab, out));
        }
        let (cells, slab) = (Arc::clone(&self.cells), slab.clone());
        blocking(move || Ok(cells.request(&slab, out))).await
    }

    /// Reads one object.
    async fn read_one(&self, request: Request) -> Result<ArrayBuf> {
        let filled = match self.objects().at_hand() {
            Some(disk) => self.read_at_hand(disk, request, None).await?.0,
            None => self.cells.fetch(request, ready(Ok(()))).await?.0,
        };
        if !filled.is_stored {
            // Nothing is stored: either nothing was written, or there is no array.
            self.look().await?;
        }
        Ok(filled.out)
    }

    /// Reads objects of a disk, and then looks at the state of one more.
    async fn read_at_hand(
        &self,
        disk: Arc<dyn AtHand>,
        request: Request,
        last: Option<String>,
    ) -> Result<(Filled, Option<Version>)> {
        let (cells, medium) = (Arc::clone(&self.cells), Arc::clone(&disk));
        let begin = move || cells.begin_at_hand(medium, request, last);
        disk.pace().run(begin).await
    }

    /// Reads several objects; false when a write into several came between.
    async fn read_once(&self, slab: &Hyperslab, request: Request) -> Result<(ArrayBuf, bool)> {
        let before = self.last_seen();
        let (mut out, after) = match self.objects().at_hand() {
            Some(disk) => {
                let head = Some(self.head.key.clone());
                let (filled, stamp) = self.read_at_hand(disk, request, head).await?;
                // In the state that is known it says what is known.
                let after = match stamp {
                    Some(version) if version == before.version => before.clone(),
                    _ => self.look().await?,
                };
                (filled.out, after)
            }
            None => {
                let (filled, after) = self.cells.fetch(request, self.look()).await?;
                (filled.out, after)
            }
        };
        if after.head.generation != before.head.generation {
            return Ok((out, false));
        }
        let is_done = match &after.head.change {
            None => true,
            Some(change) => self.lay_over(slab, change, &mut out).await?,
        };
        Ok((out, is_done))
    }

    /// Lays the cells of a change that is under way over those that were read; false when it is no longer under way.
    async fn lay_over(
        &self,
        slab: &Hyperslab,
        change: &Change,
        out: &mut ArrayBuf,
    ) -> Result<bool> {
        if change.is_pause() {
            return Ok(true);
        }
        let Some(edits) = self.edits_of(change).await? else {
            self.check_finished(change).await?;
            return Ok(false);
        };
        for edit in &edits {
            edit.cells.lay_over(&edit.slab, slab, out)?;
        }
        Ok(true)
    }

    /// The last resort of a reader whom writers never leave alone: it keeps them waiting for as long as it reads.
    async fn read_while_others_wait(
        &self,
        slab: &Hyperslab,
        mut out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let options = WriteOptions::default();
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                let is_done;
                (out, is_done) = self.read_once(slab, self.cells.request(slab, out)).await?;
                if is_done {
                    return Ok(out);
                }
                backoff.wait(|| self.busy(None)).await?;
                continue;
            }
            let bytes = slab.cell_count() * self.codec.fill.dtype().size() as u64;
            let next = ArrayHead {
                generation: seen.head.generation + 1,
                change: Some(Change::pause(bytes)),
                ..seen.head
            };
            // A head that was safe stays safe: nobody has asked this reader to risk it.
            let swapped = self.head.swap(&seen.version, &next, Durability::Synced);
            if let Some(version) = swapped.await? {
                let seen = Seen {
                    head: next,
                    version,
                };
                self.remember(seen.clone());
                let read = self.read_once(slab, self.cells.request(slab, out)).await;
                self.conclude(seen, &[], Durability::Synced).await?;
                let is_done;
                (out, is_done) = read?;
                if is_done {
                    return Ok(out);
                }
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }
}
