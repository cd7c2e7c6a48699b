//! The built frontend: read into memory once, from a folder or from inside the binary.
//!
//! A few hundred kilobytes; holding them means that no request names a file on disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use store::VideoId;

use crate::App;
use crate::error::ApiError;

/// What every page begins with.
const INDEX: &str = "index.html";

/// The files of the built frontend by path, such as `assets/index-4f3a.js`; `index.html` is among them.
pub struct Pages(HashMap<String, Bytes>);

/// Why the frontend cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// A file or folder could not be read.
    #[error("cannot read the frontend at {path}: build it first, or correct FRONTEND_DIR", path = path.display())]
    Unreadable {
        /// What was being read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to start from.
    #[error("the frontend has no index.html: build it first, or correct FRONTEND_DIR")]
    NoIndex,
}

impl Pages {
    /// Takes files that the caller holds, as `assetlab` does with those built into it.
    ///
    /// # Errors
    /// [`PagesError::NoIndex`] where `index.html` is not among them.
    pub fn from_files<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Result<Self, PagesError>
    where
        P: Into<String>,
        B: Into<Bytes>,
    {
        let files: HashMap<_, _> = files
            .into_iter()
            .map(|(path, bytes)| (path.into(), bytes.into()))
            .collect();
        if !files.contains_key(INDEX) {
            return Err(PagesError::NoIndex);
        }
        Ok(Self(files))
    }

    /// Reads a folder that a frontend was built into. Later changes show after a restart.
    ///
    /// # Errors
    /// Where the folder or a file in it cannot be read, or has no `index.html`.
    pub fn from_folder(folder: &Path) -> Result<Self, PagesError> {
        let mut files = Vec::new();
        read_folder(folder, "", &mut files)?;
        Self::from_files(files)
    }

    /// A file, a page of the frontend's own router, or that router's word for what is not there.
    fn answer(&self, path: &str) -> Response {
        let path = path.trim_matches('/');
        let (name, bytes) = match self.0.get_key_value(path) {
            Some((name, bytes)) => (name.as_str(), bytes),
            None => (INDEX, &self.0[INDEX]),
        };
        let status = if name == path || is_page(path) {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        // The build puts a hash of the content into the name of everything under `assets/`.
        let cache = if name.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let headers = [
            (header::CONTENT_TYPE, media_type(name)),
            (header::CACHE_CONTROL, cache),
        ];
        (status, headers, bytes.clone()).into_response()
    }
}

/// Whether the frontend's own router has a page for this path.
fn is_page(path: &str) -> bool {
    match path.strip_prefix("watch/") {
        Some(id) => id.parse::<VideoId>().is_ok(),
        None => path.is_empty(),
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<(String, Bytes)>,
) -> Result<(), PagesError> {
    let unreadable = |source| PagesError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = format!(
            "{prefix}{}",
            path.file_name().unwrap_or_default().to_string_lossy()
        );
        if path.is_dir() {
            read_folder(&path, &format!("{name}/"), files)?;
        } else {
            let bytes =
                fs::read(&path).map_err(|source| PagesError::Unreadable { path, source })?;
            files.push((name, bytes.into()));
        }
    }
    Ok(())
}

/// Answers whatever no route of the API names.
pub(crate) async fn fallback(State(app): State<Arc<App>>, method: Method, uri: Uri) -> Response {
    let path = uri.path();
    match &app.pages {
        Some(pages) if path != "/api" && !path.starts_with("/api/") => match method {
            Method::GET | Method::HEAD => pages.answer(path),
            _ => ApiError::MethodNotAllowed.into_response(),
        },
        _ => ApiError::NotFound.into_response(),
    }
}
