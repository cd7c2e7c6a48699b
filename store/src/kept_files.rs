//! Files of takes that were read last. They never change, and who asks has just seen a status that names them.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;

use crate::keys::Object;
use crate::{Error, Store};

/// What is kept in all.
const MOST_KEPT_LEN_BYTES: usize = 32 << 20;
/// Longer files are read each time: a playlist of many hours.
const LONGEST_KEPT_LEN_BYTES: usize = 1 << 20;

/// By key.
pub(crate) struct KeptFiles(Mutex<Kept>);

struct Kept {
    files: LruCache<String, Bytes>,
    len_bytes: usize,
}

impl KeptFiles {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept {
            files: LruCache::unbounded(),
            len_bytes: 0,
        }))
    }

    fn get(&self, key: &str) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.files.get(key).cloned()
    }

    fn keep(&self, key: String, file: &Bytes) {
        if file.len() > LONGEST_KEPT_LEN_BYTES {
            return;
        }
        // Its own bytes alone, not the answer that they came in.
        let file = Bytes::copy_from_slice(file);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.len_bytes += file.len();
        if let Some(before) = kept.files.put(key, file) {
            kept.len_bytes -= before.len();
        }
        while kept.len_bytes > MOST_KEPT_LEN_BYTES
            && let Some((_, oldest)) = kept.files.pop_lru()
        {
            kept.len_bytes -= oldest.len();
        }
    }
}

impl Store {
    /// Reads a small file of a take, unless it is kept.
    pub(crate) async fn read_kept(&self, object: &Object<'_>) -> Result<Bytes, Error> {
        let key = object.key();
        if let Some(kept) = self.inner.kept_files.get(&key) {
            return Ok(kept);
        }
        let Some(fetched) = self.read(object).await? else {
            return Err(Error::Missing(key));
        };
        self.inner.kept_files.keep(key, &fetched.body);
        Ok(fetched.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for_and_the_newest_stays() {
        let kept = KeptFiles::new();
        let file = Bytes::from(vec![7; LONGEST_KEPT_LEN_BYTES]);
        let fit = MOST_KEPT_LEN_BYTES / LONGEST_KEPT_LEN_BYTES;
        for number in 0..=fit {
            kept.keep(number.to_string(), &file);
            // Again: it counts once.
            kept.keep(number.to_string(), &file);
        }
        assert_eq!(kept.get("0"), None);
        for number in 1..=fit {
            assert_eq!(kept.get(&number.to_string()), Some(file.clone()));
        }
        assert_eq!(kept.0.lock().unwrap().len_bytes, MOST_KEPT_LEN_BYTES);
        kept.keep("long".into(), &vec![7; LONGEST_KEPT_LEN_BYTES + 1].into());
        assert_eq!(kept.get("long"), None);
    }
}
