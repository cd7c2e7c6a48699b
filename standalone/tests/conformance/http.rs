//! Requests as a careful player sends them, and answers as they came: redirects are not followed,
//! nothing is unpacked.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, RANGE};
use reqwest::{Client, Method, Url, redirect};

use crate::hls::ByteRange;

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value; empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    }

    /// The length of the whole file, from Content-Range.
    pub(crate) fn total_len_bytes(&self) -> Option<u64> {
        let (_, total) = self.header("content-range").split_once('/')?;
        total.parse().ok()
    }

    /// What a client that accepts gzip makes of the body.
    pub(crate) fn unzipped(&self) -> Option<String> {
        let mut text = String::new();
        GzDecoder::new(&self.body[..])
            .read_to_string(&mut text)
            .ok()?;
        Some(text)
    }
}

pub(crate) struct Http(Client);

impl Http {
    pub(crate) fn new() -> Self {
        let client = Client::builder().redirect(redirect::Policy::none());
        Self(client.build().unwrap())
    }

    pub(crate) async fn get(&self, url: &Url) -> Answer {
        self.send(Method::GET, url, HeaderMap::new()).await
    }

    pub(crate) async fn get_zipped(&self, url: &Url) -> Answer {
        let headers = [(ACCEPT_ENCODING, "gzip".parse().unwrap())];
        self.send(Method::GET, url, HeaderMap::from_iter(headers))
            .await
    }

    pub(crate) async fn head(&self, url: &Url) -> Answer {
        self.send(Method::HEAD, url, HeaderMap::new()).await
    }

    /// Media gain nothing from gzip: whoever accepts it must get the bytes that were asked for.
    pub(crate) async fn get_range(&self, url: &Url, range: ByteRange) -> Answer {
        let last = range.end().saturating_sub(1);
        let bytes = format!("bytes={}-{last}", range.offset_bytes);
        let headers = [
            (RANGE, bytes.parse().unwrap()),
            (ACCEPT_ENCODING, "gzip".parse().unwrap()),
        ];
        self.send(Method::GET, url, HeaderMap::from_iter(headers))
            .await
    }

    async fn send(&self, method: Method, url: &Url, headers: HeaderMap) -> Answer {
        let request = self.0.request(method, url.clone()).headers(headers);
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.unwrap().into(),
        }
    }
}
