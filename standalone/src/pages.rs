//! The built frontend, inside the binary.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
#[allow_missing = true]
struct Frontend;

/// None where the binary was built without the frontend.
pub(crate) fn pages() -> Option<api::Pages> {
    let files = Frontend::iter()
        .filter_map(|path| Some((path.to_string(), Frontend::get(&path)?.data.into_owned())));
    match api::Pages::from_files(files) {
        Ok(pages) => Some(pages),
        Err(error) => {
            tracing::warn!(%error, "this binary was built without the pages: only the API is served");
            None
        }
    }
}
