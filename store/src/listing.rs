//! Walks over what is there, a page at a time: memory stays small however many videos there are.

use std::time::Duration;

use crate::conditional::{ETag, ServerDate};
use crate::{Error, Store};

/// What a LIST says of an object.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) etag: ETag,
    /// By S3's clock.
    pub(crate) age: Duration,
}

/// A multipart upload as LIST shows it.
#[derive(Debug, Clone)]
pub(crate) struct Unfinished {
    pub(crate) key: String,
    pub(crate) upload_id: String,
    /// By S3's clock.
    pub(crate) age: Duration,
}

/// A part of a multipart upload as LIST shows it.
#[derive(Debug, Clone)]
pub(crate) struct ListedPart {
    pub(crate) number: i32,
    pub(crate) len_bytes: u64,
    pub(crate) etag: String,
}

/// The objects under a prefix, in order of their keys.
pub(crate) struct Pages<'a> {
    store: &'a Store,
    bucket: &'a str,
    prefix: String,
    after: Option<String>,
    most: Option<i32>,
    ended: bool,
}

impl Pages<'_> {
    /// Begins after a key, whether there is such an object or not.
    pub(crate) fn after(mut self, key: String) -> Self {
        self.after = Some(key);
        self
    }

    /// Lists no more than this at a time.
    pub(crate) fn at_most(mut self, objects: usize) -> Self {
        self.most = i32::try_from(objects).ok();
        self
    }

    /// Whether the last page was seen.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Up to a thousand objects; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Listed>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let server_date = ServerDate::default();
        let page = self
            .store
            .s3()
            .list_objects_v2()
            .bucket(self.bucket)
            .prefix(&self.prefix)
            .set_start_after(self.after.take())
            .set_max_keys(self.most)
            .customize()
            .interceptor(server_date.clone())
            .send()
            .await
            .map_err(|error| Error::from_sdk(format!("list {}", self.prefix), &error))?;
        let listed: Vec<_> = page
            .contents()
            .iter()
            .filter_map(|object| {
                Some(Listed {
                    key: object.key()?.to_owned(),
                    etag: ETag(object.e_tag().unwrap_or_default().to_owned()),
                    age: server_date.age_of(object.last_modified()),
                })
            })
            .collect();
        self.after = listed.last().map(|last| last.key.clone());
        self.ended = !page.is_truncated().unwrap_or(false) || listed.is_empty();
        Ok(Some(listed))
    }
}

impl Store {
    pub(crate) fn pages<'a>(&'a self, bucket: &'a str, prefix: impl Into<String>) -> Pages<'a> {
        Pages {
            store: self,
            bucket,
            prefix: prefix.into(),
            after: None,
            most: None,
            ended: false,
        }
    }

    /// All objects under a prefix that cannot hold many.
    pub(crate) async fn list_all(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, Error> {
        let mut pages = self.pages(bucket, prefix);
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await? {
            listed.extend(page);
        }
        Ok(listed)
    }

    /// All multipart uploads under a prefix: those at work, and what crashes left.
    pub(crate) async fn list_uploads(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Unfinished>, Error> {
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let server_date = ServerDate::default();
            let page = self
                .s3()
                .list_multipart_uploads()
                .bucket(bucket)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .customize()
                .interceptor(server_date.clone())
                .send()
                .await
                .map_err(|error| Error::from_sdk(format!("list uploads under {prefix}"), &error))?;
            uploads.extend(page.uploads().iter().filter_map(|upload| {
                Some(Unfinished {
                    key: upload.key()?.to_owned(),
                    upload_id: upload.upload_id()?.to_owned(),
                    age: server_date.age_of(upload.initiated()),
                })
            }));
            let more = page.is_truncated().unwrap_or(false);
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
            // One that says that there is more, and not from where, would begin anew for ever.
            if !more || (key_marker.is_none() && id_marker.is_none()) {
                return Ok(uploads);
            }
        }
    }

    /// The parts of a multipart upload that are stored: up to 10,000, a thousand a page.
    pub(crate) async fn list_parts(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<Vec<ListedPart>, Error> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let page = self
                .s3()
                .list_parts()
                .bucket(bucket)
                .key(key)
                .upload_id(upload_id)
                .set_part_number_marker(after)
                .send()
                .await
                .map_err(|error| Error::from_sdk(format!("list the parts of {key}"), &error))?;
            let listed = page.parts().iter().filter_map(|part| {
                Some(ListedPart {
                    number: part.part_number()?,
                    len_bytes: u64::try_from(part.size()?).ok()?,
                    etag: part.e_tag()?.to_owned(),
                })
            });
            parts.extend(listed);
            // The last number rather than S3's own marker, with which some stores do not say where it goes on.
            let last = page.parts().last().and_then(|part| part.part_number());
            after = last.map(|number| number.to_string());
            if !page.is_truncated().unwrap_or(false) || after.is_none() {
                return Ok(parts);
            }
        }
    }
}
