//! Which files a page needs at once, as the build's manifest says: a browser that is told in the HTML need not
//! run the first script to learn of the second.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::Deserialize;

use super::PageKind;
use super::html::Escaped;

/// Where the build writes it (vite.dev, "Backend Integration").
pub(super) const MANIFEST: &str = ".vite/manifest.json";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    file: String,
    is_entry: bool,
    imports: Vec<String>,
    css: Vec<String>,
}

/// The tags that load each page's own files.
#[derive(Default)]
pub(super) struct Modules(HashMap<PageKind, String>);

impl Modules {
    /// Of a manifest; of none, or one in another form, nothing is known, and pages load as they can.
    pub(super) fn of_manifest(manifest: &[u8]) -> Self {
        let chunks: BTreeMap<String, Chunk> = serde_json::from_slice(manifest).unwrap_or_default();
        let pages = PageKind::ALL.into_iter();
        Self(pages.map(|page| (page, tags(&chunks, page))).collect())
    }

    pub(super) fn tags(&self, page: PageKind) -> &str {
        self.0.get(&page).map_or("", String::as_str)
    }
}

fn tags(chunks: &BTreeMap<String, Chunk>, page: PageKind) -> String {
    let mut wanted = vec![page.module()];
    let mut seen = Vec::new();
    let mut tags = String::new();
    while let Some(name) = wanted.pop() {
        // The entry's own files are in the HTML already.
        let Some(chunk) = chunks.get(name).filter(|chunk| !chunk.is_entry) else {
            continue;
        };
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        wanted.extend(chunk.imports.iter().map(String::as_str));
        for css in &chunk.css {
            let _ = write!(
                tags,
                "\n    <link rel=\"stylesheet\" crossorigin href=\"/{}\" />",
                Escaped(css)
            );
        }
        let _ = write!(
            tags,
            "\n    <link rel=\"modulepreload\" crossorigin href=\"/{}\" />",
            Escaped(&chunk.file)
        );
    }
    tags
}
