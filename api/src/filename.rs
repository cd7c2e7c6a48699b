//! The name an uploader gave the file: how forms write it, and what a download is called. What is kept
//! of it, the store decides.

/// What a file is called whose name says nothing.
const UNNAMED: &str = "video";

/// The name as the user sees it, from what a form says.
pub(crate) fn unescape(sent: &str) -> String {
    // Forms escape these three and nothing else (HTML, "multipart/form-data encoding algorithm").
    sent.replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

/// What a rendition of the upload `filename` is saved as: the same name, as the MP4 file that it is.
pub(crate) fn of_download(filename: &str) -> String {
    format!("{}.mp4", title_of(filename))
}

/// What the upload `filename` is called where people read it: the name without its extension.
pub(crate) fn title_of(filename: &str) -> &str {
    let stem = match filename.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) => stem,
        _ => filename,
    };
    if stem.trim().is_empty() {
        UNNAMED
    } else {
        stem
    }
}

/// Not what stands after the full stop of a sentence, or in a date.
fn is_extension(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_escape_quotes_and_line_ends_only() {
        assert_eq!(
            unescape("say %22hi%22%0D%0A%20.mp4"),
            "say \"hi\"\r\n%20.mp4"
        );
    }

    #[test]
    fn downloads_are_mp4() {
        assert_eq!(of_download("holiday.mov"), "holiday.mp4");
        assert_eq!(of_download("holiday"), "holiday.mp4");
        assert_eq!(of_download(".mov"), "video.mp4");
    }

    #[test]
    fn titles_lose_an_extension_and_nothing_else() {
        for (filename, title) in [
            ("holiday.m2ts", "holiday"),
            ("holiday.final.MP4", "holiday.final"),
            ("Trip to St. Moritz", "Trip to St. Moritz"),
            ("2026.03.09", "2026.03.09"),
            ("", "video"),
        ] {
            assert_eq!(title_of(filename), title);
        }
    }
}
