//! From a request's body to a blob on disk, checked and synced.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use hyper::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};
use tokio::task::spawn_blocking;

use crate::blobs::{Blobs, NewBlob};
use crate::credentials::hex;
use crate::error::disk_is_full;

/// Bytes collected before they are hashed and written in one go, off the async threads. Together
/// with one chunk from the network this bounds the memory of an upload.
const BATCH_LEN_BYTES: usize = 1 << 20;

/// What the client said about the body it sends.
pub(crate) struct Expected {
    pub(crate) len_bytes: Option<i64>,
    /// Base64, as in `Content-MD5`.
    pub(crate) md5: Option<String>,
    pub(crate) checksum: Checksum,
    /// The names in `x-amz-trailer`: checksums that follow the body.
    pub(crate) announced_trailers: String,
    pub(crate) trailers: Option<TrailingHeaders>,
}

/// A body that arrived whole.
pub(crate) struct Received {
    pub(crate) blob: NewBlob,
    pub(crate) len_bytes: u64,
    /// MD5, in hexadecimal digits.
    pub(crate) etag: String,
    /// Those checksums that the client asked for.
    pub(crate) checksum: Checksum,
}

pub(crate) async fn receive(
    blobs: &Arc<Blobs>,
    body: Option<StreamingBlob>,
    expected: Expected,
) -> S3Result<Received> {
    let len_bytes = expected
        .len_bytes
        .and_then(|len| u64::try_from(len).ok())
        .ok_or_else(|| s3_error!(MissingContentLength))?;
    let mut body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let blobs = Arc::clone(blobs);
    let writer = match Writer::take(blobs, len_bytes, expected.hasher(), &mut body).await {
        Ok(writer) => writer,
        Err(error) => {
            // Many a client reads no answer before it has sent all.
            while let Some(Ok(_)) = body.next().await {}
            return Err(error);
        }
    };
    let received = writer.finish(len_bytes, expected.md5.clone()).await?;
    expected.check_checksums(&received.checksum)?;
    Ok(received)
}

/// The value of `x-amz-trailer`, or nothing.
pub(crate) fn announced_trailers(headers: &HeaderMap) -> String {
    headers
        .get("x-amz-trailer")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

impl Expected {
    fn hasher(&self) -> ChecksumHasher {
        let wanted = |given: &Option<String>, trailer: &str| {
            given.is_some() || self.announced_trailers.contains(trailer)
        };
        let c = &self.checksum;
        ChecksumHasher {
            crc32: wanted(&c.checksum_crc32, "x-amz-checksum-crc32").then(Crc32::new),
            crc32c: wanted(&c.checksum_crc32c, "x-amz-checksum-crc32c").then(Crc32c::new),
            sha1: wanted(&c.checksum_sha1, "x-amz-checksum-sha1").then(Sha1::new),
            sha256: wanted(&c.checksum_sha256, "x-amz-checksum-sha256").then(Sha256::new),
            crc64nvme: wanted(&c.checksum_crc64nvme, "x-amz-checksum-crc64nvme")
                .then(Crc64Nvme::new),
        }
    }

    /// Compares with the checksums in the headers and with those that came after the body.
    fn check_checksums(&self, actual: &Checksum) -> S3Result<()> {
        let trailers = self.trailers.as_ref().and_then(TrailingHeaders::take);
        let trailer = |name: &str| -> Option<String> {
            let headers: &HeaderMap = trailers.as_ref()?;
            Some(headers.get(name)?.to_str().ok()?.to_owned())
        };
        let given = &self.checksum;
        let pairs = [
            (
                &given.checksum_crc32,
                &actual.checksum_crc32,
                "x-amz-checksum-crc32",
            ),
            (
                &given.checksum_crc32c,
                &actual.checksum_crc32c,
                "x-amz-checksum-crc32c",
            ),
            (
                &given.checksum_sha1,
                &actual.checksum_sha1,
                "x-amz-checksum-sha1",
            ),
            (
                &given.checksum_sha256,
                &actual.checksum_sha256,
                "x-amz-checksum-sha256",
            ),
            (
                &given.checksum_crc64nvme,
                &actual.checksum_crc64nvme,
                "x-amz-checksum-crc64nvme",
            ),
        ];
        for (header, actual, name) in pairs {
            let matches = |wanted: &String| Some(wanted) == actual.as_ref();
            if !header.iter().chain(&trailer(name)).all(matches) {
                return Err(s3_error!(BadDigest, "{name} does not match the body"));
            }
        }
        Ok(())
    }
}

/// A blob being written and hashed. Each step runs on a blocking thread and hands the writer back,
/// so that a slow client holds no thread while it is waited for.
struct Writer {
    blob: NewBlob,
    md5: Md5,
    checksum: ChecksumHasher,
    len_bytes: u64,
}

impl Writer {
    async fn create(
        blobs: Arc<Blobs>,
        announced_len_bytes: u64,
        checksum: ChecksumHasher,
    ) -> S3Result<Self> {
        blocking(move || {
            Ok(Self {
                blob: blobs.create(announced_len_bytes)?,
                md5: Md5::new(),
                checksum,
                len_bytes: 0,
            })
        })
        .await
    }

    /// Writes a body to a new blob.
    async fn take(
        blobs: Arc<Blobs>,
        announced_len_bytes: u64,
        checksum: ChecksumHasher,
        body: &mut StreamingBlob,
    ) -> S3Result<Self> {
        let mut writer = Self::create(blobs, announced_len_bytes, checksum).await?;
        let mut batch = Vec::new();
        let mut batch_len_bytes = 0;
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
            batch_len_bytes += chunk.len();
            batch.push(chunk);
            if batch_len_bytes >= BATCH_LEN_BYTES {
                writer = writer.append(std::mem::take(&mut batch)).await?;
                batch_len_bytes = 0;
            }
        }
        writer.append(batch).await
    }

    async fn append(mut self, batch: Vec<Bytes>) -> S3Result<Self> {
        blocking(move || {
            for chunk in batch {
                self.md5.update(&chunk);
                self.checksum.update(&chunk);
                self.blob.write(&chunk)?;
                self.len_bytes += chunk.len() as u64;
            }
            Ok(self)
        })
        .await
    }

    async fn finish(self, len_bytes: u64, md5: Option<String>) -> S3Result<Received> {
        if self.len_bytes != len_bytes {
            return Err(s3_error!(
                IncompleteBody,
                "{len_bytes} bytes were announced and {} came",
                self.len_bytes
            ));
        }
        let digest = self.md5.finalize();
        if let Some(md5) = md5 {
            check_md5(&md5, &digest)?;
        }
        let (blob, checksum) = (self.blob, self.checksum);
        let blob = blocking(move || blob.sync().map(|()| blob)).await?;
        Ok(Received {
            blob,
            len_bytes,
            etag: hex(&digest),
            checksum: checksum.finalize(),
        })
    }
}

fn check_md5(base64: &str, actual: &[u8]) -> S3Result<()> {
    let wanted = base64_simd::STANDARD
        .decode_to_vec(base64)
        .ok()
        .filter(|bytes| bytes.len() == actual.len())
        .ok_or_else(|| s3_error!(InvalidDigest, "Content-MD5 is not 16 bytes in base64"))?;
    if wanted != actual {
        return Err(s3_error!(BadDigest, "Content-MD5 does not match the body"));
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    spawn_blocking(work)
        .await
        .map_err(S3Error::internal_error)?
        .map_err(|error| {
            tracing::error!(%error, "a blob could not be written");
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => disk_is_full(),
                _ => S3Error::internal_error(error),
            }
        })
}
