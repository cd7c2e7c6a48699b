//! The name an uploader gave the file: what is kept of it, and what a download is called.

/// What a file is called whose name says nothing.
const UNNAMED: &str = "video";

/// File systems take no longer names.
const MAX_LEN_BYTES: usize = 255;

/// The last component of what the client sent, without control characters, at most 255 bytes of UTF-8.
pub(crate) fn clean(sent: &str) -> String {
    // Forms escape these three and nothing else (HTML, "multipart/form-data encoding algorithm").
    let sent = sent
        .replace("%22", "\"")
        .replace("%0D", "")
        .replace("%0A", "");
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    if name.trim_matches('.').is_empty() {
        return UNNAMED.to_owned();
    }
    // The extension says what the file is, so that the name is shortened before it.
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    };
    let stem = &stem[..stem.floor_char_boundary(MAX_LEN_BYTES - extension.len())];
    format!("{stem}{extension}")
}

/// What a rendition of the upload `filename` is saved as: the same name, as the MP4 file that it is.
pub(crate) fn of_download(filename: &str) -> String {
    let stem = filename.rfind('.').map_or(filename, |dot| &filename[..dot]);
    let stem = if stem.is_empty() { UNNAMED } else { stem };
    format!("{stem}.mp4")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component_without_control_characters() {
        assert_eq!(clean("C:\\films\\a b.mov"), "a b.mov");
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("a\u{0}b\r\n.mp4"), "ab.mp4");
        assert_eq!(clean("say %22hi%22.mp4"), "say \"hi\".mp4");
        assert_eq!(clean("Käse 映画 🎬.webm"), "Käse 映画 🎬.webm");
        for nothing in ["", "  ", "..", "dir/"] {
            assert_eq!(clean(nothing), "video", "{nothing:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = clean(&format!("{}.mp4", "ü".repeat(300)));
        assert!(
            name.len() <= MAX_LEN_BYTES && name.ends_with("ü.mp4"),
            "{name}"
        );
    }

    #[test]
    fn downloads_are_mp4() {
        assert_eq!(of_download("holiday.mov"), "holiday.mp4");
        assert_eq!(of_download("holiday"), "holiday.mp4");
        assert_eq!(of_download(".mov"), "video.mp4");
    }
}
