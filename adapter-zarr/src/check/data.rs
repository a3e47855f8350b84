//! Every chunk of an array: does it decode, and does its checksum hold.

use futures::TryStreamExt;
use hyperslab_core::{CheckLevel, FindingKind, Result};

use super::Report;
use crate::array::ZarrArray;
use crate::compute::compute;
use crate::store::Store;

pub(super) async fn check(
    array: &ZarrArray,
    store: &Store,
    stem: &str,
    report: &mut Report<'_>,
) -> Result<()> {
    let mut objects = store.objects.list(&array.cells());
    while let Some(listed) = objects.try_next().await? {
        let Some(object) = store.objects.get(&listed.key).await? else {
            continue;
        };
        let codec = array.codec();
        let size = object.bytes.len();
        let decoded = compute(size, move || codec.verify(&object.bytes)).await;
        if let Err(error) = decoded {
            let message = format!("{}: {error}", listed.key);
            report.fault(CheckLevel::Data, FindingKind::Corrupt, stem, message);
        }
    }
    Ok(())
}
