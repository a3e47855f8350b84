//! Deleting what nothing names, beside writers.
//!
//! How old an object is, the time of its loose file says, or that of its pack. Whoever puts what is there already renews the one, or
//! writes a line into `hyperslab.leases`: its key, and when. Both happen under a shared lock of `hyperslab.gate`, from the look whether
//! it is there until its time is new; who deletes holds that lock alone, and looks at the times once more. So an object that is put
//! at that moment is either found young, or put anew. What is old is so when the collection begins, before it is asked what is named:
//! whoever names an object and renews it then has it, or knows that it is gone.

use std::collections::HashMap;
use std::fs::{File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hyperslab_core::{Error, Result};

use super::index::Row;
use super::locks::PackerLock;
use super::reading::Found;
use super::{ContainerBlobs, loose};
use crate::files;
use crate::{BlobKey, CollectPlan, CollectReport, Named};

/// So many objects are deleted before others may put again.
const BATCH: usize = 1000;

/// Times of objects that were put while they were packed.
type Leases = HashMap<BlobKey, SystemTime>;

impl ContainerBlobs {
    /// Keeps whoever collects or packs from what needs the container for itself, until what was found is done with.
    pub(super) fn enter(&self) -> Result<File> {
        let path = self.folders.gate();
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened
            .and_then(|file| file.lock_shared().map(|()| file))
            .map_err(|source| Error::io("lock", path.display(), source))
    }

    /// Notes that objects were put now which are packed already.
    pub(super) fn note_put(&self, keys: &[BlobKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let path = self.folders.leases();
        let now = seconds(SystemTime::now());
        let mut lines = Vec::new();
        for key in keys {
            // A line that was cut off before ends with its own.
            lines.extend_from_slice(format!("\n{key} {now}\n").as_bytes());
        }
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened
            .and_then(|mut file| file.write_all(&lines))
            .map_err(|source| Error::io("write", path.display(), source))
    }

    /// Makes objects young: which are there.
    pub(super) fn renew_all(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        let _gate = self.enter()?;
        let found = self.find(keys)?;
        let mut packed = Vec::new();
        for (key, found) in keys.iter().zip(&found) {
            match found {
                Some(Found::Packed(_)) => packed.push(*key),
                Some(Found::Loose(_)) => self.renew_loose(key)?,
                None => {}
            }
        }
        self.note_put(&packed)?;
        Ok(found.iter().map(Option::is_some).collect())
    }

    /// Gives a loose file the present time.
    pub(super) fn renew_loose(&self, key: &BlobKey) -> Result<()> {
        let path = self.loose_path(key);
        let times = FileTimes::new().set_modified(SystemTime::now());
        let opened = File::options().append(true).open(&path);
        match opened.and_then(|file| file.set_times(times)) {
            // Packed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.note_put(&[*key]),
            renewed => renewed.map_err(|source| Error::io("renew", path.display(), source)),
        }
    }

    pub(super) fn collect_unnamed(
        &self,
        plan: &CollectPlan,
        named: &mut Named<'_>,
    ) -> Result<CollectReport> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let mut report = CollectReport::default();
        let begun = SystemTime::now();
        let times = Times::of(self, begun, plan.age)?;
        let mut old = Vec::new();
        let mut there = std::collections::HashSet::new();
        let mut young = Vec::new();
        for key in crate::BlobRepository::list(self)? {
            let key = key?;
            there.insert(key);
            match times.is_old(self, &key)? {
                true => old.push(key),
                false => young.push(key),
            }
        }
        let named = named()?;
        report.live = named.iter().filter(|key| there.contains(*key)).count() as u64;
        report.young = young.iter().filter(|key| !named.contains(*key)).count() as u64;
        report.missing = named
            .iter()
            .filter(|key| !there.contains(*key))
            .copied()
            .collect();
        // What was put since the objects were listed is there.
        let found = self.find(&report.missing)?.into_iter();
        let mut gone = found.map(|found| found.is_none());
        report.missing.retain(|_| gone.next().unwrap_or(true));
        report.missing.sort_unstable();
        drop(there);
        old.retain(|key| !named.contains(key));
        for batch in old.chunks(BATCH) {
            self.delete_old(batch, begun, plan, &mut report)?;
        }
        if !plan.dry_run {
            self.forget_leases(plan.age)?;
        }
        Ok(report)
    }

    fn delete_old(
        &self,
        keys: &[BlobKey],
        begun: SystemTime,
        plan: &CollectPlan,
        report: &mut CollectReport,
    ) -> Result<()> {
        let _gate = self.close_gate()?;
        let times = Times::of(self, begun, plan.age)?;
        let mut doomed = Vec::new();
        for (key, found) in keys.iter().zip(self.find(keys)?) {
            let size = match found {
                None => continue,
                Some(Found::Packed(Row { size, .. }) | Found::Loose(size)) => size,
            };
            if times.is_old(self, key)? {
                report.deleted += 1;
                report.deleted_bytes += size;
                doomed.push(*key);
            } else {
                report.young += 1;
            }
        }
        if plan.dry_run {
            return Ok(());
        }
        self.index.remove(&doomed)?;
        for key in &doomed {
            loose::remove(&self.loose_path(key))?;
        }
        Ok(())
    }

    /// Waits until nobody is putting or deleting, and keeps them out.
    pub(super) fn close_gate(&self) -> Result<File> {
        let path = self.folders.gate();
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|source| Error::io("lock", path.display(), source))
    }

    /// Removes the lines that say nothing any more.
    pub(super) fn forget_leases(&self, age: Duration) -> Result<()> {
        let _gate = self.close_gate()?;
        let path = self.folders.leases();
        let fail = |source| Error::io("write", path.display(), source);
        let now = SystemTime::now();
        let mut leases = read_leases(self)?;
        leases.retain(|_, time| now.duration_since(*time).unwrap_or_default() < age);
        if leases.is_empty() {
            return loose::remove(&path);
        }
        let mut file = files::unnamed(self.folders.sandbox()).map_err(fail)?;
        for (key, time) in leases {
            write!(file, "\n{key} {}\n", seconds(time)).map_err(fail)?;
        }
        file.persist(&path)
            .map(drop)
            .map_err(|error| fail(error.error))
    }
}

