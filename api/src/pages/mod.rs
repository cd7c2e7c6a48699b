//! The built frontend: read into memory once, from a folder or from inside the binary.
//!
//! A few hundred kilobytes; holding them means that no request names a file on disk. Each page begins with the
//! same HTML; that of a video says in its head what the video is.

mod built_file;
mod html;
mod modules;
mod template;
mod video_page;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use store::VideoId;

use crate::App;
use crate::error::ApiError;
use built_file::{BuiltFile, ENCODINGS};
use modules::{MANIFEST, Modules};
use template::Template;

pub(crate) use html::Escaped;

/// What every page begins with.
const INDEX: &str = "index.html";
const HTML: &str = "text/html; charset=utf-8";

/// The built frontend.
pub struct Pages {
    /// By path, such as `assets/index-4f3a.js`; `index.html` is among them.
    files: HashMap<String, BuiltFile>,
    template: Option<Template>,
    modules: Modules,
    /// The pages that are the same whoever asks.
    fixed: HashMap<PageKind, BuiltFile>,
}

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
        let mut plain: HashMap<String, Bytes> = files
            .into_iter()
            .map(|(path, bytes)| (path.into(), bytes.into()))
            .collect();
        let manifest = plain.remove(MANIFEST).unwrap_or_default();
        let encoded = ENCODINGS.map(|(suffix, _)| {
            let is_encoded = |path: &String, _: &mut Bytes| path.ends_with(suffix);
            plain.extract_if(is_encoded).collect::<HashMap<_, _>>()
        });
        let files: HashMap<_, _> = plain
            .into_iter()
            .map(|(path, bytes)| {
                let mut file = BuiltFile::new(&path, bytes);
                for ((kept, (suffix, _)), all) in
                    file.encoded.iter_mut().zip(ENCODINGS).zip(&encoded)
                {
                    *kept = all.get(&format!("{path}{suffix}")).cloned();
                }
                (path, file)
            })
            .collect();
        let index = files.get(INDEX).ok_or(PagesError::NoIndex)?;
        let template = Template::of(&index.bytes);
        let modules = Modules::of_manifest(&manifest);
        let fixed = [PageKind::Upload, PageKind::Library].into_iter();
        let fixed = fixed.filter_map(|page| {
            let template = template.as_ref()?;
            let head = [template.title(), modules.tags(page)].concat();
            Some((page, BuiltFile::new(INDEX, template.with(&head).into())))
        });
        Ok(Self {
            fixed: fixed.collect(),
            files,
            template,
            modules,
        })
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

    fn index(&self) -> &BuiltFile {
        &self.files[INDEX]
    }
}

/// A page of the frontend's own router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PageKind {
    Upload,
    Watch,
    Embed,
    Library,
}

impl PageKind {
    const ALL: [Self; 4] = [Self::Upload, Self::Watch, Self::Embed, Self::Library];

    /// The frontend's module that shows it, as the build names it.
    fn module(self) -> &'static str {
        match self {
            Self::Upload => "src/upload/UploadPage.svelte",
            Self::Watch => "src/watch/WatchPage.svelte",
            Self::Embed => "src/embed/EmbedPage.svelte",
            Self::Library => "src/library/LibraryPage.svelte",
        }
    }

    /// The page of a video that a path names, and the video.
    fn of_video(path: &str) -> Option<(Self, VideoId)> {
        let (page, id) = path.split_once('/')?;
        let page = match page {
            "watch" => Self::Watch,
            "embed" => Self::Embed,
            _ => return None,
        };
        Some((page, id.parse().ok()?))
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

/// Answers whatever no route of the API names: with a file, a page of the frontend's own router, or that
/// router's word for what is not there.
pub(crate) async fn fallback(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path();
    let pages = match &app.pages {
        Some(pages) if path != "/api" && !path.starts_with("/api/") => pages,
        _ => return ApiError::NotFound.into_response(),
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_response();
    }
    let path = path.trim_matches('/');
    if let Some(file) = pages.files.get(path) {
        // The build puts a hash of the content into the name of everything under `assets/`.
        return file.answer(&headers, StatusCode::OK, path.starts_with("assets/"));
    }
    if let Some((page, id)) = PageKind::of_video(path) {
        return video_page::answer(&app, pages, page, id, &headers).await;
    }
    let page = match path {
        "" => PageKind::Upload,
        "videos" => PageKind::Library,
        _ => return pages.index().answer(&headers, StatusCode::NOT_FOUND, false),
    };
    let file = pages.fixed.get(&page).unwrap_or(pages.index());
    file.answer(&headers, StatusCode::OK, false)
}
