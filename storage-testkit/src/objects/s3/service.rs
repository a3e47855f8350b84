//! The S3 protocol in front of a [`Bucket`].

use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::BUCKET;
use super::bucket::{Bucket, Conditions, modified};
use super::listing;

/// What a client sees of a bucket.
#[derive(Debug)]
pub(super) struct BucketService(Arc<Bucket>);

impl BucketService {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self(Arc::new(bucket))
    }

    fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        if name != BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        Ok(Arc::clone(&self.0))
    }
}

#[async_trait]
impl S3 for BucketService {
    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.bucket(&request.input.bucket)?;
        answer(HeadBucketOutput::default())
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_unmodified_since: input.if_unmodified_since,
            if_modified_since: input.if_modified_since,
        };
        let bucket = self.bucket(&input.bucket)?;
        let found = bucket.get(&input.key, input.range, true, &conditions);
        let found = found.await?;
        let (range, size) = (found.range, found.meta.size);
        answer(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(range.end - range.start)),
            content_range: (input.range)
                .map(|_| format!("bytes {}-{}/{size}", range.start, range.end - 1)),
            body: Some(StreamingBlob::from(Body::from(found.body))),
            e_tag: Some(ETag::Strong(found.tag)),
            last_modified: Some(modified(&found.meta)),
            metadata: found.metadata,
            ..GetObjectOutput::default()
        })
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_unmodified_since: input.if_unmodified_since,
            if_modified_since: input.if_modified_since,
        };
        let bucket = self.bucket(&input.bucket)?;
        let found = bucket.get(&input.key, None, false, &conditions).await?;
        answer(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(found.meta.size)),
            e_tag: Some(ETag::Strong(found.tag)),
            last_modified: Some(modified(&found.meta)),
            metadata: found.metadata,
            ..HeadObjectOutput::default()
        })
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            ..Conditions::default()
        };
        let bucket = self.bucket(&input.bucket)?;
        let content = receive(input.body).await?;
        let put = async move {
            bucket
                .put(&input.key, content, input.metadata, &conditions)
                .await
        };
        let tag = to_the_end(put).await?;
        answer(PutObjectOutput {
            e_tag: Some(ETag::Strong(tag)),
            ..PutObjectOutput::default()
        })
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        let source = self.bucket(&bucket)?;
        let found = source.get(&key, None, true, &Conditions::default()).await?;
        let target = self.bucket(&input.bucket)?;
        let put = async move {
            let always = Conditions::default();
            target
                .put(&input.key, found.body, found.metadata, &always)
                .await
        };
        let tag = to_the_end(put).await?;
        answer(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(tag)),
                last_modified: Some(Timestamp::from(SystemTime::now())),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        })
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        let conditions = Conditions {
            if_match: input.if_match,
            ..Conditions::default()
        };
        let bucket = self.bucket(&input.bucket)?;
        to_the_end(async move { bucket.delete(&input.key, &conditions).await }).await?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let delete = async move {
            let mut deleted = Vec::new();
            for ObjectIdentifier { key, .. } in input.delete.objects {
                bucket.delete(&key, &Conditions::default()).await?;
                deleted.push(DeletedObject {
                    key: Some(key),
                    ..DeletedObject::default()
                });
            }
            Ok(deleted)
        };
        answer(DeleteObjectsOutput {
            deleted: Some(to_the_end(delete).await?),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let listed = bucket.list(prefix).await?;
        answer(listing::page(input, listed))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let id = self.bucket(&input.bucket)?.begin_upload();
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let content = receive(input.body).await?;
        let tag = bucket.put_part(&input.upload_id, input.part_number, content)?;
        answer(UploadPartOutput {
            e_tag: Some(ETag::Strong(tag)),
            ..UploadPartOutput::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            ..Conditions::default()
        };
        let parts = input.multipart_upload.and_then(|upload| upload.parts);
        let parts = parts.ok_or(s3_error!(InvalidPart))?.into_iter();
        let parts = parts.map(|part| Some((part.part_number?, part.e_tag)));
        let parts: Vec<_> = parts.collect::<Option<_>>().ok_or(s3_error!(InvalidPart))?;
        let (key, id) = (input.key.clone(), input.upload_id);
        let complete = async move { bucket.complete_upload(&key, &id, &parts, &conditions).await };
        let tag = to_the_end(complete).await?;
        answer(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(tag)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.bucket(&input.bucket)?.abort_upload(&input.upload_id);
        answer(AbortMultipartUploadOutput::default())
    }
}

fn answer<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

/// Carries out a change even when the client goes away meanwhile: a change that is dropped half-way would give up the lock
/// of its key while the file system still works on it.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = S3Result<T>> + Send + 'static,
) -> S3Result<T> {
    let done = tokio::spawn(change).await;
    done.map_err(s3s::S3Error::internal_error)?
}

/// The whole body, or an error when the client stopped in the middle.
async fn receive(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut content = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(bytes) = (body.try_next().await).map_err(|_| s3_error!(IncompleteBody))? {
            content.extend_from_slice(&bytes);
        }
    }
    Ok(content.freeze())
}

pub(super) fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap()
}
