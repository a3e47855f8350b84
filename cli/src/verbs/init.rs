//! `hyperslab init`: an empty store.

use clap::Args;
use serde_json::json;

use crate::args::AdapterArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab init ./climate
  hyperslab init ./climate --adapter zarr";

/// Make an empty store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Init {
    /// Where: a path or a URL. There must be nothing yet, or an empty folder
    store: String,
    #[command(flatten)]
    adapter: AdapterArgs,
}

impl Init {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = self.adapter.create(&self.store, session).await?;
        let info = store.info();
        console.report(
            &json!({ "store": info }),
            format_args!("created store {} (adapter {})", self.store, info.adapter),
        )?;
        Ok(Status::Done)
    }
}
