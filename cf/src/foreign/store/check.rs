//! Does every variable open, and does every chunk of it decode?

use std::sync::Arc;

use hyperslab_core::{
    CheckLevel, CheckRequest, Error, ErrorKind, Finding, FindingKind, FindingSink, Result,
};

use super::variable::Variable;
use super::{Shared, blocking};

/// Cells are decoded in blocks of about this many bytes.
const BLOCK_BYTES: u64 = 16 << 20;

/// Checks all variables, or the one asked for. Layout and index of another program are its own affair, so there is nothing
/// between opening and decoding, and nothing that could be mended.
pub(super) async fn check(
    shared: &Arc<Shared>,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    let listing = Arc::clone(shared);
    let names = match &request.collection {
        Some(name) => vec![name.clone()],
        None => blocking(move || listing.names()).await?,
    };
    for name in &names {
        let (shared, path) = (Arc::clone(shared), name.clone());
        match blocking(move || shared.open(&path)).await {
            Ok(variable) if request.level >= CheckLevel::Data => {
                decode_all(name, &variable, sink).await;
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && request.collection.is_some() => {
                return Err(error);
            }
            Err(error) => sink.report(Finding {
                level: CheckLevel::Collections,
                kind: FindingKind::CollectionUnreadable,
                ..fault(name, name, &error)
            }),
        }
    }
    Ok(())
}

async fn decode_all(name: &str, variable: &Arc<Variable>, sink: &mut dyn FindingSink) {
    for slab in variable.array.blocks(BLOCK_BYTES).iter() {
        let subject = format!("cells {slab}");
        let variable = Arc::clone(variable);
        let decoded = blocking(move || variable.array.read_block(&slab).map(drop)).await;
        let Err(error) = decoded else { continue };
        let finding = fault(name, &subject, &error);
        let is_damage = finding.kind == FindingKind::Corrupt;
        sink.report(finding);
        // A codec that is missing for one block is missing for all.
        if !is_damage {
            return;
        }
    }
}

fn fault(name: &str, subject: &str, error: &Error) -> Finding {
    Finding {
        level: CheckLevel::Data,
        kind: match error.kind() {
            ErrorKind::Corrupt => FindingKind::Corrupt,
            _ => FindingKind::Unverified,
        },
        collection: Some(name.to_owned()),
        subject: subject.to_owned(),
        message: error.message().to_owned(),
        repairable: false,
        repaired: false,
    }
}
