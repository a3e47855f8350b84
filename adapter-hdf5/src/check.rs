//! stub
use hyperslab_core::{CheckRequest, FindingSink, Result};

use crate::store::Store;

pub(crate) async fn check(
    _store: &Store,
    _request: &CheckRequest,
    _sink: &mut dyn FindingSink,
) -> Result<()> {
    Ok(())
}
