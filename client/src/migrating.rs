//! A storage of Deker into a store of ours.
//!
//! Each collection is copied under its own name, or the nearest that our formats can carry, and so are its dimensions and
//! attributes. What a check finds wrong with the storage is either mended by copying - links, marks, counts and the times of tiles
//! are made anew - or it is about something that cannot be read, which is left out.

mod names;
mod outcome;
mod renamed;

use hyperslab_core::{
    CheckLevel, CheckRequest, Error, ErrorKind, Finding, FindingSink, Result, StorageOptions, Store,
};

use self::names::Names;
use crate::copying::{CopyOptions, CopyProgress, CopyReport, copy, is_of_array};

/// How a storage is migrated.
#[derive(Debug, Clone, Default)]
pub struct MigrateOptions {
    /// Only these collections; all without one.
    pub collections: Vec<String>,
    /// Storage options of all collections of the target.
    pub storage: Option<StorageOptions>,
    /// Compare both sides bit by bit when a collection is copied.
    pub verify: bool,
    /// How many arrays are under way at once, at least 1.
    pub concurrency: usize,
}

impl MigrateOptions {
    /// Checks, before anything is made, that `from` can be migrated so into `to`, or into a store like it, and says which
    /// collections are to be copied. [`migrate`] begins with it.
    ///
    /// # Errors
    /// `InvalidInput` when `from` is no storage of Deker, or is `to`; `NotFound` for a collection that is not there; what `to` has
    /// against the storage options, when no collection can be made with them.
    pub async fn check(&self, from: &Store, to: &Store) -> Result<Vec<String>> {
        let (info, target) = (from.info(), to.info());
        if info.adapter != "deker" {
            return Err(Error::invalid(format!(
                "{} is no storage of Deker; `hyperslab copy` copies collections of any store",
                info.url
            )));
        }
        if to.capabilities().persistent && info.url == target.url {
            return Err(Error::invalid(format!(
                "{} cannot be migrated into itself; give another store",
                info.url
            )));
        }
        let names = match self.collections.as_slice() {
            [] => from.collections().await?,
            chosen => chosen.to_vec(),
        };
        let (mut fitting, mut refused) = (0, None);
        for name in &names {
            let schema = match from.collection(name).await {
                Ok(source) => renamed::schema(source.schema())?,
                Err(error)
                    if error.kind() == ErrorKind::NotFound && !self.collections.is_empty() =>
                {
                    return Err(error);
                }
                // It is left out, and told.
                Err(_) => continue,
            };
            let Some(storage) = &self.storage else {
                continue;
            };
            match to.explain_collection("new", schema, storage.clone()).await {
                Ok(_) => fitting += 1,
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if fitting == 0 => Err(error),
            _ => Ok(names),
        }
    }
}

/// What a migration does at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrateStep {
    /// The storage is looked through for faults.
    Checking,
    /// A collection is copied.
    Copying {
        /// Its name in the storage.
        collection: String,
        /// How far that has come.
        progress: CopyProgress,
    },
}

/// A name that had to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// What it names: a collection, a dimension or an attribute.
    pub what: &'static str,
    /// In the storage.
    pub from: String,
    /// In the target.
    pub to: String,
}

/// What became of one collection.
#[derive(Debug)]
pub struct MigratedCollection {
    /// Its name in the storage.
    pub name: String,
    /// Names that had to be changed.
    pub renamed: Vec<Renamed>,
    /// What was copied, or why nothing was.
    pub outcome: Result<CopyReport>,
}

/// What a migration did.
#[derive(Debug)]
pub struct MigrateReport {
    /// Each collection of the storage. Every array of it that is not in the target is among those that its report leaves out,
    /// also one that no listing of the storage has.
    pub collections: Vec<MigratedCollection>,
    /// What was wrong with the storage, and is right in the target.
    pub repaired: Vec<Finding>,
    /// What was wrong with the storage, or could not be looked at, and is missing in the target. An array that is left out may
    /// have its fault here.
    pub lost: Vec<Finding>,
}

impl MigrateReport {
    /// Whether all that the storage holds is in the target.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_whole = |collection: &MigratedCollection| match &collection.outcome {
            Ok(report) => report.differences.is_empty() && report.left_out.is_empty(),
            Err(_) => false,
        };
        self.lost.is_empty() && self.collections.iter().all(is_whole)
    }

    /// What is [lost](Self::lost) besides the arrays and collections that are told to be left out, so that each is named once.
    pub fn lost_besides(&self) -> impl Iterator<Item = &Finding> {
        self.lost
            .iter()
            .filter(|finding| !outcome::is_told(finding, &self.collections))
    }
}

