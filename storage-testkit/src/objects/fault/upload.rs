//! The steps of a multipart upload, each under its verdict.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::Shared;
use crate::objects::counts::Request;

/// An upload whose steps fail as the plan says.
#[derive(Debug)]
pub(super) struct FaultUpload {
    shared: Arc<Shared>,
    upload: Box<dyn MultipartUpload>,
}

impl FaultUpload {
    pub(super) fn new(shared: Arc<Shared>, upload: Box<dyn MultipartUpload>) -> Self {
        Self { shared, upload }
    }
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        // Outside the future: the order of the parts is the order of these calls.
        let verdict = self.shared.judge(Request::Multipart);
        let part = self.upload.put_part(data);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.carry_out(&verdict, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let verdict = self.shared.judge(Request::Multipart);
        let complete = self.upload.complete();
        self.shared.carry_out(&verdict, complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        let verdict = self.shared.judge(Request::Multipart);
        let abort = self.upload.abort();
        self.shared.carry_out(&verdict, abort).await
    }
}
