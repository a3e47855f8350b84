//! The requests of an object store, each under its verdict.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::plan::{Cut, Fault};
use super::upload::FaultUpload;
use super::{FaultStore, Shared};
use crate::objects::counts::Request;

/// As many keys as S3 deletes in one request.
const KEYS_IN_ONE_DELETION: usize = 1000;

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.shared.inner)
    }
}

// `get_ranges` and `rename_opts` are left as they are: they are made of the requests below, which are counted and fail one
// by one.
#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let verdict = self.shared.judge(Request::Put);
        let put = self.shared.inner.put_opts(location, payload, options);
        self.shared.carry_out(&verdict, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let verdict = self.shared.judge(Request::Multipart);
        let begin = self.shared.inner.put_multipart_opts(location, options);
        let upload = self.shared.carry_out(&verdict, begin).await?;
        Ok(Box::new(FaultUpload::new(Arc::clone(&self.shared), upload)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let verdict = self.shared.judge(match options {
            GetOptions { head: true, .. } => Request::Head,
            GetOptions { range: Some(_), .. } => Request::GetRange,
            _ => Request::Get,
        });
        let with_content = !options.head;
        let get = self.shared.inner.get_opts(location, options);
        let found = self.shared.carry_out(&verdict, get).await?;
        match verdict.cut {
            Some(cut) if with_content && !found.range.is_empty() => {
                self.shared.note(Fault::CutBody);
                Ok(cut_short(found, cut))
            }
            _ => Ok(found),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let shared = Arc::clone(&self.shared);
        locations
            .chunks(KEYS_IN_ONE_DELETION)
            .then(move |locations| delete(Arc::clone(&shared), locations))
            .flat_map(stream::iter)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (shared, prefix) = (Arc::clone(&self.shared), prefix.cloned());
        let listing = format!("{prefix:?}");
        one_by_one(Arc::clone(&self.shared), listing, async move {
            shared.inner.list(prefix.as_ref()).try_collect().await
        })
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (shared, prefix) = (Arc::clone(&self.shared), prefix.cloned());
        let offset = offset.clone();
        let listing = format!("{prefix:?} from {offset}");
        one_by_one(Arc::clone(&self.shared), listing, async move {
            let listed = shared.inner.list_with_offset(prefix.as_ref(), &offset);
            listed.try_collect().await
        })
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let verdict = self.shared.judge(Request::List);
        let list = self.shared.inner.list_with_delimiter(prefix);
        let mut found = self.shared.carry_out(&verdict, list).await?;
        if verdict.cut.is_some() {
            self.shared.note(Fault::CutBody);
            return Err(Fault::CutBody.error());
        }
        let listing = format!("{prefix:?} by folder");
        let answer = (found.objects, found.common_prefixes);
        (found.objects, found.common_prefixes) = self.shared.maybe_stale(&verdict, listing, answer);
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let verdict = self.shared.judge(Request::Copy);
        let copy = self.shared.inner.copy_opts(from, to, options);
        self.shared.carry_out(&verdict, copy).await
    }
}

/// Deletes up to 1000 objects in one request. All of them share its fate.
async fn delete(shared: Arc<Shared>, locations: Vec<Result<Path>>) -> Vec<Result<Path>> {
    let verdict = shared.judge(Request::Delete);
    let keys = locations.len();
    let deletion = async {
        let deleted = shared.inner.delete_stream(stream::iter(locations).boxed());
        Ok(deleted.collect::<Vec<_>>().await)
    };
    match shared.carry_out(&verdict, deletion).await {
        Ok(deleted) => deleted,
        Err(error) => {
            let fault = Fault::of(&error).unwrap_or(Fault::ErrorBefore);
            std::iter::repeat_with(|| Err(fault.error()))
                .take(keys)
                .collect()
        }
    }
}

/// A listing as a stream that breaks off, or is stale, as its verdict says.
fn one_by_one(
    shared: Arc<Shared>,
    listing: String,
    list: impl Future<Output = Result<Vec<ObjectMeta>>> + Send + 'static,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let entries = async move {
        let verdict = shared.judge(Request::List);
        let objects = match shared.carry_out(&verdict, list).await {
            Ok(objects) => objects,
            Err(error) => return vec![Err(error)],
        };
        let (objects, _) = shared.maybe_stale(&verdict, listing, (objects, Vec::new()));
        let mut entries: Vec<_> = objects.into_iter().map(Ok).collect();
        if let Some(cut) = verdict.cut {
            shared.note(Fault::CutBody);
            let passed = cut.of(entries.len() as u64);
            entries.truncate(usize::try_from(passed).unwrap());
            entries.push(Err(Fault::CutBody.error()));
        }
        entries
    };
    stream::once(entries).flat_map(stream::iter).boxed()
}

/// The same object with less content than it promises.
fn cut_short(found: GetResult, cut: Cut) -> GetResult {
    let (meta, range) = (found.meta.clone(), found.range.clone());
    let (attributes, extensions) = (found.attributes.clone(), found.extensions.clone());
    let mut left = usize::try_from(cut.of(range.end - range.start)).unwrap_or(usize::MAX);
    let whole = found.into_stream();
    let passed = whole.map_ok(move |mut bytes| {
        bytes.truncate(left);
        left -= bytes.len();
        bytes
    });
    // To the end of what passes, so that nothing is read for nothing.
    let passed = passed.try_take_while(|bytes| futures::future::ready(Ok(!bytes.is_empty())));
    let end = cut.error.then(|| Err(Fault::CutBody.error()));
    GetResult {
        payload: GetResultPayload::Stream(passed.chain(stream::iter(end)).boxed()),
        meta,
        range,
        attributes,
        extensions,
    }
}