/// Copies all collections of a storage of Deker into `to`. A migration that was interrupted is resumed by the same call: what is
/// there is verified, not written again. The storage is not changed.
///
/// A collection or an array that cannot be read, or that `to` cannot hold, is left out and reported; the others are copied.
///
/// # Errors
/// As [`MigrateOptions::check`], before anything is changed; `Locked` when another copy into the target goes on; and as writing
/// does. What was copied until then stays.
pub async fn migrate(
    from: &Store,
    to: &Store,
    options: &MigrateOptions,
    progress: &(dyn Fn(MigrateStep) + Send + Sync),
) -> Result<MigrateReport> {
    let names = options.check(from, to).await?;
    progress(MigrateStep::Checking);
    let findings = findings(from, &options.collections).await?;
    let mut collections = Vec::with_capacity(names.len());
    let mut taken = Names::default();
    for name in names {
        collections.push(migrate_one(from, to, &name, &mut taken, (options, progress)).await?);
    }
    let (repaired, lost) = outcome::sort(findings, from, &mut collections).await?;
    Ok(MigrateReport {
        collections,
        repaired,
        lost,
    })
}

async fn migrate_one(
    from: &Store,
    to: &Store,
    name: &str,
    taken: &mut Names,
    (options, progress): (&MigrateOptions, &(dyn Fn(MigrateStep) + Send + Sync)),
) -> Result<MigratedCollection> {
    let target = target_name(to, name, taken).await?;
    let mut renamed = Vec::new();
    if target != name {
        renamed.push(Renamed {
            what: "collection",
            from: name.to_owned(),
            to: target.clone(),
        });
    }
    let source = match from.collection(name).await {
        Ok(source) => source,
        Err(error) => {
            return Ok(MigratedCollection {
                name: name.to_owned(),
                renamed,
                outcome: Err(error),
            });
        }
    };
    let origin = (target != name).then_some(name);
    let (source, others) = renamed::with_our_names(&source, origin).await?;
    renamed.extend(others);
    let copying = CopyOptions {
        storage: options.storage.clone(),
        verify: options.verify,
        overwrite: false,
        keep_going: true,
        concurrency: options.concurrency.max(1),
    };
    let tell = |now| {
        progress(MigrateStep::Copying {
            collection: name.to_owned(),
            progress: now,
        });
    };
    let outcome = match copy(&source, to, &target, &copying, &tell).await {
        // The target is full, or gone, or locked: the next collection would fare no better.
        Err(error) if !is_of_array(&error) => return Err(error),
        outcome => outcome,
    };
    Ok(MigratedCollection {
        name: name.to_owned(),
        renamed,
        outcome,
    })
}

/// What a collection is called in the target: as in the storage, or by the nearest name that the target does not have, or has
/// from an earlier migration of the same.
async fn target_name(to: &Store, name: &str, taken: &mut Names) -> Result<String> {
    let mut found = None;
    for candidate in taken.collections(name) {
        if is_for(to, &candidate, name).await? {
            found = Some(candidate);
            break;
        }
    }
    // The names have no end.
    let found = found.unwrap_or_default();
    taken.take(found.clone());
    Ok(found)
}

/// Whether a collection of the storage may come under a name, or has come.
async fn is_for(to: &Store, target: &str, name: &str) -> Result<bool> {
    let there = match to.collection(target).await {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        // Copying will say what is wrong with it.
        Err(_) => return Ok(target == name),
    };
    match renamed::origin(there.schema()) {
        Some(origin) => Ok(origin == name),
        None if target == name => Ok(true),
        None if to.info().adapter == "deker" => Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "'{name}' would be '{target}', which is there, and nothing says whether it came from '{name}'; migrate it into a \
                 store of ours, or into another storage"
            ),
        )),
        None => Ok(false),
    }
}

/// Gathers findings.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl FindingSink for Findings {
    fn report(&mut self, finding: Finding) {
        self.0.push(finding);
    }
}

async fn findings(from: &Store, collections: &[String]) -> Result<Vec<Finding>> {
    let mut found = Findings::default();
    let mut request = CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair: false,
    };
    if collections.is_empty() {
        from.check(&request, &mut found).await?;
    }
    for name in collections {
        request.collection = Some(name.clone());
        from.check(&request, &mut found).await?;
    }
    Ok(found.0)
}
