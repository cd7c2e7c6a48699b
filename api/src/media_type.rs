//! The content type an original is stored and served with: by its name's extension, from this list.
//!
//! Never the client's word: originals may be served from the pages' own origin, where a file that
//! calls itself HTML would run as part of the site.

const BY_EXTENSION: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mkv", "video/x-matroska"),
    ("avi", "video/x-msvideo"),
    ("flv", "video/x-flv"),
    ("ts", "video/mp2t"),
    ("mts", "video/mp2t"),
    ("m2ts", "video/mp2t"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("ogv", "video/ogg"),
    ("3gp", "video/3gpp"),
    ("wmv", "video/x-ms-wmv"),
];

/// What browsers are told of a file whose name says nothing that is known: nothing.
const UNKNOWN: &str = "application/octet-stream";

/// The content type for an original named `filename`.
pub(crate) fn by_name(filename: &str) -> &'static str {
    let Some((_, extension)) = filename.rsplit_once('.') else {
        return UNKNOWN;
    };
    BY_EXTENSION
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(extension))
        .map_or(UNKNOWN, |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_video_extensions_name_a_type() {
        assert_eq!(by_name("a film.MP4"), "video/mp4");
        assert_eq!(by_name("clip.tar.mkv"), "video/x-matroska");
        for name in ["page.html", "picture.svg", "mp4", "video.mp4.html", ""] {
            assert_eq!(by_name(name), UNKNOWN, "{name}");
        }
    }
}
