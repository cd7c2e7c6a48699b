//! Cross-origin rules of a bucket, as S3 has them: what pages of other origins may read.

use std::sync::Arc;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use rusqlite::params;
use s3s::dto::*;
use s3s::{Body, S3Error, S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::database::failed;
use crate::rows::bucket_id;

impl Backend {
    pub(crate) async fn put_bucket_cors(
        &self,
        request: S3Request<PutBucketCorsInput>,
    ) -> S3Result<PutBucketCorsOutput> {
        let input = request.input;
        self.set_cors(input.bucket, Some(input.cors_configuration.cors_rules))
            .await?;
        Ok(PutBucketCorsOutput::default())
    }

    pub(crate) async fn delete_bucket_cors(
        &self,
        request: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<DeleteBucketCorsOutput> {
        self.set_cors(request.input.bucket, None).await?;
        Ok(DeleteBucketCorsOutput::default())
    }

    pub(crate) async fn get_bucket_cors(
        &self,
        request: S3Request<GetBucketCorsInput>,
    ) -> S3Result<GetBucketCorsOutput> {
        let rules = self.cors(request.input.bucket).await?;
        if rules.is_empty() {
            return Err(s3_error!(NoSuchCORSConfiguration));
        }
        Ok(GetBucketCorsOutput {
            cors_rules: Some(rules),
        })
    }

    pub(crate) async fn set_cors(&self, bucket: String, rules: Option<CORSRules>) -> S3Result<()> {
        let json = rules
            .map(|rules| serde_json::to_string(&rules))
            .transpose()
            .map_err(S3Error::internal_error)?;
        self.write(move |write| {
            let id = bucket_id(&write.tx, &bucket)?;
            let sql = "UPDATE bucket SET cors = ?2 WHERE id = ?1";
            write
                .tx
                .execute(sql, params![id, json])
                .map(drop)
                .map_err(failed)
        })
        .await
    }

    async fn cors(&self, bucket: String) -> S3Result<CORSRules> {
        let json: Option<String> = self
            .read(move |tx| {
                let id = bucket_id(tx, &bucket)?;
                tx.query_row("SELECT cors FROM bucket WHERE id = ?1", [id], |row| {
                    row.get(0)
                })
                .map_err(failed)
            })
            .await?;
        json.map_or(Ok(Vec::new()), |json| {
            serde_json::from_str(&json).map_err(S3Error::internal_error)
        })
    }
}

/// What the rules say to a request.
pub(crate) enum Crossing {
    /// It asked for permission only; this is the answer.
    Preflight(Response<Body>),
    /// It is to be answered, with these headers added: none where it does not come from another
    /// origin, or from one that the bucket does not know.
    Request(HeaderMap),
}

/// Looks up what the bucket in the request's path allows to the request's origin.
pub(crate) async fn crossing<B>(backend: &Arc<Backend>, request: &Request<B>) -> Crossing {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else {
        return Crossing::Request(HeaderMap::new());
    };
    let asked = text(ACCESS_CONTROL_REQUEST_METHOD);
    let preflight = asked.filter(|_| request.method() == Method::OPTIONS);
    let bucket = request.uri().path().split('/').nth(1).unwrap_or_default();
    let rules = backend.cors(bucket.to_owned()).await.unwrap_or_default();

    let method = preflight.unwrap_or(request.method().as_str());
    let wanted_headers = preflight
        .and(text(ACCESS_CONTROL_REQUEST_HEADERS))
        .unwrap_or_default();
    let granted = rules
        .iter()
        .find_map(|rule| grant(rule, origin, method, wanted_headers));
    if preflight.is_none() {
        return Crossing::Request(granted.unwrap_or_default());
    }
    let mut answer = Response::new(Body::empty());
    match granted {
        Some(granted) => *answer.headers_mut() = granted,
        None => *answer.status_mut() = StatusCode::FORBIDDEN,
    }
    Crossing::Preflight(answer)
}

/// The headers by which `rule` lets the request through, if it does.
fn grant(rule: &CORSRule, origin: &str, method: &str, wanted_headers: &str) -> Option<HeaderMap> {
    let pattern = rule
        .allowed_origins
        .iter()
        .find(|pattern| matches(pattern, origin))?;
    rule.allowed_methods
        .iter()
        .find(|allowed| *allowed == method)?;
    let allowed_headers = rule.allowed_headers.as_deref().unwrap_or_default();
    let is_allowed = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        let matches = |pattern: &String| matches(&pattern.to_ascii_lowercase(), &name);
        name.is_empty() || allowed_headers.iter().any(matches)
    };
    if !wanted_headers.split(',').all(is_allowed) {
        return None;
    }
    let allowed_origin = if pattern == "*" { "*" } else { origin };
    let mut granted = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            granted.insert(name, value);
        }
    };
    add(ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin);
    add(
        ACCESS_CONTROL_ALLOW_METHODS,
        &rule.allowed_methods.join(", "),
    );
    add(VARY, "Origin");
    if !wanted_headers.is_empty() {
        add(ACCESS_CONTROL_ALLOW_HEADERS, wanted_headers);
    }
    if let Some(exposed) = rule
        .expose_headers
        .as_ref()
        .filter(|names| !names.is_empty())
    {
        add(ACCESS_CONTROL_EXPOSE_HEADERS, &exposed.join(", "));
    }
    if let Some(seconds) = rule.max_age_seconds {
        add(ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    Some(granted)
}

/// Whether `text` fits a pattern with at most one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> CORSRule {
        CORSRule {
            allowed_origins: vec!["https://*.example.org".to_owned()],
            allowed_methods: vec!["GET".to_owned(), "HEAD".to_owned()],
            allowed_headers: Some(vec!["Range".to_owned(), "x-*".to_owned()]),
            expose_headers: Some(vec!["ETag".to_owned()]),
            ..CORSRule::default()
        }
    }

    #[test]
    fn a_rule_grants_what_it_lists() {
        let granted = grant(&rule(), "https://a.example.org", "GET", "range, X-One").unwrap();
        assert_eq!(
            granted[ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://a.example.org"
        );
        assert_eq!(granted[ACCESS_CONTROL_ALLOW_HEADERS], "range, X-One");
        assert_eq!(granted[ACCESS_CONTROL_EXPOSE_HEADERS], "ETag");
        assert_eq!(granted[VARY], "Origin");
    }

    #[test]
    fn a_rule_grants_nothing_else() {
        let asks = [
            ("https://example.com", "GET", ""),
            ("https://a.example.org", "PUT", ""),
            ("https://a.example.org", "GET", "authorization"),
        ];
        for (origin, method, headers) in asks {
            assert!(
                grant(&rule(), origin, method, headers).is_none(),
                "{origin} {method} {headers}"
            );
        }
    }
}
