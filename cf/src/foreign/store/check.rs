//! Does every variable open, and does every chunk of it decode?

use std::sync::Arc;

use hyperslab_core::{
    CheckLevel, CheckRequest, Error, ErrorKind, Finding, FindingKind, FindingSink, Result,
};

use super::variable::Variable;
use super::{Shared, blocking};
use crate::foreign::VariableInfo;

/// Cells are decoded in blocks of about this many bytes.
const BLOCK_BYTES: u64 = 16 << 20;

/// Checks all variables, or the one asked for. Layout and index of another program are its own affair, so there is nothing
/// between opening and decoding, and nothing that could be mended.
pub(super) async fn check(
    shared: &Arc<Shared>,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    if let Some(name) = &request.collection {
        let (shared, path) = (Arc::clone(shared), name.clone());
        let opened = blocking(move || shared.open(&path)).await;
        return match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
            opened => {
                check_variable(name, opened.map(Some), request.level, sink).await;
                Ok(())
            }
        };
    }
    let listing = Arc::clone(shared);
    for variable in blocking(move || listing.data_variables()).await? {
        let (shared, name) = (Arc::clone(shared), variable.name.clone());
        let opened = blocking(move || open(&shared, &variable)).await;
        check_variable(&name, opened, request.level, sink).await;
    }
    Ok(())
}

/// Opens a variable of the listing; `None` for one that is whole but not made of numbers.
fn open(shared: &Shared, variable: &VariableInfo) -> Result<Option<Arc<Variable>>> {
    if variable.dtype.is_ok() {
        return shared.open(&variable.name).map(Some);
    }
    shared.group.variable(&variable.name).map(|_| None)
}

async fn check_variable(
    name: &str,
    opened: Result<Option<Arc<Variable>>>,
    level: CheckLevel,
    sink: &mut dyn FindingSink,
) {
    match opened {
        Ok(Some(variable)) if level >= CheckLevel::Data => decode_all(name, &variable, sink).await,
        Ok(_) => {}
        Err(error) => sink.report(Finding {
            level: CheckLevel::Collections,
            kind: FindingKind::CollectionUnreadable,
            ..fault(name, name, &error)
        }),
    }
}

async fn decode_all(name: &str, variable: &Arc<Variable>, sink: &mut dyn FindingSink) {
    for slab in variable.array.blocks(BLOCK_BYTES) {
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