/// When objects were put last.
struct Times {
    /// What is old, is so at this moment.
    begun: SystemTime,
    age: Duration,
    leases: Leases,
    /// The packs that nothing was put into for so long.
    old_packs: Vec<i64>,
}

impl Times {
    fn of(blobs: &ContainerBlobs, begun: SystemTime, age: Duration) -> Result<Self> {
        let mut times = Self {
            begun,
            age,
            leases: read_leases(blobs)?,
            old_packs: Vec::new(),
        };
        for pack in blobs.folders.packs()? {
            if times.is_file_old(&blobs.folders.pack(pack))? {
                times.old_packs.push(pack);
            }
        }
        Ok(times)
    }

    fn is_past(&self, time: SystemTime) -> bool {
        // A time in the future is young.
        self.begun
            .duration_since(time)
            .is_ok_and(|passed| passed >= self.age)
    }

    /// Whether a file is not there, or was not changed for so long.
    fn is_file_old(&self, path: &Path) -> Result<bool> {
        match std::fs::metadata(path).and_then(|found| found.modified()) {
            Ok(time) => Ok(self.is_past(time)),
            Err(error) if files::is_absent(&error) => Ok(true),
            Err(source) => Err(Error::io("read", path.display(), source)),
        }
    }

    fn is_old(&self, blobs: &ContainerBlobs, key: &BlobKey) -> Result<bool> {
        if self
            .leases
            .get(key)
            .is_some_and(|time| !self.is_past(*time))
        {
            return Ok(false);
        }
        if !self.is_file_old(&blobs.loose_path(key))? {
            return Ok(false);
        }
        let row = blobs.index.find_one(key)?;
        Ok(row.is_none_or(|row| self.old_packs.contains(&row.pack)))
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The last time of each object in `hyperslab.leases`. A line that makes no sense was not written to its end, so its put was not
/// acknowledged.
fn read_leases(blobs: &ContainerBlobs) -> Result<Leases> {
    let path = blobs.folders.leases();
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Leases::new()),
        text => text.map_err(|source| Error::io("read", path.display(), source))?,
    };
    let mut leases = Leases::new();
    for line in text.lines() {
        let Some((key, time)) = line.split_once(' ') else {
            continue;
        };
        let Ok(key) = BlobKey::parse(blobs.config.hash_type, key) else {
            continue;
        };
        let Ok(time) = time.parse::<u64>() else {
            continue;
        };
        let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time)) else {
            continue;
        };
        let known = leases.entry(key).or_insert(time);
        *known = time.max(*known);
    }
    Ok(leases)
}
