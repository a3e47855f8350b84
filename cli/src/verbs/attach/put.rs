//! `hyperslab attach put`.

use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::attachments::AttachedFile;
use hyperslab::{Error, Result};
use serde_json::json;

use super::OwnerArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::session::Session;
use crate::verbs::blob::open_source;

/// Attach files, each under its name. What was attached under that name before is not any more: the new file takes its place.
#[derive(Debug, Args)]
pub(super) struct Put {
    #[command(flatten)]
    owner: OwnerArgs,
    /// The files; `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Under which path, as `logs/run.log`; of several files, or with a `/` at its end, in which folder
    #[arg(long = "as", value_name = "PATH")]
    path: Option<String>,
    /// What kind of content it is, as `text/csv`
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
}

impl Put {
    /// Under which path a file is attached.
    fn path_of(&self, file: &Path) -> Result<String> {
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| *name != "-").map(str::to_owned);
        match (&self.path, self.files.len(), name) {
            (Some(path), 1, _) if !path.ends_with('/') => Ok(path.clone()),
            (Some(folder), _, Some(name)) => Ok(format!("{}/{name}", folder.trim_end_matches('/'))),
            (None, _, Some(name)) => Ok(name),
            (_, _, None) => Err(Error::invalid(format!(
                "'{}' has no name to be attached under; say it with --as",
                file.display()
            ))),
        }
    }

    /// Refuses files of which one would take the place of another, and any that is not there, before the first is attached.
    fn check(&self, paths: &[String]) -> Result<()> {
        let mut sorted: Vec<&String> = paths.iter().collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair.first() == pair.last());
        if let Some(path) = twice.and_then(<[_]>::first) {
            return Err(Error::invalid(format!(
                "two files would be attached as '{path}'; attach one of them by itself, and say its path with --as"
            )));
        }
        for file in self.files.iter().filter(|file| *file != Path::new("-")) {
            open_source(file)?;
        }
        Ok(())
    }

    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let (attachments, owner) = self.owner.open(session).await?;
        let paths: Vec<String> = self
            .files
            .iter()
            .map(|file| self.path_of(file))
            .collect::<Result<_>>()?;
        self.check(&paths)?;
        let progress = console.progress("attaching files");
        let attached: Vec<AttachedFile> = tokio::task::block_in_place(|| {
            let pairs = self.files.iter().zip(&paths).enumerate();
            let attached = pairs.map(|(done, (file, path))| {
                progress.count(done as u64, self.files.len() as u64);
                let mut source = open_source(file)?;
                attachments.attach(&owner, path, &mut *source, self.media_type.as_deref())
            });
            attached.collect::<Result<_>>()
        })?;
        drop(progress);
        if console.wants_json() {
            let files = paths
                .iter()
                .zip(&attached)
                .map(|(path, file)| super::ls::document(path, file));
            console.json(&json!({ "owner": owner, "files": files.collect::<Vec<_>>() }))?;
            return Ok(Status::Done);
        }
        for (path, file) in paths.iter().zip(&attached) {
            console.line(format_args!("{}  {path}", file.key))?;
        }
        Ok(Status::Done)
    }
}
