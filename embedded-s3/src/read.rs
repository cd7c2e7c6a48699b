//! Reading an object: its headers, and its bytes as a stream.

use std::collections::VecDeque;
use std::io;
use std::ops;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use hyper::HeaderMap;
use hyper::header::{CONTENT_RANGE, HeaderValue, IF_RANGE};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use crate::backend::Backend;
use crate::blobs::{BlobName, PinnedBlobs};
use crate::condition::{ReadCondition, timestamp};
use crate::rows::{Extent, Object, bucket_id, extents, object};

/// Bytes read from disk at a time: with the socket's buffer, the memory of a download.
const CHUNK_LEN_BYTES: usize = 256 * 1024;

/// The part of a blob that is to be sent.
#[derive(Debug, PartialEq, Eq)]
struct Slice {
    blob: BlobName,
    offset_bytes: u64,
    len_bytes: u64,
}

impl Backend {
    pub(crate) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<HeadObjectOutput> {
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        let (bucket, key) = (input.bucket, input.key);
        let object = self.read(move |tx| existing(tx, &bucket, &key)).await?;
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        condition.check(&object.etag, object.modified_s)?;
        let metadata = object.headers.metadata_for_client();
        let stored = object.headers;
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: input.response_cache_control.or(stored.cache_control),
            content_disposition: input
                .response_content_disposition
                .or(stored.content_disposition),
            content_encoding: input.response_content_encoding.or(stored.content_encoding),
            content_language: input.response_content_language.or(stored.content_language),
            content_type: input.response_content_type.or(stored.content_type),
            content_length: Some(signed(object.len_bytes)?),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(timestamp(object.modified_s)),
            metadata,
            ..HeadObjectOutput::default()
        })
    }

    /// The answer's bytes stay readable to their end whatever happens to the key meanwhile.
    pub(crate) async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<GetObjectOutput> {
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        if input.part_number.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "reading by partNumber: use Range"
            ));
        }
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        let range = input.range;
        let (database, blobs) = (Arc::clone(&self.database), Arc::clone(&self.blobs));
        let lookup = move || {
            database.read(|tx| {
                let object = existing(tx, &input.bucket, &input.key)?;
                condition.check(&object.etag, object.modified_s)?;
                let range = range.filter(|_| range_applies(&request.headers, &object.etag));
                let bytes = match range {
                    Some(range) => satisfiable(&range, object.len_bytes)?,
                    None => 0..object.len_bytes,
                };
                let slices = slices(extents(tx, object.id)?, &bytes);
                let names = slices.iter().map(|slice| slice.blob.clone()).collect();
                let content_range = range.map(|_| content_range(&bytes, object.len_bytes));
                Ok(((object, bytes, content_range, slices), names))
            })
        };
        let ((object, bytes, content_range, slices), pinned) =
            spawn_blocking(move || blobs.pin(lookup))
                .await
                .map_err(S3Error::internal_error)??;

        let metadata = object.headers.metadata_for_client();
        let stored = object.headers;
        // The response-* overrides of the request are applied by the protocol layer.
        Ok(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(send(slices, pinned))),
            cache_control: stored.cache_control,
            content_disposition: stored.content_disposition,
            content_encoding: stored.content_encoding,
            content_language: stored.content_language,
            content_type: stored.content_type,
            content_length: Some(signed(bytes.end - bytes.start)?),
            content_range,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(timestamp(object.modified_s)),
            metadata,
            ..GetObjectOutput::default()
        })
    }
}

fn existing(tx: &rusqlite::Transaction<'_>, bucket: &str, key: &str) -> S3Result<Object> {
    object(tx, bucket_id(tx, bucket)?, key)?.ok_or_else(|| s3_error!(NoSuchKey))
}

fn refuse_version(version_id: Option<&str>) -> S3Result<()> {
    match version_id {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "objects are not versioned")),
    }
}

/// RFC 9110 §13.1.5: a range of something else than what the client has is not what it wants. An
/// `If-Range` with a date is taken for "something else", which is always allowed.
fn range_applies(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|known| known.as_bytes() == format!("\"{etag}\"").as_bytes())
}

fn satisfiable(range: &Range, len_bytes: u64) -> S3Result<ops::Range<u64>> {
    range
        .check(len_bytes)
        .ok()
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| {
            let mut error = s3_error!(InvalidRange, "the object has {len_bytes} bytes");
            if let Ok(value) = HeaderValue::try_from(format!("bytes */{len_bytes}")) {
                error.set_headers([(CONTENT_RANGE, value)].into_iter().collect());
            }
            error
        })
}

fn content_range(bytes: &ops::Range<u64>, len_bytes: u64) -> String {
    format!("bytes {}-{}/{len_bytes}", bytes.start, bytes.end - 1)
}

/// A length as the protocol's signed integer.
pub(crate) fn signed(len_bytes: u64) -> S3Result<i64> {
    i64::try_from(len_bytes).map_err(S3Error::internal_error)
}

/// Those parts of an object's extents that make up `bytes`.
fn slices(extents: Vec<Extent>, bytes: &ops::Range<u64>) -> VecDeque<Slice> {
    let mut begin = 0;
    let mut slices = VecDeque::new();
    for extent in extents {
        let end = begin + extent.len_bytes;
        let (from, to) = (bytes.start.max(begin), bytes.end.min(end));
        if from < to {
            slices.push_back(Slice {
                blob: extent.blob,
                offset_bytes: from - begin,
                len_bytes: to - from,
            });
        }
        begin = end;
    }
    slices
}

/// One open file at a time, whatever the number of slices.
fn send(
    slices: VecDeque<Slice>,
    pinned: PinnedBlobs,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
    let pinned = Arc::new(pinned);
    stream::iter(slices)
        .then(move |slice| {
            let pinned = Arc::clone(&pinned);
            async move {
                let mut file = File::open(pinned.path(&slice.blob)).await?;
                file.seek(io::SeekFrom::Start(slice.offset_bytes)).await?;
                let bytes =
                    ReaderStream::with_capacity(file.take(slice.len_bytes), CHUNK_LEN_BYTES);
                // The stream of the last slice outlives the list of slices.
                Ok::<_, io::Error>(bytes.inspect(move |_| {
                    let _held = &pinned;
                }))
            }
        })
        .try_flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(blob: &str, len_bytes: u64) -> Extent {
        Extent {
            blob: blob.to_owned(),
            len_bytes,
        }
    }

    fn slice(blob: &str, offset_bytes: u64, len_bytes: u64) -> Slice {
        Slice {
            blob: blob.to_owned(),
            offset_bytes,
            len_bytes,
        }
    }

    #[test]
    fn a_range_is_cut_out_of_the_extents() {
        let extents = || vec![extent("a", 10), extent("b", 5), extent("c", 10)];
        assert_eq!(
            slices(extents(), &(0..25)),
            [slice("a", 0, 10), slice("b", 0, 5), slice("c", 0, 10)]
        );
        assert_eq!(
            slices(extents(), &(9..16)),
            [slice("a", 9, 1), slice("b", 0, 5), slice("c", 0, 1)]
        );
        assert_eq!(slices(extents(), &(10..15)), [slice("b", 0, 5)]);
        assert_eq!(slices(extents(), &(24..25)), [slice("c", 9, 1)]);
        assert_eq!(slices(extents(), &(0..0)), []);
    }
}
