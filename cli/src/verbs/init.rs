//! `hyperslab init`: an empty store.

use clap::Args;
use hyperslab::{Connect, Store};
use serde_json::json;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Outcome, Status};

const EXAMPLE: &str = "\
Example:
  hyperslab init ./climate";

/// Make an empty store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Init {
    /// Where: a path or a URL. There must be nothing yet, or an empty folder
    store: String,
}

impl Init {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let store = Store::create_with(&self.store, global.store_options()).await?;
        let info = store.info();
        console.report(
            &json!({ "store": info }),
            format_args!("created store {} (adapter {})", self.store, info.adapter),
        )?;
        Ok(Status::Done)
    }
}
