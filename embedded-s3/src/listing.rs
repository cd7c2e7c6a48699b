//! Lists of objects: ordered scans of a range of keys.

use rusqlite::{Transaction, params};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::timestamp;
use crate::credentials::hex;
use crate::database::failed;
use crate::rows::{bucket_id, key};

/// S3's page size.
const MAX_PAGE: usize = 1000;

/// A page of keys and common prefixes, together at most as many as were asked for.
struct Page {
    objects: Vec<Object>,
    common_prefixes: Vec<String>,
    /// Where the next page begins, if there is one: the least key that it may hold.
    next: Option<Vec<u8>>,
}

impl Backend {
    pub(crate) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<ListObjectsV2Output> {
        let input = request.input;
        let max_keys = page_size(input.max_keys)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input
            .delimiter
            .clone()
            .filter(|delimiter| !delimiter.is_empty());
        let begin = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => from_token(token)?,
            (None, Some(after)) => successor_of_key(after),
            (None, None) => Vec::new(),
        };
        let bucket = input.bucket.clone();
        let page = self
            .read(move |tx| {
                let bucket_id = bucket_id(tx, &bucket)?;
                page(
                    tx,
                    bucket_id,
                    &prefix,
                    delimiter.as_deref(),
                    begin,
                    max_keys,
                )
            })
            .await?;

        let encode = encoder(input.encoding_type.as_ref())?;
        let key_count = page.objects.len() + page.common_prefixes.len();
        let contents = page.objects.into_iter().map(|object| Object {
            key: object.key.map(encode),
            ..object
        });
        let common_prefixes = page.common_prefixes.into_iter().map(|prefix| CommonPrefix {
            prefix: Some(encode(prefix)),
        });
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(encode(input.prefix.unwrap_or_default())),
            delimiter: input.delimiter.map(encode),
            start_after: input.start_after.map(encode),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max_keys).ok(),
            key_count: i32::try_from(key_count).ok(),
            contents: Some(contents.collect()),
            common_prefixes: Some(common_prefixes.collect()),
            is_truncated: Some(page.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: page.next.map(|key| hex(&key)),
            ..ListObjectsV2Output::default()
        })
    }
}

/// Scans from `begin` on. A key with the delimiter behind the prefix stands for all that share it up
/// to there; the scan then goes on behind them, so a folder costs one step whatever it holds.
fn page(
    tx: &Transaction<'_>,
    bucket_id: i64,
    prefix: &str,
    delimiter: Option<&str>,
    begin: Vec<u8>,
    max_keys: usize,
) -> S3Result<Page> {
    let mut page = Page {
        objects: Vec::new(),
        common_prefixes: Vec::new(),
        next: None,
    };
    let end = successor_of_prefix(prefix);
    let mut begin = begin.max(prefix.as_bytes().to_vec());
    let sql = "SELECT key, len_bytes, etag, modified_s FROM object
               WHERE bucket_id = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key";
    let mut statement = tx.prepare_cached(sql).map_err(failed)?;
    if max_keys == 0 {
        return Ok(page);
    }
    'scan: loop {
        let mut rows = statement
            .query(params![bucket_id, begin, end])
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let name = key(row, 0).map_err(failed)?;
            if page.objects.len() + page.common_prefixes.len() == max_keys {
                page.next = Some(name.into_bytes());
                return Ok(page);
            }
            let common = delimiter.and_then(|delimiter| {
                let found = name[prefix.len()..].find(delimiter)?;
                Some(&name[..prefix.len() + found + delimiter.len()])
            });
            if let Some(common) = common {
                page.common_prefixes.push(common.to_owned());
                begin = successor_of_prefix(common).unwrap_or_default();
                continue 'scan;
            }
            let object = (|| {
                Ok(Object {
                    size: row.get(1)?,
                    e_tag: Some(ETag::Strong(row.get(2)?)),
                    last_modified: Some(timestamp(row.get(3)?)),
                    storage_class: Some(ObjectStorageClass::from_static(
                        ObjectStorageClass::STANDARD,
                    )),
                    key: Some(name),
                    ..Object::default()
                })
            })();
            page.objects.push(object.map_err(failed)?);
        }
        return Ok(page);
    }
}

pub(crate) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.map_or(Ok(MAX_PAGE), usize::try_from);
    asked
        .map(|asked| asked.min(MAX_PAGE))
        .map_err(|_| s3_error!(InvalidArgument, "a page cannot have a negative size"))
}

/// The least key greater than `key`.
pub(crate) fn successor_of_key(key: &str) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The least byte string greater than all that begin with `prefix`; none if all do.
pub(crate) fn successor_of_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    // UTF-8 has no byte 0xFF, so this cannot overflow.
    *bytes.last_mut()? += 1;
    Some(bytes)
}

/// A continuation token is the key where the page begins, in hexadecimal digits.
fn from_token(token: &str) -> S3Result<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    token
        .as_bytes()
        .chunks(2)
        .map(byte)
        .collect::<Option<_>>()
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of ours"))
}

/// What to do with keys in an answer. XML 1.0 has no way to write some characters; clients that
/// care ask for `encoding-type=url`.
pub(crate) fn encoder(encoding: Option<&EncodingType>) -> S3Result<fn(String) -> String> {
    match encoding.map(EncodingType::as_str) {
        None => Ok(|key| key),
        Some(EncodingType::URL) => Ok(|key| url_encode(&key)),
        Some(_) => Err(s3_error!(InvalidArgument, "the only encoding-type is url")),
    }
}

fn url_encode(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_leave_no_key_between() {
        assert_eq!(successor_of_key("a"), b"a\0");
        assert_eq!(successor_of_prefix("a/"), Some(b"a0".to_vec()));
        assert_eq!(successor_of_prefix("é"), Some(vec![0xC3, 0xAA]));
        assert_eq!(successor_of_prefix(""), None);
    }

    #[test]
    fn tokens_round_trip_and_foreign_ones_are_refused() {
        let bytes = vec![0, 0x7F, 0xC3, 0xAA];
        assert_eq!(from_token(&hex(&bytes)).unwrap(), bytes);
        assert!(from_token("abc").is_err());
        assert!(from_token("zz").is_err());
    }

    #[test]
    fn odd_keys_are_url_encoded() {
        assert_eq!(url_encode("a/b c+é\u{1}"), "a/b%20c%2B%C3%A9%01");
    }
}
